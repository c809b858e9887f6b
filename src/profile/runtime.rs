//! What a container runtime knows: where it listens, how it is configured, how it is asked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Changes, Leftovers, template::Template};
use crate::facts::Facts;

/// A container runtime. Its packages are named by the OS profiles.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeProfile {
    pub name: String,
    /// One sentence for people.
    pub about: String,
    /// The program whose presence means that the runtime is installed, whoever did it.
    pub program: String,
    /// Its systemd unit, whose presence on a host means that the host has this runtime.
    pub unit: String,
    /// Path of its own socket.
    pub socket: String,
    /// A file that it makes anew at each start: newer than the configuration, it shows a process that has read it. Default: the socket.
    #[serde(default)]
    pub started: Option<String>,
    /// Names of runtimes that it brings along: where both are on a host, it is this one that the host's people use.
    #[serde(default)]
    pub brings: Vec<String>,
    /// How the kubelet reaches it, by Kubernetes' minor version; empty where that is its own socket.
    #[serde(default)]
    pub cri: Vec<Cri>,
    /// Directories of its data. They go with its package, unless something was in them before.
    pub data: Vec<String>,
    /// Shell, for an undo script: takes away what its package leaves in the kernel.
    #[serde(default)]
    pub traces: Option<String>,
    pub registries: Registries,
    /// Shell that prints the full names of the images that Kubernetes can use, one a line.
    pub list_images: String,
    /// Shell that pulls the image `$1`.
    pub pull_image: String,
    /// Whether that works as soon as the runtime runs, without crictl, which comes with the Kubernetes packages.
    #[serde(default)]
    pub pulls_alone: bool,
    /// Shell that loads the image archive `$1` and prints, with or without other words around them, the full names of its images.
    /// Without it the runtime can not load any.
    #[serde(default)]
    pub import_images: Option<String>,
    /// Shell that removes the image `$1`, in an undo script: without slipway's own functions.
    pub remove_image: String,
    /// Shell that prints the image of the containers that hold pods' namespaces, on a host that runs pods.
    pub sandbox: String,
    pub pods: Pods,
    #[serde(default)]
    pub leftovers: Leftovers,
    #[serde(default)]
    pub changes: Changes,
    pub config: RuntimeConfig,
    /// What differs on hosts where a process may not lower its oom_score_adj, for a runtime that has no setting for it.
    #[serde(default)]
    pub restrained: Option<Restrained>,
}

/// A way for the kubelet to reach a runtime.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cri {
    /// The first minor version of Kubernetes that has it, and the last.
    #[serde(default)]
    pub from: Option<u32>,
    #[serde(default)]
    pub until: Option<u32>,
    pub socket: String,
    /// A program that stands between the two, if the kubelet itself does not.
    #[serde(default)]
    pub shim: Option<Shim>,
}

/// A program of nobody's package repository: from an archive, with a unit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shim {
    /// Where it is put; where one of that name is elsewhere in PATH, it is a link to that.
    pub program: String,
    pub unit: String,
    /// The unit's text. Names: `program`, `sandbox_image`, both one printable word.
    pub unit_text: Template,
    /// The program's path inside the archive (tar, gzip).
    pub member: String,
    /// By `uname -m`.
    pub archives: BTreeMap<String, ShimArchive>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShimArchive {
    pub url: String,
    /// 64 hex digits.
    pub sha256: String,
}

/// How a runtime is told of mirrors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registries {
    pub style: RegistryStyle,
    /// The directory or file; none where the runtime's configuration itself says it.
    #[serde(default)]
    pub path: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryStyle {
    /// A directory with a directory a registry, and a hosts.toml in each: containerd.
    #[default]
    HostsToml,
    /// A file of containers-registries.conf(5).
    RegistriesConf,
    /// In the configuration, by the names `insecure_registries` and `registry_mirrors`: Docker, which can mirror docker.io alone.
    Config,
}

/// Pods, as a reset sees them: it knows nothing of the cluster, and the runtime may not answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pods {
    /// Shell that prints a line for each container of Kubernetes'.
    pub list: String,
    /// Shell that ends them all. It may fail.
    pub end: String,
    /// Shell that has the runtime delete what ended pods had on the disk, where it would do so some time later by itself.
    #[serde(default)]
    pub collect: String,
}

