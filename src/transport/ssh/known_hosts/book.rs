//! A known_hosts file, taken apart once for all hosts. Each line under a hashed name has to be tried with each host, since that is what
//! hashing is for; all else is looked up.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

use super::Fields;
use crate::config::pattern;

/// The files that have been read, as they were then.
static READ: Mutex<Vec<(PathBuf, Stamp, Arc<Book>)>> = Mutex::new(Vec::new());

/// By which a file is seen to have changed: its number, its size, and its time.
type Stamp = (u64, u64, i64, i64);

fn stamp(data: &fs::Metadata) -> Stamp {
    (data.ino(), data.size(), data.mtime(), data.mtime_nsec())
}

/// All lines of one file.
#[derive(Clone, Default)]
pub(super) struct Book {
    lines: Vec<Line>,
    /// Lines of the file, with those that name nobody.
    count: usize,
    /// A name in small letters -> the lines that name it.
    plain: HashMap<String, Vec<usize>>,
    /// The lines whose names are patterns, with these.
    patterns: Vec<(usize, String)>,
    hashed: Vec<(usize, Hashed)>,
}

/// A line that names hosts.
#[derive(Clone)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) marker: Option<String>,
    pub(super) algorithm: String,
    pub(super) key: Option<String>,
}

/// `|1|salt|hash`: the HMAC-SHA1 of the name, keyed with the salt, both in base64.
#[derive(Clone)]
pub(super) struct Hashed {
    /// Of the salt alone.
    mac: Hmac<Sha1>,
    hash: [u8; 20],
    /// The name, once it has been found: there is no other that fits.
    name: OnceLock<Box<str>>,
}

impl Hashed {
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let Ok(HostPatterns::HashedName { salt, hash }) = pattern.parse() else { return None };
        Some(Self { mac: Hmac::new_from_slice(&salt).ok()?, hash, name: OnceLock::new() })
    }

    pub(super) fn is(&self, name: &str) -> bool {
        if let Some(known) = self.name.get() {
            return **known == *name;
        }
        let fits = self.mac.clone().chain_update(name).verify_slice(&self.hash).is_ok();
        if fits {
            self.name.get_or_init(|| name.into());
        }
        fits
    }
}

impl Book {
    /// The file as it is now: read, unless it is as it was.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn of(file: &Path) -> io::Result<Arc<Self>> {
        let mut open = fs::File::open(file)?;
        let data = open.metadata()?;
        let stamp = stamp(&data);
        // Held while it is read: a fleet comes at once, and one of it reads for all.
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., book)) = read.iter().find(|(path, known, _)| path == file && *known == stamp) {
            return Ok(Arc::clone(book));
        }
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes)?;
        let book = Arc::new(Self::parse(&String::from_utf8_lossy(&bytes)));
        read.retain(|(path, ..)| path != file);
        // What was written to it meanwhile is not in the stamp, which makes the next one read it again.
        read.push((file.to_owned(), stamp, Arc::clone(&book)));
        Ok(book)
    }

    /// Adds a line to the end of a file in one write. Who has read the file need not read it again for that: a fleet of new hosts would
    /// read it once for each of them.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn append(file: &Path, open: &mut fs::File, line: &str) -> io::Result<()> {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stamp(&open.metadata()?);
        open.write_all(line.as_bytes())?;
        let after = stamp(&open.metadata()?);
        let is_all = after.1 == before.1 + line.len() as u64 && !line.starts_with('\n');
        if let Some((_, known, book)) = read.iter_mut().find(|(path, known, _)| path == file && *known == before && is_all) {
            Arc::make_mut(book).add(line);
            *known = after;
        }
        Ok(())
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut book = Self::default();
        book.add(text);
        book
    }

    /// Adds whole lines.
    fn add(&mut self, text: &str) {
        for line in text.lines() {
            self.count += 1;
            let Some(fields) = Fields::read(line) else { continue };
            let index = self.lines.len();
            if fields.names.starts_with("|1|") {
                let Some(hashed) = Hashed::read(fields.names) else { continue };
                self.hashed.push((index, hashed));
            } else {
                let names = fields.names.to_ascii_lowercase();
                if pattern::is_pattern(&names) {
                    self.patterns.push((index, names));
                } else {
                    for name in names.split(',') {
                        self.plain.entry(name.to_owned()).or_default().push(index);
                    }
                }
            }
            self.lines.push(Line {
                number: self.count,
                marker: fields.marker.map(str::to_owned),
                algorithm: fields.algorithm.to_owned(),
                key: fields.key.map(str::to_owned),
            });
        }
    }

    /// The lines that name this host, in their order.
    pub(super) fn lines(&self, name: &str) -> Vec<&Line> {
        self.those(name, |_| true)
    }

    /// Those of them with a marker, such as `@revoked`.
    pub(super) fn marked(&self, name: &str) -> Vec<&Line> {
        self.those(name, |line| line.marker.is_some())
    }

    /// Of the lines that are wanted, those that name this host. Hashed names of others are not even tried: that is what takes long.
    fn those(&self, name: &str, wanted: impl Fn(&Line) -> bool) -> Vec<&Line> {
        let small = name.to_ascii_lowercase();
        let wanted = |index: &usize| wanted(&self.lines[*index]);
        let mut found: Vec<usize> = self.plain.get(&small).into_iter().flatten().copied().filter(wanted).collect();
        let patterns = self.patterns.iter().filter(|(index, _)| wanted(index));
        found.extend(patterns.filter(|(_, names)| pattern::any(names.split(','), &small)).map(|(index, _)| index));
        let hashed = self.hashed.iter().filter(|(index, _)| wanted(index));
        found.extend(hashed.filter(|(_, hashed)| hashed.is(name)).map(|(index, _)| index));
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| &self.lines[index]).collect()
    }
}
