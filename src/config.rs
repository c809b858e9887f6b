//! The cluster file: what is wanted. Parsed strictly, checked as a whole, and then believed by everyone else.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::error::{Error, Kind, Result};

/// A whole cluster, as the cluster file asks for it; all defaults are filled in and all rules are kept.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub kubernetes: WantedVersion,
    pub cni: WantedCni,
    pub pod_cidr: Cidr,
    pub service_cidr: Cidr,
    /// `host:port` of the API server as the cluster's certificates and kubeconfigs name it; by default the first control plane's.
    pub endpoint: Option<String>,
    /// The subnet that node addresses are taken from, where hosts have several.
    pub node_cidr: Option<Cidr>,
    /// Phases of `kubeadm init` to leave out, in kubeadm's own words: `addon/coredns`.
    pub skip_phases: Vec<String>,
    pub kubelet_extra_args: BTreeMap<String, String>,
    pub apiserver_extra_args: BTreeMap<String, String>,
    pub packages: Packages,
    pub images: Images,
    pub hosts: Vec<Host>,
    /// The directory of the cluster file: relative paths in it are relative to this.
    pub dir: PathBuf,
}

/// `1.34.2`, or `1.34` for the newest patch that the package repository has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: Option<u32>,
}

/// An exact Kubernetes version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// Where the pod network comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedCni {
    /// A profile by name: `bridge`, `flannel`.
    Profile(String),
    /// A manifest on the operator's machine.
    ManifestFile(PathBuf),
    /// A manifest that a control plane fetches, pinned by its SHA-256 (64 hex digits).
    ManifestUrl { url: String, sha256: String },
    /// Nobody's business but the user's.
    None,
}

/// The Kubernetes package repository. Without a URL it is pkgs.k8s.io's for the minor version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    pub url: Option<String>,
    /// URL of the signing key, ASCII-armoured; by default `Release.key` (deb) or `repodata/repomd.xml.key` (rpm) under `url`.
    pub key: Option<String>,
    /// Fingerprint of the signing key: 40 hex digits, upper case.
    pub fingerprint: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Images {
    /// kubeadm's `imageRepository`.
    pub repository: Option<String>,
    pub mirrors: Vec<Mirror>,
    /// Image archives (docker or OCI tarballs) on the operator's machine, loaded into each host's runtime ahead of use.
    pub archives: Vec<PathBuf>,
}

/// Where containerd asks for images of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    pub registry: String,
    pub url: String,
}

#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    /// Where the operator reaches it: a name or an address.
    pub address: String,
    pub role: Role,
    /// An OS profile by name, instead of the one that matches /etc/os-release.
    pub profile: Option<String>,
    /// The node's address, where neither `address` nor `node_cidr` tells.
    pub node_ip: Option<IpAddr>,
    pub reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    ControlPlane,
    Worker,
}

/// How the operator gets onto a host.
#[derive(Clone, Debug)]
pub enum Reach {
    Local,
    Ssh(Ssh),
}

/// `[ssh]`, with a host's own overrides applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    pub user: String,
    pub port: u16,
    /// Private key files; empty: the agent's keys, then ~/.ssh/id_ed25519, id_ecdsa, id_rsa where they exist.
    pub keys: Vec<PathBuf>,
    /// Whether ssh-agent is asked (default: where SSH_AUTH_SOCK is set and no key is named).
    pub agent: Option<bool>,
    /// A file that holds the login password; with none, the password is asked for when a host wants one and a terminal is there.
    pub password_file: Option<PathBuf>,
    /// The host's key as `SHA256:…`, as `ssh-keygen -lf` prints it. Overrides known_hosts.
    pub host_key: Option<String>,
    /// Default: ~/.ssh/known_hosts.
    pub known_hosts: PathBuf,
    pub host_keys: HostKeys,
    /// Seconds to wait for a connection (TCP, key exchange and login together).
    pub connect_timeout: u64,
}

/// What to do with a host whose key nobody has seen. A changed key is always refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// Refuse it.
    #[default]
    Strict,
    /// Accept it, say its fingerprint, and remember it in known_hosts.
    AcceptNew,
}

/// An IPv4 or IPv6 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub base: IpAddr,
    pub prefix: u8,
}

impl Cluster {
    /// The control plane that runs `kubeadm init`: the first in the file.
    #[must_use]
    pub fn first_control_plane(&self) -> &Host {
        self.hosts.iter().find(|host| host.role == Role::ControlPlane).unwrap_or(&self.hosts[0])
    }
}

/// Reads and checks a cluster file.
///
/// # Errors
/// `NoFile`, `Syntax`, `UnknownKey` (with line, column and the nearest known key), or the rule that the file breaks:
/// `DuplicateHost`, `NoControlPlane`, `Cidr`, `UnsupportedVersion`, `Invalid`.
pub fn load(path: &Path) -> Result<Cluster> {
    Err(Error::new(Kind::Internal, format!("{} can not be read yet", path.display())))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for WantedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl FromStr for Version {
    type Err = Error;

    /// Reads `1.34.2` or `v1.34.2`.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).splitn(3, '.').map(str::parse);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => Ok(Self { major, minor, patch }),
            _ => Err(Error::new(Kind::UnsupportedVersion, format!("{text:?} is not a Kubernetes version"))
                .hint("write it as \"1.34.2\" or \"1.34\"")),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        })
    }
}
