//! Shell functions in a file: a program carries only those that it mentions.

use std::{collections::BTreeSet, sync::OnceLock};

/// The functions that step programs may call.
static PRELUDE: Library = Library::new(&[include_str!("prelude.sh")]);

/// Shell functions, as texts in which a function starts at column 1 with `name() {` and ends with `}` at column 1.
#[derive(Debug)]
pub struct Library {
    texts: &'static [&'static str],
    /// Name and text of each, in the order of the texts; read once.
    functions: OnceLock<Vec<(&'static str, &'static str)>>,
}

impl Library {
    #[must_use]
    pub const fn new(texts: &'static [&'static str]) -> Self {
        Self { texts, functions: OnceLock::new() }
    }

    fn functions(&self) -> &[(&'static str, &'static str)] {
        self.functions.get_or_init(|| self.texts.iter().flat_map(|text| functions_in(text)).collect())
    }

    /// All functions.
    #[must_use]
    pub fn all(&self) -> String {
        self.functions().iter().map(|(_, body)| *body).collect()
    }

    /// The functions that `text` mentions, and those that these mention in turn.
    #[must_use]
    pub fn for_text(&self, text: &str) -> String {
        let functions = self.functions();
        let mut wanted = BTreeSet::new();
        let mut texts = vec![text];
        while let Some(text) = texts.pop() {
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
            for (name, body) in functions {
                if words.contains(name) && wanted.insert(*name) {
                    texts.push(body);
                }
            }
        }
        functions.iter().filter(|(name, _)| wanted.contains(name)).map(|(_, body)| *body).collect()
    }
}

fn functions_in(source: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find("() {\n").map(|offset| at + offset) {
        let start = source[..open].rfind('\n').map_or(0, |line_end| line_end + 1);
        let end = source[open..].find("\n}\n").map_or(source.len(), |offset| open + offset + 3);
        found.push((&source[start..open], &source[start..end]));
        at = end;
    }
    found
}

/// The prelude's functions for a program with this text.
pub(super) fn prelude(text: &str) -> String {
    PRELUDE.for_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_carries_what_it_mentions_and_no_more() {
        let text = prelude("fetch https://example.org /tmp/x");
        for function in ["have()", "give_up()", "fetch()"] {
            assert!(text.contains(function), "{function} is missing");
        }
        assert!(!text.contains("openpgp_fingerprints()"));
        assert_eq!(prelude("true"), "");
    }

    #[test]
    fn functions_of_several_texts_mention_one_another() {
        let library = Library::new(&["one() {\n    two\n}\n", "two() {\n    :\n}\n\nthree() {\n    :\n}\n"]);
        assert_eq!(library.for_text("one"), "one() {\n    two\n}\ntwo() {\n    :\n}\n");
    }
}
