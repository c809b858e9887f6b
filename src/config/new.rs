//! Writes a first cluster file: commented, complete, and ready to run.

use std::{fmt::Write as _, net::IpAddr, path::Path, str::FromStr};

use super::{Cidr, Role, check, source::Source, words};
use crate::error::{Error, Kind, Result};

/// The private network of the machines in slipway's Vagrantfile. Machines that are reached through a forwarded port of the
/// operator's loopback (VirtualBox) have no other address in common.
const VAGRANT_NETWORK: &str = "192.168.56.0/24";

/// What a new cluster file is to say.
#[derive(Clone, Debug)]
pub struct Draft {
    pub name: String,
    pub kubernetes: String,
    pub cni: String,
    /// Needed where `cni` is a URL.
    pub cni_sha256: Option<String>,
    pub hosts: Vec<Host>,
    /// The user to log in as where a host does not say; without one: root.
    pub user: Option<String>,
    /// Private key files to log in with where a host does not say.
    pub keys: Vec<String>,
}

/// A host of a new cluster file: `NAME=[USER@]ADDRESS[:PORT][:ROLE]`, or one that `ssh_config::parse` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    /// None: the machine that slipway runs on.
    pub address: Option<String>,
    pub role: Option<Role>,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub keys: Vec<String>,
    /// Whether ssh-agent is asked, where that is said.
    pub agent: Option<bool>,
    /// The machines to go through, as `jump` under `[ssh]` has them.
    pub jump: Option<String>,
    pub known_hosts: Option<String>,
    /// Whether a host key that nobody has seen is accepted and remembered.
    pub accept_new: bool,
}

impl FromStr for Host {
    type Err = Error;

    /// Reads `NAME=[USER@]ADDRESS[:PORT][:ROLE]`, with an IPv6 address in brackets; `NAME=local[:ROLE]` is this machine.
    fn from_str(text: &str) -> Result<Self> {
        let form = "write NAME=[USER@]ADDRESS[:PORT][:ROLE], such as cp1=192.0.2.11:control-plane or n1=[fd00::1]:22";
        let usage = |what: String| Error::new(Kind::Usage, what).hint(form);
        let (name, rest) = text.split_once('=').ok_or_else(|| usage(format!("{text:?} has no NAME=")))?;
        Self::at(rest).map(|host| Self { name: name.to_owned(), ..host }).map_err(usage)
    }
}

impl Host {
    /// Reads `[USER@]ADDRESS[:PORT][:ROLE]`, or says what is wrong with it.
    pub(super) fn at(text: &str) -> Result<Self, String> {
        let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user.to_owned()), rest));
        let (address, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| format!("{text:?} has a [ without its ]"))?,
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let mut host = Self { address: Some(address.to_owned()), user, ..Self::default() };
        let rest = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return Err(format!("{rest:?} stands where :PORT or :ROLE goes")),
            rest => rest,
        };
        for part in rest.into_iter().flat_map(|rest| rest.split(':')) {
            match (Role::named(part), words::port_number(part)) {
                (Some(role), _) if host.role.is_none() => host.role = Some(role),
                (None, Some(port)) if host.port.is_none() && host.role.is_none() => host.port = Some(port),
                _ => return Err(format!("{part:?} is neither a port nor a role here")),
            }
        }
        if address == "local" {
            if host.user.is_some() || host.port.is_some() {
                return Err(format!("{text:?} is this machine, which needs no login"));
            }
            host.address = None;
        } else if !words::is_dns_name_or_ip(address) {
            return Err(format!("{address:?} is no address"));
        }
        Ok(host)
    }
}

impl Draft {
    /// The text of a cluster file that says this. If no host is named a control plane, the first without a role becomes one.
    /// `file` is where it will lie: nothing is written.
    ///
    /// # Errors
    /// What [`super::parse`] would say of it: the rule that the hosts, the version or the pod network break.
    pub fn render(&self, file: &Path) -> Result<String> {
        let text = self.text();
        check::cluster(&Source::unnamed(&text), file.parent().unwrap_or(Path::new("")), None)?;
        Ok(text)
    }

