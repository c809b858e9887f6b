//! Certificates of hosts and of users, and the authorities and revocations of known_hosts, on a real host.

use std::fs;

use slipway::{config, error::Kind};

use crate::{connect, refused, sshd::Sshd, stdout};

/// A host with a certificate that ssh-keygen made with these arguments; known_hosts has its authority, and nothing else.
fn certified(arguments: &'static [&str]) -> Sshd {
    let sshd = Sshd::start_with("HostCertificate DIR/host-cert.pub", |sshd| {
        sshd.keygen("ca", "ed25519", "");
        sshd.ssh_keygen(&[&["-q", "-s", "ca", "-I", "the-id"], arguments, &["host.pub"]].concat());
    });
    trust(&sshd, "");
    sshd
}

fn trust(sshd: &Sshd, more: &str) {
    fs::write(sshd.dir.join("known_hosts"), format!("@cert-authority 127.0.0.* {}{more}", sshd.read("ca.pub"))).unwrap();
}

#[tokio::test]
async fn a_host_that_its_authority_vouches_for_is_known() {
    for arguments in [&["-h", "-n", "127.0.0.1,node1"][..], &["-h", "-n", "127.0.0.?"], &["-h"]] {
        let sshd = certified(arguments);
        let ssh = connect(&sshd.reach()).await.unwrap();
        assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
    }
}

#[tokio::test]
async fn an_authority_with_an_rsa_key_vouches_too() {
    let sshd = Sshd::start_with("HostCertificate DIR/host-cert.pub", |sshd| {
        sshd.keygen("ca", "rsa", "");
        sshd.ssh_keygen(&["-q", "-s", "ca", "-I", "id", "-h", "host.pub"]);
    });
    trust(&sshd, "");
    connect(&sshd.reach()).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused_with_its_reason() {
    for (arguments, reason) in [
        (&["-h", "-n", "node1"][..], "it is for node1 and not for 127.0.0.1"),
        (&["-h", "-V", "20200101:20210101"], "it has expired"),
        (&["-h", "-V", "20990101:21000101"], "it does not hold yet; look at the clocks"),
    ] {
        let sshd = certified(arguments);
        for host_keys in [config::HostKeys::Strict, config::HostKeys::AcceptNew] {
            let error = refused(&config::Ssh { host_keys, ..sshd.reach() }).await;
            assert_eq!(error.kind, Kind::HostKey);
            assert!(error.what.ends_with(&format!("its certificate \"the-id\" is no good: {reason}")), "{error}");
            assert_eq!(error.hints.len(), 1);
        }
        assert!(!sshd.saw_a_login(), "{}", sshd.log());
        // As for ssh, the key alone may be known all the same.
        trust(&sshd, &format!("[127.0.0.1]:{} {}", sshd.port, sshd.read("host.pub")));
        connect(&sshd.reach()).await.unwrap();
    }
}

#[tokio::test]
async fn an_authority_for_other_hosts_or_a_revoked_one_vouches_for_nobody() {
    let sshd = certified(&["-h"]);
    for (known, what) in [
        (format!("@cert-authority *.example.com {}", sshd.read("ca.pub")), "does not know this host"),
        (format!("@cert-authority * {}", sshd.read("client.pub")), "does not know this host"),
        (format!("@cert-authority * {0}@revoked * {0}", sshd.read("ca.pub")), "that key is revoked by "),
        (format!("@cert-authority * {}@revoked * {}", sshd.read("ca.pub"), sshd.read("host.pub")), "that key is revoked by "),
    ] {
        fs::write(sshd.dir.join("known_hosts"), known).unwrap();
        let error = refused(&sshd.reach()).await;
        assert_eq!(error.kind, Kind::HostKey);
        assert!(error.what.contains(what), "{error}");
        assert_eq!(error.hints.len(), 1);
    }
    assert!(!sshd.saw_a_login(), "{}", sshd.log());
}

#[tokio::test]
async fn an_alias_is_what_the_certificate_must_be_for() {
    let sshd = certified(&["-h", "-n", "node1"]);
    fs::write(sshd.dir.join("known_hosts"), format!("@cert-authority node* {}", sshd.read("ca.pub"))).unwrap();
    connect(&config::Ssh { host_key_alias: Some("node1".into()), ..sshd.reach() }).await.unwrap();
    // Unlike a name of DNS, an alias is taken as it is written.
    let error = refused(&config::Ssh { host_key_alias: Some("Node1".into()), ..sshd.reach() }).await;
    assert!(error.what.contains("it is for node1 and not for Node1"), "{error}");
    let sshd = certified(&["-h", "-n", "Node1"]);
    fs::write(sshd.dir.join("known_hosts"), format!("@cert-authority node* {}", sshd.read("ca.pub"))).unwrap();
    connect(&config::Ssh { host_key_alias: Some("Node1".into()), ..sshd.reach() }).await.unwrap();
}

#[tokio::test]
async fn a_certificate_beside_a_key_lets_us_in_where_the_key_alone_does_not() {
    for kind in ["ed25519", "rsa"] {
        let sshd = Sshd::start_with("TrustedUserCAKeys DIR/ca.pub", |sshd| {
            sshd.keygen("ca", "ed25519", "");
            sshd.authorize(&["host"]);
        });
        sshd.keygen("mine", kind, "");
        let reach = config::Ssh { keys: vec![sshd.dir.join("mine")], ..sshd.reach() };
        assert_eq!(refused(&reach).await.kind, Kind::Authentication);
        let user = sshd.reach().user;
        sshd.ssh_keygen(&["-q", "-s", "ca", "-I", "me", "-n", &user, "mine.pub"]);
        connect(&reach).await.unwrap();
        // One that does not hold is named, and is no reason not to try the key.
        sshd.ssh_keygen(&["-q", "-s", "ca", "-I", "me", "-n", &user, "-V", "20200101:20210101", "mine.pub"]);
        let error = refused(&reach).await;
        assert!(error.what.contains("mine-cert.pub, key "), "{error}");
        sshd.authorize(&["mine"]);
        connect(&reach).await.unwrap();
    }
}
