//! What a container runtime knows: where it listens, how it is configured, how it is asked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::template::Template;

/// A container runtime. Its packages are named by the OS profiles.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeProfile {
    pub name: String,
    /// The program whose presence means that the runtime is installed, whoever did it.
    pub program: String,
    /// Its systemd unit.
    pub unit: String,
    /// Path of its CRI socket.
    pub socket: String,
    /// Directories of its data. They go with its package, unless something was in them before.
    pub data: Vec<String>,
    /// The directory with one directory a registry, and a hosts.toml in each.
    pub registries: String,
    /// Shell that prints the full names of the images that Kubernetes can use, one a line.
    pub list_images: String,
    /// Shell that pulls the image `$1`.
    pub pull_image: String,
    /// Shell that loads the image archive `$1` and prints, with or without other words around them, the full names of its images.
    pub import_images: String,
    /// Shell that removes the image `$1`, in an undo script: without slipway's own functions.
    pub remove_image: String,
    pub config: RuntimeConfig,
}

/// The runtime's configuration file, which looks different from generation to generation of the runtime.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeConfig {
    pub file: String,
    /// Shell that prints the key in `texts` for the version that is installed. It runs when that is certain: on the host,
    /// once the package is there.
    pub generation: String,
    /// TOML. Names: `sandbox_image`, `registries` (strings), `systemd_cgroup`, `restrict_oom_score_adj` (booleans).
    pub texts: BTreeMap<String, Template>,
}

impl RuntimeProfile {
    /// The CRI socket as the kubelet, kubeadm and crictl take it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket)
    }

    /// Templates by the names that they may use.
    pub(super) fn templates(&self) -> Vec<(&Template, &'static [&'static str])> {
        let names: &'static [&'static str] = &["sandbox_image", "registries", "systemd_cgroup", "restrict_oom_score_adj"];
        self.config.texts.values().map(|text| (text, names)).collect()
    }
}