    /// The text, whether it keeps the rules or not.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // A String takes all that is written to it.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        out.push_str(HEAD);
        self.write_cluster(out)?;
        let settings: Vec<Vec<Setting>> = self.hosts.iter().map(|host| self.settings(host)).collect();
        let reached = settings.iter().zip(&self.hosts).filter(|(_, host)| host.address.is_some());
        let remote: Vec<&Vec<Setting>> = reached.map(|(settings, _)| settings).collect();
        // What all hosts have in common goes into [ssh], the rest stands with each host.
        let shared: Vec<Setting> = remote.first().map_or_else(Vec::new, |first| {
            first.iter().filter(|setting| remote.iter().all(|other| other.contains(setting))).cloned().collect()
        });
        self.write_ssh(out, &shared, remote.iter().any(|settings| settings.iter().any(|setting| setting.key == "host_keys")))?;
        out.push_str(EXAMPLES);
        let led = self.hosts.iter().any(|host| host.role == Some(Role::ControlPlane));
        let leader = if led { None } else { self.hosts.iter().position(|host| host.role.is_none()) };
        for (index, (host, settings)) in self.hosts.iter().zip(&settings).enumerate() {
            let role = host.role.unwrap_or(if leader == Some(index) { Role::ControlPlane } else { Role::Worker });
            writeln!(out, "\n[[host]]\nname    = {}", quoted(&host.name))?;
            match &host.address {
                Some(address) => writeln!(out, "address = {}", quoted(address))?,
                None => writeln!(out, "local   = true")?,
            }
            writeln!(out, "role    = \"{role}\"")?;
            let own: Vec<String> = settings.iter().filter(|setting| !shared.contains(setting)).map(Setting::inline).collect();
            if !own.is_empty() {
                writeln!(out, "ssh     = {{ {} }}", own.join(", "))?;
            }
        }
        Ok(())
    }

    fn write_cluster(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "[cluster]\nname         = {}", quoted(&self.name))?;
        writeln!(out, "# \"1.34.2\" is that version; \"1.34\" is the newest patch of it that the package repository has.")?;
        writeln!(out, "kubernetes   = {}", quoted(&self.kubernetes))?;
        out.push_str(ABOUT_CNI);
        writeln!(out, "cni          = {}", quoted(&self.cni))?;
        match &self.cni_sha256 {
            Some(sha256) => writeln!(out, "cni_sha256   = {}", quoted(sha256))?,
            None => writeln!(out, "#cni_sha256   = \"…\"  # for a manifest from a URL: `curl -fsSL URL | sha256sum` prints it")?,
        }
        let (pods, services, nodes) = self.networks();
        writeln!(out, "# The networks of pods and of services. No host may have an address in either.")?;
        writeln!(out, "pod_cidr     = \"{pods}\"\nservice_cidr = \"{services}\"")?;
        match nodes {
            Some(nodes) => {
                out.push_str(
                    "# The hosts are reached through forwarded ports, so this network is where they reach each other.\n",
                );
                out.push_str("# It is the one of slipway's Vagrantfile: change it if yours has another.\n");
                writeln!(out, "node_cidr    = \"{nodes}\"")
            }
            None => {
                out.push_str("# Where hosts have several networks: the one on which they reach each other.\n");
                writeln!(out, "#node_cidr    = \"{VAGRANT_NETWORK}\"")
            }
        }?;
        out.push_str(ABOUT_HOSTS);
        Ok(())
    }

    /// Networks for pods and services that hold none of the hosts' addresses, and the hosts' own network where it must be said.
    fn networks(&self) -> (Cidr, Cidr, Option<Cidr>) {
        let addresses: Vec<IpAddr> = self.hosts.iter().filter_map(|host| host.address.as_deref()?.parse().ok()).collect();
        let nodes = addresses.iter().any(IpAddr::is_loopback).then(|| VAGRANT_NETWORK.parse().ok()).flatten();
        let mut taken: Vec<Cidr> = addresses.iter().map(|address| Cidr::around(*address, 24)).chain(nodes).collect();
        let usual = |text: &str, taken: &[Cidr]| {
            let usual = text.parse().ok().filter(|usual: &Cidr| !taken.iter().any(|other| other.overlaps(usual)));
            usual.unwrap_or_else(|| Cidr::private_apart_from(taken))
        };
        let services = usual("10.96.0.0/12", &taken);
        taken.push(services);
        (usual("10.244.0.0/16", &taken), services, nodes)
    }

    fn write_ssh(&self, out: &mut String, shared: &[Setting], accepts_new: bool) -> std::fmt::Result {
        out.push_str("\n# How to log in. A host may have its own: ssh = { user = \"…\", port = 22 }\n[ssh]\n");
        if accepts_new {
            out.push_str("# These machines' ssh configuration says not to check host keys, as they are often rebuilt. slipway accepts a key\n");
            out.push_str(
                "# that it has not seen, remembers it in this cluster's own file, and refuses a changed one; after a rebuild:\n",
            );
            out.push_str("# slipway known-hosts forget NODE\n");
        }
        for setting in shared {
            writeln!(out, "{:<11} = {}", setting.key, setting.value)?;
        }
        for (key, example) in SSH_EXAMPLES.iter().filter(|(key, _)| !shared.iter().any(|setting| setting.key == *key)) {
            writeln!(out, "#{key:<11} = {example}")?;
        }
        out.push_str(SECRETS);
        Ok(())
    }

    /// What is said of the way to a host; nothing for a local one.
    fn settings(&self, host: &Host) -> Vec<Setting> {
        if host.address.is_none() {
            return Vec::new();
        }
        let user = host.user.as_ref().or(self.user.as_ref());
        let mut settings: Vec<Setting> = user.map(|user| Setting { key: "user", value: quoted(user) }).into_iter().collect();
        settings.extend(host.port.map(|port| Setting { key: "port", value: port.to_string() }));
        let keys = if host.keys.is_empty() { &self.keys } else { &host.keys };
        match keys.as_slice() {
            [] => {}
            [key] => settings.push(Setting { key: "key", value: quoted(key) }),
            keys => {
                let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
                settings.push(Setting { key: "key", value: format!("[{}]", keys.join(", ")) });
            }
        }
        settings.extend(host.agent.map(|agent| Setting { key: "agent", value: agent.to_string() }));
        settings.extend(host.jump.as_ref().map(|jump| Setting { key: "jump", value: quoted(jump) }));
        let known_hosts = host.known_hosts.clone().or_else(|| host.accept_new.then(|| self.own_known_hosts()));
        settings.extend(known_hosts.map(|file| Setting { key: "known_hosts", value: quoted(&file) }));
        settings.extend(host.accept_new.then(|| Setting { key: "host_keys", value: quoted("accept-new") }));
        settings
    }

    fn own_known_hosts(&self) -> String {
        format!("known_hosts.{}", self.name)
    }
}

