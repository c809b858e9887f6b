//! Reads profiles: where they come from, who inherits from whom, and what is wrong with them, by line and column.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{CniProfile, OsProfile, Profiles, RuntimeProfile, template::Template};
use crate::error::{Error, Kind, Result};

/// The text of a profile, and where it is from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The path, for messages.
    file: String,
    family: Family,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Os,
    Runtime,
    Cni,
}

impl Source {
    /// `path` is relative to a profiles directory, and its first part says which kind of profile it is.
    pub(super) fn new(file: String, path: &str, text: &str) -> Self {
        let family = match path.split('/').next() {
            Some("os") => Family::Os,
            Some("runtime") => Family::Runtime,
            _ => Family::Cni,
        };
        Self { file, family, text: text.to_owned() }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|error| {
            let (line, column) = position(&self.text, error.span().map_or(0, |span| span.start));
            let kind = if error.message().starts_with("unknown field") { Kind::UnknownKey } else { Kind::Syntax };
            let what = error.message().lines().collect::<Vec<_>>().join(" ");
            Error::new(kind, format!("{}:{line}:{column}: {what}", self.file))
        })
    }

    /// Refuses a template with a name that nothing will stand for.
    fn check(&self, templates: &[(&Template, &'static [&'static str])]) -> Result<()> {
        let Some((name, known)) = templates.iter().find_map(|(template, known)| Some((template.stranger(known)?, known))) else {
            return Ok(());
        };
        let word = format!("{{{{{name}}}}}");
        let (line, column) = position(&self.text, self.text.find(&word).unwrap_or(0));
        let error =
            Error::new(Kind::UnknownKey, format!("{}:{line}:{column}: {word} is not a name that this text can use", self.file));
        Err(if known.is_empty() {
            error.hint("write it without any {{name}}")
        } else {
            error.hint(format!("it can use {}", known.join(", ")))
        })
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |line_end| line_end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The profiles of a directory, in the order of their names.
pub(super) fn directory(dir: &Path) -> Result<Vec<Source>> {
    let unreadable = |path: &Path, error| Error::new(Kind::NoFile, format!("{} can not be read", path.display())).because(error);
    let mut sources = Vec::new();
    fs::read_dir(dir)
        .map_err(|error| unreadable(dir, error).hint("--profiles takes a directory with os, runtime or cni in it"))?;
    for family in ["os", "runtime", "cni"] {
        let below = dir.join(family);
        if !below.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&below).map_err(|error| unreadable(&below, error))?;
        let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut paths = paths.map_err(|error| unreadable(&below, error))?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            sources.push(Source::new(path.display().to_string(), family, &text));
        }
    }
    Ok(sources)
}

/// Profiles from their texts; a later one replaces an earlier one of the same name.
pub(super) fn profiles(sources: &[Source]) -> Result<Profiles> {
    let mut profiles = Profiles::default();
    let mut systems: Vec<(String, &Source, Table)> = Vec::new();
    for source in sources {
        match source.family {
            Family::Os => {
                let profile: OsProfile = source.parse()?;
                source.check(&profile.templates())?;
                named(source, &profile.name)?;
                replace(&mut systems, (profile.name, source, source.parse()?), |(name, ..)| name.clone());
            }
            Family::Runtime => {
                let profile: RuntimeProfile = source.parse()?;
                source.check(&profile.templates())?;
                named(source, &profile.name)?;
                replace(&mut profiles.runtimes, profile, |profile| profile.name.clone());
            }
            Family::Cni => {
                let profile: CniProfile = source.parse()?;
                named(source, &profile.name)?;
                replace(&mut profiles.cnis, profile, |profile| profile.name.clone());
            }
        }
    }
    for (name, source, table) in systems.iter().filter(|(_, _, table)| table.contains_key("match")) {
        let whole = inherited(table, &systems, source, &mut vec![name.clone()])?;
        let profile: OsProfile = Value::Table(whole)
            .try_into()
            .map_err(|error: toml::de::Error| Error::new(Kind::Syntax, format!("{}: {}", source.file, error.message())))?;
        if let Some(key) = profile.lacks() {
            return Err(Error::new(
                Kind::Invalid,
                format!("{}: {key} is missing or malformed, here and in all that it inherits", source.file),
            ));
        }
        profiles.os.push(profile);
    }
    Ok(profiles)
}

fn named(source: &Source, name: &str) -> Result<()> {
    if name.is_empty() { Err(Error::new(Kind::Invalid, format!("{}: the profile has no name", source.file))) } else { Ok(()) }
}

fn replace<T>(list: &mut Vec<T>, new: T, name: impl Fn(&T) -> String) {
    match list.iter_mut().find(|old| name(old) == name(&new)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

/// A profile's table over the tables of all that it inherits from. `line` holds the names from the profile up to this one.
fn inherited(table: &Table, all: &[(String, &Source, Table)], source: &Source, line: &mut Vec<String>) -> Result<Table> {
    let Some(parent) = table.get("inherits").and_then(Value::as_str) else { return Ok(table.clone()) };
    if line.iter().any(|name| name == parent) {
        return Err(Error::new(Kind::Invalid, format!("{}: {parent} inherits from itself", source.file)));
    }
    let Some((_, _, above)) = all.iter().find(|(name, ..)| name == parent) else {
        return Err(Error::new(Kind::Invalid, format!("{}: inherits = {parent:?}, which is no OS profile", source.file)));
    };
    line.push(parent.to_owned());
    let mut whole = inherited(above, all, source, line)?;
    // Whom a profile is for is its own business.
    whole.remove("match");
    lay_over(&mut whole, table);
    Ok(whole)
}

fn lay_over(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => lay_over(old, new),
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}
