//! What a node says about itself when it registers.

use std::collections::BTreeMap;

use super::{Api, ignored_preflight};
use crate::{error::Result, scene::Scene, yaml::Yaml};

/// NodeRegistrationOptions of this host.
///
/// # Errors
/// `NoControlPlane`.
pub(super) fn registration(scene: &Scene<'_>, api: Api) -> Result<Yaml> {
    Ok(Yaml::map([("name", scene.here.host.name.clone()), ("criSocket", cri_socket(scene))])
        .with("kubeletExtraArgs", api.arguments(&kubelet_arguments(scene)?))
        .with("ignorePreflightErrors", Yaml::strings(ignored(scene))))
}

/// The preflight checks of kubeadm that do not count on this host.
fn ignored(scene: &Scene<'_>) -> Vec<&'static str> {
    let mut ignored = ignored_preflight(&scene.here.facts, scene.stage.version);
    // A control plane pulls CoreDNS's image even where the add-on is left out: a registry without it is no failure. All other
    // images are there already.
    if scene.is_control_plane() && scene.stage.cluster.skips("addon/coredns") {
        ignored.push("ImagePull");
    }
    // Its directory lost+found is in nobody's way; data of an etcd is refused before.
    if scene.is_control_plane() && scene.here.facts.kubernetes.etcd_disk {
        ignored.push("DirAvailable--var-lib-etcd");
    }
    ignored
}

/// The CRI socket as this version of kubeadm takes it: a URL since 1.24, which warns of a bare path; a bare path before, as kubeadm
/// itself wrote it then (k/k#107295). By that of dockershim kubeadm knows that it is Docker that it has to ask.
pub(super) fn cri_socket(scene: &Scene<'_>) -> String {
    let (version, socket) = (scene.stage.version, scene.cri_socket());
    if (version.major, version.minor) >= (1, 24) { format!("unix://{socket}") } else { socket.to_owned() }
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
