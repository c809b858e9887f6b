//! Shell functions in a file: a program carries only those that it mentions.

use std::{collections::HashMap, sync::OnceLock};

/// The functions that step programs may call.
static PRELUDE: Library = Library::new(&[include_str!("prelude.sh")]);

/// Shell functions, as texts in which a function starts at column 1 with `name() {` and ends with `}` at column 1.
#[derive(Debug)]
pub struct Library {
    texts: &'static [&'static str],
    /// Read once: a fleet wants the functions of many thousand programs.
    functions: OnceLock<Functions>,
}

#[derive(Debug)]
struct Functions {
    /// In the order of the texts.
    all: Vec<Function>,
    by_name: HashMap<&'static str, usize>,
}

#[derive(Debug)]
struct Function {
    body: &'static str,
    /// The functions that it mentions, those that these mention in turn, and itself.
    needs: Vec<usize>,
}

impl Library {
    #[must_use]
    pub const fn new(texts: &'static [&'static str]) -> Self {
        Self { texts, functions: OnceLock::new() }
    }

    fn functions(&self) -> &Functions {
        self.functions.get_or_init(|| {
            let found: Vec<(&str, &str)> = self.texts.iter().flat_map(|text| functions_in(text)).collect();
            let by_name: HashMap<&str, usize> = found.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
            let mentions: Vec<Vec<usize>> =
                found.iter().map(|(_, body)| words(body).filter_map(|word| by_name.get(word).copied()).collect()).collect();
            let needs = |index: usize| {
                let mut needs = vec![index];
                let mut next = 0;
                while let Some(index) = needs.get(next).copied() {
                    next += 1;
                    for mentioned in &mentions[index] {
                        if !needs.contains(mentioned) {
                            needs.push(*mentioned);
                        }
                    }
                }
                needs
            };
            let all = found.iter().enumerate().map(|(index, (_, body))| Function { body, needs: needs(index) }).collect();
            Functions { all, by_name }
        })
    }

    /// All functions.
    #[must_use]
    pub fn all(&self) -> String {
        self.functions().all.iter().map(|function| function.body).collect()
    }

    /// The functions that `text` mentions, and those that these mention in turn.
    #[must_use]
    pub fn for_text(&self, text: &str) -> String {
        let Functions { all, by_name } = self.functions();
        let mut wanted = vec![false; all.len()];
        for index in words(text).filter_map(|word| by_name.get(word)) {
            if !wanted[*index] {
                all[*index].needs.iter().for_each(|need| wanted[*need] = true);
            }
        }
        all.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(function, _)| function.body).collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
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
