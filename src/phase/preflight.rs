//! Judges facts before anything is changed: everything that would make a later step fail, reported together.
//!
//! kubeadm has such checks too, but it makes them one host at a time and after the packages are in:
//! <https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#preflight-checks>.

mod fleet;
mod machine;
mod membership;
#[cfg(test)]
mod sample;

use std::{net::IpAddr, sync::OnceLock};

use crate::{
    config::{Host, Role, SeLinux, Version},
    facts::Facts,
    kubeadm,
    scene::{Site, Stage},
    step::StepId,
};

/// Something that would make a later step fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `cp1/preflight/memory`: `--skip` takes it.
    pub id: StepId,
    /// What is wrong, in one line with the figures.
    pub what: String,
    /// What to do about it; best a command.
    pub remedy: String,
    /// A warning does not stop the run.
    pub fatal: bool,
}

/// A rule: it looks at one host, and may compare it with the others.
struct Rule {
    /// The last part of a finding's id.
    name: &'static str,
    judge: fn(&Fleet<'_>, &Seen<'_>) -> Option<Trouble>,
}

/// What a rule finds wrong.
#[derive(Debug)]
struct Trouble {
    what: String,
    remedy: String,
    fatal: bool,
}

/// All that rules may see of a host.
#[derive(Clone, Copy)]
struct Seen<'a> {
    host: &'a Host,
    facts: &'a Facts,
    node_ip: IpAddr,
    /// The name of its runtime's profile.
    runtime: &'a str,
    /// The install phase brings the kernel modules that its distribution keeps in packages of their own.
    gets_modules: bool,
}

impl<'a> Seen<'a> {
    fn of(site: &'a Site) -> Self {
        Self {
            host: &site.host,
            facts: &site.facts,
            node_ip: site.node_ip,
            runtime: &site.runtime.name,
            gets_modules: !site.profile.kernel.packages.is_empty(),
        }
    }
}

/// All that rules may see.
struct Fleet<'a> {
    /// The mode of SELinux that the cluster file asks for.
    selinux: Option<SeLinux>,
    /// The Kubernetes version to install.
    version: Version,
    /// The name of the control plane that runs, or ran, `kubeadm init`.
    first: Option<&'a str>,
    /// The cluster file sets when the kubelet evicts.
    own_eviction: bool,
    hosts: Vec<Seen<'a>>,
    found: Found,
}

/// What rules find out for all hosts at once, when the first one asks.
#[derive(Default)]
struct Found {
    /// How far the clocks of half of the hosts are ahead of the operator's at most.
    clock: OnceLock<Option<f64>>,
    /// The fingerprint of the CA of the first control plane.
    ca: OnceLock<Option<String>>,
}

/// Every rule, in the order in which a person would want to read its findings.
const RULES: &[Rule] = &[
    Rule { name: "systemd", judge: machine::systemd },
    Rule { name: "architecture", judge: machine::architecture },
    Rule { name: "kernel", judge: machine::kernel },
    Rule { name: "modules", judge: machine::modules },
    Rule { name: "cgroup", judge: machine::cgroup },
    Rule { name: "cpus", judge: machine::cpus },
    Rule { name: "memory", judge: machine::memory },
    Rule { name: "disk", judge: machine::disk },
    Rule { name: "eviction", judge: machine::eviction },
    Rule { name: "swap", judge: machine::swap },
    Rule { name: "selinux", judge: machine::selinux },
    Rule { name: "ports", judge: machine::ports },
    Rule { name: "runtime", judge: machine::runtime },
    Rule { name: "name", judge: fleet::name },
    Rule { name: "hostname", judge: fleet::hostname },
    Rule { name: "machine-id", judge: fleet::machine_id },
    Rule { name: "product-uuid", judge: fleet::product_uuid },
    Rule { name: "address", judge: fleet::address },
    Rule { name: "route", judge: fleet::route },
    Rule { name: "clock", judge: fleet::clock },
    Rule { name: "cluster", judge: membership::cluster },
    Rule { name: "role", judge: membership::role },
    Rule { name: "etcd", judge: membership::etcd },
    Rule { name: "version", judge: membership::version },
];

/// Everything that would make a later step fail, of all hosts.
#[must_use]
pub fn examine(stage: &Stage<'_>) -> Vec<Finding> {
    let hosts = stage.sites.iter().map(Seen::of).collect();
    let first = stage.first().ok().map(|site| site.host.name.as_str());
    let own_eviction = stage.cluster.kubelet_extra_args.contains_key("eviction-hard");
    let (selinux, version) = (stage.cluster.selinux, stage.version);
    let mut findings = judge(&Fleet { selinux, version, first, own_eviction, hosts, found: Found::default() });
    findings.extend(endpoint(stage));
    findings.extend(settings(stage));
    findings
}

