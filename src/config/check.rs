//! From the file as it is written to the cluster that it means: fills in defaults and keeps every rule.

use std::{
    collections::BTreeMap,
    env,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::{
    Cluster, Images, Mirror, SeLinux, WantedCni, WantedVersion, hosts,
    networks::Networks,
    raw,
    source::Source,
    ssh_config::Usual,
    words::{endpoint, is_argument, is_kubeadm_phase, is_label, is_registry, is_repository, is_url, label_like, shell_word},
};
use crate::error::{Error, Kind, Result};

/// Reads and checks a whole cluster file; its relative paths are relative to `dir`.
/// `ssh_config` is the ssh configuration that counts where the file names none, if any does.
pub(super) fn cluster(source: &Source<'_>, dir: &Path, ssh_config: Option<&Usual>) -> Result<Cluster> {
    let file: raw::File = source.read()?;
    let check = Check { source, dir, ssh_config };
    let Some(cluster) = file.cluster else {
        return Err(source
            .error(&(0..0), Kind::Invalid, "there is no [cluster] table")
            .hint("begin with [cluster], name and kubernetes"));
    };
    let (at, cluster) = (cluster.span(), cluster.into_inner());
    let name = check.cluster_name(&at, &cluster);
    let hosts = hosts::hosts(&check, name.as_deref().unwrap_or("lab"), &file.ssh, &file.host)?;
    let networks = Networks::read(&check, &cluster, &at)?;
    networks.hold(&check, &hosts, &file.host)?;
    Ok(Cluster {
        name: name?,
        kubernetes: check.version(&at, &cluster)?,
        cni: check.cni(&cluster)?,
        pod_cidr: networks.pods.cidr,
        service_cidr: networks.services.cidr,
        node_cidr: networks.nodes.map(|nodes| nodes.cidr),
        endpoint: check.optional(&cluster.endpoint, |text| {
            endpoint(text)
                .ok_or_else(|| (format!("{text:?} is no HOST or HOST:PORT"), "write endpoint = \"api.example.com:6443\"".into()))
        })?,
        runtime: check.optional(&cluster.runtime, |text| label(text, "runtime"))?,
        selinux: check.optional(&cluster.selinux, |text| {
            let hint = || "write \"permissive\" or \"enforcing\", or leave it out: then it stays as it is".into();
            SeLinux::named(text).ok_or_else(|| (format!("{text:?} is no mode of SELinux"), hint()))
        })?,
        skip_phases: check.skip_phases(&cluster.skip_phases)?,
        kubelet_extra_args: check.arguments(&cluster.kubelet_extra_args)?,
        apiserver_extra_args: check.arguments(&cluster.apiserver_extra_args)?,
        packages: check.packages(&file.packages)?,
        images: check.images(file.images)?,
        proxy: check.proxy(file.proxy)?,
        hosts,
        dir: dir.to_owned(),
    })
}

/// What a rule says of a value that breaks it: what is wrong, and the hint.
pub(super) type Broken = (String, String);

/// The rules for single values, and where to find the text and the files that they speak of.
pub(super) struct Check<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) dir: &'a Path,
    pub(super) ssh_config: Option<&'a Usual>,
}

