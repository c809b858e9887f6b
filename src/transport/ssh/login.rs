//! Logs in: keys of files and of the agent, then a password, in that order and each once.

use std::{collections::HashSet, future::Future, io, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use russh::{
    AgentAuthError, MethodKind, MethodSet,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Interactive},
    keys::{
        Algorithm, HashAlg,
        agent::{AgentIdentity, client::AgentClient},
    },
};
use tokio::net::UnixStream;

use super::{
    Target,
    deadline::{Deadline, ask},
    guard::Guard,
    key_file::{FileSigner, KeyFile, NoSignature, shorten},
    known_hosts::fingerprint,
};
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    transport::lines::clean,
};

/// How often a mistyped password may be mended. sshd itself gives up after six tries of any kind (MaxAuthTries).
const TRIES: usize = 3;

/// Questions of one keyboard-interactive exchange; a host that asks more plays games.
const ROUNDS: usize = 8;

type Agent = AgentClient<UnixStream>;

/// One login on one connection.
pub(super) struct LogIn<'a> {
    target: &'a Target,
    handle: &'a mut Handle<Guard>,
    deadline: &'a Deadline,
    /// What the host refused, in the words of a message.
    tried: Vec<String>,
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

    async fn keys(&mut self) -> Result<Try> {
        let (mut agent, identities) = self.agent().await?;
        let named = !self.target.ssh.keys.is_empty();
        if named {
            for file in &self.target.keys {
                // A key that the agent has open needs no passphrase.
                let held = identities
                    .iter()
                    .find(|identity| file.is_locked() && identity.public_key().key_data() == file.public.key_data());
                let outcome = match (held, agent.as_mut()) {
                    (Some(identity), Some(agent)) => self.agent_key(agent, identity).await?,
                    _ => self.file_key(file).await?,
                };
                if outcome == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        if let Some(agent) = agent.as_mut().filter(|_| !named || self.target.ssh.agent == Some(true)) {
            for identity in &identities {
                if self.agent_key(agent, identity).await? == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        if !named {
            for file in &self.target.keys {
                if self.file_key(file).await? == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        Ok(Try::Refused)
    }

    /// The agent and its keys, where one is wanted and there.
    async fn agent(&mut self) -> Result<(Option<Agent>, Vec<AgentIdentity>)> {
        let demanded = self.target.ssh.agent == Some(true);
        let useful = self.target.ssh.keys.is_empty() || self.target.keys.iter().any(KeyFile::is_locked);
        if !demanded && (self.target.ssh.agent == Some(false) || !useful) {
            return Ok((None, Vec::new()));
        }
        let binding = self.handle.agent_session_binding().cloned();
        let listing = async {
            let mut agent = Agent::connect_env().await?;
            if let Some(binding) = binding {
                // For keys that may be used towards some hosts alone; an agent that does not know the extension says no to it.
                let _ = agent.bind_session(&binding, false).await;
            }
            let identities = agent.request_identities().await?;
            Ok::<_, russh::keys::Error>((agent, identities))
        };
        match self.deadline.bound(listing).await {
            Some(Ok((agent, identities))) => Ok((Some(agent), identities)),
            Some(Err(error)) if demanded => {
                Err(Error::new(Kind::Authentication, "ssh-agent does not answer").because(error).hint("ssh-add -l"))
            }
            None if demanded => Err(Error::new(Kind::Authentication, "ssh-agent does not answer in time").hint("ssh-add -l")),
            Some(Err(_)) | None => Ok((None, Vec::new())),
        }
    }

    async fn file_key(&mut self, file: &KeyFile) -> Result<Try> {
        let what = format!("key {}", shorten(&file.path));
        if !self.worth_trying(&fingerprint(&file.public)) {
            return Ok(Try::Refused);
        }
        let hash = self.hash_for(&file.public.algorithm()).await?;
        let mut signer = FileSigner { file, ask: &self.target.ask, deadline: self.deadline };
        let user = self.target.ssh.user.clone();
        let attempt = self.handle.authenticate_publickey_with(user, file.public.clone(), hash, &mut signer);
        match self.deadline.bound(attempt).await {
            None => Err(self.target.late("login")),
            Some(Ok(result)) => self.settle(&result, what).await,
            Some(Err(NoSignature::ConnectionLost)) => Err(self.hung_up()),
            Some(Err(NoSignature::Locked)) => self.note_refusal(format!("{what} (its passphrase was not given)")),
            Some(Err(NoSignature::Unusable)) => self.note_refusal(format!("{what} (it can not sign)")),
        }
    }

    async fn agent_key(&mut self, agent: &mut Agent, identity: &AgentIdentity) -> Result<Try> {
        let key = identity.public_key().into_owned();
        if !self.worth_trying(&fingerprint(&key)) {
            return Ok(Try::Refused);
        }
        let what = format!("ssh-agent's key {}", clean(identity.comment()));
        let hash = self.hash_for(&key.algorithm()).await?;
        let user = self.target.ssh.user.clone();
        let attempt = async {
            match identity {
                AgentIdentity::PublicKey { .. } => self.handle.authenticate_publickey_with(user, key, hash, agent).await,
                AgentIdentity::Certificate { certificate, .. } => {
                    self.handle.authenticate_certificate_with(user, certificate.clone(), hash, agent).await
                }
            }
        };
        match self.deadline.bound(attempt).await {
            None => Err(self.target.late("login")),
            Some(Ok(result)) => self.settle(&result, what).await,
            Some(Err(AgentAuthError::Send(_))) => Err(self.hung_up()),
            Some(Err(AgentAuthError::Key(_))) => self.note_refusal(format!("{what} (the agent did not sign)")),
        }
    }

    /// Whether the host takes keys, and has not seen this one yet.
    fn worth_trying(&mut self, fingerprint: &str) -> bool {
        let taken = self.methods.as_ref().is_none_or(|methods| methods.contains(&MethodKind::PublicKey));
        taken && self.tried_keys.insert(fingerprint.to_owned())
    }

    /// The hash that an RSA key signs with: the best that the host knows. SHA-1 is not on offer, whatever the host says.
    async fn hash_for(&mut self, algorithm: &Algorithm) -> Result<Option<HashAlg>> {
        if !algorithm.clone().is_rsa() {
            return Ok(None);
        }
        if self.rsa_hash.is_none() {
            let best = self.wait(self.handle.best_supported_rsa_hash()).await?;
            self.rsa_hash = best.flatten().or(Some(HashAlg::Sha512));
        }
        Ok(self.rsa_hash)
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

    async fn password(&mut self) -> Result<Try> {
        if self.password_method().is_none() {
            return Ok(Try::Refused);
        }
        if let Some(file) = &self.target.ssh.password_file {
            return self.give(read_password(file)?, "the password of its file").await;
        }
        // A reconnect asks nobody: what let us in before does so again, or nothing does.
        let mut remembered = self.target.password.lock().await;
        if let Some(password) = remembered.clone() {
            return self.give(password, "the password").await;
        }
        let prompt = format!("Password of {}: ", self.target.who);
        for attempt in 0..TRIES {
            let prompt = if attempt == 0 { prompt.clone() } else { format!("That was not it. {prompt}") };
            let answer = self.deadline.off_the_clock(ask(&self.target.ask, prompt)).await.filter(|answer| !answer.is_empty());
            let Some(password) = answer else { break };
            if self.give(password.clone(), "a password").await? == Try::In {
                *remembered = Some(password);
                return Ok(Try::In);
            }
        }
        Ok(Try::Refused)
    }

    fn password_method(&self) -> Option<MethodKind> {
        let methods = self.methods.as_ref()?;
        [MethodKind::Password, MethodKind::KeyboardInteractive].into_iter().find(|method| methods.contains(method))
    }

    async fn give(&mut self, password: String, what: &str) -> Result<Try> {
        let user = self.target.ssh.user.clone();
        match self.password_method() {
            None => Ok(Try::Refused),
            Some(MethodKind::Password) => {
                let attempt = self.handle.authenticate_password(user, password);
                let result = wait(self.deadline, self.target, attempt).await?;
                self.settle(&result, what.to_owned()).await
            }
            Some(_) => {
                let result = self.interact(user, &password).await?;
                self.settle(&result, format!("{what} (keyboard-interactive)")).await
            }
        }
    }

    /// Keyboard-interactive, as PAM speaks it: each question that hides its answer is for the password.
    async fn interact(&mut self, user: String, password: &str) -> Result<AuthResult> {
        let start = self.handle.authenticate_keyboard_interactive_start(user, None::<String>);
        let mut reply = wait(self.deadline, self.target, start).await?;
        for _ in 0..ROUNDS {
            let answers = match reply {
                Interactive::Success => return Ok(AuthResult::Success),
                Interactive::Failure { remaining_methods, partial_success } => {
                    return Ok(AuthResult::Failure { remaining_methods, partial_success });
                }
                Interactive::InfoRequest { prompts, .. } => {
                    prompts.iter().map(|prompt| if prompt.echo { String::new() } else { password.to_owned() }).collect()
                }
            };
            let respond = self.handle.authenticate_keyboard_interactive_respond(answers);
            reply = wait(self.deadline, self.target, respond).await?;
        }
        Err(Error::new(Kind::Authentication, format!("{} asks more questions than slipway answers", self.target.who))
            .hint(self.target.try_it("")))
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
                "ssh-copy-id -p {} -i {} {}@{}",
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

/// The login password in a file: its first line.
///
/// # Errors
/// `NoFile` when it can not be read, `Authentication` when others than its owner may read it.
fn read_password(file: &Path) -> Result<String> {
    let shown = shorten(file);
    let unreadable = |error: io::Error| Error::new(Kind::NoFile, format!("password file {shown} can not be read")).because(error);
    let mode = std::fs::metadata(file).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::new(
            Kind::Authentication,
            format!("password file {shown} is open to others (mode {:03o})", mode & 0o777),
        )
        .hint(format!("chmod 600 {}", quote(&file.display().to_string()))));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
