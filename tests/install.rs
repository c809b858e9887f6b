//! The install phase for hosts of both families, against golden files, and every program of it through `sh -n`.
//!
//! `UPDATE=1 cargo test --test install` writes the golden files anew; then read the difference. The whole script of a host
//! is left in the tests' temporary directory (target/tmp), for running it by hand on a bare host.

#[path = "fixture/cluster.rs"]
mod plain;

#[path = "install/made_up_host.rs"]
mod made_up_host;
#[path = "install/proxy.rs"]
mod proxy;
#[path = "install/troubles.rs"]
mod troubles;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use plain::cluster;
use slipway::{
    config::{Cluster, Host, Images, Local, Mirror, PackageSource, Packages, Reach, Role, Version},
    error::{Kind, Result},
    facts::{Cgroup, Facts, Os},
    graph::Graph,
    lower,
    phase::install::PHASE,
    profile::{Changes, Profiles},
    scene::{Archive, Scene, Site, Stage},
    secrets::{Secrets, Token},
    step::{Check, Op, Step, StepId, Undo},
};

/// A cluster whose packages and images come from the lab's own servers.
fn lab() -> Cluster {
    Cluster {
        skip_phases: vec!["addon/coredns".to_owned()],
        packages: Packages {
            kubernetes: PackageSource {
                url: Some("http://192.168.77.1:8080/deb".to_owned()),
                key: None,
                fingerprint: Some("1A217B2A6FAA012F2671C444A75C6030596AEAA6".to_owned()),
            },
            ..Packages::default()
        },
        images: Images {
            repository: Some("192.168.77.1:5000".to_owned()),
            mirrors: vec![Mirror { registry: "192.168.77.1:5000".to_owned(), url: "http://192.168.77.1:5000".to_owned() }],
            archives: Vec::new(),
        },
        ..cluster()
    }
}

fn os(id: &str, version: &str) -> Os {
    Os { id: id.to_owned(), version: version.to_owned(), name: format!("{id} {version}"), ..Os::default() }
}

fn debian_container() -> Facts {
    Facts { os: os("debian", "12"), container: true, systemd: true, cgroup: Cgroup::Hybrid, ..Facts::default() }
}

fn centos_machine() -> Facts {
    Facts {
        os: os("centos", "9"),
        systemd: true,
        cgroup: Cgroup::V2,
        oom_score_adj_lowers: true,
        swap: vec!["/dev/dm-1".to_owned()],
        firewalls: vec!["firewalld".to_owned()],
        ..Facts::default()
    }
}

fn steps(cluster: &Cluster, version: &str, role: Role, facts: Facts) -> Result<Vec<Step>> {
    steps_with(cluster, version, role, facts, None)
}

fn steps_with(cluster: &Cluster, version: &str, role: Role, facts: Facts, password: Option<&str>) -> Result<Vec<Step>> {
    let mut steps = Ok(Vec::new());
    stage_with(cluster, version, role, facts, password, |stage| {
        steps = (PHASE.steps)(&Scene { stage, here: &stage.sites[0] });
    });
    steps
}

/// A host on its stage. The password is the proxy's.
fn stage_with(cluster: &Cluster, version: &str, role: Role, facts: Facts, password: Option<&str>, then: impl FnOnce(&Stage<'_>)) {
    let sum = |path: &PathBuf| lower::sha256(&path.to_string_lossy());
    let archives = cluster.images.archives.iter().map(|path| Archive { path: path.clone(), sha256: sum(path) }).collect();
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let secrets = Secrets {
        token: Token { id: "abcdef".to_owned(), secret: "0123456789abcdef".to_owned() },
        certificate_key: String::new(),
        ca_hash: String::new(),
        proxy_password: password.map(str::to_owned),
        pki: None,
    };
    let host = Host {
        name: "node3".to_owned(),
        address: "192.168.77.13".to_owned(),
        role,
        profile: None,
        node_ip: None,
        reach: Reach::Local(Local::default()),
    };
    let profile = profiles.os(None, &facts.os).expect("a profile").clone();
    let runtime = profiles.runtime_of(cluster.runtime.as_deref(), &facts, cluster.kubernetes.minor).expect("a profile").clone();
    let site = Site {
        host,
        facts,
        profile: profile.into(),
        runtime: runtime.into(),
        node_ip: "192.168.77.13".parse().expect("an address"),
    };
    let stage = Stage {
        cluster,
        version: version.parse::<Version>().expect("a version"),
        sites: vec![site].into(),
        cni: None,
        changes: Changes::of(&profiles),
        secrets: &secrets,
        manifest: None,
        archives,
        direct: Default::default(),
        first: Default::default(),
    };
    then(&stage);
}

/// Shell without the package manager's functions in front of it: those are the profile's.
fn calls(shell: &str) -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in shell.trim_end().lines() {
        inside |= line.starts_with("pkg_") && line.ends_with("() {");
        if !inside {
            text.push_str(line);
            text.push('\n');
        }
        inside &= line != "}";
    }
    text
}

