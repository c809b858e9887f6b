//! Which address a node has in its cluster, where its host has several.
//!
//! kubeadm and the kubelet take the address of the default route. In Vagrant's boxes that is VirtualBox's NAT, the same
//! 10.0.2.15 in every machine (<https://github.com/kubernetes/kubernetes/issues/33618>), so slipway decides and says it to both.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    config::{Cluster, Host},
    error::{Error, Kind, Result},
    facts::Facts,
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
    "br-",
    "kube-",
    "podman",
    "nerdctl",
    "weave",
];

/// The address of a node: the host's `node_ip`, or its only address in `node_cidr`, or the `address` that it is reached by, or that of
/// its default route.
///
/// # Errors
/// `Invalid` when what the cluster file asks for is not on the host, or when nothing tells which of several addresses is meant.
pub fn node_ip(cluster: &Cluster, host: &Host, facts: &Facts) -> Result<IpAddr> {
    let present = addresses(facts, |_| true);
    let outward = addresses(facts, |interface| !INNER.iter().any(|prefix| interface.starts_with(prefix)));
    if let Some(wanted) = host.node_ip {
        let what = format!("{}: node_ip {wanted} is not an address of this host", host.name);
        return if present.contains(&wanted) { Ok(wanted) } else { Err(unclear(what, &present)) };
    }
    if let Some(network) = cluster.node_cidr {
        let within: Vec<IpAddr> = outward.iter().copied().filter(|ip| network.contains(*ip)).collect();
        return match (within.as_slice(), host.address.parse()) {
            ([only], _) => Ok(*only),
            ([], _) => Err(unclear(format!("{}: no address of this host is in node_cidr {network}", host.name), &present)),
            (several, Ok(reached)) if several.contains(&reached) => Ok(reached),
            _ => Err(unclear(format!("{}: several addresses of this host are in node_cidr {network}", host.name), &within)),
        };
    }
    if let Some(reached) = host.address.parse().ok().filter(|ip| present.contains(ip)) {
        return Ok(reached);
    }
    let others: Vec<IpAddr> =
        outward.iter().copied().filter(|ip| *ip != VIRTUALBOX_NAT && of_pods_family(cluster, *ip)).collect();
    match (facts.default_source, others.as_slice()) {
        (Some(source), others) if source != VIRTUALBOX_NAT || others.is_empty() => Ok(source),
        (_, [only]) => Ok(*only),
        (_, []) => Err(unclear(format!("{}: this host has no address that others could reach", host.name), &present)),
        _ => Err(unclear(format!("{}: nothing tells which address of this host is the node's", host.name), &present)),
    }
}

/// The addresses of some interfaces that mean the same on every host.
fn addresses(facts: &Facts, on: impl Fn(&str) -> bool) -> Vec<IpAddr> {
    facts.addresses.iter().filter(|address| on(&address.interface) && is_global(address.ip)).map(|address| address.ip).collect()
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
