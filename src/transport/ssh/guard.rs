//! Stands between the host and us: judges the host's key before any credential is sent, and turns away whatever the host asks for.

mod handler;

use std::{
    fmt::Display,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use russh::keys::{Algorithm, Certificate, PublicKey};

use super::known_hosts::{Judgement, Known, Place, Vouched, fingerprint, name_of, remember};
use crate::{
    config::{self, HostKeys},
    error::{Error, Kind, Result},
    lower::quote,
    transport::lines::{clean, words},
};

/// Judges the host's keys, on each key exchange of one connection.
pub(super) struct Guard {
    host: String,
    /// As known_hosts calls it.
    name: String,
    /// What certificates call it.
    principal: String,
    file: PathBuf,
    /// The command that makes known_hosts forget it.
    forget: String,
    /// The cluster file has a host_key for hosts alone.
    is_jump: bool,
    trust: Trust,
    /// The key that was accepted: a later key exchange on the same connection must show it again.
    accepted: Option<PublicKey>,
    pub(super) told: Told,
}

/// What the guard found out, for those who hold the connection.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// What a person should know.
    pub(super) notes: Arc<Mutex<Vec<String>>>,
    /// Why the connection ended, in the words of the host or of russh.
    farewell: Arc<Mutex<Option<String>>>,
}

