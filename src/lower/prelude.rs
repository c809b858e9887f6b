//! The shell functions that step programs may call; a program carries only those that it mentions.

use std::{collections::BTreeSet, sync::OnceLock};

/// Name and text of each function, in the order of the file.
fn functions() -> &'static [(&'static str, &'static str)] {
    static FUNCTIONS: OnceLock<Vec<(&str, &str)>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let source = include_str!("prelude.sh");
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(open) = source[at..].find("() {\n").map(|offset| at + offset) {
            let start = source[..open].rfind('\n').map_or(0, |line_end| line_end + 1);
            let end = source[open..].find("\n}\n").map_or(source.len(), |offset| open + offset + 3);
            found.push((&source[start..open], &source[start..end]));
            at = end;
        }
        found
    })
}

/// The functions that `text` mentions, and those that these mention in turn.
pub(super) fn for_text(text: &str) -> String {
    let mut wanted = BTreeSet::new();
    let mut texts = vec![text];
    while let Some(text) = texts.pop() {
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        for (name, body) in functions() {
            if words.contains(name) && wanted.insert(*name) {
                texts.push(body);
            }
        }
    }
    functions().iter().filter(|(name, _)| wanted.contains(name)).map(|(_, body)| *body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_carries_what_it_mentions_and_no_more() {
        let text = for_text("fetch https://example.org /tmp/x");
        for function in ["have()", "give_up()", "fetch()"] {
            assert!(text.contains(function), "{function} is missing");
        }
        assert!(!text.contains("openpgp_fingerprints()"));
        assert_eq!(for_text("true"), "");
    }
}