/// The steps as a person would want to review them.
fn listing(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let needs: Vec<&str> = step.needs.iter().map(|id| id.name.as_str()).collect();
        let _ = writeln!(text, "######## {} <- {}", step.id, needs.join(", "));
        let files = |text: &mut String, files: &[slipway::step::File]| {
            for file in files {
                let _ = writeln!(text, "same: {}", file.path.display());
            }
        };
        let _ = writeln!(text, "---- check");
        match &step.check {
            Check::Sh(shell) => text.push_str(&calls(shell)),
            Check::Same(same) => files(&mut text, same),
            Check::SameAnd(same, shell) => {
                files(&mut text, same);
                text.push_str(&calls(shell));
            }
            other => panic!("{}: {other:?}", step.id),
        }
        let _ = writeln!(text, "---- apply ({:?}, {:?})", step.carry, step.retry);
        for op in &step.apply {
            match op {
                Op::Sh(shell) => text.push_str(&calls(shell)),
                Op::Write(file) => {
                    let _ = write!(text, "write {} {:o}:\n{}\n", file.path.display(), file.mode, file.content.trim_end());
                }
                Op::Upload(upload) => {
                    let _ = writeln!(text, "upload {} to {}", upload.from.display(), upload.to.display());
                }
                Op::Remove(path) => panic!("{}: removes {}", step.id, path.display()),
            }
        }
        for undo in &step.undo {
            match undo {
                Undo::Sh(shell) => write!(text, "---- undo\n{}", calls(shell)).expect("a string"),
                Undo::Record(shell) => write!(text, "---- record\n{}", calls(shell)).expect("a string"),
            }
        }
        text.push('\n');
    }
    text
}

fn golden(name: &str, steps: &[Step]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/install/{name}.txt"));
    let text = listing(steps);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, &text).expect("written");
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == wanted, "the steps differ from {}; UPDATE=1 cargo test --test install, then git diff", path.display());

    // In an order that exists, with nothing needed that is not there; and every program is one that a shell can read.
    let graph = Graph::new(steps.to_vec()).expect("a graph");
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let script = tmp.join(format!("{name}.sh"));
    fs::write(&script, lower::script(&graph.steps().collect::<Vec<_>>())).expect("written");
    readable(&script);
    for step in steps {
        for (kind, shell) in texts(step) {
            let path = tmp.join(format!("{name}.{}.{kind}.sh", step.id.name));
            fs::write(&path, shell).expect("written");
            readable(&path);
        }
    }
}

fn texts(step: &Step) -> Vec<(String, &str)> {
    let mut texts = Vec::new();
    if let Check::Sh(shell) | Check::SameAnd(_, shell) = &step.check {
        texts.push(("check".to_owned(), shell.as_str()));
    }
    for (index, op) in step.apply.iter().enumerate() {
        if let Op::Sh(shell) = op {
            texts.push((format!("apply{index}"), shell));
        }
    }
    for (index, undo) in step.undo.iter().enumerate() {
        let (Undo::Sh(shell) | Undo::Record(shell)) = undo;
        texts.push((format!("undo{index}"), shell));
    }
    texts
}

