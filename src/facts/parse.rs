//! Makes facts of what the probe printed. Pure, and proof against anything that a host may print.

use std::net::IpAddr;

use super::{
    Cgroup, Facts, Login, Unit, fingerprint,
    listing::{self, Ip},
    pem,
};
use crate::error::{Error, Kind, Result};

/// Programs whose plain version matters, with the packages that may bring them.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("kubeadm", &["kubeadm"]),
    ("kubelet", &["kubelet"]),
    ("kubectl", &["kubectl"]),
    ("containerd", &["containerd", "containerd.io"]),
    ("docker", &["docker.io", "docker-ce", "moby-engine", "docker"]),
    ("crio", &["cri-o"]),
];

/// Where the kubelet of Kubernetes 1.23 and older looked for a runtime if nobody told it.
const DOCKERSHIM: &str = "/var/run/dockershim.sock";

/// Parses what the probe printed: all its lines, or only those that begin with the run's nonce.
///
/// # Errors
/// `Lost` when the output is cut short: anything unfinished is unknown, never absent.
pub fn parse(output: &[String], nonce: &str) -> Result<Facts> {
    let records = records(output, nonce)?;
    let mut gathered = Gathered::default();
    for (key, value) in records {
        gathered.take(key, value);
    }
    Ok(gathered.finish())
}

/// The probe's lines as (key, value), whatever else was printed between them.
fn records<'a>(output: &'a [String], nonce: &str) -> Result<Vec<(&'a str, &'a str)>> {
    let mut records = Vec::new();
    for line in output.iter().filter_map(|line| line.strip_prefix(nonce)?.strip_prefix(' ')) {
        if let Some(fact) = line.strip_prefix("fact ") {
            records.push(fact.split_once(' ').unwrap_or((fact, "")));
        } else if let Some(count) = line.strip_prefix("facts-end ") {
            if count.trim().parse() == Ok(records.len()) {
                return Ok(records);
            }
            break;
        }
    }
    Err(Error::new(Kind::Lost, format!("the host's answer was cut short after {} facts", records.len()))
        .hint("run the same command again"))
}

/// Facts under way: some follow from several lines.
#[derive(Default)]
struct Gathered {
    facts: Facts,
    /// The unit that the last `Id=` line named, whether it exists, and what is known of it.
    unit: (String, bool, Unit),
    /// (as asked for, as an address)
    peers: Vec<(String, IpAddr)>,
    routes: Vec<(IpAddr, Option<IpAddr>)>,
    locks: Vec<String>,
    ufw: bool,
    kubelet_flags: Option<String>,
    ca: Vec<String>,
    kubelet_ca: Vec<String>,
}

impl Gathered {
    fn take(&mut self, key: &str, value: &str) {
        let facts = &mut self.facts;
        match key {
            "hostname" => value.clone_into(&mut facts.hostname),
            "os" => self.os(value),
            "kernel" => value.clone_into(&mut facts.kernel),
            "arch" => value.clone_into(&mut facts.arch),
            "boot-id" => value.clone_into(&mut facts.boot_id),
            "machine-id" => value.clone_into(&mut facts.machine_id),
            "product-uuid" => facts.product_uuid = Some(value.to_lowercase()),
            "cpus" => facts.cpus = listing::cpus(value).unwrap_or(0),
            "memory-kib" => facts.memory_mib = value.parse::<u64>().unwrap_or(0) / 1024,
            "disk" => {
                if let Some((free, size)) = listing::df(value) {
                    (facts.disk_free_mib, facts.disk_mib) = (free / 1024, size / 1024);
                }
            }
            "swap" => facts.swap.push(value.to_owned()),
            "cgroup" => {
                facts.cgroup = match value {
                    "v2" => Cgroup::V2,
                    "hybrid" => Cgroup::Hybrid,
                    _ => Cgroup::V1,
                }
            }
            "systemd" => facts.systemd = true,
            "proxied" => facts.proxied = true,
            "container" => {
                facts.container = true;
                value.clone_into(&mut facts.virtualisation);
            }
            "virtualisation" => value.clone_into(&mut facts.virtualisation),
            "oom-score-adj-lowers" => facts.oom_score_adj_lowers = true,
            "conntrack-writable" => facts.conntrack_writable = true,
            "module" => facts.modules.push(value.to_owned()),
            "module-to-load" => facts.loadable.push(value.to_owned()),
            "kernel-config" => facts.kernel_config = true,
            "selinux" => {
                let mode = match value {
                    "1" => "enforcing",
                    "0" => "permissive",
                    _ => "disabled",
                };
                facts.selinux = Some(mode.to_owned());
            }
            "socket" => facts.sockets.push(value.to_owned()),
            "ledger" => facts.ledger = value.parse().unwrap_or(0),
            "login" => facts.login = login(value.split_once(' ')),
            "passwd" => {
                facts.login = login(value.split_once(':').map(|(user, rest)| (user, rest.split(':').nth(4).unwrap_or_default())))
            }
            "clock" => facts.clock = listing::clock(value).unwrap_or(0.0),
            "peer" | "ip" | "hostname-I" | "ss" | "tcp" => self.network(key, value),
            "dpkg" | "rpm" | "versionlock" | "unit" | "ufw-enabled" | "sum" | "program" => self.software(key, value),
            _ => self.kubernetes(key, value),
        }
    }

