//! Rust source without what does not count: comments, literals, tests. A rough reading, good enough for names.

/// One file of src/, by its path without `src/` and `.rs`, with comments, strings and tests taken out.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), code: without_tests(&blank(text)) }
    }

    /// The top-level module that the file belongs to.
    pub(crate) fn module(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    pub(crate) fn is_in(&self, place: &str) -> bool {
        // transport/ssh is also transport/ssh_config and transport/ssh/keys; but ui is not uid.
        let rest = self.name.strip_prefix(place);
        place.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '_']))
    }
}

/// Replaces what is in comments and literals by spaces; line ends stay.
fn blank(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut here = 0;
    while here < letters.len() {
        let end = literal_end(&letters, here).unwrap_or(here);
        if end > here {
            code.extend(letters[here..end].iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
            here = end;
        } else {
            code.push(letters[here]);
            here += 1;
        }
    }
    code
}

/// Where the comment or literal that starts here ends; none if none starts here.
fn literal_end(letters: &[char], start: usize) -> Option<usize> {
    let at = |place: usize| letters.get(place).copied().unwrap_or('\0');
    let find = |from: usize, pattern: &str| {
        let pattern: Vec<char> = pattern.chars().collect();
        (from..letters.len())
            .find(|place| letters[*place..].starts_with(&pattern))
            .map_or(letters.len(), |place| place + pattern.len())
    };
    let in_word = start > 0 && (at(start - 1).is_alphanumeric() || at(start - 1) == '_');
    match (at(start), at(start + 1)) {
        ('/', '/') => Some((start..letters.len()).find(|place| letters[*place] == '\n').unwrap_or(letters.len())),
        ('/', '*') => Some(find(start + 2, "*/")),
        ('r', '"' | '#') if !in_word || at(start - 1) == 'b' => {
            let hashes = (start + 1..letters.len()).take_while(|place| letters[*place] == '#').count();
            (at(start + 1 + hashes) == '"').then(|| find(start + 2 + hashes, &format!("\"{}", "#".repeat(hashes))))
        }
        ('"', _) => {
            let mut place = start + 1;
            while place < letters.len() && letters[place] != '"' {
                place += if letters[place] == '\\' { 2 } else { 1 };
            }
            Some((place + 1).min(letters.len()))
        }
        // A quote also begins a lifetime; a character has another quote behind one letter or an escape.
        ('\'', '\\') => Some(find(start + 3, "'")),
        ('\'', _) if at(start + 2) == '\'' => Some(start + 3),
        _ => None,
    }
}

/// Takes out every item that is there only for tests. Works on code without comments and literals.
fn without_tests(code: &str) -> String {
    let mut rest = code;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        kept.push_str(before);
        let mut depth = 0_i32;
        let end = after.char_indices().find_map(|(place, letter)| {
            match letter {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            let over = depth == 0 && matches!(letter, '}' | ';');
            over.then_some(place + 1)
        });
        rest = &after[end.unwrap_or(after.len())..];
    }
    kept + rest
}

/// Every place where `word` stands as a word of its own: what comes before it, and what comes after it.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).filter_map(move |(place, _)| {
        let (before, after) = (&code[..place], &code[place + word.len()..]);
        (!before.ends_with(part) && !after.starts_with(part)).then_some((before, after))
    })
}

/// Whether the code names an outside crate: `clap::Parser`, `use clap;`, `use clap as c`. A field or method of that name does not count.
pub(crate) fn names_crate(code: &str, name: &str) -> bool {
    words(code, name).any(|(before, after)| {
        let before = before.trim_end();
        let own = before.ends_with("::") && !before.ends_with(" ::") || before.ends_with('.');
        !own && (after.starts_with("::") || before.ends_with("use") || before.ends_with("extern crate"))
    })
}

/// The top-level modules that the code names by `crate::`, also in braces: `use crate::{config::Host, step}`.
pub(crate) fn names_modules(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, after) in words(code, "crate") {
        let Some(path) = after.trim_start().strip_prefix("::") else { continue };
        let path = path.trim_start();
        let first = |text: &str| -> String {
            text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
        };
        let Some(group) = path.strip_prefix('{') else {
            names.push(first(path));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (place, letter) in group.char_indices() {
            let closes = letter == '}' && depth == 0;
            if closes || (letter == ',' && depth == 0) {
                names.push(first(&group[start..place]));
                start = place + 1;
            }
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if closes {
                break;
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
