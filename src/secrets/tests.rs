use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use x509_parser::prelude::*;

use super::*;

/// A CA of another make (RSA, by openssl), and what `openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum`
/// and `openssl x509 -outform der | sha256sum` say of it.
const RSA_CA: &str = include_str!("rsa-ca.pem");
const RSA_CA_HASH: &str = "sha256:061ff2f8e6d82ec87a4f848d663e5319601bc431a5a1d6603c6c3193909c6154";
const RSA_CA_FINGERPRINT: &str = "35abc228abead6caf584a0af91110dc360aa87cacae96af71fc6dc1ce6631106";

fn file<'a>(pki: &'a Pki, path: &str) -> &'a str {
    &pki.files.iter().find(|(name, ..)| *name == path).expect("a file of the PKI").1
}

/// Runs openssl (Debian's package of that name, which ca-certificates brings along) and returns what it prints.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs the program openssl");
    child.stdin.take().expect("a pipe").write_all(input).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?} failed");
    output.stdout
}

#[test]
fn an_existing_ca_is_kept_and_pinned() {
    let secrets = Secrets::generate(Some(RSA_CA)).expect("secrets");
    assert!(secrets.pki.is_none());
    assert_eq!(secrets.ca_hash, RSA_CA_HASH);
    assert_eq!(ca_fingerprint(RSA_CA).expect("well formed"), RSA_CA_FINGERPRINT);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "ca", key, broken] {
        assert_eq!(Secrets::generate(Some(text)).err().map(|error| error.kind), Some(Kind::Invalid), "{text:?}");
        assert_eq!(ca_fingerprint(text).err().map(|error| error.kind), Some(Kind::Invalid), "{text:?}");
    }
}

#[test]
fn the_pki_has_the_files_that_kubeadm_looks_for() {
    let pki = Secrets::generate(None).expect("secrets").pki.expect("a new cluster gets CAs");
    let names: Vec<_> = pki.files.iter().map(|(path, _, key)| (*path, *key)).collect();
    assert_eq!(
        names,
        [
            ("ca.crt", false),
            ("ca.key", true),
            ("front-proxy-ca.crt", false),
            ("front-proxy-ca.key", true),
            ("etcd/ca.crt", false),
            ("etcd/ca.key", true),
            ("sa.pub", false),
            ("sa.key", true),
        ]
    );
    for (path, pem, key) in &pki.files {
        assert_eq!(pem.starts_with("-----BEGIN EC PRIVATE KEY-----\n"), *key, "{path}: kubeadm join must be able to read it");
        assert!(!pem.contains('\r'), "{path} has foreign line ends");
    }
}

#[test]
fn authorities_look_like_kubeadms_own() {
    let pki = Secrets::generate(None).expect("secrets").pki.expect("CAs");
    let mut serials = BTreeSet::new();
    for (path, name) in [("ca.crt", "kubernetes"), ("front-proxy-ca.crt", "front-proxy-ca"), ("etcd/ca.crt", "etcd-ca")] {
        let block = certificate_block(file(&pki, path)).expect("well formed");
        let certificate = block.parse_x509().expect("well formed");
        assert_eq!(certificate.subject().to_string(), format!("CN={name}"));
        assert_eq!(certificate.issuer(), certificate.subject());
        let constraints = certificate.basic_constraints().expect("well formed").expect("basic constraints");
        assert!(constraints.critical && constraints.value.ca && constraints.value.path_len_constraint.is_none());
        let usage = certificate.key_usage().expect("well formed").expect("key usage");
        assert!(
            usage.critical && usage.value.digital_signature() && usage.value.key_encipherment() && usage.value.key_cert_sign()
        );
        assert!(!usage.value.crl_sign());
        let names = certificate.subject_alternative_name().expect("well formed").expect("alternative names");
        assert_eq!(names.value.general_names, [GeneralName::DNSName(name)]);
        assert!(certificate.validity().is_valid());
        assert!(
            !certificate
                .validity()
                .is_valid_at(ASN1Time::from_timestamp(certificate.validity().not_before.timestamp() - 1).expect("well formed"))
        );
        let lifetime = certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp();
        assert_eq!(lifetime, 10 * 365 * 24 * 3600 + 3600);
        assert!(certificate.raw_serial()[0] < 0x80, "a serial number is positive");
        serials.insert(certificate.raw_serial().to_vec());
    }
    assert_eq!(serials.len(), 3, "serial numbers differ");
}

#[test]
fn openssl_agrees_about_the_hash_and_the_keys() {
    let secrets = Secrets::generate(None).expect("secrets");
    let pki = secrets.pki.as_ref().expect("CAs");
    let ca = file(pki, "ca.crt");
    let public_pem = openssl(&["x509", "-noout", "-pubkey"], ca.as_bytes());
    let public = openssl(&["pkey", "-pubin", "-outform", "der"], &public_pem);
    assert_eq!(secrets.ca_hash, format!("sha256:{}", hex(&Sha256::digest(&public))));
    for (key, public_half) in [
        ("ca.key", ca.to_owned()),
        ("front-proxy-ca.key", file(pki, "front-proxy-ca.crt").to_owned()),
        ("etcd/ca.key", file(pki, "etcd/ca.crt").to_owned()),
    ] {
        let of_key = openssl(&["pkey", "-pubout"], file(pki, key).as_bytes());
        assert_eq!(of_key, openssl(&["x509", "-noout", "-pubkey"], public_half.as_bytes()), "{key}");
    }
    assert_eq!(openssl(&["pkey", "-pubout"], file(pki, "sa.key").as_bytes()), file(pki, "sa.pub").as_bytes());
    // Trusted by itself, with the signature that a CA puts under its own certificate.
    let path = std::env::temp_dir().join(format!("slipway-test-{}-ca.crt", std::process::id()));
    std::fs::write(&path, ca).expect("the temporary directory can be written");
    let verdict = openssl(&["verify", "-check_ss_sig", "-CAfile", path.to_str().expect("UTF-8")], ca.as_bytes());
    std::fs::remove_file(&path).expect("the file was just written");
    assert_eq!(String::from_utf8_lossy(&verdict), "stdin: OK\n");
}

#[test]
fn tokens_and_keys_have_the_form_that_kubeadm_wants() {
    let (one, two) = (Secrets::generate(Some(RSA_CA)).expect("secrets"), Secrets::generate(Some(RSA_CA)).expect("secrets"));
    let (id, secret) = (&one.token.id, &one.token.secret);
    assert_eq!((id.len(), secret.len()), (6, 16));
    assert_eq!(one.token.joined(), format!("{id}.{secret}"));
    assert!(one.token.joined().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.'));
    assert_eq!(one.certificate_key.len(), 64);
    assert!(one.certificate_key.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)));
    assert_ne!(one.token.joined(), two.token.joined());
    assert_ne!(one.certificate_key, two.certificate_key);
}

#[test]
fn every_letter_is_as_likely() {
    let text = letters(360_000).expect("random letters");
    // 40000 of them, with a standard deviation of 189. `byte % 36` without a limit would give 45000.
    let first_four = text.bytes().filter(|byte| (b'a'..=b'd').contains(byte)).count();
    assert!((39_000..41_000).contains(&first_four), "{first_four}");
    assert_eq!(text.bytes().collect::<BTreeSet<_>>().len(), 36);
}
