//! All that a phase may see.

pub mod address;
pub mod proxy;

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use crate::{
    config::{Cluster, Host, Role, Version},
    error::{Error, Kind, Result},
    facts::{Cgroup, Facts},
    profile::{Changes, CniProfile, OsProfile, RuntimeProfile},
    secrets::Secrets,
    step::StepId,
};

/// A host with everything that is known about it.
#[derive(Clone)]
pub struct Site {
    pub host: Host,
    pub facts: Facts,
    pub profile: Arc<OsProfile>,
    pub runtime: Arc<RuntimeProfile>,
    /// The address that the node has in the cluster.
    pub node_ip: IpAddr,
}

/// What is wanted, what is there, and what is known, for a whole cluster.
pub struct Stage<'a> {
    pub cluster: &'a Cluster,
    /// The exact version to install.
    pub version: Version,
    pub sites: Arc<[Site]>,
    pub cni: Option<&'a CniProfile>,
    /// What everything that a node may run changes on a host.
    pub changes: Changes,
    pub secrets: &'a Secrets,
    /// The text of the CNI manifest that the cluster file names by path.
    pub manifest: Option<String>,
    /// The image archives of the cluster file.
    pub archives: Vec<Archive>,
    pub direct: Direct,
    /// Which of the sites [`Stage::first`] is: asked for each step of each host.
    pub first: OnceLock<Option<usize>>,
}

/// What is reached without a proxy, made once for all hosts: see [`Stage::direct_for_pods`] and [`Stage::direct_for_workers`].
#[derive(Debug, Default)]
pub struct Direct {
    pods: OnceLock<String>,
    workers: OnceLock<String>,
}

/// An image archive on the operator's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    pub path: PathBuf,
    /// 64 hex digits.
    pub sha256: String,
}

/// The stage as seen from one host.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub stage: &'a Stage<'a>,
    pub here: &'a Site,
}

/// See [`Stage::first`].
///
/// # Errors
/// `NoControlPlane` when no site is one.
pub fn first_of(sites: &[Site]) -> Result<&Site> {
    let control_planes = || sites.iter().filter(|site| site.host.role == Role::ControlPlane);
    // One whose join was cut short holds the cluster's certificates already, but is no part of it yet.
    let holders =
        || control_planes().filter(|site| site.facts.pki_complete && site.facts.kubernetes.attempt.as_deref() != Some("join"));
    holders()
        .filter(|site| site.facts.kubernetes.admin_conf)
        .min_by_key(|site| site.facts.kubernetes.since)
        .or_else(|| holders().next())
        .or_else(|| control_planes().next())
        .ok_or_else(no_control_plane)
}

fn no_control_plane() -> Error {
    Error::new(Kind::NoControlPlane, "no host is a control plane")
}

impl Site {
    /// The cgroup driver of the container runtime and the kubelet on this host, which must be the same: `systemd`, or
    /// `cgroupfs` in a container on cgroup v1, where the container's systemd does not manage the v1 controllers.
    #[must_use]
    pub fn cgroup_driver(&self) -> &'static str {
        if self.facts.container && self.facts.cgroup != Cgroup::V2 { "cgroupfs" } else { "systemd" }
    }
}

impl Stage<'_> {
    /// The control plane that ran `kubeadm init`, or that will: one that holds a cluster already goes before the order of the file,
    /// so that a control plane that was reset joins its cluster again instead of starting another; of several, the one that has held
    /// it longest, so that it stays the same one when another joins.
    ///
    /// # Errors
    /// `NoControlPlane` when no site is one.
    pub fn first(&self) -> Result<&Site> {
        let index = self.first.get_or_init(|| {
            let first = first_of(&self.sites).ok()?;
            self.sites.iter().position(|site| std::ptr::eq(site, first))
        });
        index.map(|index| &self.sites[index]).ok_or_else(no_control_plane)
    }

    /// What the kubeadm of a control plane is told to reach without a proxy, with commas between: the same on all of them.
    pub fn direct_for_pods(&self) -> &str {
        self.direct.pods.get_or_init(|| proxy::direct_for_pods(self.cluster, &self.sites).join(","))
    }

    /// The same for a worker's kubeadm, which makes no pods and speaks to control planes alone: the names of a whole fleet on each host of
    /// it would be most of what slipway keeps in memory.
    pub fn direct_for_workers(&self) -> &str {
        self.direct.workers.get_or_init(|| proxy::direct(self.cluster, self.control_planes()).join(","))
    }

    pub fn control_planes(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(|site| site.host.role == Role::ControlPlane)
    }

    pub fn scenes(&self) -> impl Iterator<Item = Scene<'_>> {
        self.sites.iter().map(|here| Scene { stage: self, here })
    }
}

impl Scene<'_> {
    /// A step path on this host.
    #[must_use]
    pub fn id(&self, phase: &'static str, name: &str) -> StepId {
        StepId::new(&self.here.host.name, phase, name)
    }

    /// The cgroup driver of the container runtime and the kubelet on this host: see [`Site::cgroup_driver`].
    #[must_use]
    pub fn cgroup_driver(&self) -> &'static str {
        self.here.cgroup_driver()
    }

    /// The CRI socket that the kubelet of this host is told of.
    #[must_use]
    pub fn cri_socket(&self) -> &str {
        self.here.runtime.cri_socket(self.stage.version.minor)
    }

    /// Whether this host runs `kubeadm init`.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.stage.first().is_ok_and(|first| first.host.name == self.here.host.name)
    }

    #[must_use]
    pub fn is_control_plane(&self) -> bool {
        self.here.host.role == Role::ControlPlane
    }
}
