//! kubeadm's configuration against golden files, each of which was read against the reference of its API.
//!
//! `UPDATE=1 cargo test --test kubeadm` writes them anew; then read the difference.

#[path = "fixture/secrets.rs"]
mod no_secrets;
#[path = "fixture/cluster.rs"]
mod plain;

use std::{collections::BTreeMap, fs, net::IpAddr, path::Path};

use no_secrets::secrets;
use slipway::{
    config::{Cluster, Host, Local, Reach, Role, Version},
    facts::{Cgroup, Facts},
    kubeadm,
    profile::{Changes, OsProfile, Profiles},
    scene::{Scene, Site, Stage},
};

/// A cluster as a test describes it; the rest is the same for all.
struct Case {
    version: &'static str,
    cluster: Cluster,
    facts: Facts,
}

/// A virtual machine that can do everything.
fn machine() -> Facts {
    Facts { cgroup: Cgroup::V2, systemd: true, kernel_config: true, conntrack_writable: true, ..Facts::default() }
}

/// A system container on cgroup v1 that sees the swap of the machine below it.
fn container() -> Facts {
    Facts {
        cgroup: Cgroup::Hybrid,
        systemd: true,
        container: true,
        virtualisation: "systemd-nspawn".to_owned(),
        swap: vec!["/dev/sda2".to_owned()],
        ..Facts::default()
    }
}

fn cluster(name: &str, hosts: &[(&str, &str, Role)]) -> Cluster {
    let hosts = hosts.iter().map(|(name, address, role)| host(name, address, *role)).collect();
    Cluster { name: name.to_owned(), hosts, ..plain::cluster() }
}

fn host(name: &str, address: &str, role: Role) -> Host {
    Host {
        name: name.to_owned(),
        address: address.to_owned(),
        role,
        profile: None,
        node_ip: None,
        reach: Reach::Local(Local::default()),
    }
}

