//! The pod, service and node networks of a cluster file: their sizes, and that they keep off each other and off the hosts.

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::Range,
};

use toml::Spanned;

use super::{Cidr, Host, check::Check, cidr::NotANetwork, raw};
use crate::error::{Error, Kind, Result};

/// One of the networks.
pub(super) struct Network {
    pub(super) cidr: Cidr,
    key: &'static str,
    /// Where it is written; for a default, the table that it is missing from.
    at: Range<usize>,
    is_default: bool,
}

/// The networks of a cluster.
pub(super) struct Networks {
    pub(super) pods: Network,
    pub(super) services: Network,
    pub(super) nodes: Option<Network>,
}

impl Networks {
    /// Reads the networks of `[cluster]`, which stands at `table`, and fills in the defaults.
    pub(super) fn read(check: &Check<'_>, cluster: &raw::Cluster, table: &Range<usize>) -> Result<Self> {
        let network = |key: &'static str, text: &raw::Text, default: Option<Cidr>| -> Result<Option<Network>> {
            let Some(text) = text else {
                return Ok(default.map(|cidr| Network { cidr, key, at: table.clone(), is_default: true }));
            };
            let written = text.get_ref();
            let broken = |what: String, hint: String| check.source.error(&text.span(), Kind::Cidr, what).hint(hint);
            let cidr = written.parse().map_err(|error| match error {
                NotANetwork::Malformed => {
                    broken(format!("{key} {written:?} is no network"), format!("write it as {key} = \"10.244.0.0/16\""))
                }
                NotANetwork::NotItsBase(base) => broken(
                    format!("{key} {written} is an address within a network, not a network"),
                    format!("write {key} = \"{base}\""),
                ),
            })?;
            Ok(Some(Network { cidr, key, at: text.span(), is_default: false }))
        };
        let v4 = |a, b, prefix| Cidr { base: Ipv4Addr::new(a, b, 0, 0).into(), prefix };
        let pods = network("pod_cidr", &cluster.pod_cidr, Some(v4(10, 244, 16)))?;
        let services = network("service_cidr", &cluster.service_cidr, Some(v4(10, 96, 12)))?;
        let nodes = network("node_cidr", &cluster.node_cidr, None)?;
        let (Some(pods), Some(services)) = (pods, services) else {
            return Err(Error::new(Kind::Internal, "the pod and service networks have defaults"));
        };
        Ok(Self { pods, services, nodes })
    }

    /// Checks that the networks have the right sizes, keep apart, and keep off the nodes.
    pub(super) fn hold(&self, check: &Check<'_>, hosts: &[Host], raw: &[Spanned<raw::Host>]) -> Result<()> {
        let broken = |at: &Range<usize>, what: String| check.source.error(at, Kind::Cidr, what);
        let (pods, services) = (&self.pods, &self.services);
        if pods.cidr.base.is_ipv4() != services.cidr.base.is_ipv4() {
            let at = if pods.is_default { &services.at } else { &pods.at };
            let what = format!("pod_cidr {} and service_cidr {} are of different IP versions", pods.cidr, services.cidr);
            return Err(broken(at, what).hint("make both IPv4 or both IPv6"));
        }
        self.sizes(&broken, hosts.len())?;
        let nodes = self.nodes.as_ref();
        let pairs = [Some((pods, services)), nodes.map(|nodes| (pods, nodes)), nodes.map(|nodes| (services, nodes))];
        if let Some((one, other)) = pairs.into_iter().flatten().find(|(one, other)| one.cidr.overlaps(&other.cidr)) {
            // The culprit is what somebody wrote. A default that is in the way is best said where it can be changed.
            let (one, other) = if one.is_default && other.key == "service_cidr" { (other, one) } else { (one, other) };
            let what = format!("{} {} overlaps {} {}", one.key, one.cidr, other.key, other.cidr);
            return Err(broken(&one.at, what).hint(self.advice(one)));
        }
        for (host, written) in hosts.iter().zip(raw) {
            let (raw, address) = (written.get_ref(), host.address.parse::<IpAddr>().ok());
            for (address, text) in [(address, &raw.address), (host.node_ip, &raw.node_ip)] {
                let holds = |network: &&Network| address.is_some_and(|address| network.cidr.contains(address));
                let (Some(network), Some(text)) = ([pods, services].into_iter().find(holds), text) else { continue };
                let what = format!("{} of {:?} lies within {} {}", text.get_ref(), host.name, network.key, network.cidr);
                return Err(broken(&text.span(), what).hint(format!("choose a {} that holds no node", network.key)));
            }
        }
        Ok(())
    }

    /// kubeadm gives each node a /24 of the pod network (IPv6: a /64), the controller manager takes no pod network more than 16
    /// bits larger than that, and the API server wants a service network of 4 to 20 bits.
    fn sizes(&self, broken: &dyn Fn(&Range<usize>, String) -> Error, hosts: usize) -> Result<()> {
        let (pods, services) = (&self.pods, &self.services);
        let (node, width) = if pods.cidr.base.is_ipv4() { (24, 32) } else { (64, 128) };
        let room = pods.cidr.subnets(node);
        if room < hosts as u128 {
            let what = format!("pod_cidr {} holds {room} × /{node}, one for each host, and there are {hosts} hosts", pods.cidr);
            return Err(broken(&pods.at, what).hint(self.advice(pods)));
        }
        if room > 1 << 16 {
            let what = format!("pod_cidr {} is larger than Kubernetes takes, which is a /{}", pods.cidr, node - 16);
            return Err(broken(&pods.at, what).hint(self.advice(pods)));
        }
        let (largest, smallest) = (width - 20, width - 4);
        if !(largest..=smallest).contains(&services.cidr.prefix) {
            let what = format!("service_cidr {} is not between a /{largest} and a /{smallest}", services.cidr);
            return Err(broken(&services.at, what).hint(self.advice(services)));
        }
        Ok(())
    }

    /// What to write instead of a network that can not stay.
    fn advice(&self, network: &Network) -> String {
        if !network.cidr.base.is_ipv4() {
            let prefix = if network.key == "pod_cidr" { 48 } else { 112 };
            return format!("write {} as a /{prefix} of your own that is apart from the other networks", network.key);
        }
        let others = [Some(&self.pods), Some(&self.services), self.nodes.as_ref()].into_iter().flatten();
        let taken: Vec<Cidr> = others.filter(|other| other.key != network.key).map(|other| other.cidr).collect();
        format!("{} = \"{}\" is free", network.key, Cidr::private_apart_from(&taken))
    }
}
