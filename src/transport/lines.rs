//! Cuts a stream of bytes into lines that are safe to show: no escape sequences, no control characters, no end of memory.

/// Bytes of one line that are kept; what a program prints beyond that is dropped and marked.
const LONGEST: usize = 64 * 1024;

/// Characters of what a host says in words that are shown.
const WORDS: usize = 400;

/// Stands at the end of a line that was longer than that, so that nobody takes it for a whole one.
const CUT: &str = " [line cut at 64 KiB]";

/// One stream that becomes lines. Holds the one line that has not ended yet, and nothing else.
#[derive(Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
    cut: bool,
}

impl Lines {
    /// Takes the next bytes, and gives each line that they complete to `emit`.
    pub(super) fn push(&mut self, bytes: &[u8], mut emit: impl FnMut(String)) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = LONGEST.saturating_sub(self.pending.len()).min(part.len());
            self.pending.extend_from_slice(&part[..room]);
            self.cut |= room < part.len();
            if parts.peek().is_some() {
                emit(self.take());
            }
        }
    }

    /// Gives the last line to `emit`, if the stream did not end with a line end.
    pub(super) fn finish(&mut self, mut emit: impl FnMut(String)) {
        if !self.pending.is_empty() {
            emit(self.take());
        }
    }

    fn take(&mut self) -> String {
        let mut line = clean(&String::from_utf8_lossy(&self.pending));
        if self.cut {
            line.push_str(CUT);
        }
        self.cut = false;
        self.pending.clear();
        // A long line must not hold its memory for the rest of the run.
        self.pending.shrink_to(4096);
        line
    }
}

/// A line as a terminal would end up showing it, without whatever would move its cursor, colour it or rename its window.
/// Tabs stay: programs use them as separators.
pub(super) fn clean(raw: &str) -> String {
    // Progress bars overwrite themselves after a carriage return: the last state is the line.
    let shown = raw.trim_end_matches('\r').rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    let mut text = String::with_capacity(shown.len());
    let mut letters = shown.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_escape(&mut letters),
            // The eight-bit forms of ESC [ and of ESC ] and its kin.
            '\u{9b}' => skip_control_sequence(&mut letters),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut letters),
            '\t' => text.push(letter),
            _ if letter.is_control() => {}
            _ => text.push(letter),
        }
    }
    text
}

/// Words of a host for a message of ours: one line that is safe to show, of bearable length.
pub(super) fn words(raw: &str) -> String {
    // What is beyond is not even looked at; escape sequences that are cut take no harm from it.
    let raw: String = raw.chars().take(8 * WORDS).collect();
    let text = clean(&raw);
    if text.chars().count() > WORDS { format!("{} …", text.chars().take(WORDS).collect::<String>()) } else { text }
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips what follows an ESC (ECMA-48, 5.3 and 5.4).
fn skip_escape(letters: &mut Letters<'_>) {
    match letters.next() {
        Some('[') => skip_control_sequence(letters),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(letters),
        // Intermediates (which character set, say), then a final letter.
        Some(' '..='/') => {
            while letters.next_if(|letter| matches!(letter, ' '..='/')).is_some() {}
            letters.next();
        }
        _ => {}
    }
}

/// Skips parameters, intermediates and the final letter of a control sequence.
fn skip_control_sequence(letters: &mut Letters<'_>) {
    while letters.next_if(|letter| matches!(letter, ' '..='?')).is_some() {}
    letters.next_if(|letter| matches!(letter, '@'..='~'));
}

/// Skips a control string up to BEL or ST. One that does not end takes the rest of the line with it.
fn skip_string(letters: &mut Letters<'_>) {
    while let Some(letter) = letters.next() {
        match letter {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if letters.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.push(chunk, |line| found.push(line));
        }
        lines.finish(|line| found.push(line));
        found
    }

    #[test]
    fn lines_do_not_depend_on_where_the_stream_was_cut() {
        let text = "first\nsécond\n\nthird".as_bytes();
        let whole = lines_of(&[text]);
        assert_eq!(whole, ["first", "sécond", "", "third"]);
        for at in 0..text.len() {
            assert_eq!(lines_of(&[&text[..at], &text[at..]]), whole, "cut at {at}");
        }
    }

    #[test]
    fn a_line_that_does_not_end_is_bounded_and_marked() {
        let flood = vec![b'x'; LONGEST];
        let found = lines_of(&[&flood, &flood, &flood, b"\nnext\n"]);
        assert_eq!(found[0].len(), LONGEST + CUT.len());
        assert!(found[0].ends_with(CUT));
        assert_eq!(found[1], "next");
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_it() {
        assert_eq!(lines_of(&[b"a\xff\xfeb\n"]), ["a\u{fffd}\u{fffd}b"]);
    }

    #[test]
    fn escapes_and_controls_are_taken_out_and_text_stays() {
        for (raw, shown) in [
            ("\u{1b}[1;31mred\u{1b}[0m text", "red text"),
            ("\u{1b}]0;owned\u{7}after", "after"),
            ("\u{1b}]8;;http://example.org\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bplain", "plain"),
            ("\u{1b}cplain", "plain"),
            ("\u{9b}2Jcleared", "cleared"),
            ("bell\u{7} and\u{8} backspace", "bell and backspace"),
            ("a\tb", "a\tb"),
            (" 10%\r 50%\r100%", "100%"),
            ("dos line\r", "dos line"),
            ("\r", ""),
            ("\u{1b}[", ""),
            ("ends in \u{1b}", "ends in "),
            ("ends in \u{1b}(", "ends in "),
            ("\u{1b}]never ended", ""),
            ("größe 東京 🚢", "größe 東京 🚢"),
        ] {
            assert_eq!(clean(raw), shown, "{raw:?}");
        }
    }
}
