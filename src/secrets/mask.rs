//! Keeps secrets out of what is shown and out of what is kept: the words of this run, and whatever has the shape of a secret.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
};

/// What stands in the place of a secret.
const MASKED: &str = "(secret)";

/// The beginning of every PEM block, as base64 has it in kubeconfigs and Secrets.
const PEM_IN_BASE64: &str = "LS0tLS1CRUdJTi";

/// Letters of the shortest word that is hidden: shorter ones are part of so much that the masks would tell them.
const SHORTEST: usize = 4;

/// Letters from which on a word of nothing but letters is hidden inside of others as well.
const PLAIN: usize = 8;

/// What stands before the base64 of a key with a passphrase, in the old form of PEM; an empty line is between.
const PEM_HEADERS: [&str; 2] = ["Proc-Type:", "DEK-Info:"];

/// What no line may show. Clones are the same mask: a word that becomes known counts for all that comes after it.
#[derive(Clone, Default)]
pub struct Mask(Arc<RwLock<Vec<String>>>);

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// From now on, this word is not to be seen; one that is very short stays as it is.
    pub fn hide(&self, word: impl Into<String>) {
        let word = word.into();
        let mut words = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if word.chars().count() >= SHORTEST && !words.contains(&word) {
            // A word may be part of another: the longer one goes first, or its rest would be seen.
            let at = words.partition_point(|known| known.len() >= word.len());
            words.insert(at, word);
        }
    }

    /// The text without secrets: the words, bootstrap tokens, certificate keys, private keys, signed tokens (JWT), passwords in URLs.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let words = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let hide = |text: String, word: &String| if text.contains(word.as_str()) { hidden(&text, word) } else { text };
        let text = words.iter().fold(text.to_owned(), hide);
        [private_keys, certificate_keys, passwords_in_urls, pem_in_base64, tokens].into_iter().fold(text, without)
    }

    /// The same for the lines of one program, where a private key takes several.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines { mask: self.clone(), key: None }
    }
}

/// The text without this word. A short one that is nothing but letters may be part of many others, where it is no secret.
fn hidden(text: &str, word: &str) -> String {
    let is_plain = word.chars().count() < PLAIN && word.chars().all(char::is_alphabetic);
    let in_part = |part: &str| {
        let (mut masked, mut rest) = (String::with_capacity(part.len()), 0);
        for (at, _) in part.match_indices(word) {
            let goes_on = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
            let is_part = goes_on(part[..at].chars().next_back()) || goes_on(part[at + word.len()..].chars().next());
            if !(is_plain && is_part) {
                masked.push_str(&part[rest..at]);
                masked.push_str(MASKED);
                rest = at + word.len();
            }
        }
        masked + &part[rest..]
    };
    // What is masked already stays as it is, should the secret be `secret`.
    text.split(MASKED).map(in_part).collect::<Vec<_>>().join(MASKED)
}

/// The lines of a program, one after another.
pub struct Lines {
    mask: Mask,
    /// The private key that the last line was part of.
    key: Option<Key>,
}

/// A private key whose lines are under way.
struct Key {
    /// What its first line had before it: a time, the name of a program. Those that follow have something like it.
    before: String,
    has_headers: bool,
}

impl Lines {
    /// The next line, without secrets.
    pub fn mask(&mut self, line: &str) -> String {
        if let Some(key) = &mut self.key {
            // Perhaps only the first line has something before it.
            let at = if is_of_a_key(line.trim()) { 0 } else { key.begins(line) };
            let (before, inside) = line.split_at(at);
            let goes_on = key.goes_on(inside.trim());
            if goes_on || inside.trim_start().starts_with("-----END ") {
                self.key = self.key.take().filter(|_| goes_on);
                return self.mask.text(before.trim_start()) + MASKED;
            }
        }
        let begins = private_key(line).filter(|at| !line[*at..].contains("-----END "));
        self.key = begins.map(|at| Key { before: line[..at].to_owned(), has_headers: false });
        self.mask.text(line)
    }
}

impl Key {
    /// Where its part of a line begins.
    fn begins(&self, line: &str) -> usize {
        let same_words = self.before.is_empty() || self.before.ends_with(char::is_whitespace);
        let rest = if same_words {
            // Times are not all of one length.
            self.before
                .split_whitespace()
                .fold(line.trim_start(), |rest, _| rest.trim_start_matches(|letter: char| !letter.is_whitespace()).trim_start())
        } else {
            let mut letters = line.chars();
            self.before.chars().for_each(|_| _ = letters.next());
            letters.as_str().trim_start()
        };
        line.len() - rest.len()
    }

