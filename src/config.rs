//! The cluster file: what is wanted. Parsed strictly, checked as a whole, and then believed by everyone else.
//!
//! `raw` is the file as TOML has it, `source` turns a place in it into `FILE:LINE:COLUMN`, `check` and `hosts` keep the rules.

mod check;
mod cidr;
mod hosts;
mod networks;
pub mod new;
mod raw;
mod source;
pub mod ssh_config;
mod version;
mod words;

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

pub use self::{
    cidr::{Cidr, NotANetwork},
    version::{NEWEST_MINOR, OLDEST_MINOR, Version, WantedVersion},
};
use crate::error::{Error, Kind, Result};

/// The API server's port, where the cluster file's `endpoint` names none.
pub const API_PORT: u16 = 6443;

/// A whole cluster, as the cluster file asks for it; all defaults are filled in and all rules are kept.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub kubernetes: WantedVersion,
    pub cni: WantedCni,
    pub pod_cidr: Cidr,
    pub service_cidr: Cidr,
    /// `host:port` (IPv6 in brackets) of the API server as the cluster's certificates and kubeconfigs name it; by default the first control plane's.
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
    /// The directory of the cluster file, which the file's relative paths were relative to: all paths here are joined already.
    pub dir: PathBuf,
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

/// Where container images come from, beside their own registries.
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

/// A machine of the cluster.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name as a Kubernetes node: an RFC 1123 label.
    pub name: String,
    /// Where the operator reaches it: a name or an address (IPv6 without brackets); `localhost` for a local host that gives none.
    pub address: String,
    pub role: Role,
    /// An OS profile by name, instead of the one that matches /etc/os-release.
    pub profile: Option<String>,
    /// The node's address, where neither `address` nor `node_cidr` tells.
    pub node_ip: Option<IpAddr>,
    pub reach: Reach,
}

/// What a host is in the cluster.
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
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(Kind::NoFile, format!("{shown}: there is no such file"))
            .hint("write one with `slipway new --host cp1=ADDRESS`, or name yours with `-c FILE`"),
        _ => Error::new(Kind::NoFile, format!("{shown} cannot be read"))
            .because(error)
            .hint(format!("look at it with `ls -ld {shown}`")),
    })?;
    let text = source::utf8(&bytes, path)?;
    parse(text, path)
}

/// Checks the text of a cluster file that lies, or will lie, at `path`; relative paths in it are relative to that file.
/// Looks at no file but a CNI manifest and image archives, which must be there.
///
/// # Errors
/// As [`load`], without those of reading the file.
pub fn parse(text: &str, path: &Path) -> Result<Cluster> {
    check::cluster(&source::Source::named(text, path), path.parent().unwrap_or(Path::new("")))
}

impl Role {
    /// The roles by name, as the cluster file and `--host` spell them.
    pub const NAMES: [&str; 2] = ["control-plane", "worker"];

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "control-plane" => Some(Self::ControlPlane),
            "worker" => Some(Self::Worker),
            _ => None,
        }
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
