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

/// What no line may show. Clones are the same mask: a word that becomes known counts for all that comes after it.
#[derive(Clone, Default)]
pub struct Mask(Arc<RwLock<Vec<String>>>);

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// From now on, this word is not to be seen.
    pub fn hide(&self, word: impl Into<String>) {
        let word = word.into();
        let mut words = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }

    /// The text without secrets: the words, bootstrap tokens, certificate keys, private keys, signed tokens (JWT), passwords in URLs.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let words = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let hide =
            |text: String, word: &String| if text.contains(word.as_str()) { text.replace(word.as_str(), MASKED) } else { text };
        let text = words.iter().fold(text.to_owned(), hide);
        [private_keys, certificate_keys, passwords_in_urls, pem_in_base64, tokens].into_iter().fold(text, without)
    }

    /// The same for the lines of one program, where a private key takes several.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines { mask: self.clone(), in_key: false }
    }
}

/// The lines of a program, one after another.
pub struct Lines {
    mask: Mask,
    in_key: bool,
}

impl Lines {
    /// The next line, without secrets.
    pub fn mask(&mut self, line: &str) -> String {
        if self.in_key {
            let inside = line.trim();
            self.in_key = !inside.is_empty() && inside.chars().all(is_base64);
            if self.in_key || inside.starts_with("-----END ") {
                return MASKED.to_owned();
            }
        }
        self.in_key = private_key(line).is_some_and(|at| !line[at..].contains("-----END "));
        self.mask.text(line)
    }
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
        assert_eq!(other.text("hunter2 and hunter2"), "(secret) and (secret)");
        assert_eq!(format!("{mask:?}"), "Mask");
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
        // One that never ends hides nothing else.
        let cut = ["-----BEGIN PRIVATE KEY-----", "MHcC", "it was not there", "MHcC"];
        assert_eq!(cut.map(|line| lines.mask(line)), ["(secret)", "(secret)", "it was not there", "MHcC"]);
    }
}
