//! What `kubeadm init` and `kubeadm join` take once, and a later run can not change: kept on the control planes as digests, so that
//! a cluster file that asks for something else afterwards is told so.

use std::collections::BTreeMap;

use crate::{config::Cluster, lower::sha256};

/// The settings of the cluster file that are good for the life of a cluster, and a digest (16 hex digits) of what each says.
#[must_use]
pub fn settings(cluster: &Cluster) -> BTreeMap<&'static str, String> {
    let arguments = |arguments: &BTreeMap<String, String>| {
        arguments.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>()
    };
    let said = [
        ("pod_cidr", cluster.pod_cidr.to_string()),
        ("service_cidr", cluster.service_cidr.to_string()),
        ("endpoint", cluster.endpoint.clone().unwrap_or_default()),
        ("skip_phases", cluster.skip_phases.join("\n")),
        ("kubelet_extra_args", arguments(&cluster.kubelet_extra_args)),
        ("apiserver_extra_args", arguments(&cluster.apiserver_extra_args)),
        ("images.repository", cluster.images.repository.clone().unwrap_or_default()),
    ];
    said.into_iter().map(|(name, value)| (name, sha256(&value).chars().take(16).collect())).collect()
}
