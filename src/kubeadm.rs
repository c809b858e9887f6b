//! kubeadm's configuration, by version of its API: pure text from a scene.

use crate::{error::Result, scene::Scene};

/// The configuration of `kubeadm init` on this host: InitConfiguration, ClusterConfiguration, KubeletConfiguration, KubeProxyConfiguration.
///
/// # Errors
/// `UnsupportedVersion`.
pub fn init_config(_scene: &Scene<'_>) -> Result<String> {
    Ok(String::new())
}

/// The configuration of `kubeadm join` on this host.
///
/// # Errors
/// `UnsupportedVersion`.
pub fn join_config(_scene: &Scene<'_>) -> Result<String> {
    Ok(String::new())
}
