//! Key files: read once, and their passphrases asked for once in the life of the process, when a host wants the key.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::{
    Signer,
    keys::{
        Certificate, Error as KeyError, HashAlg, PrivateKey, PublicKey, agent::AgentIdentity, decode_secret_key,
        load_openssh_certificate, load_public_key, signature::Signer as _, ssh_encoding::Encode, ssh_key::private::KeypairData,
    },
};

use super::deadline::Deadline;
use crate::{
    config,
    error::{Error, Kind, Result},
    lower::quote,
    transport::{Ask, secret},
};

/// Tried where no key is named, in this order.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// How often a wrong passphrase may be mended.
const TRIES: usize = 3;

/// Keys that a passphrase has opened, or why none has. Eight hosts with one key ask once.
static OPENED: tokio::sync::Mutex<Option<HashMap<PathBuf, Unlocked>>> = tokio::sync::Mutex::const_new(None);

type Unlocked = Result<Arc<PrivateKey>, Shut>;

/// Why a key stays shut.
#[derive(Clone, Copy)]
enum Shut {
    /// Nobody gave its passphrase.
    Locked,
    /// The passphrase that was laid down is another one's.
    Wrong,
}

/// A key in a file.
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    pub(super) public: PublicKey,
    /// The certificate that lies beside it, as ssh finds it: `id_ed25519-cert.pub`.
    pub(super) certificate: Option<Certificate>,
    secret: Secret,
}

enum Secret {
    Open(Arc<PrivateKey>),
    /// The text of the file.
    Locked(String),
    /// The file has the public half alone: ssh-agent may hold the other.
    Elsewhere,
}

/// The keys that are named, or else those in ~/.ssh that are there and can be used. `note` is told of those of the ssh configuration
/// that can not be used.
///
/// # Errors
/// As [`KeyFile::read`], for keys that the cluster file names.
pub(super) fn key_files(ssh: &config::Ssh, note: impl Fn(String)) -> Result<Vec<KeyFile>> {
    if ssh.no_keys {
        return Ok(Vec::new());
    }
    if ssh.keys.is_empty() {
        let home = std::env::home_dir().unwrap_or_default();
        return Ok(USUAL.iter().filter_map(|name| KeyFile::read(&home.join(".ssh").join(name)).ok()).collect());
    }
    let mut files = Vec::new();
    for path in &ssh.keys {
        let public = (ssh.agent != Some(false)).then(|| KeyFile::public_alone(path)).flatten();
        match public.map_or_else(|| KeyFile::read(path), Ok) {
            Err(error) if ssh.keys_may_be_missing && error.kind == Kind::NoFile && !path.exists() => {}
            Err(error) if ssh.keys_may_be_missing => note(format!("passed over: {error}")),
            read => files.push(read?),
        }
    }
    Ok(files)
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
        let certificate = load_openssh_certificate(PathBuf::from(format!("{}-cert.pub", path.display()))).ok();
        Ok(Self { path: path.to_owned(), public, certificate, secret })
    }

    /// The public half of a key, where that is all there is: named itself, or beside a private half that is not there.
    fn public_alone(path: &Path) -> Option<Self> {
        let beside = PathBuf::from(format!("{}.pub", path.display()));
        let file = if path.exists() { path } else { &beside };
        let public = PublicKey::from_openssh(&fs::read_to_string(file).ok()?).ok()?;
        Some(Self { path: path.to_owned(), public, certificate: None, secret: Secret::Elsewhere })
    }

    /// Whether the agent would spare somebody a question, or is needed at all.
    pub(super) fn is_locked(&self) -> bool {
        !matches!(self.secret, Secret::Open(_))
    }

    /// Whether only the agent can sign with it.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.secret, Secret::Elsewhere)
    }

    /// The private key; opens it with the passphrase that was laid down, or asks for it.
    async fn unlock(&self, passphrase: Option<&Path>, asker: &Ask, deadline: &Deadline) -> Result<Arc<PrivateKey>, NoSignature> {
        let text = match &self.secret {
            Secret::Open(key) => return Ok(Arc::clone(key)),
            Secret::Locked(text) => text,
            Secret::Elsewhere => return Err(NoSignature::Unusable),
        };
        let laid_down = secret::laid_down(passphrase, secret::PASSPHRASE, asker).map_err(NoSignature::Refused)?;
        let work = async {
            let mut opened = OPENED.lock().await;
            let opened = opened.get_or_insert_default();
            if let Some(known) = opened.get(&self.path) {
                return known.clone().map_err(NoSignature::from);
            }
            let mut key = None;
            let shut = if laid_down.is_some() { Shut::Wrong } else { Shut::Locked };
            if let Some(passphrase) = laid_down {
                key = decode(text.clone(), passphrase).await;
            }
            let mut prompt = format!("Passphrase for {}: ", shorten(&self.path));
            for _ in 0..TRIES {
                if key.is_some() {
                    break;
                }
                let Some(passphrase) = asker.ask(prompt.clone()).await else { break };
                key = decode(text.clone(), passphrase).await;
                prompt = format!("That was not it. Passphrase for {}: ", shorten(&self.path));
            }
            let key = key.ok_or(shut);
            opened.insert(self.path.clone(), key.clone());
            key.map_err(NoSignature::from)
        };
        deadline.off_the_clock(work).await
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
    /// The file that holds its passphrase.
    pub(super) passphrase: Option<&'a Path>,
    pub(super) ask: &'a Ask,
    pub(super) deadline: &'a Deadline,
}

/// Why a key file gave no signature.
#[derive(Debug)]
pub(super) enum NoSignature {
    /// Nobody gave its passphrase.
    Locked,
    /// The passphrase that was laid down is another one's.
    Wrong,
    /// The passphrase may not be read.
    Refused(Error),
    Unusable,
    ConnectionLost,
}

impl From<Shut> for NoSignature {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::Locked => Self::Locked,
            Shut::Wrong => Self::Wrong,
        }
    }
}

impl From<russh::SendError> for NoSignature {
    fn from(_: russh::SendError) -> Self {
        Self::ConnectionLost
    }
}

impl Signer for FileSigner<'_> {
    type Error = NoSignature;

    async fn auth_sign(&mut self, _: &AgentIdentity, hash: Option<HashAlg>, mut data: Vec<u8>) -> Result<Vec<u8>, NoSignature> {
        let key = self.file.unlock(self.passphrase, self.ask, self.deadline).await?;
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
