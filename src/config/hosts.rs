//! The hosts of a cluster file: each one's own rules, and what must hold between them.

use std::{collections::BTreeMap, net::IpAddr};

use toml::Spanned;

use super::{
    Host, Reach, Role,
    check::{Broken, Check, label},
    login::Wish,
    raw,
    ssh_config::is_ssh_name,
    words::{is_dns_name_or_ip, is_host_key},
};
use crate::error::{Kind, Result, nearest};

/// Checks all hosts; `shared` is the `[ssh]` table, `cluster` the cluster's name.
pub(super) fn hosts(check: &Check<'_>, cluster: &str, shared: &raw::Ssh, raw: &[Spanned<raw::Host>]) -> Result<Vec<Host>> {
    let shared = Wish::before(check)?.over(check, shared)?;
    let hosts = raw.iter().map(|raw| host(check, cluster, raw, &shared)).collect::<Result<Vec<_>>>()?;
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

fn host(check: &Check<'_>, cluster: &str, raw: &Spanned<raw::Host>, shared: &Wish) -> Result<Host> {
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
    let mut address = match &raw.address {
        None if raw.local => "localhost".to_owned(),
        address => {
            let hint = "add address = \"192.0.2.11\", or local = true if it is this machine";
            let address = check.required(&at, address, &format!("host {name:?} has no address"), hint)?;
            check.text(address, |text| {
                let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
                // A name of the ssh configuration need not be one of DNS: what comes out there must be.
                let good = is_dns_name_or_ip(bare) || !raw.local && is_ssh_name(bare);
                good.then(|| bare.to_owned()).ok_or_else(|| no_address(text))
            })?
        }
    };
    let about_ssh = raw.ssh.as_ref().map(Spanned::span).or_else(|| raw.host_key.as_ref().map(Spanned::span));
    if let (true, Some(at)) = (raw.local, about_ssh) {
        let what = format!("host {name:?} is local and says how to log in");
        return Err(check.source.error(&at, Kind::Invalid, what).hint("leave out one of the two"));
    }
    let reach = if raw.local {
        Reach::Local(shared.local())
    } else {
        let wish = raw.ssh.as_ref().map_or_else(|| Ok(shared.clone()), |own| shared.over(check, own.get_ref()))?;
        let mut ssh;
        (address, ssh) = wish.way(check, cluster, &name, &address)?;
        if let (false, Some(written)) = (is_dns_name_or_ip(&address), &raw.address) {
            check.text(written, |text| Err::<(), _>(no_address(text)))?;
        }
        ssh.host_key = check.optional(&raw.host_key, |text| {
            let hint = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it on the host: \"SHA256:…\"";
            is_host_key(text)
                .then(|| text.to_owned())
                .ok_or_else(|| (format!("{text:?} is no host key's fingerprint"), hint.into()))
        })?;
        Reach::Ssh(Box::new(ssh))
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

fn no_address(text: &str) -> Broken {
    let hint = "write an IP address or a DNS name; user and port go into ssh = { user = \"…\", port = 22 }";
    (format!("{text:?} is no address"), hint.into())
}

fn role(text: &str) -> Result<Role, Broken> {
    Role::named(text).ok_or_else(|| (format!("{text:?} is no role"), choice(text, &Role::NAMES)))
}

fn node_ip(text: &str) -> Result<IpAddr, Broken> {
    let usable = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified() && !address.is_multicast();
    text.parse().ok().filter(usable).ok_or_else(|| {
        (format!("{text:?} is no address of a node"), "write an IP address by which the other nodes reach it".into())
    })
}

/// A hint for a word that is none of a few.
pub(super) fn choice(word: &str, known: &[&str]) -> String {
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
            Reach::Local(_) => ((String::new(), 0, Vec::new()), "this machine".to_owned()),
            Reach::Ssh(ssh) => {
                // One address may be two machines in the networks behind two jump hosts.
                let jump = ssh.jump.iter().map(|hop| (canonical(&hop.address), hop.ssh.port)).collect();
                ((canonical(&host.address), ssh.port, jump), format!("{} port {}", host.address, ssh.port))
            }
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