fn readable(script: &Path) {
    let output = Command::new("sh").arg("-n").arg(script).output().expect("sh runs");
    assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_debian_container_of_the_lab() {
    let steps = steps(&lab(), "1.20.2", Role::Worker, debian_container()).expect("steps");
    golden("debian-container-worker", &steps);
    let names: Vec<&str> = steps.iter().map(|step| step.id.name.as_str()).collect();
    assert!(!names.contains(&"swap"), "a container must not touch the machine's swap");
    assert_eq!(names.last(), Some(&"kubelet"));
    let text = listing(&steps);
    for wanted in ["SystemdCgroup = false", "restrict_oom_score_adj = true", "sandbox_image = \"192.168.77.1:5000/pause:3.2\""] {
        assert!(text.contains(wanted), "{wanted}");
    }
}

#[test]
fn a_debian_control_plane_of_the_lab() {
    golden("debian-container-control-plane", &steps(&lab(), "1.20.2", Role::ControlPlane, debian_container()).expect("steps"));
}

#[test]
fn a_centos_machine_with_a_firewall_and_swap() {
    let steps = steps(&cluster(), "1.34.2", Role::ControlPlane, centos_machine()).expect("steps");
    golden("centos-machine-control-plane", &steps);
    let names: Vec<&str> = steps.iter().map(|step| step.id.name.as_str()).collect();
    assert!(
        !names.contains(&"package-lists") && !names.contains(&"hold"),
        "dnf fetches its lists, and exclude= holds: {names:?}"
    );
    let text = listing(&steps);
    for wanted in [
        "SystemdCgroup = true",
        "https://pkgs.k8s.io/core:/stable:/v1.34/rpm/\n",
        "restrict_oom_score_adj = false",
        "2379-2380/tcp",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains("v1.34/rpm/repodata"), "the signing key of an old repository may have expired");
}

#[test]
fn repositories_of_a_cluster_of_both_families() {
    let mut cluster = lab();
    let here = |name: &str| Some(format!("http://192.168.77.1:8080/rpm/{name}"));
    cluster.packages.rpm.kubernetes.url = here("kubernetes");
    cluster.packages.rpm.runtime.url = here("docker/");
    let text = listing(&steps(&cluster, "1.20.2", Role::Worker, centos_machine()).expect("steps"));
    for wanted in [
        "baseurl=http://192.168.77.1:8080/rpm/kubernetes/\n",
        "fetch 'http://192.168.77.1:8080/rpm/kubernetes/repodata/repomd.xml.key'",
        "baseurl=http://192.168.77.1:8080/rpm/docker/\n",
        "fetch 'http://192.168.77.1:8080/rpm/docker/gpg'",
        // Kubernetes' is the one under [packages]; a mirror of Docker's repository keeps Docker's key.
        "= '1A217B2A6FAA012F2671C444A75C6030596AEAA6'",
        "= '060A61C51B558A7F742B77AAC52FEB6B621E9F35'",
        "pkg_key_undo '1A217B2A6FAA012F2671C444A75C6030596AEAA6'",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
    let debian = |cluster| listing(&steps(cluster, "1.20.2", Role::Worker, debian_container()).expect("steps"));
    assert_eq!(debian(&cluster), debian(&lab()), "what is said of rpm is nothing to a host with deb");
}

#[test]
fn what_can_not_be_done_is_refused_before_anything_is_done() {
    let old = steps(&cluster(), "1.20.2", Role::Worker, debian_container()).expect_err("no repository has it");
    assert_eq!(old.kind, Kind::UnsupportedVersion);
    let mut evil = cluster();
    evil.packages.kubernetes.url = Some("https://example.org/deb/\ndeb [trusted=yes] http://evil.example/".to_owned());
    let refused = steps(&evil, "1.34.2", Role::Worker, debian_container()).expect_err("an address of two lines");
    assert_eq!(refused.kind, Kind::Invalid);
}

#[test]
fn archives_are_loaded_before_anything_is_pulled() {
    let mut cluster = lab();
    cluster.images.archives =
        ["/srv/Kube 1.20.tar.gz", "/srv/other/pause.tar", "/srv/pause.tar", "/srv/--.tar"].map(PathBuf::from).into();
    let steps = steps(&cluster, "1.20.2", Role::Worker, debian_container()).expect("steps");
    golden("debian-container-archives", &steps);
    let at = |name: &str| steps.iter().position(|step| step.id.name == name).unwrap_or_else(|| panic!("no {name}"));
    for name in ["archive-kube-1-20", "archive-pause", "archive-pause-2", "archive-images"] {
        let step = &steps[at(name)];
        assert_eq!(step.needs, [StepId::new("node3", "install", "runtime-service")]);
        assert!(steps[at("images")].needs.contains(&step.id), "what {name} brings must not be pulled");
    }
    let Some(Op::Upload(upload)) = steps[at("archive-pause")].apply.first() else { panic!("no upload") };
    assert_eq!(upload.from, Path::new("/srv/other/pause.tar"));
    assert_eq!(upload.to, Path::new(&format!("/var/lib/slipway/archives/{}.tar", upload.sha256)));
}