/// Several control planes without an address of their own are reached through the first one, and are lost with it.
fn endpoint(stage: &Stage<'_>) -> Option<Finding> {
    if stage.cluster.endpoint.is_some() || stage.control_planes().count() < 2 {
        return None;
    }
    let first = stage.first().ok()?;
    Some(Finding {
        id: StepId::new(&first.host.name, "preflight", "endpoint"),
        what: format!(
            "{} control planes, and no endpoint: every node will reach the cluster through {}",
            stage.control_planes().count(),
            first.host.name
        ),
        remedy: "set endpoint = \"NAME:6443\" under [cluster], where NAME is an address that can move to another control plane"
            .to_owned(),
        fatal: false,
    })
}

/// What the cluster file asks for now is not what the cluster was made with, and no step would change that.
fn settings(stage: &Stage<'_>) -> Option<Finding> {
    let first = stage.first().ok()?;
    let made_with = &first.facts.kubernetes.settings;
    let wanted = kubeadm::settings(stage.cluster);
    let changed = wanted.iter().filter(|&(&name, digest)| made_with.get(name).is_some_and(|made| made != digest));
    let changed: Vec<&str> = changed.map(|(&name, _)| name).collect();
    // Half of the phases would take a new network, and the other half has the old one.
    let fatal = changed.iter().any(|name| name.ends_with("_cidr"));
    (!changed.is_empty()).then(|| Finding {
        id: StepId::new(&first.host.name, "preflight", "settings"),
        what: format!("the cluster was made with another {}, and slipway does not change that in a cluster", changed.join(", ")),
        remedy: "put back what the cluster file said, or make the cluster anew: slipway reset && slipway up".to_owned(),
        fatal,
    })
}

fn judge(fleet: &Fleet<'_>) -> Vec<Finding> {
    let by_host = fleet.hosts.iter().flat_map(|seen| RULES.iter().map(move |rule| (seen, rule)));
    by_host
        .filter_map(|(seen, rule)| {
            let Trouble { what, remedy, fatal } = (rule.judge)(fleet, seen)?;
            Some(Finding { id: StepId::new(&seen.host.name, "preflight", rule.name), what, remedy, fatal })
        })
        .collect()
}

impl Trouble {
    /// What stops the run.
    fn fatal(what: impl Into<String>, remedy: impl Into<String>) -> Option<Self> {
        Some(Self { what: what.into(), remedy: remedy.into(), fatal: true })
    }

    /// What a person should know.
    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Option<Self> {
        Some(Self { what: what.into(), remedy: remedy.into(), fatal: false })
    }
}

impl<'a> Seen<'a> {
    fn is_control_plane(&self) -> bool {
        self.host.role == Role::ControlPlane
    }

    /// Part of a cluster already: what would hinder it from becoming one is of no interest.
    fn is_member(&self) -> bool {
        self.facts.kubernetes.kubelet_conf
    }

    /// `slipway reset node1`. Without `--yes`: it asks, since what is there may be another cluster's.
    fn reset(&self) -> String {
        format!("slipway reset {}", self.host.name)
    }

    /// The hosts before this one for which something holds: of two that are alike, only the later one is reported.
    fn alike_before(&self, fleet: &'a Fleet<'_>, alike: impl Fn(&Seen<'_>) -> bool) -> Option<&'a str> {
        let mut before = fleet.hosts.iter().take_while(|other| other.host.name != self.host.name);
        before.find(|other| alike(other)).map(|other| other.host.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{sample::Sample, *};

    #[test]
    fn a_healthy_fleet_gives_no_findings() {
        assert_eq!(Sample::new().judge(), []);
        assert_eq!(Sample::members().judge(), []);
    }

    #[test]
    fn findings_carry_the_path_of_their_host_and_rule() {
        let mut sample = Sample::new();
        sample.facts(1).arch = "riscv64".to_owned();
        sample.facts(2).systemd = false;
        let ids: Vec<String> = sample.judge().iter().map(|finding| finding.id.to_string()).collect();
        assert_eq!(ids, ["node2/preflight/architecture", "node3/preflight/systemd"]);
    }

    #[test]
    fn rules_have_names_of_their_own_and_speak_in_fragments() {
        let names: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        // Facts of which nothing is known must not upset any rule, and what it says must fit behind `error: `.
        let mut sample = Sample::new();
        for index in 0..3 {
            *sample.facts(index) = Facts::default();
        }
        for finding in sample.judge() {
            assert!(!finding.what.ends_with('.') && !finding.what.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
        }
    }
}
