//! What is there: one probe program a host, and a pure parser of what it prints.

mod listing;
mod parse;
mod pem;

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

pub use parse::parse;
pub use pem::{base64, fingerprint};

/// The probe: POSIX shell that defines one function, `probe`, which changes nothing. Its top describes what it reads and prints.
pub const PROBE: &str = include_str!("facts/probe.sh");

/// Everything that slipway knows about a host, as found by one run of the probe.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    pub hostname: String,
    pub os: Os,
    /// `x86_64`, `aarch64`: uname -m.
    pub arch: String,
    pub kernel: String,
    /// CPUs that a process may use (its affinity), which is what kubeadm counts. 0: not known.
    pub cpus: u32,
    /// 0: not known.
    pub memory_mib: u64,
    /// Free space, for root, of the file system that holds /var/lib.
    pub disk_free_mib: u64,
    /// The size of that file system. 0: not known.
    pub disk_mib: u64,
    /// Active swap devices, as /proc/swaps names them.
    pub swap: Vec<String>,
    pub cgroup: Cgroup,
    /// What systemd-detect-virt says: `none`, `kvm`, `systemd-nspawn`, `lxc`, `docker`, …
    pub virtualisation: String,
    /// A system container: shares its kernel with others, and some knobs of it can not be turned.
    pub container: bool,
    /// PID 1 is systemd.
    pub systemd: bool,
    /// A process may lower its oom_score_adj (needs CAP_SYS_RESOURCE; without it runc fails on the pause container).
    pub oom_score_adj_lowers: bool,
    /// net.netfilter.nf_conntrack_max can be written (kube-proxy wants to).
    pub conntrack_writable: bool,
    /// Kernel modules, among those that Kubernetes needs (overlay, br_netfilter), that are loaded or built in.
    pub modules: Vec<String>,
    /// Those that are not, but lie ready for modprobe.
    pub loadable: Vec<String>,
    /// /proc/config.gz, /boot/config-$(uname -r) or the like can be read: kubeadm's SystemVerification wants it.
    pub kernel_config: bool,
    pub addresses: Vec<Address>,
    /// The source address of the default route: IPv4's where there is one, else IPv6's.
    pub default_source: Option<IpAddr>,
    /// Addresses given to the probe to which this host has no route.
    pub unrouted: Vec<String>,
    pub machine_id: String,
    pub boot_id: String,
    pub product_uuid: Option<String>,
    /// The host's clock, seconds since 1970. 0: not known.
    pub clock: f64,
    /// The operator's clock when the probe's answer came in; whoever ran the probe fills it in.
    pub clock_here: f64,
    /// Installed packages among those that slipway cares about, with their versions as the package manager prints them.
    pub packages: BTreeMap<String, String>,
    /// Packages that are held (apt-mark hold, versionlock).
    pub held: Vec<String>,
    /// Plain versions of kubeadm, kubelet, kubectl, containerd, docker and crio: `kubeadm` -> `1.34.2`. From the package database; a program that
    /// no package owns was asked itself.
    pub versions: BTreeMap<String, String>,
    /// Listening TCP ports, with the process (at most 15 characters of its name; empty where it can not be seen).
    pub ports: BTreeMap<u16, String>,
    /// systemd units that exist, among those that slipway cares about, by full name: `kubelet.service`.
    pub units: BTreeMap<String, Unit>,
    /// SHA-256 (hex) of managed files that exist, by path.
    pub files: BTreeMap<String, String>,
    /// The text of those that slipway adds to and does not replace, by path: /etc/docker/daemon.json.
    pub texts: BTreeMap<String, String>,
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
    /// slipway has told this host of a proxy.
    pub proxied: bool,
    /// Traces of slipway itself: number of entries in the undo ledger.
    pub ledger: u32,
}

#[derive(Clone, Debug, Default, Serialize)]
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cgroup {
    #[default]
    V1,
    /// v1 controllers with an unused v2 mount.
    Hybrid,
    V2,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    pub interface: String,
    pub ip: IpAddr,
    pub prefix: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// ActiveState of systemd: active, inactive, failed, …
    pub active: String,
    /// UnitFileState: enabled, disabled, masked, …; empty for a unit without a file of its own.
    pub enabled: String,
}

/// What of a cluster is on the host.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Kubernetes {
    pub kubelet_conf: bool,
    pub admin_conf: bool,
    /// Static pod manifests in /etc/kubernetes/manifests, by file name.
    pub manifests: Vec<String>,
    /// The API server that kubelet.conf names.
    pub server: Option<String>,
    /// SHA-256 fingerprint (hex) of the CA certificate (DER) in kubelet.conf.
    pub ca_fingerprint: Option<String>,
    /// The CRI socket that the kubelet was told of, without `unix://`; dockershim's where it was told of none, as up to 1.23.
    pub runtime: Option<String>,
    /// /var/lib/etcd/member exists.
    pub etcd_data: bool,
    /// etcd's directory is a disk of its own, with what its file system put there.
    pub etcd_disk: bool,
    /// An init or join that slipway began here and that has not ended well: `init`, `join` ($STATE/attempt).
    pub attempt: Option<String>,
    /// When slipway made this host a control plane, in seconds since 1970 by its clock. None where somebody else did.
    pub since: Option<u64>,
    /// What slipway asked of kubeadm on this control plane: settings of the cluster file, each with the digest of its value.
    pub settings: BTreeMap<String, String>,
}

impl Kubernetes {
    /// Whether the host is a control plane, or what is left of one, by what lies there.
    #[must_use]
    pub fn is_control_plane(&self) -> bool {
        self.etcd_data || self.manifests.iter().any(|file| matches!(file.as_str(), "kube-apiserver.yaml" | "etcd.yaml"))
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Login {
    pub user: String,
    pub home: String,
}
