//! The cluster file: what is wanted. Parsed strictly, checked as a whole, and then believed by everyone else.
//!
//! `raw` is the file as TOML has it, `source` turns a place in it into `FILE:LINE:COLUMN`, `check` and `hosts` keep the rules.

pub mod bare;
mod check;
mod cidr;
mod hosts;
mod login;
mod networks;
pub mod new;
mod packages;
pub(crate) mod pattern;
mod proxy;
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
    packages::{FormatPackages, PackageFormat, PackageSource, Packages},
    proxy::{Proxy, ProxyUrl, escaped},
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
    /// The container runtime, by the name of its profile; none: what a host has already, else containerd.
    pub runtime: Option<String>,
    /// The mode of SELinux on hosts that have it; none: left as it is.
    pub selinux: Option<SeLinux>,
    /// Phases of `kubeadm init` to leave out, in kubeadm's own words: `addon/coredns`.
    pub skip_phases: Vec<String>,
    pub kubelet_extra_args: BTreeMap<String, String>,
    pub apiserver_extra_args: BTreeMap<String, String>,
    pub packages: Packages,
    pub images: Images,
    /// What hosts go through to reach the internet; none: they need nothing, or have what they need in their own configuration.
    pub proxy: Option<Proxy>,
    pub hosts: Vec<Host>,
    /// The directory of the cluster file, which the file's relative paths were relative to: all paths here are joined already.
    pub dir: PathBuf,
}

/// A mode of SELinux that a cluster file may ask for. Disabling it takes a restart, and a relabelling to come back: nobody needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeLinux {
    Permissive,
    Enforcing,
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
    /// It is this machine.
    Local(Local),
    Ssh(Box<Ssh>),
}

/// How to become root on this machine, as `[ssh]` says it for all hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    pub becomes: Become,
    pub sudo_password_file: Option<PathBuf>,
}

/// How to log in to a machine: `[ssh]` and a host's own `ssh`, over the ssh configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    pub user: String,
    pub port: u16,
    /// Private key files; empty: the agent's keys, then ~/.ssh/id_ed25519, id_ecdsa, id_rsa where they exist.
    pub keys: Vec<PathBuf>,
    /// Whether no key file is tried at all, not even those that are tried where `keys` is empty (`IdentityFile none`).
    pub no_keys: bool,
    /// Whether a file of `keys` that is not there is passed over, as ssh does with those of its configuration; one that can not be
    /// used is passed over too, with a note.
    pub keys_may_be_missing: bool,
    /// Whether of the agent's keys only those that `keys` name are tried.
    pub only_keys: bool,
    /// Whether ssh-agent is asked (default: where it is there and may be of use).
    pub agent: Option<bool>,
    /// The agent's socket, instead of the one that SSH_AUTH_SOCK names.
    pub agent_socket: Option<PathBuf>,
    /// The machines to go through, nearest to the operator first.
    pub jump: Vec<Hop>,
    /// Whether this is a machine to go through, and none to work on.
    pub is_jump: bool,
    pub becomes: Become,
    /// Files that hold a secret each. With none, an environment variable is asked, and then a person, if a terminal is there.
    pub password_file: Option<PathBuf>,
    pub sudo_password_file: Option<PathBuf>,
    pub passphrase_file: Option<PathBuf>,
    /// The host's key as `SHA256:…`, as `ssh-keygen -lf` prints it. Overrides known_hosts, but not the lists of revoked keys.
    pub host_key: Option<String>,
    /// The name that known_hosts has for the host, instead of its address and port.
    pub host_key_alias: Option<String>,
    /// Where host keys are looked up and remembered. Default: ~/.ssh/known_hosts.
    pub known_hosts: PathBuf,
    /// Where they are looked up as well.
    pub more_known_hosts: Vec<PathBuf>,
    /// Lists of public keys that no host may have, one a line.
    pub revoked_host_keys: Vec<PathBuf>,
    pub host_keys: HostKeys,
    /// Seconds to wait for a connection (TCP, key exchange and login together).
    pub connect_timeout: u64,
    /// What a person should know about how this came about.
    pub notes: Vec<String>,
    /// The command that makes known_hosts forget the host.
    pub forget: String,
}

/// A machine that others are reached through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// As the cluster file or the ssh configuration calls it.
    pub name: String,
    pub address: String,
    /// Without jump hosts of its own.
    pub ssh: Ssh,
}

/// How an ordinary user becomes root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Become {
    /// By sudo where the host has it, else by doas.
    #[default]
    Either,
    Sudo,
    Doas,
}

impl Default for Ssh {
    /// What holds where neither the cluster file nor the ssh configuration says anything.
    fn default() -> Self {
        Self {
            user: "root".into(),
            port: 22,
            keys: Vec::new(),
            no_keys: false,
            keys_may_be_missing: false,
            only_keys: false,
            agent: None,
            agent_socket: None,
            jump: Vec::new(),
            is_jump: false,
            becomes: Become::Either,
            password_file: None,
            sudo_password_file: None,
            passphrase_file: None,
            host_key: None,
            host_key_alias: None,
            // With no home there is no default file either: every host key is unknown then.
            known_hosts: std::env::home_dir().map(|home| home.join(".ssh/known_hosts")).unwrap_or_default(),
            more_known_hosts: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from).to_vec(),
            revoked_host_keys: Vec::new(),
            host_keys: HostKeys::Strict,
            // As long as a slow VM takes to boot its sshd, and no longer.
            connect_timeout: 15,
            notes: Vec::new(),
            forget: String::new(),
        }
    }
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

    /// Whether `kubeadm init` leaves out an add-on (`addon/coredns`), by its own name or with all of them.
    #[must_use]
    pub fn skips(&self, addon: &str) -> bool {
        self.skip_phases.iter().any(|phase| phase == "addon" || phase == "addon/all" || phase == addon)
    }
}

/// Reads and checks a cluster file, and what ssh's configuration, the user's and the system's, says of the hosts, unless the cluster
/// file does without.
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
    check::cluster(&source::Source::named(text, path), directory(path), Some(&ssh_config::Usual::default()))
}

/// Checks the text of a cluster file that lies, or will lie, at `path`; relative paths in it are relative to that file.
/// Looks at no file but those that it names and that must be there: a CNI manifest, image archives, an ssh configuration.
///
/// # Errors
/// As [`load`], without those of reading the file.
pub fn parse(text: &str, path: &Path) -> Result<Cluster> {
    check::cluster(&source::Source::named(text, path), directory(path), None)
}

fn directory(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

impl SeLinux {
    /// The mode of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Permissive, Self::Enforcing].into_iter().find(|mode| mode.name() == name)
    }

    /// The mode as /etc/selinux/config and the facts have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permissive => "permissive",
            Self::Enforcing => "enforcing",
        }
    }
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