/// A key of `[ssh]` and its value as TOML.
#[derive(Clone, PartialEq, Eq)]
struct Setting {
    key: &'static str,
    value: String,
}

impl Setting {
    fn inline(&self) -> String {
        format!("{} = {}", self.key, self.value)
    }
}

/// A text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

const HEAD: &str = "\
# A cluster for slipway. `slipway plan` shows what would be done, `slipway up` does it, `slipway reset` undoes it.
# A key right behind a # is an example or the default: remove the # to use it.

";

const ABOUT_CNI: &str = "\
# The pod network: \"bridge\" (built in; the hosts share one network), \"flannel\" (fetched; any network between the hosts),
# \"none\", or a manifest: its path (*.yaml), or its URL.
";

const ABOUT_HOSTS: &str = "\
# The container runtime: \"containerd\", \"crio\" or \"docker\". Without this a host keeps the one that it has, and a bare one gets containerd.
#runtime      = \"containerd\"
# SELinux, on hosts that have it: \"permissive\" or \"enforcing\". Without this it stays as it is.
#selinux      = \"permissive\"
";

const SSH_EXAMPLES: &[(&str, &str)] = &[
    ("user", "\"root\"  # or one who may use sudo or doas"),
    ("port", "22"),
    ("key", "\"~/.ssh/id_ed25519\"  # or a list; without: ssh-agent's keys, then those in ~/.ssh"),
    ("jump", "\"me@gate.example.com\"  # the host to go through; or a list, nearest first; or \"none\""),
    ("known_hosts", "\"~/.ssh/known_hosts\""),
    ("host_keys", "\"strict\"  # or \"accept-new\": accept and remember the key of a host that nobody has seen"),
    ("ssh_config", "\"none\"  # what is not said here, ~/.ssh/config says; or name another file; \"none\" does without"),
];

/// Settings whose example needs a file that is not there when the cluster file is tried.
const SECRETS: &str = "\
# Passwords are asked for where a terminal is there. Elsewhere each comes from a file of yours (mode 600), or from a variable:
# password_file (SLIPWAY_SSH_PASSWORD), jump_password_file (SLIPWAY_JUMP_PASSWORD), sudo_password_file (SLIPWAY_SUDO_PASSWORD),
# passphrase_file for keys (SLIPWAY_KEY_PASSPHRASE).
";

const EXAMPLES: &str = r#"
# Where packages and images come from, if not from pkgs.k8s.io and registry.k8s.io.
#[packages]
#url         = "https://mirror.example.com/v1.34/deb/"
#key         = "https://mirror.example.com/v1.34/deb/Release.key"
#fingerprint = "DE15B14486CD377B9E876E1A234654DA9A296436"

#mirror      = "https://mirror.example.com"  # of the distributions themselves, for hosts that do not reach theirs

#[packages.rpm]  # the same keys for hosts with rpm alone; [packages.deb] for those with deb
#url = "https://mirror.example.com/v1.34/rpm/"

#[packages.rpm.runtime]  # for the container runtime, where the distribution does not have it
#url = "https://mirror.example.com/docker-ce/centos/9/x86_64/stable/"

#[images]
#repository = "registry.example.com/k8s"
#archives   = ["images/pause.tar"]  # loaded on each host ahead of use

#[[images.mirror]]
#registry = "docker.io"
#url      = "https://mirror.example.com"

# A proxy, where hosts have no other way to packages, keys and images. https is the same unless it is said. The cluster itself is reached
# without it; no_proxy adds to that. A user's password comes from a file of yours (mode 600), from SLIPWAY_PROXY_PASSWORD, or is asked for.
#[proxy]
#http          = "http://user@proxy.example.com:3128"
#password_file = "proxy.password"
#no_proxy      = ["mirror.example.com", ".corp.example.com", "10.0.0.0/8"]

# The hosts. A role is "control-plane" or "worker". A host may also say:
#   local    = true             it is the machine that slipway runs on
#   node_ip  = "192.168.56.11"  its address as a node
#   host_key = "SHA256:…"       the key that it must show
#   profile  = "ubuntu"         its operating system, instead of what /etc/os-release says
"#;

#[cfg(test)]
#[path = "new_tests.rs"]
mod tests;