/// The runtime's configuration file, which looks different from generation to generation of the runtime.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeConfig {
    pub file: String,
    #[serde(default)]
    pub format: Format,
    /// Shell that prints the key in `texts` for the version that is installed. It runs when that is certain: on the host,
    /// once the package is there.
    pub generation: String,
    /// Names: `sandbox_image`, `registries`, `cgroup_driver`, `cgroup_option` (strings), `systemd_cgroup`, `restrict_oom_score_adj`
    /// (booleans), `insecure_registries`, `registry_mirrors` (lists of strings), `mirrors` (TOML alone: a table of registries, each with
    /// its mirrors as the list `endpoint`).
    pub texts: BTreeMap<String, Template>,
}

/// What a configuration file is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The file is slipway's as a whole.
    #[default]
    Toml,
    /// What the file says already stays, beside what the text says.
    Json,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restrained {
    /// A program to put on the host, with its text.
    pub program: String,
    pub text: String,
    /// Laid over the configuration, in its format.
    pub config: String,
}

impl RuntimeProfile {
    /// How the kubelet of this minor version of Kubernetes reaches the runtime: the CRI socket, and what stands between.
    /// None where there is no way.
    #[must_use]
    pub fn cri(&self, minor: u32) -> Option<(&str, Option<&Shim>)> {
        if self.cri.is_empty() {
            return Some((&self.socket, None));
        }
        let fits = |way: &&Cri| way.from.is_none_or(|from| from <= minor) && way.until.is_none_or(|until| minor <= until);
        self.cri.iter().find(fits).map(|way| (way.socket.as_str(), way.shim.as_ref()))
    }

    /// The CRI socket, in the runtime's own words where Kubernetes' version has no way to it: preflight says that before.
    #[must_use]
    pub fn cri_socket(&self, minor: u32) -> &str {
        self.cri(minor).map_or(&self.socket, |(socket, _)| socket)
    }

    /// The CRI socket as crictl takes it.
    #[must_use]
    pub fn endpoint(&self, minor: u32) -> String {
        format!("unix://{}", self.cri_socket(minor))
    }

    /// The file that a start makes anew.
    #[must_use]
    pub fn started(&self) -> &str {
        self.started.as_deref().unwrap_or(&self.socket)
    }

    /// Whether the host has this runtime, ready for a kubelet of this minor version.
    #[must_use]
    pub(super) fn is_on(&self, facts: &Facts, minor: u32) -> bool {
        let there = |unit: &str| facts.units.contains_key(unit);
        // Docker alone is of no use to a kubelet without dockershim, but what it brings along is.
        let reachable = self.cri(minor).is_some_and(|(_, shim)| shim.is_none_or(|shim| there(&shim.unit)));
        reachable && there(&self.unit)
    }

    /// Whether a kubelet that speaks to this socket speaks to this runtime.
    #[must_use]
    pub fn listens_at(&self, socket: &str) -> bool {
        let bare = |path: &str| path.trim_start_matches("unix://").trim_start_matches("/var").to_owned();
        let mut own = self.cri.iter().map(|way| way.socket.as_str()).chain([self.socket.as_str()]);
        own.any(|own| bare(own) == bare(socket))
    }

    /// Templates by the names that they may use.
    pub(super) fn templates(&self) -> Vec<(&Template, &'static [&'static str])> {
        let names: &'static [&'static str] = &[
            "sandbox_image",
            "registries",
            "mirrors",
            "cgroup_driver",
            "cgroup_option",
            "systemd_cgroup",
            "restrict_oom_score_adj",
            "insecure_registries",
            "registry_mirrors",
        ];
        let shims = self.cri.iter().filter_map(|way| way.shim.as_ref());
        let units =
            shims.map(|shim| -> (&Template, &'static [&'static str]) { (&shim.unit_text, &["program", "sandbox_image"]) });
        self.config.texts.values().map(|text| (text, names)).chain(units).collect()
    }
}
