//! The known_hosts file, as sshd(8) describes it under SSH_KNOWN_HOSTS FILE FORMAT: plain, bracketed, hashed and wildcard names,
//! negation and `@revoked`. Lines marked `@cert-authority` say nothing about plain keys and are passed over.
//!
//! russh has a reader of its own, but that one overlooks `@revoked` and wildcards, takes an unreadable file for an empty one, and
//! takes a key of another type for a host that nobody has seen, which would let a stranger in as a new host.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyBase64, parse_public_key_base64, ssh_key::known_hosts::HostPatterns};
use sha1::Sha1;

use crate::error::{Error, Kind, Result};

/// What known_hosts says about one host.
#[derive(Debug)]
pub(super) struct Known {
    keys: Vec<Entry>,
    revoked: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Counted from 1, as editors and `ssh-keygen` do.
    line: usize,
    /// As the file names it: `ssh-ed25519`.
    algorithm: String,
    /// None for a key that this program can not read, such as one of a type that it does not know.
    key: Option<PublicKey>,
}

/// What known_hosts says about the key that a host offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Same,
    /// The file has another key for this host, of this type, in this line.
    Changed {
        line: usize,
        algorithm: String,
    },
    Revoked {
        line: usize,
    },
    /// The file has no key at all for this host.
    Unknown,
}

impl Known {
    /// Reads what `file` says about `host`. A file that is not there says nothing.
    ///
    /// # Errors
    /// `HostKey`, when it is there and can not be read: nobody can tell then whether a key has changed.
    pub(super) fn read(file: &Path, host: &str, port: u16) -> Result<Self> {
        match fs::read(file) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes), &name_of(host, port))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { keys: Vec::new(), revoked: Vec::new() }),
            Err(error) => {
                Err(Error::new(Kind::HostKey, format!("{} can not be read, so no host key can be checked", file.display()))
                    .because(error)
                    .hint(format!("ls -l {}", crate::lower::quote(&file.display().to_string()))))
            }
        }
    }

    fn parse(text: &str, name: &str) -> Self {
        let mut known = Self { keys: Vec::new(), revoked: Vec::new() };
        for (number, line) in text.lines().enumerate() {
            let mut fields = line.split_ascii_whitespace();
            let Some(first) = fields.next().filter(|field| !field.starts_with('#')) else { continue };
            let (marker, names) = if first.starts_with('@') { (Some(first), fields.next()) } else { (None, Some(first)) };
            let (Some(names), Some(algorithm)) = (names, fields.next()) else { continue };
            if !matches(names, name) {
                continue;
            }
            let key = fields.next().and_then(|key| parse_public_key_base64(key).ok());
            let entry = Entry { line: number + 1, algorithm: algorithm.to_owned(), key };
            match marker {
                None => known.keys.push(entry),
                Some("@revoked") => known.revoked.push(entry),
                Some(_) => {}
            }
        }
        known
    }

    /// Judges the key that the host offers.
    pub(super) fn judge(&self, offered: &PublicKey) -> Judgement {
        let same = |entry: &&Entry| entry.key.as_ref().is_some_and(|key| key.key_data() == offered.key_data());
        if let Some(entry) = self.revoked.iter().find(same) {
            return Judgement::Revoked { line: entry.line };
        }
        if self.keys.iter().any(|entry| same(&entry)) {
            return Judgement::Same;
        }
        // A key of another type than all the known ones is a change too: a stranger chooses what to offer.
        let of_type = |entry: &&Entry| entry.algorithm == offered.algorithm().as_str();
        match self.keys.iter().find(of_type).or_else(|| self.keys.first()) {
            Some(entry) => Judgement::Changed { line: entry.line, algorithm: entry.algorithm.clone() },
            None => Judgement::Unknown,
        }
    }

    /// The host key algorithms to ask for, best first: those of the known keys, then the others (as ssh's order_hostkeyalgs does).
    /// RSA with SHA-1 is never asked for.
    pub(super) fn algorithms(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        let is_known = |algorithm: &&Algorithm| {
            self.keys.iter().filter_map(|entry| entry.key.as_ref()).any(|key| same_type(&key.algorithm(), algorithm))
        };
        let safe = || all.iter().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None }));
        safe().filter(is_known).chain(safe().filter(|algorithm| !is_known(algorithm))).cloned().collect()
    }
}

/// Whether two algorithms use the same type of key: all of RSA's do.
fn same_type(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// The name under which known_hosts files a host.
pub(super) fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// `SHA256:…`, as `ssh-keygen -lf` prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Appends a host's key. The file and its directory are made where they are missing, for their owner alone; a line goes out in
/// one write to a file opened for appending, so that several at once do not tear each other's lines.
///
/// # Errors
/// What the system says.
pub(super) fn remember(file: &Path, host: &str, port: u16, key: &PublicKey) -> io::Result<()> {
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut line = format!("{} {} {}\n", name_of(host, port), key.algorithm().as_str(), key.public_key_base64());
    if !ends_with_a_line_end(&mut file)? {
        line.insert(0, '\n');
    }
    file.write_all(line.as_bytes())?;
    file.sync_data()
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
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None if pattern.starts_with("|1|") => found |= hashed(pattern, name),
            None => found |= glob(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `|1|salt|hash`: the HMAC-SHA1 of the name, keyed with the salt, both in base64.
fn hashed(pattern: &str, name: &str) -> bool {
    let Ok(HostPatterns::HashedName { salt, hash }) = pattern.parse() else { return false };
    Hmac::<Sha1>::new_from_slice(&salt).is_ok_and(|mac| mac.chain_update(name).verify_slice(&hash).is_ok())
}

/// `*` for any letters and `?` for one. Linear: it never goes back further than to the last `*`.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
#[path = "known_hosts/tests.rs"]
mod tests;
