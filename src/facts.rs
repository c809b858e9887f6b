//! What is there: one probe program a host, and a pure parser of what it prints.

use std::{collections::BTreeMap, net::IpAddr};

use crate::error::{Error, Kind, Result};

/// The probe: a POSIX shell program that changes nothing. Its output format is described at its top.
pub const PROBE: &str = include_str!("facts/probe.sh");

/// Everything that slipway knows about a host, as found by one run of the probe.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub hostname: String,
    pub os: Os,
    /// `x86_64`, `aarch64`: uname -m.
    pub arch: String,
    pub kernel: String,
    pub cpus: u32,
    pub memory_mib: u64,
    /// Free space of the file system that holds /var/lib.
    pub disk_free_mib: u64,
    /// Active swap devices, as /proc/swaps names them.
    pub swap: Vec<String>,
    pub cgroup: Cgroup,
    /// What systemd-detect-virt would say: `none`, `kvm`, `systemd-nspawn`, `lxc`, `docker`, …
    pub virtualisation: String,
    /// A system container: shares its kernel with others, and some knobs of it can not be turned.
    pub container: bool,
    /// PID 1 is systemd.
    pub systemd: bool,
    /// A process may lower its oom_score_adj (needs CAP_SYS_RESOURCE; without it runc fails on the pause container).
    pub oom_score_adj_lowers: bool,
    /// net.netfilter.nf_conntrack_max can be written (kube-proxy wants to).
    pub conntrack_writable: bool,
    /// Kernel modules of /proc/modules and built-in ones among those Kubernetes needs: overlay, br_netfilter.
    pub modules: Vec<String>,
    /// /proc/config.gz or /boot/config-$(uname -r) can be read, or the module `configs` be loaded: kubeadm's SystemVerification needs it.
    pub kernel_config: bool,
    pub addresses: Vec<Address>,
    /// The source address of the default route.
    pub default_source: Option<IpAddr>,
    /// Addresses given to the probe to which this host has no route.
    pub unrouted: Vec<String>,
    pub machine_id: String,
    pub boot_id: String,
    pub product_uuid: Option<String>,
    /// The host's clock, seconds since 1970, and the operator's clock when the probe's answer came in.
    pub clock: f64,
    pub clock_here: f64,
    /// Installed packages among those that slipway cares about, with their versions as the package manager prints them.
    pub packages: BTreeMap<String, String>,
    /// Packages that are held (apt-mark hold, versionlock).
    pub held: Vec<String>,
    /// Programs that answer with a version: `kubeadm` -> `1.34.2`, `containerd` -> `1.6.20`.
    pub versions: BTreeMap<String, String>,
    /// Listening TCP ports, with the process where it can be seen.
    pub ports: BTreeMap<u16, String>,
    /// systemd units that slipway cares about: `kubelet.service` -> ("active", "enabled").
    pub units: BTreeMap<String, Unit>,
    /// SHA-256 of managed files that exist.
    pub files: BTreeMap<String, String>,
    /// Addresses of runtime sockets that exist: /run/containerd/containerd.sock, …
    pub sockets: Vec<String>,
    /// The cluster CA certificate (PEM) of /etc/kubernetes/pki/ca.crt.
    pub ca: Option<String>,
    /// All eight files of CA certificates and keys that `kubeadm init` keeps are there.
    pub pki_complete: bool,
    pub kubernetes: Kubernetes,
    /// The subnet of the pods on this host, from the CNI configuration of profile `bridge`.
    pub pod_cidr: Option<String>,
    /// Active firewall front ends: `ufw`, `firewalld`.
    pub firewalls: Vec<String>,
    /// `enforcing`, `permissive`, `disabled`; none where there is no SELinux.
    pub selinux: Option<String>,
    /// The user that logged in (before becoming root), and their home.
    pub login: Login,
    /// Traces of slipway itself: number of entries in the undo ledger.
    pub ledger: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Os {
    /// ID of os-release(5).
    pub id: String,
    pub id_like: Vec<String>,
    /// VERSION_ID; empty on rolling releases.
    pub version: String,
    pub codename: String,
    /// PRETTY_NAME, for people.
    pub name: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cgroup {
    #[default]
    V1,
    /// v1 controllers with an unused v2 mount.
    Hybrid,
    V2,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub interface: String,
    pub ip: IpAddr,
    pub prefix: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// ActiveState of systemd: active, inactive, failed, …
    pub active: String,
    /// UnitFileState: enabled, disabled, masked, …; empty where the unit does not exist.
    pub enabled: String,
}

/// What of a cluster is on the host.
#[derive(Clone, Debug, Default)]
pub struct Kubernetes {
    pub kubelet_conf: bool,
    pub admin_conf: bool,
    /// Static pod manifests in /etc/kubernetes/manifests, by file name.
    pub manifests: Vec<String>,
    /// The API server that kubelet.conf names.
    pub server: Option<String>,
    /// SHA-256 fingerprint (hex) of the CA certificate (DER) in kubelet.conf.
    pub ca_fingerprint: Option<String>,
    /// /var/lib/etcd/member exists.
    pub etcd_data: bool,
    /// An init or join that slipway began here and that has not ended well: `init`, `join`.
    pub attempt: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Login {
    pub user: String,
    pub home: String,
}

/// Parses what the probe printed.
///
/// # Errors
/// `Lost` when the output is cut short: anything unfinished is unknown, never absent.
pub fn parse(output: &[String], _nonce: &str) -> Result<Facts> {
    Err(Error::new(Kind::Internal, format!("{} lines of facts can not be parsed yet", output.len())))
}
