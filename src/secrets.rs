//! Secrets decided before the first byte is sent: certificate authorities, a bootstrap token, a certificate key.
//! They live in memory and on the control planes, nowhere else. The only module that knows rcgen.
//!
//! None of these types is `Debug`: what can not be printed is not printed by accident.

mod ca;
mod mask;

use std::fmt::Write;

use sha2::{Digest, Sha256};
use x509_parser::pem::{Pem, parse_x509_pem};

pub use mask::{Lines, Mask};

use crate::error::{Error, Kind, Result};

/// The secrets of one run.
pub struct Secrets {
    /// A bootstrap token `id.secret` (6 and 16 characters of [a-z0-9]), for the joins of this run.
    pub token: Token,
    /// Encrypts the control planes' certificates in the kubeadm-certs Secret: 64 hex digits (AES-256).
    pub certificate_key: String,
    /// `sha256:<hex>` of the cluster CA's public key (SubjectPublicKeyInfo), as `kubeadm join` pins it.
    pub ca_hash: String,
    /// The password of the cluster file's proxy, as the operator gave it.
    pub proxy_password: Option<String>,
    /// Certificate authorities made for a new cluster; none where the cluster already has its own.
    pub pki: Option<Pki>,
}

/// A bootstrap token: <https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/>.
pub struct Token {
    /// Not a secret: it names the Secret `bootstrap-token-<id>` and the signature `jws-kubeconfig-<id>`.
    pub id: String,
    pub secret: String,
}

/// What `kubeadm init` keeps when it finds it: three CAs and the key pair that signs service account tokens.
/// File names below /etc/kubernetes/pki: <https://kubernetes.io/docs/setup/best-practices/certificates/>.
pub struct Pki {
    /// (path relative to /etc/kubernetes/pki, PEM, whether it is a private key)
    pub files: Vec<(&'static str, String, bool)>,
}

impl Secrets {
    /// Makes the secrets of a run: with new CAs, or, where the cluster already has a CA certificate (PEM), for that one.
    ///
    /// # Errors
    /// `Invalid` when `existing_ca` is not a certificate; `Internal` when the system has no randomness.
    pub fn generate(existing_ca: Option<&str>) -> Result<Self> {
        let (pki, ca_hash) = match existing_ca {
            Some(pem) => (None, public_key_hash(pem)?),
            None => {
                let (pki, ca) = ca::generate()?;
                (Some(pki), public_key_hash(&ca)?)
            }
        };
        let token = Token { id: letters(6)?, secret: letters(16)? };
        Ok(Self { token, certificate_key: hex(&random::<32>()?), ca_hash, proxy_password: None, pki })
    }
}

impl Token {
    /// `id.secret`, as kubeadm takes it. A secret.
    #[must_use]
    pub fn joined(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }
}

/// SHA-256 of a certificate (its DER) in lower-case hex: tells whether two hosts have the same CA.
///
/// # Errors
/// `Invalid` when `pem` does not begin with a certificate.
pub fn ca_fingerprint(pem: &str) -> Result<String> {
    let block = certificate_block(pem)?;
    block.parse_x509().map_err(|error| not_a_certificate().because(error.to_string()))?;
    Ok(hex(&Sha256::digest(&block.contents)))
}

/// `sha256:<hex>` of the public key in a certificate, over its DER SubjectPublicKeyInfo: what kubeadm calls a CA cert hash.
/// <https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-join/#token-based-discovery-with-ca-pinning>
fn public_key_hash(pem: &str) -> Result<String> {
    let block = certificate_block(pem)?;
    let certificate = block.parse_x509().map_err(|error| not_a_certificate().because(error.to_string()))?;
    Ok(format!("sha256:{}", hex(&Sha256::digest(certificate.public_key().raw))))
}

/// The first PEM block of a text, if it is a certificate.
fn certificate_block(pem: &str) -> Result<Pem> {
    match parse_x509_pem(pem.as_bytes()) {
        Ok((_, block)) if block.label == "CERTIFICATE" => Ok(block),
        Ok((_, block)) => Err(not_a_certificate().because(format!("the PEM block is a {}", block.label))),
        Err(error) => Err(not_a_certificate().because(error.to_string())),
    }
}

fn not_a_certificate() -> Error {
    Error::new(Kind::Invalid, "the cluster's CA is not a certificate in PEM")
        .hint("openssl x509 -in /etc/kubernetes/pki/ca.crt -noout -subject")
}

/// Random bytes from the operating system.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(Kind::Internal, "the operating system gives no random numbers").because(error.to_string()))?;
    Ok(bytes)
}

/// Random characters of [a-z0-9], each as likely as any other.
fn letters(count: usize) -> Result<String> {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // 252 is the largest multiple of 36 in a byte: what lies above it would favour the first letters.
    const FAIR: u8 = 252;
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let fair = random::<32>()?.into_iter().filter(|byte| *byte < FAIR);
        text.extend(fair.take(count - text.len()).map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])));
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String can not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
