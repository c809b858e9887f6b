//! Host keys: no credential leaves before the host has proved who it is.

use std::{fs, process::Command};

use slipway::{config::HostKeys, error::Kind};

use crate::{connect, refused, sshd::Sshd, stdout};

#[tokio::test]
async fn a_changed_key_is_refused_and_the_hint_mends_it() {
    let sshd = Sshd::start();
    let other = sshd.keygen("other", "ed25519", "");
    let known = fs::read_to_string(other.with_extension("pub")).unwrap();
    fs::write(sshd.dir.join("known_hosts"), format!("# a comment\n[127.0.0.1]:{} {known}", sshd.port)).unwrap();
    for host_keys in [HostKeys::Strict, HostKeys::AcceptNew] {
        let error = refused(&slipway::config::Ssh { host_keys, ..sshd.reach() }).await;
        assert_eq!(error.kind, Kind::HostKey);
        let what = error.to_string();
        for part in
            [sshd.fingerprint(), format!("[127.0.0.1]:{}", sshd.port), format!("{}:2", sshd.dir.join("known_hosts").display())]
        {
            assert!(what.contains(&part), "{what} lacks {part}");
        }
        assert!(!sshd.saw_a_login(), "{}", sshd.log());
        let command = error.hints[0].split_once(": ").unwrap().1.to_owned();
        assert!(command.starts_with("ssh-keygen -R "), "{command}");
        if host_keys == HostKeys::AcceptNew {
            assert!(Command::new("sh").arg("-c").arg(command).output().unwrap().status.success());
            connect(&slipway::config::Ssh { host_keys, ..sshd.reach() }).await.unwrap();
        }
    }
}

#[tokio::test]
async fn another_type_of_key_than_the_known_one_is_a_change_even_for_accept_new() {
    let sshd = Sshd::start();
    sshd.keygen("other", "ecdsa", "");
    fs::write(sshd.dir.join("known_hosts"), format!("[127.0.0.1]:{} {}", sshd.port, sshd.read("other.pub"))).unwrap();
    let error = refused(&slipway::config::Ssh { host_keys: HostKeys::AcceptNew, ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::HostKey);
    assert!(error.to_string().contains("another ecdsa-sha2-nistp256 key"), "{error}");
    assert!(!sshd.saw_a_login());
}

#[tokio::test]
async fn an_unknown_host_is_refused_with_its_fingerprint() {
    let sshd = Sshd::start();
    fs::write(sshd.dir.join("known_hosts"), "").unwrap();
    let error = refused(&sshd.reach()).await;
    assert_eq!(error.kind, Kind::HostKey);
    assert!(error.to_string().contains(&sshd.fingerprint()), "{error}");
    assert!(error.hints[0].contains("--accept-new-host-keys"), "{:?}", error.hints);
    assert!(error.hints[0].contains(&format!("host_key = \"{}\"", sshd.fingerprint())), "{:?}", error.hints);
    assert!(!sshd.saw_a_login());
}

#[tokio::test]
async fn a_new_host_is_accepted_on_request_and_then_known() {
    let sshd = Sshd::start();
    let known_hosts = sshd.dir.join("made/known_hosts");
    let reach = slipway::config::Ssh { known_hosts: known_hosts.clone(), ..sshd.reach() };
    let first = connect(&slipway::config::Ssh { host_keys: HostKeys::AcceptNew, ..reach.clone() }).await.unwrap();
    assert_eq!(first.notes().len(), 1);
    assert!(first.notes()[0].contains(&sshd.fingerprint()), "{:?}", first.notes());
    let second = connect(&reach).await.unwrap();
    assert!(second.notes().is_empty());
    assert_eq!(fs::read_to_string(known_hosts).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn a_pinned_fingerprint_overrides_known_hosts() {
    let sshd = Sshd::start();
    let known_hosts = sshd.dir.join("nothing");
    let right = slipway::config::Ssh { host_key: Some(sshd.fingerprint()), known_hosts, ..sshd.reach() };
    let ssh = connect(&right).await.unwrap();
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);

    let sshd = Sshd::start();
    let pin = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let error = refused(&slipway::config::Ssh { host_key: Some(pin.into()), ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::HostKey);
    assert!(error.to_string().contains(&sshd.fingerprint()) && error.to_string().contains(pin), "{error}");
    assert!(!sshd.saw_a_login());
}

#[tokio::test]
async fn a_revoked_key_and_an_unreadable_file_are_refused() {
    let sshd = Sshd::start();
    let known = sshd.read("known_hosts");
    fs::write(sshd.dir.join("known_hosts"), format!("{known}@revoked * {}", sshd.read("host.pub"))).unwrap();
    let error = refused(&sshd.reach()).await;
    assert_eq!(error.kind, Kind::HostKey);
    assert!(error.to_string().contains("revoked"), "{error}");

    let error = refused(&slipway::config::Ssh { known_hosts: sshd.dir.clone(), ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::HostKey);
    assert!(!sshd.saw_a_login());
}

#[tokio::test]
async fn a_list_of_revoked_keys_counts_for_every_host_and_must_be_readable() {
    let sshd = Sshd::start();
    let list = sshd.dir.join("revoked");
    let reach = slipway::config::Ssh { revoked_host_keys: vec![list.clone()], ..sshd.reach() };
    let missing = refused(&reach).await;
    assert!(missing.what.ends_with("revoked can not be read, so no host key can be checked"), "{missing}");
    fs::write(&list, format!("# ours\n\n{}", sshd.read("client.pub"))).unwrap();
    connect(&reach).await.unwrap();
    let logins = sshd.logins();

    fs::write(&list, format!("# ours\n\n{}", sshd.read("host.pub"))).unwrap();
    let pinned = slipway::config::Ssh { host_key: Some(sshd.fingerprint()), ..reach.clone() };
    for reach in [&reach, &pinned] {
        let error = refused(reach).await;
        assert_eq!(error.kind, Kind::HostKey);
        assert!(error.what.ends_with(&format!("that key is revoked by {}:3", list.display())), "{error}");
    }

    sshd.ssh_keygen(&["-q", "-k", "-f", "revoked", "client.pub"]);
    let krl = refused(&reach).await;
    assert!(krl.what.contains("is a key revocation list (KRL), which slipway does not read"), "{krl}");
    fs::write(&list, "no key\n").unwrap();
    let garbage = refused(&reach).await;
    assert!(garbage.what.contains("revoked:1 is no public key"), "{garbage}");
    assert_eq!(sshd.logins(), logins);
}