    fn goes_on(&mut self, inside: &str) -> bool {
        if PEM_HEADERS.iter().any(|header| inside.starts_with(header)) {
            self.has_headers = true;
            return true;
        }
        if inside.is_empty() {
            return std::mem::take(&mut self.has_headers);
        }
        inside.chars().all(is_base64)
    }
}

/// Whether all of this may be a line of a private key.
fn is_of_a_key(line: &str) -> bool {
    let begins = ["-----END "].iter().chain(&PEM_HEADERS).any(|word| line.starts_with(word));
    begins || !line.is_empty() && line.chars().all(is_base64)
}

fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "+/=".contains(letter)
}

/// The text with a mask in the place of whatever a shape finds: mostly nothing.
fn without(text: String, shape: fn(&str) -> Option<Range<usize>>) -> String {
    let Some(mut found) = shape(&text) else { return text };
    let mut masked = String::with_capacity(text.len());
    let mut rest = text.as_str();
    loop {
        masked.push_str(&rest[..found.start]);
        masked.push_str(MASKED);
        rest = &rest[found.end..];
        match shape(rest) {
            Some(next) => found = next,
            None => return masked + rest,
        }
    }
}

/// Where the first private key begins.
fn private_key(text: &str) -> Option<usize> {
    // RSA, EC, ENCRYPTED, … stand between.
    text.match_indices("-----BEGIN ").map(|(at, _)| at).find(|at| {
        let name = text[at + 11..].split("-----").next().unwrap_or_default();
        name.len() < 40 && name.ends_with("PRIVATE KEY")
    })
}

/// Each of these finds the first secret of one shape.
fn private_keys(text: &str) -> Option<Range<usize>> {
    let begin = private_key(text)?;
    let end = text[begin..].find("-----END ").map(|end| begin + end + 9);
    let end = end.and_then(|end| Some(end + text[end..].find("-----")? + 5));
    Some(begin..end.unwrap_or(text.len()))
}

fn certificate_keys(text: &str) -> Option<Range<usize>> {
    let key = |(at, name): (usize, &str)| {
        let key = text[at + name.len()..].trim_start_matches([' ', '=', ':', '"', '\'']);
        let begin = text.len() - key.len();
        let end = begin + key.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(key.len());
        (end - begin == 64).then_some(begin..end)
    };
    let named = ["certificate-key", "certificateKey"].into_iter().filter_map(|name| text.match_indices(name).find_map(key));
    named.min_by_key(|key| key.start)
}

fn passwords_in_urls(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(at, _)| {
        let begin = at + 3;
        let authority = text[begin..].split(['/', ' ', '\t', '"', '\'', '<', '>']).next()?;
        let (user, password) = authority.rsplit_once('@')?.0.split_once(':')?;
        let begin = begin + user.len() + 1;
        (password != MASKED).then_some(begin..begin + password.len())
    })
}

fn pem_in_base64(text: &str) -> Option<Range<usize>> {
    let begin = text.find(PEM_IN_BASE64)?;
    Some(begin..text[begin..].find(|letter| !is_base64(letter)).map_or(text.len(), |length| begin + length))
}

/// The secret part of a bootstrap token, or a signed token.
fn tokens(text: &str) -> Option<Range<usize>> {
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let mut begin = 0;
    loop {
        begin += text[begin..].find(in_word)?;
        let end = begin + text[begin..].find(|letter| !in_word(letter)).unwrap_or(text.len() - begin);
        let word = text[begin..end].trim_end_matches('.');
        if is_bootstrap_token(word) {
            return Some(begin + 7..begin + word.len());
        }
        if is_signed_token(word) {
            return Some(begin..begin + word.len());
        }
        begin = end;
    }
}

fn is_bootstrap_token(word: &str) -> bool {
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    word.split_once('.').is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret))
}

