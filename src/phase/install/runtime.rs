//! The container runtime: its package, its configuration, where it finds images, and that it runs with all that.

use std::collections::BTreeMap;

use super::{NAME, images, packages};
use crate::{
    error::{Error, Kind, Result},
    lower::{quote, sha256},
    profile::words,
    scene::Scene,
    step::{Check, File, Step, Undo},
};

pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let mut steps = package(scene)?;
    steps.push(config(scene)?);
    steps.extend(registries(scene));
    steps.push(service(scene));
    steps.push(crictl(scene));
    Ok(steps)
}

/// A runtime that is there already, whoever installed it, is kept.
fn package(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let (runtime, profile) = (scene.stage.runtime, &scene.here.profile);
    let shell = &profile.packages.shell;
    let Some(source) = profile.runtimes.get(&runtime.name) else {
        return Err(Error::new(Kind::Invalid, format!("the profile {:?} has no packages of {}", profile.name, runtime.name))
            .hint(format!(
                "install {} on {} yourself, or add [runtimes.{0}] to the profile",
                runtime.name, scene.here.host.name
            )));
    };
    let mut steps = Vec::new();
    let program = quote(&runtime.program);
    if let Some(repository) = &source.repository {
        let from = packages::Source {
            profile: repository,
            url: repository.url.line(&[])?,
            key: repository.key.line(&[])?,
            fingerprint: &repository.fingerprint,
            unless: format!("have {program}"),
        };
        steps.extend(packages::repository(scene, "runtime", &format!("{}'s", runtime.name), &from)?);
    }
    let names = words(&source.packages);
    let mut forget = String::new();
    for dir in &runtime.data {
        let dir = quote(dir);
        forget.push_str(&format!(
            "if [ -z \"$(ls -A {dir} 2>/dev/null)\" ]; then printf '%s\\n' {}; fi\n",
            quote(&format!("rm -rf --one-file-system {dir} 2>/dev/null || :"))
        ));
    }
    let mut step = packages::install(
        scene,
        "runtime",
        &format!("Install {}", runtime.name),
        "The kubelet runs no containers itself: it asks a container runtime.",
        &packages::missing(&names),
    )
    .after(NAME, "prerequisites")
    .check(Check::Sh(shell.with(&format!("pkg_installed {names} || {{ have {program} && ! pkg_unfinished {names}; }}"))));
    // Undone last to first: the package goes, then its data.
    step.undo.insert(0, Undo::Record(forget));
    if source.repository.is_some() {
        step = step.after(NAME, "runtime-repository");
    }
    steps.push(step);
    Ok(steps)
}

fn config(scene: &Scene<'_>) -> Result<Step> {
    let runtime = scene.stage.runtime;
    let values = [
        ("sandbox_image", toml::Value::from(images::sandbox(scene))),
        ("registries", toml::Value::from(runtime.registries.as_str())),
        ("systemd_cgroup", toml::Value::from(scene.cgroup_driver() == "systemd")),
        ("restrict_oom_score_adj", toml::Value::from(!scene.here.facts.oom_score_adj_lowers)),
    ];
    let file = quote(&runtime.config.file);
    let (mut check, mut apply) = (String::new(), String::new());
    for (generation, text) in &runtime.config.texts {
        let text = text.toml(&values)?;
        let key = quote(generation);
        check.push_str(&format!("    {key}) same_as {file} 644 root:root {} ;;\n", sha256(&text)));
        apply.push_str(&format!("    {key}) printf '%s' {} ;;\n", quote(&text)));
    }
    let generation = format!("generation() {{\n{}\n}}\n", runtime.config.generation.trim());
    let unknown = format!("    *) die \"no configuration is known for $({} --version)\" ;;\n", quote(&runtime.program));
    Ok(Step::new(
        scene.id(NAME, "runtime-config"),
        format!("Configure {}", runtime.name),
        format!(
            "{} and the kubelet must agree on the cgroup driver ({}); what a distribution ships does not suit Kubernetes.",
            runtime.name,
            scene.cgroup_driver()
        ),
    )
    .after(NAME, "runtime")
    .check(Check::Sh(format!("{generation}case $(generation) in\n{check}    *) exit 1 ;;\nesac")))
    .sh(format!(
        "{generation}generation=$(generation)\nruntime_config() {{\n    case $generation in\n{apply}{unknown}    esac\n}}\nput runtime_config {file} 644 root:root"
    ))
    // Undone last to first: the file as it was, then a runtime that has read it.
    .undo(Undo::Sh(format!("systemctl try-restart {} 2>/dev/null || :", quote(&runtime.unit))))
    .undo(Undo::Record(format!("keep {file}"))))
}

