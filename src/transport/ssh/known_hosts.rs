//! The known_hosts files, as sshd(8) describes them under SSH_KNOWN_HOSTS FILE FORMAT: plain, bracketed, hashed and wildcard names,
//! negation, `@revoked` and `@cert-authority`.
//!
//! russh has a reader of its own, but that one overlooks `@revoked` and wildcards, takes an unreadable file for an empty one, and
//! takes a key of another type for a host that nobody has seen, which would let a stranger in as a new host.

mod book;
mod certificate;
mod forget;
mod revoked;

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyBase64, parse_public_key_base64};

use self::book::{Book, Hashed, Line};
pub use self::forget::Forgotten;
pub(super) use self::{certificate::Vouched, forget::forget};
use crate::{
    config::{self, pattern},
    error::{Error, Kind, Result},
};

/// What the known_hosts files say about one host.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: Vec<Entry>,
    /// Keys that stand under the host's name without its port: they may prove it, but can not contradict it.
    portless: Vec<Entry>,
    revoked: Vec<Entry>,
    authorities: Vec<Entry>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// Counted from 1, as editors and `ssh-keygen` do.
    pub(super) line: usize,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    /// As the file names it: `ssh-ed25519`.
    algorithm: String,
    /// None for a key that this program can not read, such as one of a type that it does not know.
    key: Option<PublicKey>,
}

/// What known_hosts says about the key that a host offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Same,
    /// There is another key for this host, of this type, in this place.
    Changed {
        place: Place,
        algorithm: String,
    },
    Revoked {
        place: Place,
    },
    /// There is no key at all for this host.
    Unknown,
}

impl Known {
    /// Reads what the files of `ssh` say about `host`. A file that is not there says nothing, unless it is one of revoked keys.
    ///
    /// # Errors
    /// `HostKey`, when one is there and can not be read: nobody can tell then whether a key has changed.
    pub(super) fn read(host: &str, ssh: &config::Ssh) -> Result<Self> {
        let mut known = Self::revoked(ssh)?;
        let name = name_of(host, ssh);
        let bare = ssh.host_key_alias.clone().unwrap_or_else(|| host.to_ascii_lowercase());
        let mut books = Vec::new();
        for file in [&ssh.known_hosts].into_iter().chain(&ssh.more_known_hosts) {
            match Book::of(file) {
                Ok(book) => books.push((file.as_path(), book)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let what = format!("{} can not be read, so no host key can be checked", file.display());
                    return Err(Error::new(Kind::HostKey, what)
                        .because(error)
                        .hint(format!("ls -l {}", crate::lower::quote(&file.display().to_string()))));
                }
            }
        }
        known.add(&books, &name, &bare);
        Ok(known)
    }

    fn add(&mut self, books: &[(&Path, Arc<Book>)], name: &str, bare: &str) {
        for (file, book) in books {
            for line in book.lines(name) {
                match line.marker.as_deref() {
                    None => self.keys.push(Entry::new(file, line)),
                    Some(marker) => self.mark(marker, Entry::new(file, line)),
                }
            }
        }
        if bare == name {
            return;
        }
        // Where a host has keys of its own, none without its port counts: a search among hashed names is spared then, which takes time.
        let (no_key_yet, mut portless) = (self.keys.is_empty(), Vec::new());
        for (file, book) in books {
            for line in if no_key_yet { book.lines(bare) } else { book.marked(bare) } {
                match line.marker.as_deref() {
                    None => portless.push(Entry::new(file, line)),
                    Some(marker) => self.mark(marker, Entry::new(file, line)),
                }
            }
        }
        self.portless = portless;
    }

    fn mark(&mut self, marker: &str, entry: Entry) {
        match marker {
            "@revoked" => self.revoked.push(entry),
            "@cert-authority" => self.authorities.push(entry),
            _ => {}
        }
    }

