//! Stands between the host and us: judges the host's key before any credential is sent, and turns away whatever the host asks for.

use std::{
    fmt::Display,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use russh::{
    Channel, ChannelOpenFailure,
    client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session},
    keys::{Algorithm, PublicKey, PublicKeyOrCertificate},
};

use super::known_hosts::{Judgement, Known, fingerprint, name_of, remember};
use crate::{
    config::{self, HostKeys},
    error::{Error, Kind, Result},
    lower::quote,
    transport::lines::clean,
};

/// Judges the host's keys, on each key exchange of one connection.
pub(super) struct Guard {
    host: String,
    port: u16,
    file: PathBuf,
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
    fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// A new connection begins: what ended the last one is history.
    pub(super) fn begin(&self) {
        *self.farewell.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn end(&self, why: impl Display) {
        *self.farewell.lock().unwrap_or_else(PoisonError::into_inner) = Some(clean(&why.to_string()));
    }

    /// Why the connection ended, where anyone said so.
    pub(super) fn farewell(&self) -> Option<String> {
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

enum Trust {
    /// Only the key with this fingerprint; known_hosts has no say.
    Pinned(String),
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
            Some(pin) => Trust::Pinned(pin.trim_end_matches('=').to_owned()),
            None => Trust::Known(Known::read(&ssh.known_hosts, host, ssh.port)?, ssh.host_keys),
        };
        Ok(Self { host: host.to_owned(), port: ssh.port, file: ssh.known_hosts.clone(), trust, accepted: None, told })
    }

    /// The host key algorithms to ask for, best first.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let all = russh::Preferred::DEFAULT.key;
        match &self.trust {
            Trust::Known(known, _) => known.algorithms(&all),
            Trust::Pinned(_) => {
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
            Trust::Pinned(pin) if *pin == fingerprint(offered) => return self.accept(offered),
            Trust::Pinned(pin) => {
                let error = self.refuse(offered, &format!("it is not the host_key of the cluster file, {pin}"));
                return Err(error.hint(format!(
                    "if the host was made anew, write host_key = \"{}\" in the cluster file",
                    fingerprint(offered)
                )));
            }
            Trust::Known(known, mode) => (known, *mode),
        };
        let place = |line| format!("{}:{line}", self.file.display());
        match known.judge(offered) {
            Judgement::Same => self.accept(offered),
            Judgement::Changed { line, algorithm } => {
                let error = self.refuse(offered, &format!("{} has another {algorithm} key for it", place(line)));
                Err(error.hint(format!("if the host was made anew: {}", self.forget())))
            }
            Judgement::Revoked { line } => Err(self.refuse(offered, &format!("that key is revoked by {}", place(line)))),
            Judgement::Unknown if mode == HostKeys::AcceptNew => {
                remember(&self.file, &self.host, self.port, offered).map_err(|error| {
                    Error::new(
                        Kind::HostKey,
                        format!("the key of {} can not be remembered in {}", self.host, self.file.display()),
                    )
                    .because(error)
                })?;
                self.told.note(format!(
                    "accepted the {} host key of {}, {}, and remembered it in {}",
                    offered.algorithm(),
                    name_of(&self.host, self.port),
                    fingerprint(offered),
                    self.file.display()
                ));
                self.accept(offered)
            }
            Judgement::Unknown => {
                Err(self.refuse(offered, &format!("{} does not know this host", self.file.display())).hint(format!(
                    "if that fingerprint is right: --accept-new-host-keys, or host_key = \"{}\" in the cluster file",
                    fingerprint(offered)
                )))
            }
        }
    }

    fn accept(&mut self, key: &PublicKey) -> Result<()> {
        self.accepted = Some(key.clone());
        Ok(())
    }

    fn refuse(&self, offered: &PublicKey, why: &str) -> Error {
        let what =
            format!("{} offers the {} host key {}", name_of(&self.host, self.port), offered.algorithm(), fingerprint(offered));
        Error::new(Kind::HostKey, format!("{what}, but {why}"))
    }

    /// The command that makes known_hosts forget this host.
    fn forget(&self) -> String {
        format!("ssh-keygen -R {} -f {}", quote(&name_of(&self.host, self.port)), quote(&self.file.display().to_string()))
    }
}

impl Handler for Guard {
    type Error = Refusal;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.check(key).map(|()| true).map_err(Refusal::Ours),
            // Never asked for, so no honest host sends one.
            PublicKeyOrCertificate::Certificate(_) => Ok(false),
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Refusal>) -> Result<(), Refusal> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => self.told.end(info.message),
            DisconnectReason::Error(Refusal::Russh(error)) => self.told.end(error),
            DisconnectReason::Error(Refusal::Ours(error)) => self.told.end(error),
        }
        Ok(())
    }

    // A host has no business with channels of its own making; russh would accept each of them by default.

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        turn_away(reply).await
    }
}

async fn turn_away(reply: ChannelOpenHandle) -> Result<(), Refusal> {
    reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
    Ok(())
}