impl Check<'_> {
    /// Applies a rule to a text.
    pub(super) fn text<T>(&self, text: &Spanned<String>, rule: impl FnOnce(&str) -> Result<T, Broken>) -> Result<T> {
        rule(text.get_ref()).map_err(|(what, hint)| self.source.invalid(text, what).hint(hint))
    }

    /// Applies a rule to a text, if there is one.
    pub(super) fn optional<T>(&self, text: &raw::Text, rule: impl FnOnce(&str) -> Result<T, Broken>) -> Result<Option<T>> {
        text.as_ref().map(|text| self.text(text, rule)).transpose()
    }

    /// A text that must be given; `table` is where it is missing otherwise.
    pub(super) fn required<'t>(
        &self,
        table: &Range<usize>,
        text: &'t raw::Text,
        what: &str,
        hint: &str,
    ) -> Result<&'t Spanned<String>> {
        text.as_ref().ok_or_else(|| self.source.error(table, Kind::Invalid, what).hint(hint))
    }

    /// A command of slipway for this cluster file, as a person would type it.
    pub(super) fn command(&self, words: &str) -> String {
        match self.source.file() {
            Some(file) if file != Path::new("cluster.toml") => {
                format!("slipway {words} -c {}", shell_word(&file.display().to_string()))
            }
            _ => format!("slipway {words}"),
        }
    }

    /// A path: `~/` is the operator's home, and a relative one starts from the cluster file's directory.
    pub(super) fn path(&self, text: &str) -> Result<PathBuf, Broken> {
        if text.is_empty() {
            return Err(("the path is empty".into(), "name a file, or leave the key out".into()));
        }
        if let Some(rest) = text.strip_prefix("~/") {
            let home = env::home_dir().filter(|home| !home.as_os_str().is_empty());
            return home
                .map(|home| home.join(rest))
                .ok_or_else(|| (format!("{text:?} needs a home directory, and HOME is not set"), "write the whole path".into()));
        }
        if text.starts_with('~') {
            return Err((format!("{text:?}: only ~/ is understood"), "write the whole path".into()));
        }
        // `vagrant ssh-config` on Windows names keys as C:/Users/…, which `join` would take for a relative path elsewhere.
        let drive = matches!(text.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
        Ok(if drive { PathBuf::from(text) } else { self.dir.join(text) })
    }

    /// A path to a file that must be there, since its content is part of the plan.
    fn file(&self, text: &Spanned<String>) -> Result<PathBuf> {
        let path = self.text(text, |text| self.path(text))?;
        if path.is_file() {
            return Ok(path);
        }
        let what = format!("there is no file {}", path.display());
        Err(self.source.error(&text.span(), Kind::NoFile, what).hint("relative paths start from the cluster file's directory"))
    }

    fn cluster_name(&self, table: &Range<usize>, cluster: &raw::Cluster) -> Result<String> {
        let name = self.required(table, &cluster.name, "[cluster] has no name", "add name = \"lab\"")?;
        self.text(name, |name| label(name, "cluster name"))
    }

    fn version(&self, table: &Range<usize>, cluster: &raw::Cluster) -> Result<WantedVersion> {
        let hint = "add kubernetes = \"1.34\", or an exact version such as \"1.34.2\"";
        let text = self.required(table, &cluster.kubernetes, "[cluster] does not say which Kubernetes", hint)?;
        text.get_ref().parse().map_err(|error: Error| {
            let located = self.source.error(&text.span(), error.kind, &error);
            error.hints.into_iter().fold(located, Error::hint)
        })
    }

    fn cni(&self, cluster: &raw::Cluster) -> Result<WantedCni> {
        let Some(cni) = &cluster.cni else { return Ok(WantedCni::Profile("bridge".into())) };
        let text = cni.get_ref();
        let is_remote = text.contains("://");
        if let (false, Some(sha256)) = (is_remote, &cluster.cni_sha256) {
            return Err(self.source.invalid(sha256, "cni_sha256 goes only with a URL").hint("leave cni_sha256 out"));
        }
        if is_remote {
            let url = self.text(cni, url)?;
            let Some(sha256) = &cluster.cni_sha256 else {
                let hint = format!("add cni_sha256 = \"…\", which `curl -fsSL '{url}' | sha256sum` prints");
                return Err(self.source.invalid(cni, "a manifest from a URL needs cni_sha256").hint(hint));
            };
            let sha256 = self.text(sha256, |text| {
                let good = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                let hint = || format!("`curl -fsSL '{url}' | sha256sum` prints it");
                good.then(|| text.to_ascii_lowercase()).ok_or_else(|| ("cni_sha256 must be 64 hex digits".into(), hint()))
            })?;
            return Ok(WantedCni::ManifestUrl { url, sha256 });
        }
        match text.as_str() {
            "none" => Ok(WantedCni::None),
            _ if [".yaml", ".yml", ".json"].iter().any(|end| text.ends_with(end)) => Ok(WantedCni::ManifestFile(self.file(cni)?)),
            name if is_label(name) => Ok(WantedCni::Profile(name.to_owned())),
            _ => Err(self
                .source
                .invalid(cni, format!("{text:?} is no pod network"))
                .hint("write \"bridge\", \"flannel\", \"none\", a manifest's path that ends in .yaml, or its URL")),
        }
    }

    fn skip_phases(&self, phases: &[Spanned<String>]) -> Result<Vec<String>> {
        let rule = |text: &str| {
            let what = || (format!("{text:?} is no phase of kubeadm init"), "write it as kubeadm does: \"addon/coredns\"".into());
            is_kubeadm_phase(text).then(|| text.to_owned()).ok_or_else(what)
        };
        phases.iter().map(|phase| self.text(phase, rule)).collect()
    }

    fn arguments(&self, args: &raw::Args) -> Result<BTreeMap<String, String>> {
        let rule = |text: &str| {
            let what =
                || (format!("{text:?} is no argument's name"), "write it without dashes in front: \"max-pods\" = \"200\"".into());
            is_argument(text).then(|| text.to_owned()).ok_or_else(what)
        };
        args.iter().map(|(name, value)| Ok((self.text(name, rule)?, value.get_ref().clone()))).collect()
    }

    fn images(&self, images: raw::Images) -> Result<Images> {
        let mirror = |mirror: Spanned<raw::Mirror>| {
            let (at, mirror) = (mirror.span(), mirror.into_inner());
            let hint = "it needs both: registry = \"docker.io\" and url = \"https://mirror.example.com\"";
            let registry = self.required(&at, &mirror.registry, "a mirror has no registry", hint)?;
            let from = self.required(&at, &mirror.url, "a mirror has no url", hint)?;
            let registry = self.text(registry, |text| {
                let what = || (format!("{text:?} is no registry"), "write its name without https://: \"docker.io\"".into());
                is_registry(text).then(|| text.to_owned()).ok_or_else(what)
            })?;
            Ok(Mirror { registry, url: self.text(from, url)? })
        };
        Ok(Images {
            repository: self.optional(&images.repository, |text| {
                let what =
                    || (format!("{text:?} is no image repository"), "write it without https://: \"registry.k8s.io\"".into());
                is_repository(text).then(|| text.to_owned()).ok_or_else(what)
            })?,
            archives: images.archives.iter().map(|archive| self.file(archive)).collect::<Result<_>>()?,
            mirrors: images.mirror.into_iter().map(mirror).collect::<Result<_>>()?,
        })
    }
}

/// A rule: an http or https URL.
pub(super) fn url(text: &str) -> Result<String, Broken> {
    let what = || (format!("{text:?} is no URL"), "write it as https://HOST/PATH, with no spaces or quotes in it".into());
    is_url(text).then(|| text.to_owned()).ok_or_else(what)
}

/// A rule: an RFC 1123 label.
pub(super) fn label(text: &str, what: &str) -> Result<String, Broken> {
    if is_label(text) {
        return Ok(text.to_owned());
    }
    let hint = format!("lower-case letters, digits and - alone, at most 63: {:?}", label_like(text));
    Err((format!("{what} {text:?} is no RFC 1123 label"), hint))
}
