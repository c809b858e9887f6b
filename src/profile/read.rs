//! Reads profiles: where they come from, who inherits from whom, and what is wrong with them, by line and column.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{CniProfile, ComponentProfile, Family, Listed, OsProfile, Profiles, RuntimeProfile, template::Template};
use crate::error::{Error, Kind, Result, nearest};

/// The text of a profile, and where it is from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The path, for messages.
    file: String,
    family: Family,
    text: String,
}

impl Source {
    /// A profile in the binary. The first part of its path says which kind it is.
    pub(super) fn embedded(path: &str, text: &str) -> Self {
        let family = Family::ALL.into_iter().find(|family| path.split('/').next() == Some(family.name())).unwrap_or(Family::Os);
        Self { file: format!("profiles/{path}"), family, text: text.to_owned() }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|error| {
            let (line, column) = position(&self.text, error.span().map_or(0, |span| span.start));
            let place = format!("{}:{line}:{column}", self.file);
            let said = error.message().lines().collect::<Vec<_>>().join(" ");
            let Some((unknown, known)) = said.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) else {
                return Error::new(Kind::Syntax, format!("{place}: {said}"))
                    .hint("`slipway profiles show NAME` prints one that works");
            };
            let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
            let hint = nearest(unknown, known.iter().copied())
                .map_or_else(|| format!("known there: {}", known.join(", ")), |near| format!("did you mean {near:?}?"));
            Error::new(Kind::UnknownKey, format!("{place}: unknown key {unknown:?}")).hint(hint)
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
        .map_err(|error| unreadable(dir, error).hint("--profiles takes a directory with os, runtime, cni or component in it"))?;
    for family in Family::ALL {
        let below = dir.join(family.name());
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
            sources.push(Source { file: path.display().to_string(), family, text });
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
                list(&mut profiles.listed, source, &profile.name, &profile.about, &source.parse()?)?;
                replace(&mut profiles.runtimes, profile, |profile| profile.name.clone());
            }
            Family::Cni => {
                let profile: CniProfile = source.parse()?;
                named(source, &profile.name)?;
                list(&mut profiles.listed, source, &profile.name, &profile.about, &source.parse()?)?;
                replace(&mut profiles.cnis, profile, |profile| profile.name.clone());
            }
            Family::Component => {
                let profile: ComponentProfile = source.parse()?;
                named(source, &profile.name)?;
                list(&mut profiles.listed, source, &profile.name, &profile.about, &source.parse()?)?;
                replace(&mut profiles.components, profile, |profile| profile.name.clone());
            }
        }
    }
    for (name, source, table) in &systems {
        let whole = inherited(table, &systems, source, &mut vec![name.clone()])?;
        let found = versions(source, &whole)?;
        let about = match found.first().and_then(|profile| profile.matches.as_ref()) {
            None => "for others to inherit from".to_owned(),
            Some(matches) => {
                let all: Vec<&str> = found
                    .iter()
                    .filter_map(|profile| profile.matches.as_ref())
                    .flat_map(|each| &each.versions)
                    .map(String::as_str)
                    .collect();
                format!("hosts with ID={} and VERSION_ID {}", matches.id, all.join(", "))
            }
        };
        list(&mut profiles.listed, source, name, &about, &whole)?;
        profiles.os.extend(found);
    }
    profiles.listed.sort_by(|a, b| (a.family, &a.name).cmp(&(b.family, &b.name)));
    Ok(profiles)
}

/// A profile for each version that it matches, with what it says of that version laid over the rest; none without `match`.
fn versions(source: &Source, whole: &Table) -> Result<Vec<OsProfile>> {
    let wrong = |what: String| Error::new(Kind::Invalid, format!("{}: {what}", source.file));
    let read = |table: Table| {
        let read: Result<OsProfile, toml::de::Error> = Value::Table(table).try_into();
        read.map_err(|error| Error::new(Kind::Syntax, format!("{}: {}", source.file, error.message())))
    };
    let Some(matches) = read(whole.clone())?.matches else { return Ok(Vec::new()) };
    let mut profiles = Vec::new();
    for version in &matches.versions {
        let mut table = whole.clone();
        if let Some(Value::Table(mut all)) = table.remove("version")
            && let Some(Value::Table(own)) = all.remove(version)
        {
            lay_over(&mut table, &own);
        }
        let mut profile = read(table)?;
        profile.matches = Some(super::Match { id: matches.id.clone(), versions: vec![version.clone()] });
        if let Some(key) = profile.lacks() {
            return Err(wrong(format!("{key} is missing or malformed, here and in all that it inherits"))
                .hint("`slipway profiles show debian` prints one that has everything"));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

/// Remembers a profile for people; a later one of the same name takes its place.
fn list(listed: &mut Vec<Listed>, source: &Source, name: &str, about: &str, whole: &Table) -> Result<()> {
    let text = toml::to_string_pretty(whole)
        .map_err(|error| Error::new(Kind::Internal, format!("{} can not be printed", source.file)).because(error))?;
    let inherits = whole.get("inherits").and_then(Value::as_str).map(str::to_owned);
    let new = Listed {
        family: source.family,
        name: name.to_owned(),
        file: source.file.clone(),
        inherits,
        about: about.to_owned(),
        text,
    };
    replace(listed, new, |each| format!("{}/{}", each.family.name(), each.name));
    Ok(())
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
    whole.remove("without");
    for path in table.get("without").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let (tables, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut place = tables.split('.').filter(|name| !name.is_empty());
        let holder = place.try_fold(&mut whole, |at, name| at.get_mut(name)?.as_table_mut());
        if holder.and_then(|holder| holder.remove(key)).is_none() {
            let what = format!("{}: without = {path:?}, which {parent} does not have", source.file);
            return Err(Error::new(Kind::Invalid, what).hint(format!("`slipway profiles show {parent}` prints what it has")));
        }
    }
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