    fn os(&mut self, line: &str) {
        let os = &mut self.facts.os;
        match listing::assignment(line) {
            Some(("ID", id)) => os.id = id,
            Some(("ID_LIKE", like)) => os.id_like = like.split_whitespace().map(str::to_owned).collect(),
            Some(("VERSION_ID", version)) => os.version = version,
            Some(("VERSION_CODENAME", codename)) => os.codename = codename,
            Some(("PRETTY_NAME", name)) => os.name = name,
            _ => {}
        }
    }

    fn network(&mut self, key: &str, value: &str) {
        let port = match key {
            "peer" => {
                self.peers.extend(value.split_once(' ').and_then(|(asked, ip)| Some((asked.to_owned(), ip.parse().ok()?))));
                return;
            }
            "ip" => {
                match listing::ip(value) {
                    Some(Ip::Address(address)) => self.facts.addresses.push(address),
                    Some(Ip::Route { to, source }) => self.routes.push((to, source)),
                    None => {}
                }
                return;
            }
            "hostname-I" => {
                for (ip, prefix) in value.split_whitespace().filter_map(|word| word.parse().ok().map(listing::whole)) {
                    self.facts.addresses.push(super::Address { interface: String::new(), ip, prefix });
                }
                return;
            }
            "ss" => listing::ss(value),
            _ => listing::proc_tcp(value).map(|port| (port, String::new())),
        };
        if let Some((port, process)) = port {
            let known = self.facts.ports.entry(port).or_default();
            if known.is_empty() {
                *known = process;
            }
        }
    }

    fn software(&mut self, key: &str, value: &str) {
        let words: Vec<&str> = value.split(' ').collect();
        match (key, words.as_slice()) {
            // What is half installed, or removed with its configuration left behind, does not count.
            ("dpkg", [name, version, want, "installed"]) => {
                self.facts.packages.insert((*name).to_owned(), (*version).to_owned());
                if *want == "hold" {
                    self.facts.held.push((*name).to_owned());
                }
            }
            ("rpm", [name, version]) => {
                self.facts.packages.insert((*name).to_owned(), (*version).to_owned());
            }
            ("versionlock", _) => self.locks.push(value.to_owned()),
            ("program", [name, ..]) => {
                let version = value.split_once(' ').and_then(|(_, said)| listing::version(said));
                if let Some(version) = version {
                    self.facts.versions.entry((*name).to_owned()).or_insert(version);
                }
            }
            ("sum", [sum, "", ..]) if sum.len() == 64 => {
                self.facts.files.insert(value[sum.len()..].trim_start().to_owned(), (*sum).to_owned());
            }
            ("ufw-enabled", [word, ..]) => self.ufw = word.trim_matches('"').eq_ignore_ascii_case("yes"),
            ("unit", _) => self.unit(value),
            _ => {}
        }
    }

    fn unit(&mut self, line: &str) {
        match line.split_once('=') {
            Some(("Id", id)) => {
                self.settle_unit();
                self.unit.0 = id.to_owned();
            }
            Some(("LoadState", state)) => self.unit.1 = state != "not-found",
            Some(("ActiveState", state)) => state.clone_into(&mut self.unit.2.active),
            Some(("UnitFileState", state)) => state.clone_into(&mut self.unit.2.enabled),
            _ => {}
        }
    }

    fn settle_unit(&mut self) {
        let (id, exists, unit) = std::mem::take(&mut self.unit);
        if exists && !id.is_empty() {
            self.facts.units.insert(id, unit);
        }
    }

