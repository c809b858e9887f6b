use std::path::Path;

use super::*;
use crate::{
    config::{Cidr, Local, Reach, Role},
    facts::Address,
};

fn cidr(base: &str, prefix: u8) -> Cidr {
    Cidr { base: ip(base), prefix }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn host(address: &str) -> Host {
    Host {
        name: "node1".to_owned(),
        address: address.to_owned(),
        role: Role::Worker,
        profile: None,
        node_ip: None,
        reach: Reach::Local(Local::default()),
    }
}

fn cluster(node_cidr: Option<Cidr>) -> Cluster {
    let file = "[cluster]\nname = \"test\"\nkubernetes = \"1.34\"\ncni = \"none\"\n[[host]]\nname = \"n1\"\nlocal = true\nrole = \"control-plane\"\n";
    let cluster = crate::config::parse(file, Path::new("cluster.toml")).expect("a good cluster file");
    Cluster { node_cidr, hosts: Vec::new(), ..cluster }
}

/// As if the cluster had no other host.
fn node_ip(cluster: &Cluster, host: &Host, facts: &Facts) -> Result<IpAddr> {
    super::node_ip(cluster, host, facts, &Neighbours::of([facts].into_iter()))
}

/// `eth0=10.0.2.15`, the first one being that of the default route.
fn facts(addresses: &[&str]) -> Facts {
    let addresses: Vec<Address> = ["lo=127.0.0.1", "eth0=fe80::1"]
        .iter()
        .chain(addresses)
        .map(|pair| pair.split_once('=').expect("a pair"))
        .map(|(interface, address)| Address { interface: interface.to_owned(), ip: ip(address), prefix: 24 })
        .collect();
    Facts { default_source: addresses.get(2).map(|address| address.ip), addresses, ..Facts::default() }
}

/// Vagrant with VirtualBox: NAT first, then the private network.
const VAGRANT: &[&str] = &["eth0=10.0.2.15", "eth1=192.168.56.11"];

#[test]
fn vagrant_behind_a_forwarded_port_gets_its_private_address() {
    for address in ["127.0.0.1", "node1", "10.0.2.2"] {
        assert_eq!(node_ip(&cluster(None), &host(address), &facts(VAGRANT)).expect(address), ip("192.168.56.11"), "{address}");
    }
    // Networks of pods and an IPv6 address beside it change nothing.
    let crowded = [
        "eth0=10.0.2.15",
        "eth1=192.168.56.11",
        "eth1=2001:db8::11",
        "cni0=10.244.1.1",
        "flannel.1=10.244.1.0",
        "docker0=172.17.0.1",
    ];
    assert_eq!(node_ip(&cluster(None), &host("127.0.0.1"), &facts(&crowded)).expect("one is left"), ip("192.168.56.11"));
}

#[test]
fn a_hosts_own_bridge_is_no_network_of_dockers() {
    let lan = ["eth0=10.0.2.15", "br-lan=192.168.56.11", "br-0123456789ab=172.18.0.1"];
    assert_eq!(node_ip(&cluster(None), &host("127.0.0.1"), &facts(&lan)).expect("one is left"), ip("192.168.56.11"));
    let named =
        node_ip(&cluster(Some(cidr("192.168.56.0", 24))), &host("node1"), &facts(&["eth0=10.0.2.15", "virbr1=192.168.56.11"]));
    assert_eq!(named.expect("whoever names the network knows"), ip("192.168.56.11"));
}

#[test]
fn the_only_address_is_taken_even_if_it_is_the_nat() {
    assert_eq!(node_ip(&cluster(None), &host("node1"), &facts(&["eth0=10.0.2.15"])).expect("the only one"), VIRTUALBOX_NAT);
}

#[test]
fn what_is_asked_for_goes_before_what_is_found() {
    let three = ["eth0=172.16.0.5", "eth1=192.168.56.11", "eth2=10.9.0.4"];
    let mut fixed = host("192.168.56.11");
    fixed.node_ip = Some(ip("10.9.0.4"));
    assert_eq!(node_ip(&cluster(Some(cidr("172.16.0.0", 12))), &fixed, &facts(&three)).expect("node_ip"), ip("10.9.0.4"));
    let by_network = node_ip(&cluster(Some(cidr("172.16.0.0", 12))), &host("192.168.56.11"), &facts(&three));
    assert_eq!(by_network.expect("node_cidr"), ip("172.16.0.5"));
    assert_eq!(node_ip(&cluster(None), &host("192.168.56.11"), &facts(&three)).expect("address"), ip("192.168.56.11"));
    assert_eq!(node_ip(&cluster(None), &host("node1.example"), &facts(&three)).expect("default route"), ip("172.16.0.5"));
}

#[test]
fn what_is_unclear_is_refused_with_the_addresses_and_both_keys() {
    let mut absent = host("node1");
    absent.node_ip = Some(ip("10.1.1.1"));
    let two_private = ["eth0=10.0.2.15", "eth1=192.168.56.11", "eth2=192.168.57.11"];
    for (node_cidr, host, addresses, what) in [
        (None, absent, VAGRANT, "node_ip 10.1.1.1 is not an address"),
        (Some(cidr("10.1.0.0", 16)), host("node1"), VAGRANT, "no address of this host is in node_cidr 10.1.0.0/16"),
        (Some(cidr("192.168.0.0", 16)), host("node1"), &two_private, "several addresses of this host are in node_cidr"),
        (None, host("127.0.0.1"), &two_private, "nothing tells which address"),
        (None, host("127.0.0.1"), &[], "no address that others could reach"),
    ] {
        let error = node_ip(&cluster(node_cidr), &host, &facts(addresses)).expect_err(what);
        assert_eq!(error.kind, Kind::Invalid);
        assert!(error.what.starts_with("node1: ") && error.what.contains(what), "{error}");
        let hint = &error.hints[0];
        assert!(hint.contains("node_cidr") && hint.contains("node_ip"), "{hint}");
        assert!(
            addresses.iter().all(|pair| hint.contains(pair.split_once('=').expect("a pair").1) || hint.contains("192.168.57.11")),
            "{hint}"
        );
    }
}

/// The node addresses of a cluster of such hosts, reached through forwarded ports.
fn fleet(hosts: &[&[&str]]) -> Result<Vec<IpAddr>> {
    let hosts: Vec<Facts> =
        hosts.iter().enumerate().map(|(n, host)| Facts { machine_id: format!("{n}"), ..facts(host) }).collect();
    let neighbours = Neighbours::of(hosts.iter());
    hosts.iter().map(|facts| super::node_ip(&cluster(None), &host("127.0.0.1"), facts, &neighbours)).collect()
}

#[test]
fn an_address_that_several_hosts_have_is_nobodys() {
    // VirtualBox with `--natnet1`, and Parallels or VMware with their own shared networks.
    let own = [ip("192.168.56.11"), ip("192.168.56.12")];
    for nat in ["10.3.0.15", "192.168.121.15", "10.0.2.15"] {
        let nat = format!("eth0={nat}");
        let hosts = [[nat.as_str(), "eth1=192.168.56.11"], [nat.as_str(), "eth1=192.168.56.12"]];
        assert_eq!(fleet(&[&hosts[0], &hosts[1]]).expect(&nat), own, "{nat}");
    }
    // Where that is all they have, no choice is a good one.
    let error = fleet(&[&["eth0=10.3.0.15"], &["eth0=10.3.0.15"]]).expect_err("a duplicate");
    assert!(error.what.contains("no address that others could reach"), "{error}");
    // libvirt gives each machine an address of its own on its management network.
    let libvirt = [["eth0=192.168.121.7", "eth1=192.168.56.11"], ["eth0=192.168.121.8", "eth1=192.168.56.12"]];
    assert_eq!(fleet(&[&libvirt[0], &libvirt[1]]).expect("default routes"), [ip("192.168.121.7"), ip("192.168.121.8")]);
}

#[test]
fn of_several_private_networks_the_one_where_all_hosts_meet_is_theirs() {
    let three: [&[&str]; 3] = [
        &["eth0=10.0.2.15", "eth1=192.168.56.11", "eth2=172.28.1.4"],
        &["eth0=10.0.2.15", "eth1=172.28.2.4", "eth2=192.168.56.12"],
        &["eth0=10.0.2.15", "eth1=192.168.56.13"],
    ];
    let met = [ip("192.168.56.11"), ip("192.168.56.12"), ip("192.168.56.13")];
    assert_eq!(fleet(&three).expect("they meet"), met);
    let twice: [&[&str]; 2] = [
        &["eth0=10.0.2.15", "eth1=192.168.56.11", "eth2=192.168.57.11"],
        &["eth0=10.0.2.15", "eth1=192.168.56.12", "eth2=192.168.57.12"],
    ];
    assert!(fleet(&twice).expect_err("two ways").what.contains("nothing tells which address"));
}
