//! What the programs of a host are told of the cluster file's proxy, and what they reach without it.

use std::{collections::HashSet, net::IpAddr};

use super::Site;
use crate::config::{Cidr, Cluster};

/// The file that tells them: for systemd's `EnvironmentFile=` and for the shell alike. Readable by root alone, as it may hold a password.
pub const FILE: &str = "/etc/slipway-proxy.env";

/// The text of [`FILE`], with the password, where a user needs one. None without a proxy. A secret.
#[must_use]
pub fn environment(cluster: &Cluster, sites: &[Site], password: Option<&str>) -> Option<String> {
    let proxy = cluster.proxy.as_ref()?;
    let mut text = String::from("# Written by slipway; `slipway reset --purge` takes it away.\n");
    let direct = direct(cluster, sites.iter()).join(",");
    let url = |url: &crate::config::ProxyUrl| url.with_password(password.unwrap_or_default());
    let values = [
        ("http_proxy", proxy.http.as_ref().map(url)),
        ("https_proxy", proxy.https.as_ref().map(url)),
        ("no_proxy", Some(direct)),
    ];
    // Programs differ in which case they look for.
    for (name, value) in values.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        text.push_str(&format!("{name}={value}\n{}={value}\n", name.to_uppercase()));
    }
    Some(text)
}

/// What is reached without a proxy: the host itself, these sites of the cluster, its networks, and what the cluster file adds.
#[must_use]
pub fn direct<'a>(cluster: &Cluster, sites: impl Iterator<Item = &'a Site>) -> Vec<String> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1", ".svc", ".cluster.local"].map(str::to_owned).to_vec();
    for site in sites {
        all.extend([site.host.name.clone(), site.node_ip.to_string()]);
    }
    all.extend(cluster.endpoint.as_ref().map(|endpoint| host_of(endpoint).to_owned()));
    all.extend([cluster.pod_cidr.to_string(), cluster.service_cidr.to_string()]);
    all.extend(cluster.node_cidr.map(|network| network.to_string()));
    all.extend(cluster.proxy.iter().flat_map(|proxy| proxy.no_proxy.clone()));
    // apt, wget and curl before 7.86 know no networks: of the addresses that slipway itself will ask them for, those in one are named.
    let networks: Vec<Cidr> = all.iter().filter_map(|each| each.parse().ok()).collect();
    let near = |address: &IpAddr| networks.iter().any(|network| network.contains(*address));
    let asked = urls(cluster);
    let asked = asked.iter().filter_map(|url| host_of(url).parse().ok()).filter(near);
    all.extend(asked.map(|address| address.to_string()));
    once(all)
}

/// The same for kubeadm, which writes it into pods that stay when hosts are added: with the networks that the nodes' addresses are in.
#[must_use]
pub fn direct_for_pods(cluster: &Cluster, sites: &[Site]) -> Vec<String> {
    let around = |site: &Site| {
        let own = site.facts.addresses.iter().find(|address| address.ip == site.node_ip)?;
        Some(Cidr::around(own.ip, own.prefix).to_string())
    };
    let mut all = direct(cluster, sites.iter());
    all.extend(sites.iter().filter_map(around));
    once(all)
}

/// The addresses that the cluster file names.
fn urls(cluster: &Cluster) -> Vec<&String> {
    let packages = &cluster.packages;
    let sources = [&packages.kubernetes, &packages.runtime, &packages.deb.kubernetes, &packages.deb.runtime]
        .into_iter()
        .chain([&packages.rpm.kubernetes, &packages.rpm.runtime]);
    let images = &cluster.images;
    let mirrors = images.mirrors.iter().map(|mirror| &mirror.url);
    let mirrors = mirrors.chain([&packages.mirror, &packages.deb.mirror, &packages.rpm.mirror].into_iter().flatten());
    sources.flat_map(|source| source.url.iter().chain(&source.key)).chain(&images.repository).chain(mirrors).collect()
}

/// The host in a URL, in `HOST:PORT`, or in `HOST:PORT/PATH`.
#[must_use]
pub fn host_of(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let place = rest.split('/').next().unwrap_or_default();
    match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => place.split(':').next().unwrap_or_default(),
    }
}

/// Each once, in the order of their first.
fn once(all: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(all.len());
    let first: Vec<bool> = all.iter().map(|each| seen.insert(each.as_str())).collect();
    all.iter().zip(first).filter(|(_, first)| *first).map(|(each, _)| each.clone()).collect()
}
