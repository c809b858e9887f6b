//! The hosts of a cluster file: each one's own rules, and what must hold between them.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use toml::Spanned;

use super::{
    Host, HostKeys, Reach, Role, Ssh,
    check::{Broken, Check, label},
    raw,
    words::{is_dns_name_or_ip, is_host_key, is_user},
};
use crate::error::{Kind, Result, nearest};

/// Seconds to wait for a connection, unless the file says otherwise. As long as a slow VM takes to boot its sshd, and no longer.
const CONNECT_TIMEOUT: u64 = 15;

/// Checks all hosts; `shared` is the `[ssh]` table.
pub(super) fn hosts(check: &Check<'_>, shared: &raw::Ssh, raw: &[Spanned<raw::Host>]) -> Result<Vec<Host>> {
    let defaults = Ssh {
        user: "root".into(),
        port: 22,
        keys: Vec::new(),
        agent: None,
        password_file: None,
        host_key: None,
        // With no home there is no default file either: every host key is unknown then.
        known_hosts: check.path("~/.ssh/known_hosts").unwrap_or_default(),
        host_keys: HostKeys::Strict,
        connect_timeout: CONNECT_TIMEOUT,
    };
    let shared = ssh(check, shared, &defaults)?;
    let hosts = raw.iter().map(|raw| host(check, raw, &shared)).collect::<Result<Vec<_>>>()?;
    apart(check, &hosts, raw)?;
    if !hosts.iter().any(|host| host.role == Role::ControlPlane) {
        let (at, what, hint) = match raw.first() {
            Some(first) => (first.span(), "no host is a control plane", "add role = \"control-plane\" to one [[host]]"),
            None => (0..0, "there is no host", "add [[host]] with name, address and role = \"control-plane\""),
        };
        return Err(check.source.error(&at, Kind::NoControlPlane, what).hint(hint));
    }
    Ok(hosts)
}

fn host(check: &Check<'_>, raw: &Spanned<raw::Host>, shared: &Ssh) -> Result<Host> {
    let (at, raw) = (raw.span(), raw.get_ref());
    let written = check.required(&at, &raw.name, "a host has no name", "add name = \"node1\"")?;
    let name = check.text(written, |name| label(name, "host name"))?;
    if name == "all" {
        // `slipway render script all` means every host.
        return Err(check
            .source
            .invalid(written, "a host can not be named \"all\"")
            .hint("commands take \"all\" for every host"));
    }
    let address = match &raw.address {
        None if raw.local => "localhost".to_owned(),
        address => {
            let hint = "add address = \"192.0.2.11\", or local = true if it is this machine";
            let address = check.required(&at, address, &format!("host {name:?} has no address"), hint)?;
            check.text(address, |text| {
                let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
                let hint = "write an IP address or a DNS name; user and port go into ssh = { user = \"…\", port = 22 }";
                is_dns_name_or_ip(bare).then(|| bare.to_owned()).ok_or_else(|| (format!("{text:?} is no address"), hint.into()))
            })?
        }
    };
    let about_ssh = raw.ssh.as_ref().map(Spanned::span).or_else(|| raw.host_key.as_ref().map(Spanned::span));
    if let (true, Some(at)) = (raw.local, about_ssh) {
        let what = format!("host {name:?} is local and says how to log in");
        return Err(check.source.error(&at, Kind::Invalid, what).hint("leave out one of the two"));
    }
    let reach = if raw.local {
        Reach::Local
    } else {
        let mut ssh = raw.ssh.as_ref().map_or_else(|| Ok(shared.clone()), |own| ssh(check, own.get_ref(), shared))?;
        ssh.host_key = check.optional(&raw.host_key, |text| {
            let hint = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it on the host: \"SHA256:…\"";
            is_host_key(text)
                .then(|| text.to_owned())
                .ok_or_else(|| (format!("{text:?} is no host key's fingerprint"), hint.into()))
        })?;
        Reach::Ssh(ssh)
    };
    Ok(Host {
        address,
        role: check.optional(&raw.role, role)?.unwrap_or(Role::Worker),
        profile: check.optional(&raw.profile, |text| label(text, "profile"))?,
        node_ip: check.optional(&raw.node_ip, node_ip)?,
        reach,
        name,
    })
}