/// hosts.toml files: <https://github.com/containerd/containerd/blob/main/docs/hosts.md>. They are read at each pull.
fn registries(scene: &Scene<'_>) -> Option<Step> {
    let runtime = scene.stage.runtime;
    let mut mirrors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for mirror in &scene.stage.cluster.images.mirrors {
        mirrors.entry(&mirror.registry).or_default().push(&mirror.url);
    }
    if mirrors.is_empty() {
        return None;
    }
    let files = mirrors.iter().map(|(registry, urls)| {
        let origin =
            if *registry == "docker.io" { "https://registry-1.docker.io".to_owned() } else { format!("https://{registry}") };
        // A mirror of the registry itself, such as one without TLS, stands in its place: there is nothing to fall back to.
        let itself =
            urls.iter().find(|url| url.split_once("://").is_some_and(|(_, host)| host.trim_end_matches('/') == *registry));
        let mut text = format!("server = {}\n", toml::Value::from(itself.map_or(origin.as_str(), |url| url)));
        for url in urls {
            text.push_str(&format!("\n[host.{}]\n  capabilities = [\"pull\", \"resolve\"]\n", toml::Value::from(*url)));
        }
        File::new(format!("{}/{registry}/hosts.toml", runtime.registries), text)
    });
    Some(
        Step::files(
            scene.id(NAME, "registries"),
            format!("Tell {} where images come from", runtime.name),
            "The cluster file names mirrors, which are asked before the registries themselves.",
            files.collect(),
        )
        .after(NAME, "runtime"),
    )
}

fn service(scene: &Scene<'_>) -> Step {
    let runtime = scene.stage.runtime;
    let (unit, socket, file) = (quote(&runtime.unit), quote(&runtime.socket), quote(&runtime.config.file));
    Step::new(
        scene.id(NAME, "runtime-service"),
        format!("Run {} with its configuration", runtime.name),
        "A runtime that was started by its package still runs with the package's configuration.",
    )
    .after(NAME, "runtime-config")
    // It makes its socket anew at each start: one that is newer than the configuration belongs to a process that has read it.
    .check(Check::Sh(format!("systemctl is-active -q {unit} && systemctl is-enabled -q {unit} && [ {socket} -nt {file} ]")))
    .sh(format!("systemctl enable -q {unit}\nsystemctl restart {unit}\nwait_for 30 {socket} test -S {socket}"))
    .undo(Undo::Record(format!(
        "systemctl is-enabled -q {unit} || printf '%s\\n' {}",
        quote(&format!("systemctl disable -q --now {unit} 2>/dev/null || :"))
    )))
    .hint(format!("journalctl -u {} -n 30", runtime.unit))
}

fn crictl(scene: &Scene<'_>) -> Step {
    let endpoint = scene.stage.runtime.endpoint();
    Step::files(
        scene.id(NAME, "crictl"),
        "Tell crictl where the runtime is",
        "kubeadm and people look at containers through crictl, which would try one socket after another.",
        vec![File::new("/etc/crictl.yaml", format!("runtime-endpoint: {endpoint}\nimage-endpoint: {endpoint}\ntimeout: 10\n"))],
    )
}
