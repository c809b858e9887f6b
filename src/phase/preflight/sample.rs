//! A healthy fleet for the tests of the rules: node1 a control plane, node2 and node3 workers, all on bare virtual machines.

use std::net::{IpAddr, Ipv4Addr};

use super::{Finding, Fleet, Found, Seen, judge};
use crate::{
    config::{Host, Local, Reach, Role, SeLinux, Version},
    facts::{Cgroup, Facts, fingerprint},
};

/// Any bytes make a fingerprint: `foobar`.
pub(super) const CA: &str = "-----BEGIN CERTIFICATE-----\nZm9vYmFy\n-----END CERTIFICATE-----\n";

pub(super) struct Sample {
    pub(super) selinux: Option<SeLinux>,
    pub(super) gets_modules: bool,
    pub(super) version: Version,
    pub(super) first: Option<String>,
    pub(super) hosts: Vec<(Host, Facts, IpAddr)>,
}

impl Sample {
    /// Three bare hosts.
    pub(super) fn new() -> Self {
        let host = |index: u8| {
            let name = format!("node{index}");
            let role = if index == 1 { Role::ControlPlane } else { Role::Worker };
            let ip = IpAddr::V4(Ipv4Addr::new(192, 168, 56, 10 + index));
            let facts = Facts {
                hostname: name.clone(),
                arch: "x86_64".to_owned(),
                kernel: "6.1.0-37-amd64".to_owned(),
                cpus: 2,
                memory_mib: 2048,
                disk_free_mib: 20_000,
                cgroup: Cgroup::V2,
                virtualisation: "kvm".to_owned(),
                systemd: true,
                modules: vec!["overlay".to_owned()],
                loadable: vec!["br_netfilter".to_owned()],
                machine_id: format!("{index:032x}"),
                product_uuid: Some(format!("uuid-{index}")),
                clock: 1_795_229_987.0 + f64::from(index),
                clock_here: 1_795_229_987.0,
                ports: [(22, "sshd".to_owned())].into(),
                ..Facts::default()
            };
            (
                Host { name, address: ip.to_string(), role, profile: None, node_ip: None, reach: Reach::Local(Local::default()) },
                facts,
                ip,
            )
        };
        let version = Version { major: 1, minor: 34, patch: 2 };
        Self { selinux: None, gets_modules: false, version, first: Some("node1".to_owned()), hosts: (1..=3).map(host).collect() }
    }

    /// The same three, as members of a cluster of 1.34.2.
    pub(super) fn members() -> Self {
        let mut sample = Self::new();
        for (host, facts, _) in &mut sample.hosts {
            facts.kubernetes.kubelet_conf = true;
            facts.kubernetes.ca_fingerprint = fingerprint(CA);
            facts.ports.insert(10250, "kubelet".to_owned());
            for program in ["kubeadm", "kubelet"] {
                facts.versions.insert(program.to_owned(), "1.34.2".to_owned());
            }
            if host.role == Role::ControlPlane {
                facts.ca = Some(CA.to_owned());
                facts.kubernetes.etcd_data = true;
                facts.kubernetes.manifests = vec!["etcd.yaml".to_owned(), "kube-apiserver.yaml".to_owned()];
                facts.ports.extend([(6443, "kube-apiserver".to_owned()), (2379, "etcd".to_owned()), (10257, String::new())]);
            }
        }
        sample
    }

    pub(super) fn facts(&mut self, index: usize) -> &mut Facts {
        &mut self.hosts[index].1
    }

    /// The same fleet, for another minor version of Kubernetes.
    pub(super) fn minor(mut self, minor: u32) -> Self {
        self.version = Version { major: 1, minor, patch: 0 };
        self
    }

    pub(super) fn judge(&self) -> Vec<Finding> {
        let hosts = self
            .hosts
            .iter()
            .map(|(host, facts, node_ip)| Seen {
                host,
                facts,
                node_ip: *node_ip,
                runtime: "containerd",
                gets_modules: self.gets_modules,
            })
            .collect();
        let (first, found) = (self.first.as_deref(), Found::default());
        judge(&Fleet { selinux: self.selinux, version: self.version, first, own_eviction: false, hosts, found })
    }

    /// The only finding, as (`node2/route`, fatal, what it says and what to do), or a test's failure.
    #[track_caller]
    pub(super) fn only(&self) -> (String, bool, String) {
        let findings = self.judge();
        let [finding] = findings.as_slice() else { panic!("one finding was expected: {findings:#?}") };
        let text = format!("{} -> {}", finding.what, finding.remedy);
        (format!("{}/{}", finding.id.host, finding.id.name), finding.fatal, text)
    }

    /// Asserts that there is one finding, with this place, weight, and these words in it.
    #[track_caller]
    pub(super) fn finds(&self, place: &str, fatal: bool, words: &[&str]) {
        let (found, weight, text) = self.only();
        assert_eq!((found.as_str(), weight), (place, fatal), "{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text:?}");
        }
    }

    #[track_caller]
    pub(super) fn finds_nothing(&self) {
        assert_eq!(self.judge(), []);
    }
}
