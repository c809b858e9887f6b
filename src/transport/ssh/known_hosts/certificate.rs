//! Host certificates: a `@cert-authority` of known_hosts vouches for the key of a host.
//!
//! russh checks that the host has the key of the certificate. Whether the certificate is worth anything is decided here.

use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, ssh_key::certificate::CertType};

use super::{Judgement, Known};
use crate::config::pattern;

/// What known_hosts says about the certificate that a host offers.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::transport::ssh) enum Vouched {
    Yes,
    /// An authority that is trusted for this host has signed it, but it does not hold: in the words of a message.
    No(String),
    /// The host's key or the authority's is revoked.
    Revoked(super::Place),
    /// Nobody who is trusted for this host has signed it: the key counts for itself.
    Nobody,
}

impl Known {
    /// The algorithms of certificates to ask for: none where no authority is trusted for this host.
    pub(in crate::transport::ssh) fn certificates(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        let safe = all.iter().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None }));
        if self.authorities.is_empty() { Vec::new() } else { safe.cloned().collect() }
    }

    /// Judges the certificate of the host that is called `name`, without its port: an address in lower case, or an alias as it is.
    pub(in crate::transport::ssh) fn judge_certificate(&self, certificate: &Certificate, name: &str) -> Vouched {
        let subject = PublicKey::from(certificate.public_key().clone());
        let signer = PublicKey::from(certificate.signature_key().clone());
        for key in [&subject, &signer] {
            if let Judgement::Revoked { place } = self.judge(key) {
                return Vouched::Revoked(place);
            }
        }
        if !self.authorities.iter().any(|entry| entry.is(&signer)) {
            return Vouched::Nobody;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let authority = signer.fingerprint(HashAlg::Sha256);
        let principals = certificate.valid_principals();
        let why = if certificate.cert_type() != CertType::Host {
            "it is a user's and not a host's".to_owned()
        } else if matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa) {
            "it is signed with SHA-1".to_owned()
        } else if now < certificate.valid_after() {
            "it does not hold yet; look at the clocks".to_owned()
        } else if now >= certificate.valid_before() {
            "it has expired".to_owned()
        } else if !principals.is_empty() && !pattern::any(principals.iter().map(String::as_str), name) {
            format!("it is for {} and not for {name}", principals.join(", "))
        } else if let Some((option, _)) = certificate.critical_options().iter().next() {
            format!("it has the critical option {option}, which slipway does not know")
        } else if certificate.validate_at(now, [&authority]).is_err() {
            "its signature is wrong".to_owned()
        } else {
            return Vouched::Yes;
        };
        Vouched::No(why)
    }
}
