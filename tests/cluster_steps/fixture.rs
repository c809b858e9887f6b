//! Clusters, hosts and steps as the tests describe them.

#[path = "../fixture/cluster.rs"]
mod plain;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use slipway::{
    config::{Cluster, Host, Local, Reach, Role, Version, WantedCni},
    facts::{Facts, Login},
    lower::lower,
    phase::{cni, init, join, verify},
    profile::{Changes, CniProfile, OsProfile, Profiles, RuntimeProfile, cni::embedded},
    scene::{Site, Stage},
    secrets::{Pki, Secrets, Token},
    step::{Check, Step, StepId, Undo},
};

pub(crate) const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIBfoo\nbar=\n-----END CERTIFICATE-----\n";

pub(crate) fn cluster(cni: WantedCni) -> Cluster {
    Cluster { cni, skip_phases: vec!["addon/coredns".to_owned()], ..plain::cluster() }
}

/// A host; `pods` is the pod subnet of one that has joined.
pub(crate) fn site(name: &str, last: u8, role: Role, pods: Option<&str>) -> Site {
    let mut facts = Facts { pod_cidr: pods.map(str::to_owned), ..Facts::default() };
    facts.login = Login { user: "vagrant".to_owned(), home: "/home/vagrant".to_owned() };
    facts.kubernetes.kubelet_conf = pods.is_some();
    if role == Role::ControlPlane && pods.is_some() {
        facts.kubernetes.admin_conf = true;
        facts.pki_complete = true;
        facts.ca = Some(CA.to_owned());
    }
    let host = Host {
        name: name.to_owned(),
        address: name.to_owned(),
        role,
        profile: None,
        node_ip: None,
        reach: Reach::Local(Local::default()),
    };
    Site { host, facts, profile: OsProfile::default().into(), runtime: containerd().into(), node_ip: [192, 168, 77, last].into() }
}

pub(crate) fn containerd() -> RuntimeProfile {
    runtimes().into_iter().find(|runtime| runtime.name == "containerd").expect("embedded")
}

pub(crate) fn runtimes() -> Vec<RuntimeProfile> {
    Profiles::load(None).expect("the embedded profiles").runtimes
}

pub(crate) fn secrets(new_cluster: bool) -> Secrets {
    let files = [("ca.crt", CA.to_owned(), false), ("ca.key", "key\n".to_owned(), true), ("sa.key", "key\n".to_owned(), true)];
    Secrets {
        token: Token { id: "abcdef".to_owned(), secret: "0123456789abcdef".to_owned() },
        certificate_key: "00112233445566778899aabbccddeeff".repeat(2),
        ca_hash: format!("sha256:{}", "0123456789abcdef".repeat(4)),
        proxy_password: None,
        pki: new_cluster.then(|| Pki { files: files.into() }),
    }
}

pub(crate) fn profile(name: &str) -> CniProfile {
    embedded().expect("readable").into_iter().find(|profile| profile.name == name).expect("embedded")
}

/// All steps of init, join, cni and verify, behind the two install steps that they lean on.
pub(crate) fn steps(wanted: WantedCni, sites: Vec<Site>, new_cluster: bool) -> Vec<Step> {
    let profile = match &wanted {
        WantedCni::Profile(name) => Some(profile(name)),
        _ => None,
    };
    steps_with(wanted, profile, "kind: List\n", sites, new_cluster)
}

/// The same with a manifest that is known to be a CNI's.
pub(crate) fn steps_with(
    wanted: WantedCni,
    profile: Option<CniProfile>,
    manifest: &str,
    sites: Vec<Site>,
    new_cluster: bool,
) -> Vec<Step> {
    let (cluster, secrets) = (cluster(wanted), secrets(new_cluster));
    let stage = Stage {
        cluster: &cluster,
        version: Version { major: 1, minor: 34, patch: 2 },
        sites: sites.into(),
        cni: profile.as_ref(),
        changes: Changes::of(&Profiles::load(None).expect("the embedded profiles")),
        secrets: &secrets,
        manifest: Some(manifest.to_owned()),
        archives: Vec::new(),
        direct: Default::default(),
        first: Default::default(),
    };
    let mut steps = Vec::new();
    for scene in stage.scenes() {
        for name in ["kubelet", "images"] {
            steps.push(Step::new(scene.id("install", name), name, ""));
        }
        for phase in [init::PHASE, join::PHASE, cni::PHASE, verify::PHASE] {
            steps.extend((phase.steps)(&scene).expect("steps"));
        }
    }
    steps
}

pub(crate) fn bridge() -> WantedCni {
    WantedCni::Profile("bridge".to_owned())
}

pub(crate) fn bare_three() -> Vec<Site> {
    vec![site("cp1", 11, Role::ControlPlane, None), site("w1", 12, Role::Worker, None), site("w2", 13, Role::Worker, None)]
}

pub(crate) fn joined_three() -> Vec<Site> {
    vec![
        site("cp1", 11, Role::ControlPlane, Some("10.244.0.0/24")),
        site("w1", 12, Role::Worker, Some("10.244.1.0/24")),
        site("w2", 13, Role::Worker, Some("10.244.2.0/24")),
    ]
}

pub(crate) fn paths(steps: &[Step]) -> Vec<String> {
    steps.iter().filter(|step| step.id.phase != "install").map(|step| step.id.to_string()).collect()
}

pub(crate) fn find<'a>(steps: &'a [Step], path: &str) -> &'a Step {
    steps.iter().find(|step| step.id.to_string() == path).unwrap_or_else(|| panic!("no {path} in {:?}", paths(steps)))
}

pub(crate) fn needs(steps: &[Step], path: &str) -> Vec<String> {
    find(steps, path).needs.iter().map(StepId::to_string).collect()
}

pub(crate) fn check(step: &Step) -> &str {
    match &step.check {
        Check::Sh(shell) | Check::SameAnd(_, shell) => shell,
        other => panic!("{} is checked by {other:?}", step.id),
    }
}

/// Feeds shell to `sh`, and gives back its exit code and what it printed.
pub(crate) fn sh(arguments: &[&str], text: &str) -> (Option<i32>, String) {
    let mut child = Command::new("sh")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("sh is there");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("sh reads it");
    let output = child.wait_with_output().expect("sh ends");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn assert_is_shell(steps: &[Step]) {
    for step in steps {
        assert_eq!(sh(&["-n"], lower(step).text()).0, Some(0), "{}", step.id);
        for undo in &step.undo {
            let (Undo::Sh(shell) | Undo::Record(shell)) = undo;
            assert_eq!(sh(&["-n"], shell).0, Some(0), "the undo of {}", step.id);
        }
    }
}
