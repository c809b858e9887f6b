//! A cluster file's text: reads it as TOML, and says of every error where it is and what was meant.

use std::{ops::Range, path::Path, str};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::error::{Error, Kind, Result, nearest};

/// The text of a cluster file, and the name to call it by in messages.
pub(super) struct Source<'a> {
    text: &'a str,
    file: Option<&'a Path>,
}

impl<'a> Source<'a> {
    /// A text that lies in a file: messages begin with `FILE:LINE:COLUMN: `.
    pub(super) fn named(text: &'a str, file: &'a Path) -> Self {
        Self { text, file: Some(file) }
    }

    /// A text that nobody has seen yet: messages give no place in it.
    pub(super) fn unnamed(text: &'a str) -> Self {
        Self { text, file: None }
    }

    /// The file, if the text lies in one.
    pub(super) fn file(&self) -> Option<&'a Path> {
        self.file
    }

    /// An error at a place in the text.
    pub(super) fn error(&self, span: &Range<usize>, kind: Kind, what: impl std::fmt::Display) -> Error {
        let Some(file) = self.file else { return Error::new(kind, what.to_string()) };
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::new(kind, format!("{}:{line}:{column}: {what}", file.display()))
    }

    /// A value of the right type that makes no sense.
    pub(super) fn invalid<T>(&self, value: &Spanned<T>, what: impl std::fmt::Display) -> Error {
        self.error(&value.span(), Kind::Invalid, what)
    }

    /// Reads the text into `T`, which refuses unknown keys.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let table = DeTable::parse(self.text).map_err(|error| self.not_toml(&error))?;
        let mut keys = Vec::new();
        collect(table.get_ref(), "", &mut keys);
        self.refuse_control_characters(table.get_ref())?;
        toml::from_str(self.text).map_err(|error| self.explain(&error, &keys))
    }

    fn not_toml(&self, error: &toml::de::Error) -> Error {
        let span = error.span().unwrap_or_default();
        let said = error.message().trim().replace('\n', ", ");
        self.error(&span, Kind::Syntax, format!("not TOML: {said}"))
            .hint("compare it with one that works: `slipway new --host cp1=192.0.2.11 -c -`")
    }

    /// Puts serde's words for a value that does not fit into words for a person.
    fn explain(&self, error: &toml::de::Error, keys: &[Key]) -> Error {
        let (span, said) = (error.span().unwrap_or_default(), error.message());
        let key = keys.iter().find(|key| key.at == span || key.value == span);
        if let Some(rest) = said.strip_prefix("unknown field `") {
            let (unknown, known) = rest.split_once('`').unwrap_or((rest, ""));
            let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
            let place = key.map_or("", |key| key.place.as_str());
            let place = if place.is_empty() { "at the top of the file".to_owned() } else { format!("in {place}") };
            let hint = nearest(unknown, known.iter().copied())
                .map_or_else(|| format!("known there: {}", known.join(", ")), |near| format!("did you mean {near:?}?"));
            return self.error(&span, Kind::UnknownKey, format!("unknown key {unknown:?} {place}")).hint(hint);
        }
        let Some((found, expected)) = said.strip_prefix("invalid type: ").and_then(|said| said.split_once(", expected ")) else {
            return self
                .error(&span, Kind::Syntax, said.replace('\n', ", "))
                .hint("see the README's section on the cluster file");
        };
        let name = key.map_or("this", |key| key.name.as_str());
        let table = expected.starts_with("struct ") || expected == "a map";
        let wanted = match expected {
            _ if table => "a table",
            "i64" => "a whole number",
            "a sequence" => "a list",
            "a boolean" => "true or false",
            other => other,
        };
        // As it is written, if that is short and on one line.
        let written = self.text.get(span.clone()).filter(|text| text.len() <= 60 && !text.contains('\n'));
        let (found, scalar) = match found {
            "map" => ("a table", None),
            "sequence" => ("a list", None),
            _ => (written.unwrap_or(found), written),
        };
        let hint = match (wanted, scalar) {
            ("a list", None) if found == "a table" => format!("write [[{name}]], with two brackets"),
            ("a list", Some(value)) => format!("write {name} = [{value}]"),
            ("a string", Some(value)) => format!("put it in quotes: {name} = \"{value}\""),
            ("a whole number", Some(value)) if unquoted(value).parse::<i64>().is_ok() => {
                format!("write it without quotes: {name} = {}", unquoted(value))
            }
            ("true or false", _) => format!("write {name} = true, without quotes"),
            ("a table", _) => format!("write [{name}], and its keys below it"),
            _ => format!("give {name} {wanted}"),
        };
        self.error(&span, Kind::Syntax, format!("{name} must be {wanted}, not {found}")).hint(hint)
    }

    /// No key and no value may hold a line break, a NUL or an escape sequence: each would end up on a terminal, in YAML or in shell.
    fn refuse_control_characters(&self, table: &DeTable<'_>) -> Result<()> {
        table.iter().try_for_each(|(key, value)| {
            self.refuse_control_character(key.get_ref(), &key.span(), "a key")?;
            self.refuse_in_value(value, key.get_ref())
        })
    }

    fn refuse_in_value(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Result<()> {
        match value.get_ref() {
            DeValue::String(text) => self.refuse_control_character(text, &value.span(), key),
            DeValue::Array(values) => values.iter().try_for_each(|value| self.refuse_in_value(value, key)),
            DeValue::Table(table) => self.refuse_control_characters(table),
            _ => Ok(()),
        }
    }

    fn refuse_control_character(&self, text: &str, span: &Range<usize>, name: &str) -> Result<()> {
        text.chars().find(|letter| letter.is_control()).map_or(Ok(()), |letter| {
            let what = format!("{name} holds the control character U+{:04X}", u32::from(letter));
            Err(self.error(span, Kind::Invalid, what).hint("write it on one line, without \\n, \\t or \\u escapes"))
        })
    }
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

/// The text of a file that must be UTF-8, as TOML must.
pub(super) fn utf8<'a>(bytes: &'a [u8], file: &Path) -> Result<&'a str> {
    str::from_utf8(bytes).map_err(|error| {
        let good = error.valid_up_to();
        let text = str::from_utf8(&bytes[..good]).unwrap_or_default();
        Source::named(text, file)
            .error(&(good..good), Kind::Syntax, "not TOML: a byte that is not UTF-8")
            .hint(format!("look at it with `file {}`", file.display()))
    })
}

/// A key of the file: its name, what table it stands in, where it and its value are.
struct Key {
    name: String,
    place: String,
    at: Range<usize>,
    value: Range<usize>,
}

/// Lists all keys below `table`, which is written `[path]`, or `[[path]]` for a table of a list.
fn collect(table: &DeTable<'_>, place: &str, keys: &mut Vec<Key>) {
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let path = place.trim_start_matches('[').trim_end_matches(']');
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        keys.push(Key { name, place: place.to_owned(), at: key.span(), value: value.span() });
        match value.get_ref() {
            DeValue::Table(table) => collect(table, &format!("[{path}]"), keys),
            DeValue::Array(values) => {
                for value in values {
                    let name = key.get_ref().to_string();
                    keys.push(Key { name, place: place.to_owned(), at: value.span(), value: value.span() });
                    if let DeValue::Table(table) = value.get_ref() {
                        collect(table, &format!("[[{path}]]"), keys);
                    }
                }
            }
            _ => {}
        }
    }
}
