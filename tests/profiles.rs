//! The profiles in the binary, those of a directory, and what is said of broken ones.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use slipway::{
    error::{Error, Kind},
    facts::{Facts, Os, Unit},
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let listed: BTreeSet<String> =
        Profiles::load(None).expect("the embedded profiles").listed.into_iter().map(|each| each.file).collect();
    let mut files = BTreeSet::new();
    for family in ["os", "runtime", "cni", "component"] {
        for file in fs::read_dir(root.join(family)).expect("a directory") {
            let file = file.expect("an entry").path();
            files.insert(format!("profiles/{family}/{}", file.file_name().expect("a name").to_string_lossy()));
        }
    }
    assert!(files.len() >= 15, "{files:?}");
    assert_eq!(files, listed);
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
fn what_is_inherited_can_be_left_out() {
    let own = |without: &str| {
        format!(
            "name = \"own\"\ninherits = \"rocky\"\nmatch = {{ id = \"own\", versions = [\"1\"] }}\nwithout = [\"{without}\"]\n"
        )
    };
    let dir = directory("without", &[("os/own.toml", &own("runtimes.docker.repository"))]);
    let profiles = Profiles::load(Some(&dir)).expect("one more");
    let profile = profiles.os(None, &os("own", "1")).expect("it");
    assert!(profile.runtimes["docker"].repository.is_none() && profile.runtimes["containerd"].repository.is_some());
    let error = refusal("without-what", &[("os/own.toml", &own("runtimes.dokcer.repository"))]);
    assert!(error.what.contains("which rocky does not have"), "{error}");
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

    assert_eq!(error.hints, ["did you mean \"prerequisites\"?"]);
    let error = refusal("runtime", &[("runtime/a.toml", "name = \"a\"\n\n[config]\nfle = \"x\"\n")]);
    assert_eq!((error.kind, error.hints[0].as_str()), (Kind::UnknownKey, "did you mean \"file\"?"));
    assert!(error.what.contains("runtime/a.toml:4:1: "), "{error}");

    let error = refusal("type", &[("os/a.toml", "name = \"a\"\n[packages]\nprerequisites = 3\n")]);
    assert_eq!(error.kind, Kind::Syntax);
    assert!(error.what.contains("os/a.toml:3:17: "), "{error}");

    let error = refusal("name", &[("os/a.toml", "name = \"a\"\n\n[[firewalls.x.rules]]\nopen = \"x {{prot}}\"\n")]);
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

/// A host with these units, of which the active ones are marked.
fn with_units(units: &[(&str, bool)]) -> Facts {
    let unit = |(name, active): &(&str, bool)| {
        let active = if *active { "active" } else { "inactive" };
        ((*name).to_owned(), Unit { active: active.to_owned(), enabled: "enabled".to_owned() })
    };
    Facts { units: units.iter().map(unit).collect(), ..Facts::default() }
}

#[test]
fn a_host_keeps_the_runtime_that_it_has() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let of =
        |wanted: Option<&str>, facts: &Facts, minor| profiles.runtime_of(wanted, facts, minor).expect("a runtime").name.clone();
    let bare = with_units(&[]);
    let docker = with_units(&[("docker.service", true), ("containerd.service", true)]);
    let shim = with_units(&[("docker.service", true), ("containerd.service", true), ("cri-docker.service", true)]);
    assert_eq!(of(None, &bare, 34), "containerd");
    assert_eq!(of(Some("crio"), &docker, 34), "crio", "what the cluster file says comes first");
    assert_eq!(of(None, &docker, 23), "docker");
    assert_eq!(of(None, &docker, 24), "containerd", "a kubelet without dockershim takes what Docker brings");
    assert_eq!(of(None, &shim, 34), "docker");
    assert_eq!(of(None, &with_units(&[("crio.service", true), ("containerd.service", false)]), 34), "crio");
    assert_eq!(of(None, &with_units(&[("crio.service", true), ("containerd.service", true)]), 34), "containerd");
    // Docker that came to a node later changes nothing for its kubelet.
    let mut node = docker.clone();
    node.kubernetes.runtime = Some("/run/containerd/containerd.sock".to_owned());
    assert_eq!(of(None, &node, 20), "containerd");
    node.kubernetes.runtime = Some("/var/run/dockershim.sock".to_owned());
    assert_eq!(of(None, &node, 20), "docker");
    assert_eq!(profiles.runtime_of(Some("dokcer"), &bare, 34).expect_err("no such").hints, ["did you mean \"docker\"?"]);
}

