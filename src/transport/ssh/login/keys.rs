//! Logs in with keys, of files and of the agent.

use std::{io, path::Path, time::Duration};

use russh::{
    AgentAuthError, MethodKind, Signer,
    client::AuthResult,
    keys::{
        Algorithm, Certificate, HashAlg,
        agent::{AgentIdentity, client::AgentClient},
    },
};
use tokio::net::UnixStream;

use super::{LogIn, Try};
use crate::{
    error::{Error, Kind, Result},
    transport::{
        lines::clean,
        ssh::{
            deadline::Deadline,
            key_file::{FileSigner, KeyFile, NoSignature, shorten},
            known_hosts::fingerprint,
        },
    },
};

type Agent = AgentClient<UnixStream>;

/// How long an agent may take over a signature: it may ask a person for a PIN (pinentry), for leave (ssh-add -c), or for a touch.
const SIGNING: Duration = Duration::from_secs(120);

/// How long an agent that has too many callers is left alone.
const FULL_AGENT: Duration = Duration::from_millis(50);

/// Signs with a key of the agent, while the host's clock stands still.
struct AgentSigner<'a> {
    agent: &'a mut Agent,
    deadline: &'a Deadline,
}

/// Why the agent gave no signature.
enum NoAnswer {
    Late,
    Agent(AgentAuthError),
}

impl From<russh::SendError> for NoAnswer {
    fn from(error: russh::SendError) -> Self {
        Self::Agent(error.into())
    }
}

impl Signer for AgentSigner<'_> {
    type Error = NoAnswer;

    async fn auth_sign(&mut self, key: &AgentIdentity, hash: Option<HashAlg>, data: Vec<u8>) -> Result<Vec<u8>, NoAnswer> {
        let signing = tokio::time::timeout(SIGNING, self.agent.auth_sign(key, hash, data));
        self.deadline.off_the_clock(signing).await.map_err(|_| NoAnswer::Late)?.map_err(NoAnswer::Agent)
    }
}

