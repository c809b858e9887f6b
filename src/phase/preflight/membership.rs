//! Rules about what of Kubernetes is on a host already: the wrong cluster, a half of one, the wrong version.

use super::{Fleet, Seen, Trouble};
use crate::{config::Version, facts};

/// Static pods that only a control plane has.
const CONTROL_PLANE_MANIFESTS: &[&str] =
    &["kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", "etcd.yaml"];

/// A host that belongs to another cluster than the first control plane's.
pub(super) fn cluster(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let kubernetes = &seen.facts.kubernetes;
    // What slipway left half done it also knows how to clear away.
    if kubernetes.attempt.is_some() {
        return None;
    }
    let first = fleet.hosts.iter().find(|other| Some(other.host.name.as_str()) == fleet.first)?;
    let part = if kubernetes.kubelet_conf {
        "a kubelet.conf"
    } else if kubernetes.manifests.iter().any(|name| CONTROL_PLANE_MANIFESTS.contains(&name.as_str())) {
        "manifests of a control plane"
    } else {
        return None;
    };
    let Some(ca) = first.facts.ca.as_deref() else {
        return Trouble::fatal(
            format!("it has {part}, but the first control plane, {}, has no cluster: it belongs to another", first.host.name),
            seen.reset(),
        );
    };
    // Members are known by the CA that they trust. One whose CA can not be read is left to the join's own checks.
    let (wanted, found) =
        (fleet.found.ca.get_or_init(|| facts::fingerprint(ca)).as_deref()?, kubernetes.ca_fingerprint.as_deref()?);
    if wanted == found {
        return None;
    }
    let server = kubernetes.server.as_deref().unwrap_or("an unknown server");
    Trouble::fatal(format!("it belongs to another cluster: {server}, CA {}, not {}", short(found), short(wanted)), seen.reset())
}

fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(12).collect()
}

/// A node can not change its role: kubeadm knows no way from a worker to a control plane, nor back.
pub(super) fn role(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let kubernetes = &seen.facts.kubernetes;
    if !kubernetes.kubelet_conf || kubernetes.attempt.is_some() {
        return None;
    }
    let server = kubernetes.server.as_deref().unwrap_or("an unknown server");
    match (seen.is_control_plane(), kubernetes.manifests.iter().any(|name| name == "kube-apiserver.yaml")) {
        (true, false) => Trouble::fatal(
            format!("it is a worker of the cluster at {server}, and the cluster file wants a control plane"),
            seen.reset(),
        ),
        (false, true) => Trouble::fatal(
            format!("it is a control plane of the cluster at {server}, and the cluster file calls it a worker"),
            seen.reset(),
        ),
        _ => None,
    }
}

/// kubeadm refuses an etcd directory that is not empty (check DirAvailable--var-lib-etcd), and rightly: it is someone's data.
pub(super) fn etcd(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let kubernetes = &seen.facts.kubernetes;
    let runs = kubernetes.manifests.iter().any(|name| name == "etcd.yaml");
    if !kubernetes.etcd_data || runs || kubernetes.attempt.is_some() || !seen.is_control_plane() {
        return None;
    }
    Trouble::fatal(
        "there is etcd data in /var/lib/etcd, and no etcd that it belongs to",
        format!("{}; to keep the data, move it away first", seen.reset()),
    )
}

/// Nothing goes back (<https://kubernetes.io/releases/version-skew-policy/>), and a member keeps the version that it has.
pub(super) fn version(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let wanted = fleet.version;
    let installed = ["kubeadm", "kubelet"].into_iter().filter_map(|program| {
        let version: Version = seen.facts.versions.get(program)?.parse().ok()?;
        Some((program, version))
    });
    let (program, found) = installed.max_by_key(|(_, version)| (version.minor.abs_diff(wanted.minor), *version != wanted))?;
    let minor = format!("{}.{}", found.major, found.minor);
    let what = format!("{program} {found} is installed, and {wanted} is wanted");
    if found.minor > wanted.minor {
        let remedy = if seen.is_member() {
            format!("set kubernetes = \"{minor}\" in the cluster file, or: {} --purge", seen.reset())
        } else {
            format!("remove its package on {}, or set kubernetes = \"{minor}\" in the cluster file", seen.host.name)
        };
        return Trouble::fatal(format!("{what}: nothing goes back a minor version"), remedy);
    }
    if !seen.is_member() || found == wanted {
        return None;
    }
    // The packages alone would be replaced, on all hosts at once, and the control plane would keep its images.
    Trouble::fatal(
        format!("{what}: slipway does not upgrade a node that is in a cluster"),
        format!("set kubernetes = \"{found}\" in the cluster file, or upgrade with kubeadm first, or: {}", seen.reset()),
    )
}

#[cfg(test)]
mod tests;
