use std::{io::Write, os::unix::fs::PermissionsExt, path::PathBuf, process::Command, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

use super::*;

const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN4h+S4yb8Tu4/Z5EWwyuz5y5e4LWoT8wQ5ut/DI6ukgEsiJNe9kGmPQKFQSAqIJzYKFcxq+bSeL+YWqUGg8p/o=";

fn key(text: &str) -> PublicKey {
    parse_public_key_base64(text.split(' ').nth(1).unwrap()).unwrap()
}

fn at(port: u16) -> config::Ssh {
    config::Ssh { port, more_known_hosts: Vec::new(), ..config::Ssh::default() }
}

/// What a file says, the only one that there is.
fn known(text: &str, host: &str, port: u16) -> Known {
    let mut known = Known::default();
    known.add(&[(Path::new("known"), Arc::new(Book::parse(text)))], &name_of(host, &at(port)), host);
    known
}

fn judge(file: &str, host: &str, port: u16, offered: &str) -> Judgement {
    known(file, host, port).judge(&key(offered))
}

fn place(line: usize) -> Place {
    Place { file: "known".into(), line }
}

/// A directory of its own for a test, gone when the test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("slipway-known-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn names_that_fit_and_names_that_do_not() {
    for (patterns, host, port, fits) in [
        ("node1", "node1", 22, true),
        ("node1", "NODE1", 22, true),
        ("Node1", "node1", 22, true),
        ("node1", "node10", 22, false),
        ("node1", "node1", 2222, false),
        ("[node1]:2222", "node1", 2222, true),
        ("[node1]:2222", "node1", 22, false),
        ("a,node1,b", "node1", 22, true),
        ("*", "node1", 22, true),
        ("node?", "node1", 22, true),
        ("node?", "node12", 22, false),
        ("*.lab.example", "a.b.lab.example", 22, true),
        ("*.lab.example,!bad.lab.example", "bad.lab.example", 22, false),
        ("!bad.lab.example,*.lab.example", "good.lab.example", 22, true),
        ("!node1", "node2", 22, false),
        ("192.168.77.*", "192.168.77.11", 22, true),
        ("[fe80::1]:2222", "fe80::1", 2222, true),
    ] {
        assert_eq!(matches(patterns, &name_of(host, &at(port))), fits, "{patterns} for {host}:{port}");
    }
}

#[test]
fn keys_are_judged() {
    let file = format!(
        "# comment\n\n  node1 {ED25519} a comment\nnode2\t{OTHER}\n@cert-authority * {OTHER}\n@revoked * {ECDSA}\nnode3 {ED25519}\nnode3 {ECDSA}\nnode4 ssh-future AAAA\nbroken\n"
    );
    let changed = |line, algorithm: &str| Judgement::Changed { place: place(line), algorithm: algorithm.into() };
    assert_eq!(judge(&file, "node1", 22, ED25519), Judgement::Same);
    assert_eq!(judge(&file, "node1", 22, OTHER), changed(3, "ssh-ed25519"));
    assert_eq!(judge(&file, "node2", 22, OTHER), Judgement::Same, "tabs separate too");
    assert_eq!(judge(&file, "node2", 22, ED25519), changed(4, "ssh-ed25519"));
    assert_eq!(judge(&file, "node3", 22, ED25519), Judgement::Same);
    assert_eq!(judge(&file, "node3", 22, ECDSA), Judgement::Revoked { place: place(6) }, "revoked wins over known");
    assert_eq!(judge(&file, "node4", 22, ED25519), changed(9, "ssh-future"), "a key that can not be read is a key");
    assert_eq!(judge(&file, "node5", 22, OTHER), Judgement::Unknown, "@cert-authority says nothing about plain keys");
}

#[test]
fn a_key_of_another_type_is_a_changed_key_and_not_a_new_host() {
    let file = format!("node1 {ED25519}\n");
    assert_eq!(judge(&file, "node1", 22, ECDSA), Judgement::Changed { place: place(1), algorithm: "ssh-ed25519".into() });
}

#[test]
fn the_algorithms_of_known_keys_come_first_and_sha1_never() {
    let all = [
        Algorithm::Ed25519,
        Algorithm::new("ecdsa-sha2-nistp256").unwrap(),
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: None },
    ];
    let names = |file: &str| -> Vec<String> {
        known(file, "node1", 22).algorithms(&all).iter().map(|algorithm| algorithm.as_str().to_owned()).collect()
    };
    assert_eq!(names(""), ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"]);
    assert_eq!(names(&format!("node1 {ECDSA}")), ["ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-512"]);
}