fn arguments(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Node addresses are the hosts' addresses, or 192.168.56.(11 + place in the file) where those are names.
fn sites(case: &Case) -> Vec<Site> {
    let site = |(place, host): (usize, &Host)| Site {
        host: host.clone(),
        facts: case.facts.clone(),
        profile: OsProfile::default().into(),
        runtime: Profiles::load(None).expect("the embedded profiles").runtime("containerd").expect("one of them").clone().into(),
        node_ip: host
            .address
            .parse()
            .unwrap_or_else(|_| IpAddr::from([192, 168, 56, 11 + u8::try_from(place).expect("few hosts")])),
    };
    case.cluster.hosts.iter().enumerate().map(site).collect()
}

/// Calls `see` with the scene of every host.
fn on_stage(case: &Case, sites: Vec<Site>, see: impl FnOnce(&[Scene<'_>])) {
    let secrets = secrets();
    let version: Version = case.version.parse().expect("a version");
    let stage = Stage {
        cluster: &case.cluster,
        version,
        sites: sites.into(),
        cni: None,
        changes: Changes::default(),
        manifest: None,
        archives: Vec::new(),
        direct: Default::default(),
        first: Default::default(),
        secrets: &secrets,
    };
    see(&stage.scenes().collect::<Vec<_>>());
}

/// Compares a whole file with what was made now.
fn golden(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kubeadm").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, made).expect("golden files can be written");
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(made, wanted, "{name} is no longer what was read against kubeadm's reference");
}

/// The text of `kubeadm init` on the first host, and of `kubeadm join` on the second and the last.
fn goldens(case: &Case, minor: &str) {
    on_stage(case, sites(case), |scenes| {
        golden(&format!("{minor}-init.yaml"), &kubeadm::init_config(&scenes[0]).expect("a supported version"));
        for scene in &scenes[1..] {
            let name = match scene.here.host.role {
                Role::ControlPlane if scene.here.host.name == "cp2" => format!("{minor}-join-control-plane.yaml"),
                Role::ControlPlane => continue,
                Role::Worker => format!("{minor}-join-worker.yaml"),
            };
            golden(&name, &kubeadm::join_config(scene).expect("a supported version"));
        }
    });
}

const SMALL: [(&str, &str, Role); 2] = [("node1", "192.168.77.11", Role::ControlPlane), ("node2", "192.168.77.12", Role::Worker)];

const LARGE: [(&str, &str, Role); 4] = [
    ("cp1", "cp1.example.org", Role::ControlPlane),
    ("cp2", "cp2.example.org", Role::ControlPlane),
    ("cp3", "cp3.example.org", Role::ControlPlane),
    ("w1", "w1.example.org", Role::Worker),
];

/// Like the lab: containers on cgroup v1, no CoreDNS, images from a registry of its own.
fn lab() -> Case {
    let mut cluster = cluster("lab", &SMALL);
    cluster.skip_phases = vec!["addon/coredns".to_owned()];
    cluster.images.repository = Some("192.168.77.1:5000".to_owned());
    Case { version: "1.20.2", cluster, facts: container() }
}

/// Three control planes behind a load balancer, and arguments that only a quoted YAML keeps as they are.
fn balanced() -> Case {
    let mut cluster = cluster("prod", &LARGE);
    cluster.endpoint = Some("api.example.org:6443".to_owned());
    cluster.kubelet_extra_args = arguments(&[("max-pods", "150"), ("v", "2")]);
    cluster.apiserver_extra_args = arguments(&[("anonymous-auth", "true"), ("audit-log-path", "-")]);
    Case { version: "1.30.4", cluster, facts: machine() }
}

#[test]
fn kubernetes_1_20_in_containers() {
    goldens(&lab(), "1.20");
    on_stage(&lab(), sites(&lab()), |scenes| {
        assert_eq!(kubeadm::init_flags(&scenes[0]).expect("a supported version"), ["--skip-phases=addon/coredns"]);
    });
}

#[test]
fn kubernetes_1_21_takes_its_images_from_the_new_registry() {
    let case = Case { version: "1.21.14", cluster: cluster("old", &LARGE), facts: machine() };
    goldens(&case, "1.21");
    on_stage(&case, sites(&case), |scenes| {
        assert_eq!(kubeadm::init_flags(&scenes[0]).expect("a supported version"), ["--upload-certs"]);
    });
}

#[test]
fn kubernetes_1_30_behind_a_load_balancer() {
    goldens(&balanced(), "1.30");
}

#[test]
fn kubernetes_1_34_on_machines() {
    let mut case = balanced();
    case.version = "1.34.2";
    case.cluster.endpoint = None;
    case.cluster.skip_phases = vec!["addon/kube-proxy".to_owned()];
    goldens(&case, "1.34");
    on_stage(&case, sites(&case), |scenes| {
        assert_eq!(kubeadm::init_flags(&scenes[0]).expect("a supported version"), ["--upload-certs"]);
    });
}

#[test]
fn cgroup_v1_is_asked_for_since_1_35() {
    for (version, asked) in [("1.34.9", false), ("1.35.0", true)] {
        let case = Case { version, ..lab() };
        on_stage(&case, sites(&case), |scenes| {
            let text = kubeadm::init_config(&scenes[0]).expect("a supported version");
            assert_eq!(text.contains("\nfailCgroupV1: false\n"), asked, "{version}");
        });
    }
}

#[test]
fn one_odd_host_is_told_apart_and_still_served() {
    let case = Case { version: "1.30.4", cluster: cluster("mixed", &SMALL), facts: machine() };
    let mut sites = sites(&case);
    sites[1].facts = container();
    on_stage(&case, sites, |scenes| {
        let init = kubeadm::init_config(&scenes[0]).expect("a supported version");
        assert!(init.contains("cgroupDriver: \"systemd\"\n"), "the cluster's driver is the first control plane's");
        assert!(init.contains("failSwapOn: false\n") && init.contains("maxPerCore: 0\n"), "shared settings suit all hosts");
        assert!(!init.contains("ignorePreflightErrors"), "each host ignores for itself");
        let join = kubeadm::join_config(&scenes[1]).expect("a supported version");
        assert!(join.contains("    cgroup-driver: \"cgroupfs\"\n"), "{join}");
        assert!(join.contains("    - \"Swap\"\n"), "{join}");
    });
}

#[test]
fn what_the_cluster_file_says_of_the_kubelet_wins() {
    let mut case = Case { version: "1.30.4", ..lab() };
    case.cluster.kubelet_extra_args = arguments(&[("node-ip", "10.0.0.1"), ("x", "a\"\nkey: b")]);
    on_stage(&case, sites(&case), |scenes| {
        let join = kubeadm::join_config(&scenes[1]).expect("a supported version");
        assert!(join.contains("    node-ip: \"10.0.0.1\"\n    x: \"a\\\"\\nkey: b\"\n"), "{join}");
    });
}

#[test]
fn ipv6_endpoints_are_in_brackets() {
    let mut case = Case { version: "1.34.2", ..lab() };
    for (named, wanted) in [
        (None, "[fd00::11]:6443"),
        (Some("fd00::99"), "[fd00::99]:6443"),
        (Some("[fd00::99]:8443"), "[fd00::99]:8443"),
        (Some("api.example.org"), "api.example.org:6443"),
    ] {
        case.cluster.endpoint = named.map(str::to_owned);
        case.cluster.hosts[0].address = "fd00::11".to_owned();
        on_stage(&case, sites(&case), |scenes| {
            assert_eq!(kubeadm::endpoint(scenes[0].stage).expect("a control plane"), wanted);
        });
    }
}

#[test]
fn an_unknown_version_is_refused() {
    let case = Case { version: "1.19.16", ..lab() };
    on_stage(&case, sites(&case), |scenes| {
        let error = kubeadm::init_config(&scenes[0]).expect_err("1.19 is too old");
        assert_eq!(error.kind, slipway::error::Kind::UnsupportedVersion);
    });
}
