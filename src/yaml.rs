//! Writes YAML, and nothing else of YAML: block style, keys in the order given, every string in double quotes.
//!
//! Double quotes leave nothing to guess: `no`, `1.30` and `:` stay what they are, and what a user or a host wrote
//! can not become structure. The escapes are JSON's, which YAML shares.

use std::fmt::Write;

/// A YAML value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yaml {
    Bool(bool),
    Int(i64),
    Str(String),
    List(Vec<Yaml>),
    /// Keys keep the order in which they were added.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// A map from pairs.
    pub fn map<K: Into<String>, V: Into<Self>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// A list of strings.
    pub fn strings<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::List(items.into_iter().map(|item| Self::Str(item.into())).collect())
    }

    /// This map with one more entry. An empty list or map is left out: nothing that slipway writes means "explicitly none".
    ///
    /// On anything but a map it changes nothing.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Self>) -> Self {
        let value = value.into();
        if let Self::Map(pairs) = &mut self
            && !value.is_empty()
        {
            pairs.push((key.to_owned(), value));
        }
        self
    }

    /// This map with one more entry where there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// The text of one document, each line ended.
    #[must_use]
    pub fn document(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Map(pairs) if !pairs.is_empty() => map(&mut out, pairs, 0, false),
            Self::List(items) if !items.is_empty() => list(&mut out, items, 0),
            scalar => {
                out.push_str(&scalar.scalar());
                out.push('\n');
            }
        }
        out
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(pairs) => pairs.is_empty(),
            _ => false,
        }
    }

    fn scalar(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Str(value) => quoted(value),
            Self::List(_) => "[]".to_owned(),
            Self::Map(_) => "{}".to_owned(),
        }
    }
}

impl From<&str> for Yaml {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl From<bool> for Yaml {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Yaml {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// Several documents as one text.
#[must_use]
pub fn stream(documents: &[Yaml]) -> String {
    documents.iter().map(Yaml::document).collect::<Vec<_>>().join("---\n")
}

/// Writes the entries of a map; `inline` means that the first key stands behind a list's dash.
fn map(out: &mut String, pairs: &[(String, Yaml)], indent: usize, mut inline: bool) {
    for (name, value) in pairs {
        if !std::mem::take(&mut inline) {
            pad(out, indent);
        }
        out.push_str(&key(name));
        out.push(':');
        match value {
            Yaml::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                map(out, inner, indent + 2, false);
            }
            Yaml::List(items) if !items.is_empty() => {
                out.push('\n');
                list(out, items, indent + 2);
            }
            scalar => {
                out.push(' ');
                out.push_str(&scalar.scalar());
                out.push('\n');
            }
        }
    }
}

fn list(out: &mut String, items: &[Yaml], indent: usize) {
    for item in items {
        pad(out, indent);
        out.push_str("- ");
        match item {
            Yaml::Map(pairs) if !pairs.is_empty() => map(out, pairs, indent + 2, true),
            Yaml::List(inner) if !inner.is_empty() => {
                out.pop();
                out.push('\n');
                list(out, inner, indent + 2);
            }
            scalar => {
                out.push_str(&scalar.scalar());
                out.push('\n');
            }
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A key: bare where no YAML reader could take it for anything else.
fn key(name: &str) -> String {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let bare = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !WORDS.contains(&name.to_ascii_lowercase().as_str());
    if bare { name.to_owned() } else { quoted(name) }
}

/// A string in double quotes. Everything that YAML does not print, and its other line breaks, are escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                // Writing to a String can not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nests_maps_and_lists_readably() {
        let tree = Yaml::map([
            ("a", Yaml::map([("b", Yaml::Int(1)), ("c", Yaml::strings(["x"]))])),
            ("l", Yaml::List(vec![Yaml::map([("k", Yaml::from(true)), ("m", Yaml::strings(["y", "z"]))])])),
            ("e", Yaml::List(vec![])),
        ]);
        assert_eq!(
            tree.document(),
            "a:\n  b: 1\n  c:\n    - \"x\"\nl:\n  - k: true\n    m:\n      - \"y\"\n      - \"z\"\ne: []\n"
        );
    }

    #[test]
    fn nothing_in_a_string_becomes_structure() {
        let hostile = "a\"\nb: \\ \u{85}\u{1b}\u{2028}é: #";
        let line = Yaml::map([("k", Yaml::from(hostile))]).document();
        assert_eq!(line, "k: \"a\\\"\\nb: \\\\ \\u0085\\u001b\\u2028é: #\"\n");
        // What JSON reads back is what was meant: the escapes are JSON's.
        let value = line.strip_prefix("k: ").expect("one line").trim_end();
        assert_eq!(serde_json::from_str::<String>(value).expect("JSON"), hostile);
    }

    #[test]
    fn keys_that_look_like_something_else_are_quoted() {
        let tree = Yaml::map([("no", Yaml::Int(1)), ("v", Yaml::Int(2)), ("1.5", Yaml::Int(3)), ("a: b", Yaml::Int(4))]);
        assert_eq!(tree.document(), "\"no\": 1\nv: 2\n\"1.5\": 3\n\"a: b\": 4\n");
    }

    #[test]
    fn with_leaves_out_what_is_empty() {
        let tree = Yaml::map([("a", Yaml::Int(1))]).with("b", Yaml::List(vec![])).with_some("c", None::<&str>).with("d", "e");
        assert_eq!(tree.document(), "a: 1\nd: \"e\"\n");
    }

    #[test]
    fn documents_are_separated() {
        assert_eq!(stream(&[Yaml::map([("a", Yaml::Int(1))]), Yaml::map([("b", Yaml::Int(2))])]), "a: 1\n---\nb: 2\n");
    }
}