#[test]
fn names_hashed_by_ssh_keygen_are_found() {
    let scratch = Scratch::new("hashed");
    let file = scratch.0.join("known_hosts");
    fs::write(&file, format!("node1,192.168.77.11 {ED25519}\n[node2]:2222 {OTHER}\n")).unwrap();
    let ran =
        Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output().expect("ssh-keygen: apt-get install openssh-client");
    assert!(ran.status.success(), "{ran:?}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("|1|") && !text.contains("node1"), "{text}");
    for (host, port, offered) in [("node1", 22, ED25519), ("192.168.77.11", 22, ED25519), ("node2", 2222, OTHER)] {
        assert_eq!(
            Known::read(host, &config::Ssh { known_hosts: file.clone(), ..at(port) }).unwrap().judge(&key(offered)),
            Judgement::Same,
            "{host}"
        );
    }
    assert_eq!(
        Known::read("node2", &config::Ssh { known_hosts: file.clone(), ..at(22) }).unwrap().judge(&key(OTHER)),
        Judgement::Unknown
    );
    assert!(matches!(
        Known::read("node1", &config::Ssh { known_hosts: file.clone(), ..at(22) }).unwrap().judge(&key(OTHER)),
        Judgement::Changed { .. }
    ));
}

#[test]
fn what_is_remembered_is_known_and_ssh_keygen_finds_it_too() {
    let scratch = Scratch::new("remember");
    let file = scratch.0.join("new/dir/known_hosts");
    assert_eq!(
        Known::read("node1", &config::Ssh { known_hosts: file.clone(), ..at(22) }).unwrap().judge(&key(ED25519)),
        Judgement::Unknown
    );
    remember(&file, "node1", &key(ED25519)).unwrap();
    // Someone's editor leaves no line end behind: the next line must not be glued to this one.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.trim_end()).unwrap();
    remember(&file, "[node1]:2222", &key(OTHER)).unwrap();

    assert_eq!(
        Known::read("node1", &config::Ssh { known_hosts: file.clone(), ..at(22) }).unwrap().judge(&key(ED25519)),
        Judgement::Same
    );
    assert_eq!(
        Known::read("node1", &config::Ssh { known_hosts: file.clone(), ..at(2222) }).unwrap().judge(&key(OTHER)),
        Judgement::Same
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let found = Command::new("ssh-keygen").args(["-F", "[node1]:2222", "-f"]).arg(&file).output().unwrap();
    assert!(String::from_utf8_lossy(&found.stdout).contains(OTHER.split(' ').nth(1).unwrap()), "{found:?}");
}

#[test]
fn a_file_that_is_there_and_can_not_be_read_is_an_error() {
    let scratch = Scratch::new("unreadable");
    // A directory can not be read as a file, not even by root.
    let error = Known::read("node1", &config::Ssh { known_hosts: scratch.0.clone(), ..at(22) }).unwrap_err();
    assert_eq!(error.kind, Kind::HostKey);
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    let scratch = Scratch::new("fingerprint");
    let file = scratch.0.join("key.pub");
    fs::write(&file, ED25519).unwrap();
    let printed = Command::new("ssh-keygen").arg("-lf").arg(&file).output().unwrap();
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains(&format!(" {} ", fingerprint(&key(ED25519)))), "{printed}");
}

#[test]
fn a_key_that_stands_without_the_port_proves_and_never_contradicts() {
    let file = format!("node1 {ED25519}\n");
    assert_eq!(judge(&file, "node1", 2222, ED25519), Judgement::Same);
    assert_eq!(judge(&file, "node1", 2222, OTHER), Judgement::Unknown);
    // Beside a key with the port it does not count any more; that it is revoked does.
    let file = format!("node1 {ED25519}\n[node1]:2222 {OTHER}\n@revoked node1 {ECDSA}\n");
    assert_eq!(judge(&file, "node1", 2222, OTHER), Judgement::Same);
    assert!(matches!(judge(&file, "node1", 2222, ED25519), Judgement::Changed { .. }));
    assert_eq!(judge(&file, "node1", 2222, ECDSA), Judgement::Revoked { place: place(3) });
}

#[test]
fn several_files_and_an_alias_are_looked_up() {
    let scratch = Scratch::new("several");
    let files = ["mine", "global"].map(|name| scratch.0.join(name));
    fs::write(&files[0], format!("alias {ED25519}\n")).unwrap();
    fs::write(&files[1], format!("# one\nnode1 {OTHER}\n@revoked alias {ECDSA}\n")).unwrap();
    let ssh = config::Ssh { known_hosts: files[0].clone(), more_known_hosts: vec![files[1].clone()], ..at(2222) };
    let place = |line| Place { file: files[1].clone(), line };
    let read = |ssh: &config::Ssh| Known::read("node1", ssh).unwrap();
    assert_eq!(read(&ssh).judge(&key(OTHER)), Judgement::Same, "portless");
    let alias = config::Ssh { host_key_alias: Some("alias".into()), ..ssh };
    assert_eq!(read(&alias).judge(&key(ED25519)), Judgement::Same);
    assert_eq!(read(&alias).judge(&key(ECDSA)), Judgement::Revoked { place: place(3) });
    assert!(matches!(read(&alias).judge(&key(OTHER)), Judgement::Changed { .. }));
}

#[test]
fn only_the_hosts_own_lines_are_forgotten() {
    let scratch = Scratch::new("forget");
    let file = scratch.0.join("known_hosts");
    let lines = [
        "# node1\n".to_owned(),
        format!("node1,192.168.77.11 {ED25519}\n"),
        format!("node10 {ED25519}\n"),
        format!("@cert-authority node1 {OTHER}\n"),
        format!("@revoked node1 {ECDSA}\n"),
        format!("node? {ECDSA}\n"),
        format!("[node1]:2222 {ED25519}\n"),
        format!("NODE1 {ECDSA}"),
    ];
    fs::write(&file, lines.concat()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = scratch.0.join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(forget(&link, "node1").unwrap(), Forgotten { removed: 2, patterns: vec![5] });
    let kept: String = [0, 2, 3, 4, 5, 6].map(|index: usize| lines[index].as_str()).concat();
    assert_eq!(fs::read_to_string(&file).unwrap(), kept);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(forget(&link, "node1").unwrap(), Forgotten { removed: 0, patterns: vec![5] });
    assert_eq!(forget(&scratch.0.join("nowhere"), "node1").unwrap(), Forgotten::default());
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 2, "nothing is left beside it");
    // Hashed, as Debian's ssh writes them.
    let hashed = Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output().unwrap();
    assert!(hashed.status.success(), "{hashed:?}");
    assert_eq!(forget(&file, "[node1]:2222").unwrap().removed, 1);
    assert_eq!(forget(&file, "[node1]:2222").unwrap().removed, 0);
}

#[test]
fn thousands_of_hashed_lines_are_taken_apart_once() {
    let scratch = Scratch::new("fleet");
    let file = scratch.0.join("known_hosts");
    let hashed = |index: usize| {
        let salt = index.to_le_bytes();
        let hash =
            Hmac::<Sha1>::new_from_slice(&salt).unwrap().chain_update(format!("10.0.{}.{}", index / 250, index % 250)).finalize();
        let pattern = HostPatterns::HashedName { salt: salt.to_vec(), hash: hash.into_bytes().into() };
        format!("{} {ED25519}\n", pattern.to_string())
    };
    fs::write(&file, (0..5000).map(hashed).collect::<String>()).unwrap();
    let ssh = config::Ssh { known_hosts: file.clone(), ..at(22) };
    let first = Book::of(&file).unwrap();
    for index in [0, 2500, 4999] {
        let known = Known::read(&format!("10.0.{}.{}", index / 250, index % 250), &ssh).unwrap();
        assert_eq!(known.judge(&key(ED25519)), Judgement::Same);
        assert_eq!(
            known.judge(&key(OTHER)),
            Judgement::Changed { place: Place { file: file.clone(), line: index + 1 }, algorithm: "ssh-ed25519".into() }
        );
    }
    assert_eq!(Known::read("10.0.20.0", &ssh).unwrap().judge(&key(ED25519)), Judgement::Unknown);
    assert!(Arc::ptr_eq(&first, &Book::of(&file).unwrap()), "it was read again");
    // What somebody adds is seen.
    remember(&file, "10.0.20.0", &key(ED25519)).unwrap();
    assert_eq!(Known::read("10.0.20.0", &ssh).unwrap().judge(&key(ED25519)), Judgement::Same);
}

#[test]
fn a_file_is_not_read_again_for_what_is_added_to_it_here() {
    let scratch = Scratch::new("added");
    let file = scratch.0.join("known_hosts");
    let ssh = config::Ssh { known_hosts: file.clone(), ..at(22) };
    let judge = |host: &str, offered: &str| Known::read(host, &ssh).unwrap().judge(&key(offered));
    let changed = |line: usize| Judgement::Changed { place: Place { file: file.clone(), line }, algorithm: "ssh-ed25519".into() };
    fs::write(&file, format!("# a comment\nnode1 {ED25519}\n")).unwrap();
    assert_eq!(judge("node1", ED25519), Judgement::Same);
    let read = || Arc::as_ptr(&Book::of(&file).unwrap());
    let first = read();
    for number in 2..200 {
        let name = format!("node{number}");
        assert_eq!(judge(&name, ED25519), Judgement::Unknown);
        remember(&file, &name, &key(ED25519)).unwrap();
        assert_eq!((judge(&name, ED25519), judge(&name, OTHER)), (Judgement::Same, changed(number + 1)));
        assert_eq!(read(), first, "it was read again");
    }
    // What others write is seen all the same, before and behind a line of ours, and a line that was not at its end.
    let by_others = |text: &str| OpenOptions::new().append(true).open(&file).unwrap().write_all(text.as_bytes()).unwrap();
    by_others(&format!("other {OTHER}\n"));
    remember(&file, "node200", &key(ED25519)).unwrap();
    by_others(&format!("half {OTHER}"));
    remember(&file, "node201", &key(ED25519)).unwrap();
    for (host, line) in [("other", 201), ("half", 203)] {
        assert_eq!((judge(host, OTHER), judge(host, ED25519)), (Judgement::Same, changed(line)));
    }
    assert_eq!((judge("node200", OTHER), judge("node201", OTHER)), (changed(202), changed(204)));
}