impl LogIn<'_> {
    pub(super) async fn keys(&mut self) -> Result<Try> {
        let (mut agent, identities) = self.agent().await?;
        let ssh = &self.target.ssh;
        let named = !ssh.keys.is_empty();
        if named {
            for file in &self.target.keys {
                if self.held_or_file_key(agent.as_mut(), &identities, file).await? == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        if let Some(agent) = agent.as_mut().filter(|_| !ssh.only_keys) {
            for identity in &identities {
                if self.agent_key(agent, identity).await? == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        if !named {
            for file in &self.target.keys {
                if self.held_or_file_key(agent.as_mut(), &identities, file).await? == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        Ok(Try::Refused)
    }

    /// A key that the agent has open needs no passphrase: it goes first, with the certificates that the agent has for it.
    async fn held_or_file_key(&mut self, agent: Option<&mut Agent>, identities: &[AgentIdentity], file: &KeyFile) -> Result<Try> {
        let held = |identity: &&AgentIdentity| file.is_locked() && identity.public_key().key_data() == file.public.key_data();
        let mut is_held = false;
        if let Some(agent) = agent {
            for identity in identities.iter().filter(held) {
                is_held = true;
                if self.agent_key(agent, identity).await? == Try::In {
                    return Ok(Try::In);
                }
            }
        }
        if is_held && file.is_elsewhere() { Ok(Try::Refused) } else { self.file_key(file).await }
    }

    /// The agent and its keys, where one is wanted and there.
    async fn agent(&mut self) -> Result<(Option<Agent>, Vec<AgentIdentity>)> {
        let ssh = &self.target.ssh;
        let demanded = ssh.agent == Some(true);
        let useful = !ssh.only_keys || self.target.keys.iter().any(KeyFile::is_locked);
        if !demanded && (ssh.agent == Some(false) || !useful) {
            return Ok((None, Vec::new()));
        }
        let binding = self.handle.agent_session_binding().cloned();
        let listing = async {
            let mut agent = connected(ssh.agent_socket.as_deref()).await?;
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
        if file.is_elsewhere() {
            return self.note_refusal(format!("{what} (ssh-agent does not hold its private half)"));
        }
        let certificate = file.certificate.as_ref().filter(|certificate| self.worth_trying(id_of_certificate(certificate)));
        let is_new = self.worth_trying(fingerprint(&file.public));
        if certificate.is_none() && !is_new {
            return Ok(Try::Refused);
        }
        let hash = self.hash_for(&file.public.algorithm()).await?;
        let mut signer = FileSigner {
            file,
            passphrase: self.target.ssh.passphrase_file.as_deref(),
            ask: &self.target.ask,
            deadline: self.deadline,
        };
        let user = self.target.ssh.user.as_str();
        if let Some(certificate) = certificate {
            let attempt = self.handle.authenticate_certificate_with(user, certificate.clone(), hash, &mut signer);
            let signed = self.deadline.bound(attempt).await;
            if self.judge(signed, format!("certificate {}-cert.pub", shorten(&file.path))).await? == Try::In {
                return Ok(Try::In);
            }
        }
        if !is_new {
            return Ok(Try::Refused);
        }
        let attempt = self.handle.authenticate_publickey_with(user, file.public.clone(), hash, &mut signer);
        let signed = self.deadline.bound(attempt).await;
        self.judge(signed, what).await
    }

    /// Notes what came of a try with a key file, or None where it took too long.
    async fn judge(&mut self, signed: Option<Result<AuthResult, NoSignature>>, what: String) -> Result<Try> {
        match signed {
            None => Err(self.target.late("login")),
            Some(Ok(result)) => self.settle(&result, what).await,
            Some(Err(NoSignature::ConnectionLost)) => Err(self.hung_up()),
            Some(Err(NoSignature::Locked)) => self.note_refusal(format!("{what} (its passphrase was not given)")),
            Some(Err(NoSignature::Wrong)) => self.note_refusal(format!("{what} (the passphrase that was given is not its own)")),
            Some(Err(NoSignature::Refused(error))) => Err(error),
            Some(Err(NoSignature::Unusable)) => self.note_refusal(format!("{what} (it can not sign)")),
        }
    }

    async fn agent_key(&mut self, agent: &mut Agent, identity: &AgentIdentity) -> Result<Try> {
        let key = identity.public_key().into_owned();
        let (id, kind) = match identity {
            AgentIdentity::PublicKey { .. } => (fingerprint(&key), "key"),
            AgentIdentity::Certificate { certificate, .. } => (id_of_certificate(certificate), "certificate"),
        };
        if !self.worth_trying(id) {
            return Ok(Try::Refused);
        }
        let name = format!("{kind} {}", clean(identity.comment()));
        let what = format!("ssh-agent's {name}");
        let hash = self.hash_for(&key.algorithm()).await?;
        let user = self.target.ssh.user.clone();
        let mut signer = AgentSigner { agent, deadline: self.deadline };
        let attempt = async {
            match identity {
                AgentIdentity::PublicKey { .. } => self.handle.authenticate_publickey_with(user, key, hash, &mut signer).await,
                AgentIdentity::Certificate { certificate, .. } => {
                    self.handle.authenticate_certificate_with(user, certificate.clone(), hash, &mut signer).await
                }
            }
        };
        match self.deadline.bound(attempt).await {
            None => Err(self.target.late("login")),
            Some(Ok(result)) => self.settle(&result, what).await,
            Some(Err(NoAnswer::Late)) => {
                let what = format!("ssh-agent gave no signature with the {name} within {} s", SIGNING.as_secs());
                let hint = "it may wait for you: look for the window that asks for a PIN or for leave, or touch the security key";
                Err(Error::new(Kind::Authentication, what).hint(hint))
            }
            Some(Err(NoAnswer::Agent(AgentAuthError::Send(_)))) => Err(self.hung_up()),
            Some(Err(NoAnswer::Agent(AgentAuthError::Key(_)))) => self.note_refusal(format!("{what} (the agent did not sign)")),
        }
    }

    /// Whether the host takes keys, and has not seen this one yet: a key or a certificate, which has the fingerprint of its key.
    fn worth_trying(&mut self, id: String) -> bool {
        let taken = self.methods.as_ref().is_none_or(|methods| methods.contains(&MethodKind::PublicKey));
        taken && self.tried_keys.insert(id)
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
}

/// A connection to the agent; `socket` is where it listens, if not where the environment says. It takes 128 callers at a time, and what the
/// system then says to others is to come again (EAGAIN of connect(2)): that is no agent that does not answer.
async fn connected(socket: Option<&Path>) -> Result<Agent, russh::keys::Error> {
    loop {
        let connected = match socket {
            Some(socket) => Agent::connect_uds(socket).await,
            None => Agent::connect_env().await,
        };
        match connected {
            Err(russh::keys::Error::IO(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(FULL_AGENT).await
            }
            connected => return connected,
        }
    }
}

/// What a certificate is known by among what was tried: all of it but the comment, which a file has and the agent has not.
fn id_of_certificate(certificate: &Certificate) -> String {
    let text = certificate.to_openssh().unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