fn is_signed_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.len() > 40 && word.matches('.').count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_known_are_hidden_from_then_on() {
        let mask = Mask::default();
        let other = mask.clone();
        assert_eq!(other.text("hunter2 and hunter2"), "hunter2 and hunter2");
        mask.hide("hunter2");
        mask.hide("");
        mask.hide("abc");
        mask.hide("hunter2-and-more");
        assert_eq!(other.text("hunter2 and hunter2, hunter2-and-more, abc"), "(secret) and (secret), (secret), abc");
        assert_eq!(format!("{mask:?}"), "Mask");
        // A word that is part of others is a secret where it stands alone.
        for word in ["node", "secret", "longer-than-others"] {
            mask.hide(word);
        }
        assert_eq!(other.text("node node1 nodes: node. secret (secret)"), "(secret) node1 nodes: (secret). (secret) (secret)");
        assert_eq!(other.text("xlonger-than-othersx hunter2"), "x(secret)x (secret)");
    }

    #[test]
    fn secrets_are_known_by_their_shape() {
        let hex = "0123456789abcdef".repeat(4);
        let cases = [
            ("kubeadm join --token abcdef.0123456789abcdef --x".to_owned(), "kubeadm join --token abcdef.(secret) --x"),
            ("token: \"abcdef.0123456789abcdef\".".to_owned(), "token: \"abcdef.(secret)\"."),
            ("abcdef.0123456789abcdef.".to_owned(), "abcdef.(secret)."),
            (format!("--certificate-key {hex} and"), "--certificate-key (secret) and"),
            (format!("certificateKey: \"{hex}\""), "certificateKey: \"(secret)\""),
            (
                "http://me:p:w@proxy:3128/x http://me@b https://a:b@c".to_owned(),
                "http://me:(secret)@proxy:3128/x http://me@b https://a:(secret)@c",
            ),
            ("client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt+/=".to_owned(), "client-key-data: (secret)"),
            (format!("a eyJ{}.{}.c-_b z", "a".repeat(30), "b".repeat(9)), "a (secret) z"),
            ("x -----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY----- y".to_owned(), "x (secret) y"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA".to_owned(), "(secret)"),
        ];
        for (text, masked) in cases {
            assert_eq!(Mask::default().text(&text), masked);
            assert_eq!(Mask::default().text(masked), masked, "what is masked stays as it is");
        }
    }

    #[test]
    fn a_long_line_that_only_looks_like_secrets_is_no_trouble() {
        for bait in ["://", "://a:b@", "certificate-key", "-----BEGIN ", "LS0tLS1CRUdJTi ", "abcdef.0123456789abcdef "] {
            let began = std::time::Instant::now();
            let _ = Mask::default().text(&bait.repeat(20_000));
            assert!(began.elapsed().as_secs() < 20, "{bait}: {:?}", began.elapsed());
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let hash = "0123456789abcdef".repeat(4);
        for text in [
            &*format!("image@sha256:{hash}"),
            "-----BEGIN CERTIFICATE-----",
            "https://[fd00::1]:6443/x user@host:22",
            "containerd.service, kubelet.service: ünder way …",
            "abcdef.0123456789abcdef0 ABCDEF.0123456789ABCDEF",
            "",
        ] {
            assert_eq!(Mask::default().text(text), text);
        }
    }

    #[test]
    fn a_private_key_takes_several_lines() {
        let mut lines = Mask::default().lines();
        let text = ["a", "-----BEGIN EC PRIVATE KEY-----", "MHcCAQEE+/=", "QQ==", "-----END EC PRIVATE KEY-----", "b"];
        assert_eq!(text.map(|line| lines.mask(line)), ["a", "(secret)", "(secret)", "(secret)", "(secret)", "b"]);
        for (first, later) in [("", ""), ("out: ", "out: "), ("Nov 9 9:59:59 x[1]: ", "Nov 10 10:00:00 x[1]: "), ("out:", "out:")]
        {
            let lines_of = |first: &str, later: &str, text: [&str; 3]| {
                [format!("{first}{}", text[0]), format!("{later}{}", text[1]), format!("{later}{}", text[2])]
            };
            let said = lines_of(first, later, ["-----BEGIN EC PRIVATE KEY-----", "MHcCAQEE+/=", "-----END EC PRIVATE KEY-----"]);
            let masked = said.map(|line| lines.mask(&line));
            assert_eq!(masked, lines_of(first, later, ["(secret)"; 3]));
            assert_eq!(lines.mask("out: MHcC"), "out: MHcC");
        }
        for first in ["it failed: ", "KEY=", "+ echo '", "A_VERY_LONG_NAME_OF_A_VARIABLE="] {
            let said = [
                &*format!("{first}-----BEGIN EC PRIVATE KEY-----"),
                "MHcCAQEE+/=",
                "QQ==",
                "-----END EC PRIVATE KEY-----",
                "MHcC",
            ];
            let masked = said.map(|line| lines.mask(line));
            assert_eq!(masked, [&*format!("{first}(secret)"), "(secret)", "(secret)", "(secret)", "MHcC"]);
        }
        let text =
            ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00", "", "MHcC", "", "MHcC"];
        let masked = text.map(|line| lines.mask(line));
        assert_eq!(masked, ["(secret)", "(secret)", "(secret)", "(secret)", "(secret)", "", "MHcC"]);
        // One that never ends hides nothing else.
        let cut = ["-----BEGIN PRIVATE KEY-----", "MHcC", "it was not there", "MHcC"];
        assert_eq!(cut.map(|line| lines.mask(line)), ["(secret)", "(secret)", "it was not there", "MHcC"]);
    }
}
