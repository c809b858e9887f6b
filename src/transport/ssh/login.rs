//! Logs in: keys of files and of the agent, then a password, in that order and each once.

mod keys;
mod password;

use std::{collections::HashSet, future::Future, time::Duration};

use russh::{
    MethodSet,
    client::{AuthResult, Handle},
    keys::HashAlg,
};

use super::{deadline::Deadline, guard::Guard, target::Target};
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
};

/// One login on one connection.
pub(super) struct LogIn<'a> {
    target: &'a Target,
    handle: &'a mut Handle<Guard>,
    deadline: &'a Deadline,
    /// What the host refused, in the words of a message.
    tried: Vec<String>,
    /// The fingerprints of keys, and the certificates, that the host has seen.
    tried_keys: HashSet<String>,
    /// What the host still takes, as far as it has said so.
    methods: Option<MethodSet>,
    rsa_hash: Option<HashAlg>,
}

/// How far a try got.
#[derive(PartialEq, Eq)]
enum Try {
    In,
    Refused,
}

impl<'a> LogIn<'a> {
    pub(super) fn new(target: &'a Target, handle: &'a mut Handle<Guard>, deadline: &'a Deadline) -> Self {
        Self { target, handle, deadline, tried: Vec::new(), tried_keys: HashSet::new(), methods: None, rsa_hash: None }
    }

    /// # Errors
    /// `Authentication` when the host refuses all there is; `Unreachable` when it hangs up or takes too long.
    pub(super) async fn run(mut self) -> Result<()> {
        if self.keys().await? == Try::In || self.methods.is_none() && self.nothing().await? == Try::In {
            return Ok(());
        }
        if self.password().await? == Try::In {
            return Ok(());
        }
        Err(self.denied())
    }

    /// Asks the host what it takes, where there was no key to ask with. A host may let us in at that.
    async fn nothing(&mut self) -> Result<Try> {
        let user = self.target.ssh.user.clone();
        match self.deadline.bound(self.handle.authenticate_none(user)).await {
            None => Err(self.target.late("login")),
            Some(Err(_)) => Err(self.hung_up()),
            Some(Ok(AuthResult::Success)) => Ok(Try::In),
            Some(Ok(AuthResult::Failure { remaining_methods, .. })) if remaining_methods.is_empty() => {
                Err(self.no_methods_left().await)
            }
            Some(Ok(AuthResult::Failure { remaining_methods, .. })) => {
                self.methods = Some(remaining_methods);
                Ok(Try::Refused)
            }
        }
    }

    async fn wait<T>(&self, attempt: impl Future<Output = Result<T, russh::Error>>) -> Result<T> {
        wait(self.deadline, self.target, attempt).await
    }

    /// Notes what came of a try.
    async fn settle(&mut self, result: &AuthResult, what: String) -> Result<Try> {
        match result {
            AuthResult::Success => Ok(Try::In),
            AuthResult::Failure { remaining_methods, .. } if remaining_methods.is_empty() => {
                self.tried.push(what);
                Err(self.no_methods_left().await)
            }
            AuthResult::Failure { remaining_methods, partial_success } => {
                self.methods = Some(remaining_methods.clone());
                self.note_refusal(if *partial_success { format!("{what} (taken, but not enough)") } else { what })
            }
        }
    }

    /// russh reports a lost connection as a refusal that leaves no methods, and hangs up on a host that does refuse in that way.
    async fn no_methods_left(&self) -> Error {
        for _ in 0..50 {
            if self.target.told.farewell().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.hung_up()
    }

    fn note_refusal(&mut self, what: String) -> Result<Try> {
        self.tried.push(what);
        Ok(Try::Refused)
    }

    /// The host hung up in the middle of the login: because it had enough of us, or for reasons of its own.
    fn hung_up(&self) -> Error {
        let farewell = self.target.told.farewell();
        if farewell.as_ref().is_some_and(|text| *text == russh::Error::NoAuthMethod.to_string()) {
            return self.denied();
        }
        if farewell.as_ref().is_some_and(|text| text.contains("Too many authentication failures")) {
            return Error::new(
                Kind::Authentication,
                format!("{} gave up after too many tries: {}", self.target.who, tries(&self.tried)),
            )
            .hint("name the one right key under [ssh]: key = \"~/.ssh/id_ed25519\"");
        }
        self.target.hung_up("in the middle of the login", farewell)
    }

    fn denied(&self) -> Error {
        let methods = self.methods.iter().flat_map(|methods| methods.iter()).map(String::from).collect::<Vec<_>>().join(",");
        let methods = if methods.is_empty() { "nothing more" } else { &methods };
        let what = format!("permission denied for {}: tried {}; the host accepts {methods}", self.target.who, tries(&self.tried));
        let error = Error::new(Kind::Authentication, what);
        match self.target.keys.first() {
            Some(file) if methods.contains("password") || methods.contains("keyboard") => error.hint(format!(
                "ssh-copy-id {}-p {} -i {} {}@{}",
                match self.target.way.as_str() {
                    "" => String::new(),
                    way => format!("-o {} ", quote(&format!("ProxyJump={way}"))),
                },
                self.target.ssh.port,
                quote(&file.path.display().to_string()),
                quote(&self.target.ssh.user),
                quote(&self.target.address)
            )),
            Some(file) => error.hint(self.target.try_it(&format!("-v -i {} ", quote(&file.path.display().to_string())))),
            None => error.hint("name a private key under [ssh]: key = \"~/.ssh/id_ed25519\""),
        }
    }
}

async fn wait<T>(deadline: &Deadline, target: &Target, attempt: impl Future<Output = Result<T, russh::Error>>) -> Result<T> {
    match deadline.bound(attempt).await {
        None => Err(target.late("login")),
        Some(Ok(output)) => Ok(output),
        Some(Err(error)) => Err(target.hung_up("in the middle of the login", target.told.farewell().or(Some(error.to_string())))),
    }
}

fn tries(tried: &[String]) -> String {
    if tried.is_empty() { "nothing, for want of a key or a password".into() } else { tried.join(", ") }
}