impl Told {
    pub(super) fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// A new connection begins: what ended the last one is history.
    pub(super) fn begin(&self) {
        *self.farewell.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn end(&self, why: impl Display) {
        *self.farewell.lock().unwrap_or_else(PoisonError::into_inner) = Some(words(&why.to_string()));
    }

    /// Why the connection ended, where anyone said so.
    pub(super) fn farewell(&self) -> Option<String> {
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

enum Trust {
    /// Only the key with this fingerprint, if it is none of those that are revoked for all hosts; known_hosts has no say.
    Pinned(String, Known),
    Known(Known, HostKeys),
}

/// Why a connection ended: for our own reasons, or russh's.
#[derive(Debug)]
pub(super) enum Refusal {
    Ours(Error),
    Russh(russh::Error),
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Self::Russh(error)
    }
}

impl Guard {
    /// # Errors
    /// `HostKey`, when known_hosts can not be read.
    pub(super) fn new(host: &str, ssh: &config::Ssh, told: Told) -> Result<Self> {
        let trust = match &ssh.host_key {
            Some(pin) => Trust::Pinned(pin.trim_end_matches('=').to_owned(), Known::revoked(ssh)?),
            None => Trust::Known(Known::read(host, ssh)?, ssh.host_keys),
        };
        Ok(Self {
            host: host.to_owned(),
            name: name_of(host, ssh),
            principal: ssh.host_key_alias.clone().unwrap_or_else(|| host.to_ascii_lowercase()),
            file: ssh.known_hosts.clone(),
            forget: ssh.forget.clone(),
            is_jump: ssh.is_jump,
            trust,
            accepted: None,
            told,
        })
    }

    /// The algorithms of host certificates to ask for.
    pub(super) fn certificates(&self) -> Vec<Algorithm> {
        match &self.trust {
            Trust::Known(known, _) => known.certificates(&russh::Preferred::DEFAULT.key),
            Trust::Pinned(..) => Vec::new(),
        }
    }

    /// The host key algorithms to ask for, best first.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let all = russh::Preferred::DEFAULT.key;
        match &self.trust {
            Trust::Known(known, _) => known.algorithms(&all),
            Trust::Pinned(..) => {
                all.iter().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None })).cloned().collect()
            }
        }
    }

    fn check(&mut self, offered: &PublicKey) -> Result<()> {
        match &self.accepted {
            Some(key) if key.key_data() == offered.key_data() => return Ok(()),
            Some(_) => return Err(self.refuse(offered, "in the middle of the connection, the host shows another key")),
            None => {}
        }
        let (known, mode) = match &self.trust {
            Trust::Pinned(pin, revoked) if *pin == fingerprint(offered) => {
                return match revoked.judge(offered) {
                    Judgement::Revoked { place } => Err(self.revoked(offered, &place)),
                    _ => self.accept(offered),
                };
            }
            Trust::Pinned(pin, _) => {
                let error = self.refuse(offered, &format!("it is not the host_key of the cluster file, {pin}"));
                return Err(error.hint(format!(
                    "if the host was made anew, write host_key = \"{}\" in the cluster file",
                    fingerprint(offered)
                )));
            }
            Trust::Known(known, mode) => (known, *mode),
        };
        match known.judge(offered) {
            Judgement::Same => self.accept(offered),
            Judgement::Changed { place, algorithm } => {
                let error = self.refuse(offered, &format!("{} has another {algorithm} key for it", shown(&place)));
                Err(error.hint(format!("if the host was made anew: {}", self.forget(&place))))
            }
            Judgement::Revoked { place } => Err(self.revoked(offered, &place)),
            Judgement::Unknown if mode == HostKeys::AcceptNew => {
                remember(&self.file, &self.name, offered).map_err(|error| {
                    Error::new(
                        Kind::HostKey,
                        format!("the key of {} can not be remembered in {}", self.host, self.file.display()),
                    )
                    .because(error)
                })?;
                self.told.note(format!(
                    "accepted the {} host key of {}, {}, and remembered it in {}",
                    offered.algorithm(),
                    self.name,
                    fingerprint(offered),
                    self.file.display()
                ));
                self.accept(offered)
            }
            Judgement::Unknown => {
                let pin = match self.is_jump {
                    true => String::new(),
                    false => format!(", or host_key = \"{}\" in the cluster file", fingerprint(offered)),
                };
                Err(self
                    .refuse(offered, &format!("{} does not know this host", self.file.display()))
                    .hint(format!("if that fingerprint is right: --accept-new-host-keys{pin}")))
            }
        }
    }

    fn accept(&mut self, key: &PublicKey) -> Result<()> {
        self.accepted = Some(key.clone());
        Ok(())
    }

    fn refuse(&self, offered: &PublicKey, why: &str) -> Error {
        let what = format!("{} offers the {} host key {}", self.name, offered.algorithm(), fingerprint(offered));
        Error::new(Kind::HostKey, format!("{what}, but {why}"))
    }

    fn revoked(&self, offered: &PublicKey, place: &Place) -> Error {
        self.refuse(offered, &format!("that key is revoked by {}", shown(place)))
            .hint("whoever revoked it knows why; give the host a new key: rm /etc/ssh/ssh_host_*; ssh-keygen -A")
    }

    /// Judges a certificate; one that nobody vouches for is as good as its key.
    fn check_certificate(&mut self, certificate: &Certificate) -> Result<()> {
        let subject = PublicKey::from(certificate.public_key().clone());
        let Trust::Known(known, _) = &self.trust else { return self.check(&subject) };
        if self.accepted.is_some() {
            return self.check(&subject);
        }
        match known.judge_certificate(certificate, &self.principal) {
            Vouched::Yes => self.accept(&subject),
            Vouched::Revoked(place) => Err(self.revoked(&subject, &place)),
            // As ssh does, the key alone may still be a known one.
            _ if known.judge(&subject) == Judgement::Same => self.accept(&subject),
            Vouched::No(why) => Err(self
                .refuse(&subject, &format!("its certificate {:?} is no good: {why}", clean(certificate.key_id())))
                .hint("look at it on that host: for c in /etc/ssh/*-cert.pub; do ssh-keygen -Lf $c; done")),
            Vouched::Nobody => self.check(&subject),
        }
    }

    /// The command that makes known_hosts forget this host: slipway's own, where that one changes the file.
    fn forget(&self, place: &Place) -> String {
        match place.file == self.file && !self.forget.is_empty() {
            true => self.forget.clone(),
            false => format!("ssh-keygen -R {} -f {}", quote(&self.name), quote(&place.file.display().to_string())),
        }
    }
}

fn shown(place: &Place) -> String {
    format!("{}:{}", place.file.display(), place.line)
}
