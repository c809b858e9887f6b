//! The profiles in the binary, those of a directory, and what is said of broken ones.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use slipway::{
    error::{Error, Kind},
    facts::Os,
    profile::Profiles,
};

fn os(id: &str, version: &str) -> Os {
    Os { id: id.to_owned(), version: version.to_owned(), name: format!("{id} {version}"), ..Os::default() }
}

/// A directory of profiles, made for one test.
fn directory(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("profiles").join(name);
    let _ = fs::remove_dir_all(&dir);
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("written");
    }
    dir
}

fn refusal(name: &str, files: &[(&str, &str)]) -> Error {
    Profiles::load(Some(&directory(name, files))).expect_err("a refusal")
}

#[test]
fn every_file_in_profiles_is_in_the_binary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(root.join("src/profile.rs")).expect("the source");
    let mut files = BTreeSet::new();
    for family in fs::read_dir(root.join("profiles")).expect("profiles/") {
        let family = family.expect("an entry").path();
        if !family.is_dir() {
            continue;
        }
        for file in fs::read_dir(&family).expect("a directory") {
            let file = file.expect("an entry").path();
            files.insert(file.strip_prefix(root).expect("below the root").to_string_lossy().into_owned());
        }
    }
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        assert!(source.contains(&format!("include_str!(\"../{file}\")")), "{file} is not in EMBEDDED in src/profile.rs");
    }
}

#[test]
fn supported_systems_have_their_profile_and_others_have_none() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let supported = [
        ("debian", "debian", &["11", "12", "13"][..]),
        ("ubuntu", "ubuntu", &["20.04", "22.04", "24.04"]),
        ("centos", "centos", &["9", "10"]),
        ("centos", "centos-7", &["7"]),
        ("rocky", "rocky", &["8.10", "9.4", "10.0"]),
        ("almalinux", "almalinux", &["8.10", "9", "10"]),
        ("rhel", "rhel", &["8.6", "9.6", "10.1"]),
    ];
    for (id, name, versions) in supported {
        for version in versions {
            assert_eq!(profiles.os(None, &os(id, version)).expect(version).name, name);
        }
    }
    for (id, version) in [
        ("debian", "10"),
        ("debian", ""),
        ("debian", "1"),
        ("ubuntu", "24.10"),
        ("centos", "8"),
        ("rhel", "90"),
        ("nixos", "25.05"),
    ] {
        assert_eq!(profiles.os(None, &os(id, version)).expect_err(version).kind, Kind::UnknownOs);
    }
}

#[test]
fn an_unknown_system_is_told_its_nearest_profile() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let mint = Os { id_like: vec!["ubuntu".to_owned(), "debian".to_owned()], ..os("linuxmint", "22") };
    let error = profiles.os(None, &mint).expect_err("no profile");
    assert!(error.what.contains("linuxmint 22") && error.what.contains("debian 11, 12, 13"), "{error}");
    assert!(
        error.hints[0].contains("profile = \"ubuntu\"") || error.hints[0].contains("profile = \"debian\""),
        "{:?}",
        error.hints
    );
    assert_eq!(profiles.os(Some("ubuntu"), &mint).expect("named").name, "ubuntu");
    let error = profiles.os(Some("ubunto"), &mint).expect_err("no such name");
    assert_eq!((error.kind, error.hints[0].as_str()), (Kind::UnknownOs, "did you mean \"ubuntu\"?"));
    assert!(profiles.os(Some("apt"), &mint).is_err(), "a base is not for hosts");
}

#[test]
fn inheritance_lays_tables_over_each_other() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let centos = profiles.os(Some("centos"), &os("", "")).expect("centos");
    let rhel = profiles.os(Some("rhel"), &os("", "")).expect("rhel");
    let repository =
        |profile: &slipway::profile::OsProfile| profile.runtimes["containerd"].repository.clone().expect("a repository");
    assert_eq!(repository(centos).fingerprint, repository(rhel).fingerprint);
    assert_ne!(repository(centos).url, repository(rhel).url);
    assert_eq!(rhel.kubernetes.packages, ["kubeadm", "kubelet", "kubectl"]);
    assert_eq!(rhel.kubernetes.env, "/etc/sysconfig/kubelet");
}

#[test]
fn a_directory_adds_and_overrides() {
    let dir = directory(
        "added",
        &[
            ("os/mint.toml", "name = \"mint\"\ninherits = \"ubuntu\"\nmatch = { id = \"linuxmint\", versions = [\"22\"] }\n"),
            ("os/debian.toml", "name = \"debian\"\ninherits = \"apt\"\nmatch = { id = \"debian\", versions = [\"14\"] }\n"),
        ],
    );
    let profiles = Profiles::load(Some(&dir)).expect("both");
    assert_eq!(profiles.os(None, &os("linuxmint", "22.1")).expect("mint").kubernetes.env, "/etc/default/kubelet");
    assert_eq!(profiles.os(None, &os("debian", "14")).expect("debian").name, "debian");
    assert!(profiles.os(None, &os("debian", "12")).is_err(), "the embedded one was replaced");
    assert_eq!(Profiles::load(Some(&dir.join("nowhere"))).expect_err("no directory").kind, Kind::NoFile);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = refusal("key", &[("os/a.toml", "name = \"a\"\n[packages]\nprerequisits = []\n")]);
    assert_eq!(error.kind, Kind::UnknownKey);
    assert!(error.what.contains("os/a.toml:3:1: ") && error.what.contains("prerequisits"), "{error}");

    let error = refusal("type", &[("os/a.toml", "name = \"a\"\n[packages]\nprerequisites = 3\n")]);
    assert_eq!(error.kind, Kind::Syntax);
    assert!(error.what.contains("os/a.toml:3:17: "), "{error}");

    let error = refusal("name", &[("os/a.toml", "name = \"a\"\n\n[firewalls.x]\nopen = \"x {{prot}}\"\n")]);
    assert_eq!(error.kind, Kind::UnknownKey);
    assert!(error.what.contains("os/a.toml:4:11: ") && error.hints[0].contains("port"), "{error} {:?}", error.hints);

    let error = refusal("lacks", &[("os/a.toml", "name = \"a\"\nmatch = { id = \"a\", versions = [\"1\"] }\n")]);
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.what.contains("packages.shell.run"), "{error}");

    let circle = [
        ("os/a.toml", "name = \"a\"\ninherits = \"b\"\nmatch = { id = \"a\", versions = [\"1\"] }\n"),
        ("os/b.toml", "name = \"b\"\ninherits = \"a\"\n"),
    ];
    assert!(refusal("circle", &circle).what.contains("inherits from itself"));
}
