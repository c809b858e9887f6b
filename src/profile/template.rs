//! Text with `{{name}}` in it. What stands for a name is quoted for the language of the text: a template can not be broken out of.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    error::{Error, Kind, Result},
    lower::quote,
};

/// Text with `{{name}}` in it. The names are known from when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence fragment, when braces do not pair or a name is not made of `a-z`, `0-9` and `_`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (name, after) = behind.split_once("}}").ok_or_else(|| "`{{` without `}}`".to_owned())?;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
                return Err(format!("`{{{{{name}}}}}` is not a name: use a-z, 0-9 and _"));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Name(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    /// Whether there is anything in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Text(text) if text.trim().is_empty()))
    }

    /// The first name in it that is none of `known`.
    #[must_use]
    pub fn stranger(&self, known: &[&str]) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Name(name) if !known.contains(&name.as_str()) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Fills a shell template: each value becomes one quoted word.
    ///
    /// # Errors
    /// `Internal` when a name has no value: loading a profile has made sure that it can not happen.
    pub fn shell(&self, values: &[(&str, &str)]) -> Result<String> {
        self.fill(values, |value| Ok(quote(value)))
    }

    /// Fills a shell template for a script that knows the values only when it runs: each value is the name of one of its variables.
    ///
    /// # Errors
    /// As for [`Template::line`], and `Internal` as for [`Template::shell`].
    pub fn expanded(&self, values: &[(&str, &str)]) -> Result<String> {
        self.line(values)?;
        self.fill(values, |variable| Ok(format!("\"${variable}\"")))
    }

    /// Fills a TOML template: each value becomes a TOML value, strings with their quotes.
    ///
    /// # Errors
    /// `Internal` as for [`Template::shell`].
    pub fn toml(&self, values: &[(&str, toml::Value)]) -> Result<String> {
        self.fill(values, |value| Ok(value.to_string()))
    }

    /// Fills a JSON template: each value becomes a JSON value.
    ///
    /// # Errors
    /// `Internal` as for [`Template::shell`].
    pub fn json(&self, values: &[(&str, serde_json::Value)]) -> Result<String> {
        self.fill(values, |value| Ok(value.to_string()))
    }

    /// Fills a template of lines (a URL, a repository's file), where no quoting exists: a value must be one printable word.
    ///
    /// # Errors
    /// `Invalid` when a value is not; `Internal` as for [`Template::shell`].
    pub fn line(&self, values: &[(&str, &str)]) -> Result<String> {
        self.fill(values, |value| {
            if value.is_empty() || value.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'[]\\".contains(c)) {
                return Err(Error::new(Kind::Invalid, format!("{value:?} can not be part of a package repository's address")));
            }
            Ok((*value).to_owned())
        })
    }

    /// Fills a script for sed(1) whose commands end their parts with `@`: each value stands for itself in a replacement.
    ///
    /// # Errors
    /// As for [`Template::line`].
    pub fn sed(&self, values: &[(&str, &str)]) -> Result<String> {
        self.line(values)?;
        self.fill(values, |value| {
            Ok(value.chars().flat_map(|c| "&@\\".contains(c).then_some('\\').into_iter().chain([c])).collect())
        })
    }

    fn fill<V>(&self, values: &[(&str, V)], render: impl Fn(&V) -> Result<String>) -> Result<String> {
        self.pieces.iter().try_fold(String::new(), |mut filled, piece| {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => {
                    let (_, value) = values.iter().find(|(known, _)| known == name).ok_or_else(|| {
                        Error::new(Kind::Internal, format!("a profile's template has no value for {{{{{name}}}}}"))
                    })?;
                    filled.push_str(&render(value)?);
                }
            }
            Ok(filled)
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_can_not_break_out_of_a_template() {
        let template = Template::parse("open {{port}} now").expect("a template");
        assert_eq!(template.shell(&[("port", "1; rm -rf '/'")]).expect("filled"), r"open '1; rm -rf '\''/'\''' now");
        assert_eq!(
            template.toml(&[("port", "a\"b\n".into())]).expect("filled"),
            "open 'a\"b\n' now".replace("'a\"b\n'", &toml::Value::from("a\"b\n").to_string())
        );
        assert_eq!(template.sed(&[("port", "a@b&c")]).expect("filled"), r"open a\@b\&c now");
        assert_eq!(template.line(&[("port", "https://a/\nb")]).expect_err("a line end").kind, Kind::Invalid);
    }

    #[test]
    fn names_without_a_value_and_broken_braces_are_refused() {
        assert_eq!(Template::parse("{{a}}").expect("a template").shell(&[]).expect_err("no value").kind, Kind::Internal);
        assert_eq!(Template::parse("x {{a}} {{b}}").expect("a template").stranger(&["a"]), Some("b"));
        for broken in ["{{a", "{{}}", "{{A}}", "{{a b}}"] {
            assert!(Template::parse(broken).is_err(), "{broken}");
        }
    }
}