    /// Judges the key that the host offers.
    pub(super) fn judge(&self, offered: &PublicKey) -> Judgement {
        if let Some(entry) = self.revoked.iter().find(|entry| entry.is(offered)) {
            return Judgement::Revoked { place: entry.place.clone() };
        }
        if self.keys.iter().any(|entry| entry.is(offered)) {
            return Judgement::Same;
        }
        // A key of another type than all the known ones is a change too: a stranger chooses what to offer.
        let of_type = |entry: &&Entry| entry.algorithm == offered.algorithm().as_str();
        match self.keys.iter().find(of_type).or_else(|| self.keys.first()) {
            Some(entry) => Judgement::Changed { place: entry.place.clone(), algorithm: entry.algorithm.clone() },
            None if self.portless.iter().any(|entry| entry.is(offered)) => Judgement::Same,
            None => Judgement::Unknown,
        }
    }

    /// The host key algorithms to ask for, best first: those of the known keys, then the others (as ssh's order_hostkeyalgs does).
    /// RSA with SHA-1 is never asked for.
    pub(super) fn algorithms(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        let is_known = |algorithm: &&Algorithm| {
            self.keys
                .iter()
                .chain(&self.portless)
                .filter_map(|entry| entry.key.as_ref())
                .any(|key| same_type(&key.algorithm(), algorithm))
        };
        let safe = || all.iter().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None }));
        safe().filter(is_known).chain(safe().filter(|algorithm| !is_known(algorithm))).cloned().collect()
    }
}

impl Entry {
    fn new(file: &Path, line: &Line) -> Self {
        Self {
            place: Place { file: file.to_owned(), line: line.number },
            algorithm: line.algorithm.clone(),
            key: line.key.as_ref().and_then(|key| parse_public_key_base64(key).ok()),
        }
    }

    fn is(&self, offered: &PublicKey) -> bool {
        self.key.as_ref().is_some_and(|key| key.key_data() == offered.key_data())
    }
}

/// One line of a known_hosts file.
struct Fields<'a> {
    marker: Option<&'a str>,
    names: &'a str,
    algorithm: &'a str,
    key: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// None for comments, empty lines and half ones.
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let first = fields.next().filter(|field| !field.starts_with('#'))?;
        let (marker, names) = if first.starts_with('@') { (Some(first), fields.next()?) } else { (None, first) };
        Some(Self { marker, names, algorithm: fields.next()?, key: fields.next() })
    }
}

/// Whether two algorithms use the same type of key: all of RSA's do.
fn same_type(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// The name under which known_hosts files a host.
pub(super) fn name_of(host: &str, ssh: &config::Ssh) -> String {
    match &ssh.host_key_alias {
        Some(alias) => alias.clone(),
        None if ssh.port == 22 => host.to_ascii_lowercase(),
        None => format!("[{}]:{}", host.to_ascii_lowercase(), ssh.port),
    }
}

/// `SHA256:…`, as `ssh-keygen -lf` prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Appends a host's key under the name that known_hosts has for it. The file and its directory are made where they are missing, for their owner alone; a line goes out in
/// one write to a file opened for appending, so that several at once do not tear each other's lines.
///
/// # Errors
/// What the system says.
pub(super) fn remember(file: &Path, name: &str, key: &PublicKey) -> io::Result<()> {
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut open = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut line = format!("{name} {} {}\n", key.algorithm().as_str(), key.public_key_base64());
    if !ends_with_a_line_end(&mut open)? {
        line.insert(0, '\n');
    }
    Book::append(file, &mut open, &line)?;
    open.sync_data()
}

fn ends_with_a_line_end(file: &mut fs::File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Whether a comma list of patterns names the host. A pattern with `!` that fits takes the whole line away.
fn matches(patterns: &str, name: &str) -> bool {
    if patterns.starts_with("|1|") {
        return Hashed::read(patterns).is_some_and(|hashed| hashed.is(name));
    }
    let patterns = patterns.to_ascii_lowercase();
    pattern::any(patterns.split(','), &name.to_ascii_lowercase())
}

#[cfg(test)]
#[path = "known_hosts/tests.rs"]
mod tests;
