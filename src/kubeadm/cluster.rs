//! ClusterConfiguration: what all control planes have in common, kept by kubeadm in the ConfigMap kubeadm-config.

use std::net::IpAddr;

use super::{Api, endpoint, host_and_port};
use crate::{config::Version, error::Result, scene::Stage, yaml::Yaml};

/// Where the community keeps its images.
const REGISTRY: &str = "registry.k8s.io";

/// ClusterConfiguration of the cluster.
///
/// # Errors
/// `NoControlPlane`.
pub(super) fn configuration(stage: &Stage<'_>, api: Api) -> Result<Yaml> {
    let cluster = stage.cluster;
    let repository = cluster.images.repository.as_deref();
    let networking =
        Yaml::map([("podSubnet", cluster.pod_cidr.to_string()), ("serviceSubnet", cluster.service_cidr.to_string())])
            .with("dnsDomain", "cluster.local");
    let api_server =
        Yaml::map([("certSANs", Yaml::strings(names(stage)?))]).with("extraArgs", api.arguments(&cluster.apiserver_extra_args));
    Ok(api
        .document("ClusterConfiguration")
        .with("clusterName", cluster.name.as_str())
        .with("kubernetesVersion", format!("v{}", stage.version))
        .with("controlPlaneEndpoint", endpoint(stage)?)
        .with_some("imageRepository", repository.or_else(|| moved(stage.version).then_some(REGISTRY)))
        .with_some("dns", (repository.is_none() && moves_coredns(stage.version)).then(coredns))
        .with("networking", networking)
        .with("apiServer", api_server))
}

/// Up to 1.24 kubeadm knew only the old registry, k8s.gcr.io, which is frozen; the patch releases that knew the new one
/// came late (k/k#113393). It is said explicitly where kubeadm may not know.
fn moved(version: Version) -> bool {
    (version.major, version.minor) <= (1, 24)
}

/// Since 1.21 CoreDNS lives one level deeper, but kubeadm adds that level only to the registry that it has by default.
fn moves_coredns(version: Version) -> bool {
    moved(version) && (version.major, version.minor) >= (1, 21)
}

fn coredns() -> Yaml {
    Yaml::map([("imageRepository", format!("{REGISTRY}/coredns"))])
}

/// Every name and address by which somebody may speak to the API server: the certificate is made once, and a name that is
/// missing in it means to make it anew by hand.
fn names(stage: &Stage<'_>) -> Result<Vec<String>> {
    let endpoint = endpoint(stage)?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), host_and_port(&endpoint).0.to_owned()];
    for site in stage.control_planes() {
        names.extend([site.host.name.clone(), site.node_ip.to_string(), site.host.address.clone()]);
    }
    let mut seen = Vec::new();
    for name in names.into_iter().map(|name| name.to_ascii_lowercase()) {
        // kubeadm refuses the whole configuration for one name that TLS could not use anyway.
        if (name.parse::<IpAddr>().is_ok() || is_dns_name(&name)) && !seen.contains(&name) {
            seen.push(name);
        }
    }
    Ok(seen)
}

/// A DNS-1123 subdomain, in lower case.
fn is_dns_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(|label| {
            let inner = label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            inner && edge(label.chars().next()) && edge(label.chars().last())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_kubeadm_refuses_are_told_apart() {
        for good in ["cp1", "api.example.org", "1a", "a-b.c-d"] {
            assert!(is_dns_name(good), "{good}");
        }
        for bad in ["", "under_score", "-a", "a-", "a..b", "Upper", "a b", "fe80::1%eth0"] {
            assert!(!is_dns_name(bad), "{bad}");
        }
    }

    #[test]
    fn the_registry_is_said_where_kubeadm_may_not_know_it() {
        let of = |minor| {
            let version = Version { major: 1, minor, patch: 0 };
            (moved(version), moves_coredns(version))
        };
        assert_eq!([20, 21, 24, 25].map(of), [(true, false), (true, true), (true, true), (false, false)]);
    }
}
