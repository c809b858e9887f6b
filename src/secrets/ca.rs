//! Certificate authorities as `kubeadm init` makes them, but made here, and on ECDSA P-256 instead of RSA.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use p256::{
    SecretKey,
    pkcs8::{DecodePrivateKey, LineEnding},
};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose, SerialNumber};

use super::{Pki, random};
use crate::error::{Error, Kind, Result};

/// Ten years, as kubeadm's own CAs.
const VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Hosts whose clocks are behind the operator's must not see a CA from the future. (Preflight refuses clocks further apart.)
const BACKDATED: Duration = Duration::from_secs(3600);

/// Makes the three CAs and the service account key pair; the certificate of the cluster's CA (PEM) comes second.
pub(super) fn generate() -> Result<(Pki, String)> {
    let (ca, ca_key) = authority("kubernetes")?;
    let (front_proxy, front_proxy_key) = authority("front-proxy-ca")?;
    let (etcd, etcd_key) = authority("etcd-ca")?;
    let service_account = key_pair()?;
    let files = vec![
        ("ca.crt", ca.clone(), false),
        ("ca.key", ca_key, true),
        ("front-proxy-ca.crt", front_proxy, false),
        ("front-proxy-ca.key", front_proxy_key, true),
        ("etcd/ca.crt", etcd, false),
        ("etcd/ca.key", etcd_key, true),
        ("sa.pub", service_account.public_key_pem(), false),
        ("sa.key", private_key(&service_account)?, true),
    ];
    Ok((Pki { files }, ca))
}

/// A self-signed CA with the extensions that kubeadm's own have: its certificate and private key, both PEM.
fn authority(name: &str) -> Result<(String, String)> {
    let key = key_pair()?;
    // The common name is a DNS name as well, since Go and others stopped to read common names.
    let mut params = CertificateParams::new([name.to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::KeyCertSign];
    params.serial_number = Some(serial_number()?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(failed)?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(BACKDATED);
    params.not_after = epoch + now + VALIDITY;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), private_key(&key)?))
}

/// A private key in the form of SEC 1 (RFC 5915). kubeadm init reads PKCS#8 as well, but the download of certificates by a control plane
/// that joins does not: it knows keys by client-go's ParsePublicKeysPEM, whose only PKCS#8 is RSA (cmd/kubeadm/app/phases/copycerts).
fn private_key(key: &KeyPair) -> Result<String> {
    let key = SecretKey::from_pkcs8_der(&key.serialize_der()).map_err(failed)?;
    Ok(key.to_sec1_pem(LineEnding::LF).map_err(failed)?.to_string())
}

fn key_pair() -> Result<KeyPair> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)
}

/// 126 random bits in 16 bytes: positive, and never short.
fn serial_number() -> Result<SerialNumber> {
    let mut bytes = random::<16>()?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn failed(error: impl std::error::Error) -> Error {
    Error::new(Kind::Internal, "can not make a certificate authority").because(error.to_string())
}
