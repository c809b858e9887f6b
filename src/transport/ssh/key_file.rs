//! Private key files: read once, and their passphrases asked for once in the life of the process, when a host wants the key.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::{
    Signer,
    keys::{
        Error as KeyError, HashAlg, PrivateKey, PublicKey, agent::AgentIdentity, decode_secret_key, load_public_key,
        signature::Signer as _, ssh_encoding::Encode, ssh_key::private::KeypairData,
    },
};

use super::deadline::{Deadline, ask};
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    transport::Ask,
};

/// How often a wrong passphrase may be mended.
const TRIES: usize = 3;

/// Keys that a passphrase has opened; None where a person had none. Eight hosts with one key ask once.
static OPENED: tokio::sync::Mutex<Option<HashMap<PathBuf, Option<Arc<PrivateKey>>>>> = tokio::sync::Mutex::const_new(None);

/// A private key in a file.
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    pub(super) public: PublicKey,
    secret: Secret,
}

enum Secret {
    Open(Arc<PrivateKey>),
    /// The text of the file.
    Locked(String),
}

impl KeyFile {
    /// Reads a key file in OpenSSH's or a PEM format.
    ///
    /// # Errors
    /// `NoFile` when it can not be read, `Authentication` when it is no private key that russh can use.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = shorten(path);
        let text = fs::read_to_string(path).map_err(|error| {
            Error::new(Kind::NoFile, format!("key {shown} can not be read")).because(error).hint("ls -l ~/.ssh")
        })?;
        let (secret, public) = match decode_secret_key(&text, None) {
            Ok(key) => {
                let public = key.public_key().clone();
                (Secret::Open(Arc::new(key)), Ok(public))
            }
            Err(error) => {
                let public = locked_public_key(path, &text, error);
                (Secret::Locked(text), public)
            }
        };
        let public = public.map_err(|error| {
            Error::new(Kind::Authentication, format!("{shown} is no private key that can be used here"))
                .because(error)
                .hint(format!("ssh-keygen -y -f {}", quote(&path.display().to_string())))
        })?;
        Ok(Self { path: path.to_owned(), public, secret })
    }

    pub(super) fn is_locked(&self) -> bool {
        matches!(self.secret, Secret::Locked(_))
    }

    /// The private key; asks for its passphrase if it has one. None when nobody knows it.
    async fn unlock(&self, asker: &Ask, deadline: &Deadline) -> Option<Arc<PrivateKey>> {
        let text = match &self.secret {
            Secret::Open(key) => return Some(Arc::clone(key)),
            Secret::Locked(text) => text,
        };
        deadline
            .off_the_clock(async {
                let mut opened = OPENED.lock().await;
                let opened = opened.get_or_insert_default();
                if let Some(known) = opened.get(&self.path) {
                    return known.clone();
                }
                let mut prompt = format!("Passphrase for {}: ", shorten(&self.path));
                let mut key = None;
                for _ in 0..TRIES {
                    let Some(passphrase) = ask(asker, prompt.clone()).await.filter(|answer| !answer.is_empty()) else { break };
                    key = decode(text.clone(), passphrase).await;
                    if key.is_some() {
                        break;
                    }
                    prompt = format!("That was not it. Passphrase for {}: ", shorten(&self.path));
                }
                opened.insert(self.path.clone(), key.clone());
                key
            })
            .await
    }
}

/// Deriving a key from a passphrase takes a good part of a second, by design: not on a thread that serves connections.
async fn decode(text: String, passphrase: String) -> Option<Arc<PrivateKey>> {
    tokio::task::spawn_blocking(move || decode_secret_key(&text, Some(&passphrase)).ok().map(Arc::new)).await.ok().flatten()
}

/// The public half of a key that needs a passphrase: OpenSSH's format holds it in the clear, PEM has it in the `.pub` beside.
fn locked_public_key(path: &Path, text: &str, error: KeyError) -> Result<PublicKey, KeyError> {
    if let Ok(key) = PrivateKey::from_openssh(text)
        && key.is_encrypted()
    {
        return Ok(key.public_key().clone());
    }
    if text.contains("ENCRYPTED") {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".pub");
        return load_public_key(PathBuf::from(beside));
    }
    Err(error)
}

/// Signs with a key file, and asks for its passphrase only when a host has said that it takes the key.
pub(super) struct FileSigner<'a> {
    pub(super) file: &'a KeyFile,
    pub(super) ask: &'a Ask,
    pub(super) deadline: &'a Deadline,
}

/// Why a key file gave no signature.
#[derive(Debug)]
pub(super) enum NoSignature {
    Locked,
    Unusable,
    ConnectionLost,
}

impl From<russh::SendError> for NoSignature {
    fn from(_: russh::SendError) -> Self {
        Self::ConnectionLost
    }
}

impl Signer for FileSigner<'_> {
    type Error = NoSignature;

    async fn auth_sign(&mut self, _: &AgentIdentity, hash: Option<HashAlg>, mut data: Vec<u8>) -> Result<Vec<u8>, NoSignature> {
        let key = self.file.unlock(self.ask, self.deadline).await.ok_or(NoSignature::Locked)?;
        let signature = match key.key_data() {
            KeypairData::Rsa(key) => (key, hash).try_sign(&data),
            key => key.try_sign(&data),
        };
        // RFC 4252, section 7: the signature goes behind what was signed, as one string.
        let encoded = signature.ok().and_then(|signature| {
            let mut bytes = Vec::new();
            signature.encode(&mut bytes).ok().map(|()| bytes)
        });
        encoded.ok_or(NoSignature::Unusable)?.encode(&mut data).map_err(|_| NoSignature::Unusable)?;
        Ok(data)
    }
}

/// A path as a person writes it: with `~` for the home directory.
pub(super) fn shorten(path: &Path) -> String {
    match std::env::home_dir().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
