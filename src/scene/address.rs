//! Which address a node has in its cluster, where its host has several.
//!
//! kubeadm and the kubelet take the address of the default route. In Vagrant's boxes that is VirtualBox's NAT, the same
//! 10.0.2.15 in every machine (<https://github.com/kubernetes/kubernetes/issues/33618>), so slipway decides and says it to both.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
};

use crate::{
    config::{Cidr, Cluster, Host},
    error::{Error, Kind, Result},
    facts::{Address, Facts},
};

/// What VirtualBox gives to the first network card of every machine.
const VIRTUALBOX_NAT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 2, 15));

/// Interfaces that container runtimes and pod networks make: an address there is the host's for its own pods only.
const INNER: &[&str] = &[
    "docker",
    "cni",
    "flannel",
    "cali",
    "vxlan.calico",
    "tunl",
    "cilium",
    "lxc",
    "veth",
    "virbr",
    "kube-",
    "podman",
    "nerdctl",
    "weave",
];

/// The addresses of all hosts of a cluster, each beside its machine: what one host's address is worth, only the others can tell.
pub struct Neighbours {
    machines: Vec<(String, Vec<Address>)>,
    /// Addresses that several machines have.
    shared: HashSet<IpAddr>,
}

impl Neighbours {
    #[must_use]
    pub fn of<'a>(hosts: impl Iterator<Item = &'a Facts>) -> Self {
        let outward = |facts: &Facts| facts.addresses.iter().filter(|address| is_outward(address)).cloned().collect();
        let machines: Vec<(String, Vec<Address>)> = hosts.map(|facts| (facts.machine_id.clone(), outward(facts))).collect();
        let (mut first, mut shared) = (HashMap::new(), HashSet::new());
        for (machine, addresses) in &machines {
            shared
                .extend(addresses.iter().map(|address| address.ip).filter(|ip| *first.entry(*ip).or_insert(machine) != machine));
        }
        Self { machines, shared }
    }

    /// Whether several machines have this address: each of them is behind a NAT of its own there. One machine that the cluster file
    /// names twice is another mistake, and said elsewhere.
    fn share(&self, ip: IpAddr) -> bool {
        self.shared.contains(&ip)
    }

    /// Whether every host has an address in the network of this one.
    fn all_meet(&self, address: &Address) -> bool {
        let network = Cidr::around(address.ip, address.prefix);
        self.machines.iter().all(|(_, addresses)| addresses.iter().any(|other| network.contains(other.ip)))
    }
}

/// The address of a node: the host's `node_ip`, or its only address in `node_cidr`, or the `address` that it is reached by, or that of
/// its default route, or, where that is a NAT's, the one on which it meets the other hosts.
///
/// # Errors
/// `Invalid` when what the cluster file asks for is not on the host, or when nothing tells which of several addresses is meant.
pub fn node_ip(cluster: &Cluster, host: &Host, facts: &Facts, neighbours: &Neighbours) -> Result<IpAddr> {
    let present: Vec<IpAddr> = facts.addresses.iter().map(|address| address.ip).filter(|ip| is_global(*ip)).collect();
    let outward: Vec<&Address> = facts.addresses.iter().filter(|address| is_outward(address)).collect();
    let is_nat = |ip: IpAddr| ip == VIRTUALBOX_NAT || neighbours.share(ip);
    if let Some(wanted) = host.node_ip {
        let what = format!("{}: node_ip {wanted} is not an address of this host", host.name);
        return if present.contains(&wanted) { Ok(wanted) } else { Err(unclear(what, &present)) };
    }
    if let Some(network) = cluster.node_cidr {
        // Whoever names the network knows what is in it, whatever the interface is called.
        let within: Vec<IpAddr> = present.iter().copied().filter(|ip| network.contains(*ip)).collect();
        return match (within.as_slice(), host.address.parse()) {
            ([only], _) => Ok(*only),
            ([], _) => Err(unclear(format!("{}: no address of this host is in node_cidr {network}", host.name), &present)),
            (several, Ok(reached)) if several.contains(&reached) => Ok(reached),
            _ => Err(unclear(format!("{}: several addresses of this host are in node_cidr {network}", host.name), &within)),
        };
    }
    if let Some(reached) = host.address.parse().ok().filter(|ip| present.contains(ip) && !neighbours.share(*ip)) {
        return Ok(reached);
    }
    let mut others: Vec<&Address> =
        outward.into_iter().filter(|address| !is_nat(address.ip) && of_pods_family(cluster, address.ip)).collect();
    if others.len() > 1 && others.iter().any(|address| neighbours.all_meet(address)) {
        others.retain(|address| neighbours.all_meet(address));
    }
    match (facts.default_source, others.as_slice()) {
        (Some(source), _) if !is_nat(source) => Ok(source),
        (Some(source), []) if !neighbours.share(source) => Ok(source),
        (_, [only]) => Ok(only.ip),
        (_, []) => Err(unclear(format!("{}: this host has no address that others could reach", host.name), &present)),
        _ => Err(unclear(format!("{}: nothing tells which address of this host is the node's", host.name), &present)),
    }
}

/// Whether other machines may be behind an address' interface.
fn is_outward(address: &Address) -> bool {
    is_global(address.ip) && !INNER.iter().any(|prefix| address.interface.starts_with(prefix)) && !is_dockers(&address.interface)
}

/// Whether a bridge is named as Docker names those of its networks, `br-0123456789ab`; `br-lan` is somebody's own.
fn is_dockers(interface: &str) -> bool {
    interface.strip_prefix("br-").is_some_and(|id| id.len() == 12 && id.chars().all(|digit| digit.is_ascii_hexdigit()))
}

fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified()),
    }
}

/// Nodes and pods speak one family: a second, IPv6 address of a host says nothing for a cluster of IPv4 pods.
fn of_pods_family(cluster: &Cluster, ip: IpAddr) -> bool {
    cluster.pod_cidr.base.is_ipv4() == ip.is_ipv4()
}

fn unclear(what: String, present: &[IpAddr]) -> Error {
    let list: Vec<String> = present.iter().map(IpAddr::to_string).collect();
    let there = if list.is_empty() { "none; look with `ip addr`".to_owned() } else { list.join(", ") };
    Error::new(Kind::Invalid, what).hint(format!(
        "set node_cidr under [cluster], or node_ip under this [[host]], in the cluster file; the host's addresses: {there}"
    ))
}

#[cfg(test)]
mod tests;