    fn kubernetes(&mut self, key: &str, value: &str) {
        let kubernetes = &mut self.facts.kubernetes;
        match key {
            "kubelet-conf" => kubernetes.kubelet_conf = true,
            "admin-conf" => kubernetes.admin_conf = true,
            "etcd-data" => kubernetes.etcd_data = true,
            "etcd-disk" => kubernetes.etcd_disk = true,
            "server" => kubernetes.server = Some(value.trim_matches(['"', '\'']).to_owned()),
            "kubelet-ca-data" => {
                let pem = pem::base64(value.trim_matches(['"', '\''])).and_then(|bytes| String::from_utf8(bytes).ok());
                kubernetes.ca_fingerprint = pem.as_deref().and_then(fingerprint);
            }
            "kubelet-ca" => self.kubelet_ca.push(value.to_owned()),
            "manifest" => kubernetes.manifests.push(value.to_owned()),
            "attempt" => kubernetes.attempt = Some(value.trim().to_owned()),
            "setting" => match value.split_once(' ') {
                Some(("since", seconds)) => kubernetes.since = seconds.parse().ok(),
                Some((name, digest)) => {
                    kubernetes.settings.insert(name.to_owned(), digest.to_owned());
                }
                None => {}
            },
            "pki-complete" => self.facts.pki_complete = true,
            "ca" => self.ca.push(value.to_owned()),
            "kubelet-flags" => self.kubelet_flags = Some(value.to_owned()),
            "kubelet-endpoint" => kubernetes.runtime = listing::socket(value).or(kubernetes.runtime.take()),
            "text" => {
                let (path, line) = value.split_once(' ').unwrap_or((value, ""));
                let text = self.facts.texts.entry(path.to_owned()).or_default();
                text.push_str(line);
                text.push('\n');
            }
            "bridge-subnet" => self.facts.pod_cidr = listing::subnet(value).map(str::to_owned),
            // A probe of another version of slipway may say more.
            _ => {}
        }
    }

    /// What can only be told when all lines have been read.
    fn finish(mut self) -> Facts {
        self.settle_unit();
        let source = |v4: bool| {
            self.routes.iter().find(|(to, _)| is_documentation(*to) && to.is_ipv4() == v4).and_then(|(_, source)| *source)
        };
        self.facts.default_source = source(true).or_else(|| source(false));
        // Without any answer of ip(8) there is no telling.
        if !(self.routes.is_empty() && self.facts.addresses.iter().all(|address| address.interface.is_empty())) {
            let unrouted = self.peers.iter().filter(|(_, ip)| !self.routes.iter().any(|(to, _)| to == ip));
            self.facts.unrouted = unrouted.map(|(asked, _)| asked.clone()).collect();
        }
        for (program, packages) in PROGRAMS {
            let owner = packages.iter().find_map(|package| self.facts.packages.get(*package));
            if let Some(version) = owner.and_then(|version| listing::version(version)) {
                self.facts.versions.entry((*program).to_owned()).or_insert(version);
            }
        }
        let locked = |package: &&String| self.locks.iter().any(|line| listing::locks(line, package));
        let locked: Vec<String> = self.facts.packages.keys().filter(locked).cloned().collect();
        self.facts.held.extend(locked);
        let active = |unit: &str| self.facts.units.get(unit).is_some_and(|unit| unit.active == "active");
        let firewalls = [("ufw", self.ufw && active("ufw.service")), ("firewalld", active("firewalld.service"))];
        self.facts.firewalls = firewalls.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()).collect();
        if let (None, Some(flags)) = (&self.facts.kubernetes.runtime, &self.kubelet_flags) {
            let told = flags.split("--container-runtime-endpoint=").nth(1).and_then(listing::socket);
            self.facts.kubernetes.runtime = Some(told.unwrap_or_else(|| DOCKERSHIM.to_owned()));
        }
        if self.facts.kubernetes.ca_fingerprint.is_none() {
            self.facts.kubernetes.ca_fingerprint = fingerprint(&self.kubelet_ca.join("\n"));
        }
        if !self.ca.is_empty() {
            self.facts.ca = Some(self.ca.join("\n") + "\n");
        }
        if self.facts.virtualisation.is_empty() {
            "none".clone_into(&mut self.facts.virtualisation);
        }
        self.facts
    }
}

fn login(found: Option<(&str, &str)>) -> Login {
    found.map_or_else(Login::default, |(user, home)| Login { user: user.to_owned(), home: home.to_owned() })
}

/// The addresses by whose routes the probe finds the default route.
fn is_documentation(ip: IpAddr) -> bool {
    ip == IpAddr::from([192, 0, 2, 1]) || ip == IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
}
