//! Where a runtime asks for images, in the form that it reads.

use std::collections::BTreeMap;

use super::NAME;
use crate::{
    error::Result,
    profile::RegistryStyle,
    scene::Scene,
    step::{File, Step},
};

/// Whether there is a step here: not without mirrors, and not for a runtime whose configuration names them.
pub(in crate::phase::install) fn has_step(scene: &Scene<'_>) -> bool {
    !scene.stage.cluster.images.mirrors.is_empty() && scene.here.runtime.registries.style != RegistryStyle::Config
}

/// Whether there is a step here whose files are read at the runtime's start alone.
pub(super) fn needs_restart(scene: &Scene<'_>) -> bool {
    has_step(scene) && scene.here.runtime.registries.style == RegistryStyle::RegistriesConf
}

/// The cluster file's mirrors of each registry, in its order.
pub(super) fn mirrors<'a>(scene: &Scene<'a>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut mirrors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for mirror in &scene.stage.cluster.images.mirrors {
        mirrors.entry(&mirror.registry).or_default().push(&mirror.url);
    }
    mirrors
}

/// The step that names the cluster file's mirrors.
pub(super) fn step(scene: &Scene<'_>) -> Result<Option<Step>> {
    let runtime = &scene.here.runtime;
    let mirrors = mirrors(scene);
    if mirrors.is_empty() {
        return Ok(None);
    }
    let files = match runtime.registries.style {
        RegistryStyle::HostsToml => {
            let file = |(registry, urls): (&&str, &Vec<&str>)| {
                File::new(format!("{}/{registry}/hosts.toml", runtime.registries.path), hosts_toml(registry, urls))
            };
            mirrors.iter().map(file).collect()
        }
        RegistryStyle::RegistriesConf => {
            let text: String = mirrors.iter().map(|(registry, urls)| registries_conf(registry, urls)).collect();
            vec![File::new(&runtime.registries.path, text)]
        }
        RegistryStyle::Config => return Ok(None),
    };
    Ok(Some(
        Step::files(
            scene.id(NAME, "registries"),
            format!("Tell {} where images come from", runtime.name),
            "The cluster file names mirrors, which are asked before the registries themselves.",
            files,
        )
        .after(NAME, "runtime"),
    ))
}

/// <https://github.com/containerd/containerd/blob/main/docs/hosts.md>. It is read at each pull.
fn hosts_toml(registry: &str, urls: &[&str]) -> String {
    let origin = if registry == "docker.io" { "https://registry-1.docker.io".to_owned() } else { format!("https://{registry}") };
    // A mirror of the registry itself, such as one without TLS, stands in its place: there is nothing to fall back to.
    let itself = urls.iter().find(|url| url.split_once("://").is_some_and(|(_, host)| host.trim_end_matches('/') == registry));
    let mut text = format!("server = {}\n", toml::Value::from(itself.map_or(origin.as_str(), |url| url)));
    for url in urls {
        text.push_str(&format!("\n[host.{}]\n  capabilities = [\"pull\", \"resolve\"]\n", toml::Value::from(*url)));
    }
    text
}

/// containers-registries.conf(5).
fn registries_conf(registry: &str, urls: &[&str]) -> String {
    let insecure = |url: &str| url.starts_with("http://");
    let place = |url: &str| url.split_once("://").map_or(url, |(_, place)| place).trim_end_matches('/').to_owned();
    let itself = urls.iter().find(|url| place(url) == registry);
    let mut text = format!("[[registry]]\nlocation = {}\n", toml::Value::from(registry));
    if itself.is_some_and(|url| insecure(url)) {
        text.push_str("insecure = true\n");
    }
    for url in urls.iter().filter(|url| place(url) != registry) {
        text.push_str(&format!(
            "\n[[registry.mirror]]\nlocation = {}\ninsecure = {}\n",
            toml::Value::from(place(url)),
            insecure(url)
        ));
    }
    text.push('\n');
    text
}