#[test]
fn what_is_said_of_a_version_holds_for_that_version() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    for (id, version, modules) in
        [("rocky", "9.6", false), ("rocky", "10.0", true), ("rhel", "10.1", true), ("centos", "7", false)]
    {
        assert_eq!(!profiles.os(None, &os(id, version)).expect(version).kernel.packages.is_empty(), modules, "{id} {version}");
    }
    let packages = |version: &str, minor| {
        let profile = profiles.os(None, &os("debian", version)).expect(version);
        profile.runtimes["containerd"].serving(minor).expect("packages").packages[0].clone()
    };
    assert_eq!([packages("11", 25), packages("12", 34), packages("12", 20)], ["containerd"; 3]);
    assert_eq!([packages("11", 26), packages("13", 36)], ["containerd.io"; 2]);
    let crio = |minor| profiles.os(None, &os("debian", "12")).expect("12").runtimes["crio"].serving(minor).is_some();
    assert!(crio(28) && !crio(27));
    // A profile that is named serves a version that it does not know, as the newest of its own.
    assert_eq!(profiles.os(Some("rocky"), &os("rocky", "11")).expect("named").matches.as_ref().expect("some").versions, ["10"]);
}

/// The mirrors of CentOS 7 as its image has them, with `sed` as the step calls it.
#[test]
fn closed_mirrors_give_way_to_the_vault() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let dead = &profiles.os(None, &os("centos", "7")).expect("it").dead["mirrors"];
    let there = "[base]\nname=CentOS-$releasever - Base\n\
        mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os&infra=$infra\n\
        #baseurl=http://mirror.centos.org/centos/$releasever/os/$basearch/\n\
        gpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7\n\n\
        [own]\nbaseurl=http://mirror.example.org/centos/7/\n";
    let file = directory("mirrors", &[("CentOS-Base.repo", there)]).join("CentOS-Base.repo");
    let names_dead = |file: &Path| Command::new("grep").args(["-Eqs", &dead.lines]).arg(file).status().expect("grep").success();
    assert!(names_dead(&file));
    let edit = ["-E", "-i", dead.instead.as_deref().expect("a script")];
    assert!(Command::new("sed").args(edit).arg(&file).status().expect("sed").success());
    assert!(!names_dead(&file), "a second run finds nothing to do");
    let wanted = there
        .replace("mirrorlist=http", "#mirrorlist=http")
        .replace("#baseurl=http://mirror.centos.org/", "baseurl=http://vault.centos.org/");
    assert_eq!(fs::read_to_string(&file).expect("the file"), wanted);
}

#[test]
fn the_command_lists_and_shows() {
    let slipway = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_slipway")).args(arguments).output().expect("slipway runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, list, _) = slipway(&["profiles"]);
    assert_eq!(code, Some(0));
    for line in [
        "os +rocky +centos +.*VERSION_ID 8, 9, 10",
        "runtime +docker ",
        "cni +flannel ",
        "os +linux +- .*inherit from",
        "os +apt +linux ",
    ] {
        let found = Command::new("grep").args(["-Eq", line]).stdin(feed(&list)).status().expect("grep").success();
        assert!(found, "{line} is not in\n{list}");
    }
    let (_, json, _) = slipway(&["profiles", "--output", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
    assert_eq!(listed["profiles"].as_array().map(Vec::len), Some(list.lines().count() - 1));

    let (_, shown, _) = slipway(&["profiles", "show", "rocky"]);
    let shown: toml::Table = shown.parse().expect("TOML");
    assert_eq!(shown["kubernetes"]["env"].as_str(), Some("/etc/sysconfig/kubelet"), "inherited from dnf");
    assert_eq!(shown["match"]["id"].as_str(), Some("rocky"));

    let own = "name = \"mint\"\ninherits = \"ubuntu\"\nmatch = { id = \"linuxmint\", versions = [\"22\"] }\n";
    let dir = directory("shown", &[("os/mint.toml", own)]).display().to_string();
    let (code, shown, _) = slipway(&["--profiles", &dir, "profiles", "show", "os/mint"]);
    assert!(code == Some(0) && shown.contains("linuxmint"), "{shown}");
    let (code, _, said) = slipway(&["profiles", "show", "rokcy"]);
    assert_eq!(code, Some(18));
    assert!(said.contains("hint: did you mean `slipway profiles show rocky`?"), "{said}");
}

/// A file with this text, as standard input.
fn feed(text: &str) -> fs::File {
    fs::File::open(directory("fed", &[("text", text)]).join("text")).expect("it was just written")
}
