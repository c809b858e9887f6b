//! What a node says about itself when it registers.

use std::collections::BTreeMap;

use super::{Api, ignored_preflight};
use crate::{config::Version, error::Result, scene::Scene, yaml::Yaml};

/// containerd's socket, on every distribution.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// NodeRegistrationOptions of this host.
///
/// # Errors
/// `NoControlPlane`.
pub(super) fn registration(scene: &Scene<'_>, api: Api) -> Result<Yaml> {
    let stage = scene.stage;
    Ok(Yaml::map([("name", scene.here.host.name.clone()), ("criSocket", cri_socket(stage.version))])
        .with("kubeletExtraArgs", api.arguments(&kubelet_arguments(scene)?))
        .with("ignorePreflightErrors", Yaml::strings(ignored_preflight(&scene.here.facts, stage.version))))
}

/// A URL since 1.24, which warns of a bare path; a bare path before, as kubeadm itself wrote it then (k/k#107295).
fn cri_socket(version: Version) -> String {
    if (version.major, version.minor) >= (1, 24) { format!("unix://{SOCKET}") } else { SOCKET.to_owned() }
}

/// The kubelet's flags on this host; what the cluster file says comes last, and wins.
fn kubelet_arguments(scene: &Scene<'_>) -> Result<BTreeMap<String, String>> {
    // Without it the kubelet takes the address of the default route, which is the same on every Vagrant machine.
    let mut arguments = BTreeMap::from([("node-ip".to_owned(), scene.here.node_ip.to_string())]);
    // The cluster has one KubeletConfiguration, made for the first control plane.
    if scene.here.cgroup_driver() != scene.stage.first()?.cgroup_driver() {
        arguments.insert("cgroup-driver".to_owned(), scene.here.cgroup_driver().to_owned());
    }
    arguments.extend(scene.stage.cluster.kubelet_extra_args.clone());
    Ok(arguments)
}
