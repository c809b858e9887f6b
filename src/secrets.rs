//! Secrets decided before the first byte is sent: certificate authorities, a bootstrap token, a certificate key.
//! They live in memory and on the control planes, nowhere else. The only module that knows rcgen.

use crate::error::{Error, Kind, Result};

/// The secrets of one run.
pub struct Secrets {
    /// A bootstrap token `id.secret` (6 and 16 characters of [a-z0-9]), for the joins of this run.
    pub token: Token,
    /// Encrypts the control planes' certificates in the kubeadm-certs Secret: 64 hex digits (AES-256).
    pub certificate_key: String,
    /// `sha256:<hex>` of the cluster CA's public key (SubjectPublicKeyInfo), as `kubeadm join` pins it.
    pub ca_hash: String,
    /// Certificate authorities made for a new cluster; none where the cluster already has its own.
    pub pki: Option<Pki>,
}

pub struct Token {
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
        let _ = existing_ca;
        Err(Error::new(Kind::Internal, "secrets can not be made yet"))
    }
}