/// `[ssh]`, or a host's own `ssh`, over what holds without it.
fn ssh(check: &Check<'_>, raw: &raw::Ssh, under: &Ssh) -> Result<Ssh> {
    let mut ssh = under.clone();
    if let Some(user) = check.optional(&raw.user, |text| {
        let what = || (format!("{text:?} is no user name"), "write the name that you log in with: \"vagrant\"".into());
        is_user(text).then(|| text.to_owned()).ok_or_else(what)
    })? {
        ssh.user = user;
    }
    if let Some(port) = &raw.port {
        ssh.port = u16::try_from(*port.get_ref()).ok().filter(|port| *port != 0).ok_or_else(|| {
            check.source.invalid(port, format!("{} is no port", port.get_ref())).hint("a port is a number from 1 to 65535")
        })?;
    }
    if let Some(keys) = &raw.key {
        let paths = keys.get_ref().0.iter().map(|key| check.path(key)).collect::<Result<Vec<PathBuf>, Broken>>();
        ssh.keys = paths.map_err(|(what, hint)| check.source.invalid(keys, what).hint(hint))?;
    }
    if let Some(path) = check.optional(&raw.known_hosts, |text| check.path(text))? {
        ssh.known_hosts = path;
    }
    if let Some(host_keys) = check.optional(&raw.host_keys, host_keys)? {
        ssh.host_keys = host_keys;
    }
    if let Some(timeout) = &raw.connect_timeout {
        ssh.connect_timeout =
            u64::try_from(*timeout.get_ref()).ok().filter(|seconds| (1..=3600).contains(seconds)).ok_or_else(|| {
                let what = format!("{} is no time to wait for", timeout.get_ref());
                check.source.invalid(timeout, what).hint("connect_timeout is a number of seconds from 1 to 3600")
            })?;
    }
    ssh.agent = raw.agent.or(ssh.agent);
    ssh.password_file = check.optional(&raw.password_file, |text| check.path(text))?.or(ssh.password_file);
    Ok(ssh)
}

fn role(text: &str) -> Result<Role, Broken> {
    Role::named(text).ok_or_else(|| (format!("{text:?} is no role"), choice(text, &Role::NAMES)))
}

fn host_keys(text: &str) -> Result<HostKeys, Broken> {
    match text {
        "strict" => Ok(HostKeys::Strict),
        "accept-new" => Ok(HostKeys::AcceptNew),
        _ => Err((format!("{text:?} is no way to treat host keys"), choice(text, &["strict", "accept-new"]))),
    }
}

fn node_ip(text: &str) -> Result<IpAddr, Broken> {
    let usable = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified() && !address.is_multicast();
    text.parse().ok().filter(usable).ok_or_else(|| {
        (format!("{text:?} is no address of a node"), "write an IP address by which the other nodes reach it".into())
    })
}

/// A hint for a word that is none of a few.
fn choice(word: &str, known: &[&str]) -> String {
    nearest(word, known.iter().copied())
        .map_or_else(|| format!("write {:?} or {:?}", known[0], known[1]), |near| format!("did you mean {near:?}?"))
}

/// No two hosts may have one name, one way in, or one node address.
fn apart(check: &Check<'_>, hosts: &[Host], raw: &[Spanned<raw::Host>]) -> Result<()> {
    let (mut names, mut ways, mut addresses) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (host, raw) in hosts.iter().zip(raw) {
        let (at, raw) = (raw.span(), raw.get_ref());
        let at = |text: &raw::Text| text.as_ref().map_or(at.clone(), Spanned::span);
        let twice = |at, what: String, hint: &str| Err(check.source.error(&at, Kind::DuplicateHost, what).hint(hint));
        if names.insert(&host.name, ()).is_some() {
            return twice(at(&raw.name), format!("two hosts are named {:?}", host.name), "give one of them another name");
        }
        let (way, shown) = match &host.reach {
            Reach::Local => ((String::new(), 0), "this machine".to_owned()),
            Reach::Ssh(ssh) => ((canonical(&host.address), ssh.port), format!("{} port {}", host.address, ssh.port)),
        };
        if let Some(other) = ways.insert(way, &host.name) {
            let what = format!("hosts {other:?} and {:?} are both {shown}", host.name);
            return twice(at(&raw.address), what, "give one of them another address, or remove it");
        }
        if let Some(other) = host.node_ip.and_then(|address| addresses.insert(address, &host.name)) {
            let what = format!("hosts {other:?} and {:?} have the same node_ip", host.name);
            return twice(at(&raw.node_ip), what, "give one of them another node_ip");
        }
    }
    Ok(())
}

/// One spelling for each address: `fd00::0001` is `fd00::1`, and names have no case.
fn canonical(address: &str) -> String {
    address.parse::<IpAddr>().map_or_else(|_| address.trim_end_matches('.').to_ascii_lowercase(), |address| address.to_string())
}
