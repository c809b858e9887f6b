//! The runtime's configuration: a file of its own, or what Kubernetes needs laid over what a host's people have written.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{super::images, NAME, registries};
use crate::{
    error::{Error, Kind, Result},
    lower::{quote, sha256},
    profile::{Format, RegistryStyle},
    scene::Scene,
    step::{Check, File, Op, Step, Undo},
};

pub(super) fn step(scene: &Scene<'_>) -> Result<Step> {
    let runtime = &scene.here.runtime;
    let restrained = runtime.restrained.as_ref().filter(|_| !scene.here.facts.oom_score_adj_lowers);
    let file = quote(&runtime.config.file);
    let (mut check, mut apply) = (String::new(), String::new());
    for (generation, text) in &runtime.config.texts {
        let text = match runtime.config.format {
            Format::Toml => text.toml(&toml_values(scene))?,
            Format::Json => {
                let mut wanted = read(&runtime.config.file, &text.json(&json_values(scene)?)?)?;
                if let Some(restrained) = restrained {
                    lay_over(&mut wanted, read(&runtime.config.file, &restrained.config)?);
                }
                let mut whole = match scene.here.facts.texts.get(&runtime.config.file) {
                    Some(there) if !there.trim().is_empty() => read(&runtime.config.file, there).map_err(|error| {
                        Error { what: format!("{}: {}", scene.here.host.name, error.what), ..error }.hint(format!(
                            "mend it on the host: {} --validate --config-file {}",
                            runtime.program, runtime.config.file
                        ))
                    })?,
                    _ => Map::new(),
                };
                lay_over(&mut whole, wanted);
                whole.retain(|_, value| *value != json!([]));
                format!("{:#}\n", Value::Object(whole))
            }
        };
        let key = quote(generation);
        check.push_str(&format!("    {key}) same_as {file} 644 root:root {} ;;\n", sha256(&text)));
        apply.push_str(&format!("    {key}) printf '%s' {} ;;\n", quote(&text)));
    }
    let generation = format!("generation() {{\n{}\n}}\n", runtime.config.generation.trim());
    let unknown = format!("    *) die \"no configuration is known for $({} --version)\" ;;\n", quote(&runtime.program));
    let mut step = Step::new(
        scene.id(NAME, "runtime-config"),
        format!("Configure {}", runtime.name),
        format!(
            "{} and the kubelet must agree on the cgroup driver ({}); what a distribution ships does not suit Kubernetes.",
            runtime.name,
            scene.cgroup_driver()
        ),
    )
    .after(NAME, "runtime");
    let program = restrained.map(|each| File::new(&each.program, each.text.trim_start()).mode(0o755));
    let same = format!("{generation}case $(generation) in\n{check}    *) exit 1 ;;\nesac");
    step = step.check(match &program {
        Some(program) => Check::SameAnd(vec![program.clone()], same),
        None => Check::Sh(same),
    });
    step.apply.extend(program.map(Op::Write));
    Ok(step
        .sh(format!(
            "{generation}generation=$(generation)\nruntime_config() {{\n    case $generation in\n{apply}{unknown}    esac\n}}\nput runtime_config {file} 644 root:root"
        ))
        // Undone last to first: the file as it was, then a runtime that has read it.
        .undo(Undo::Sh(format!("systemctl try-restart {} 2>/dev/null || :", quote(&runtime.unit))))
        .undo(Undo::Record(format!("keep {file}"))))
}

fn toml_values(scene: &Scene<'_>) -> [(&'static str, toml::Value); 6] {
    let mut mirrors = toml::Table::new();
    for (registry, urls) in registries::mirrors(scene) {
        mirrors.insert(registry.to_owned(), toml::Table::from_iter([("endpoint".to_owned(), urls.into())]).into());
    }
    [
        ("mirrors", mirrors.into()),
        ("sandbox_image", images::sandbox(scene).into()),
        ("registries", scene.here.runtime.registries.path.as_str().into()),
        ("cgroup_driver", scene.cgroup_driver().into()),
        ("systemd_cgroup", (scene.cgroup_driver() == "systemd").into()),
        ("restrict_oom_score_adj", (!scene.here.facts.oom_score_adj_lowers).into()),
    ]
}

fn json_values(scene: &Scene<'_>) -> Result<Vec<(&'static str, Value)>> {
    let (mut insecure, mut mirrors) = (BTreeSet::new(), BTreeSet::new());
    if scene.here.runtime.registries.style == RegistryStyle::Config {
        for mirror in &scene.stage.cluster.images.mirrors {
            let (scheme, place) = mirror.url.split_once("://").unwrap_or(("https", &mirror.url));
            let place = place.trim_end_matches('/');
            if scheme == "http" {
                insecure.insert(place.split('/').next().unwrap_or(place));
            }
            if mirror.registry == "docker.io" {
                mirrors.insert(mirror.url.as_str());
            } else if place != mirror.registry {
                let what = format!(
                    "{} can mirror docker.io alone, and the cluster file has a mirror of {}",
                    scene.here.runtime.name, mirror.registry
                );
                return Err(Error::new(Kind::Invalid, what)
                    .hint("set `repository` under [images] to a place that has Kubernetes' images, or use containerd"));
            }
        }
    }
    Ok(vec![
        ("sandbox_image", json!(images::sandbox(scene))),
        ("cgroup_driver", json!(scene.cgroup_driver())),
        ("cgroup_option", json!(format!("native.cgroupdriver={}", scene.cgroup_driver()))),
        ("insecure_registries", json!(insecure)),
        ("registry_mirrors", json!(mirrors)),
    ])
}

fn read(file: &str, text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| Error::new(Kind::Invalid, format!("{file} is not a JSON object")).because(error))
}

/// Lays settings over others: tables become one, and lists too, in which `KEY=VALUE` takes the place of another value of KEY.
fn lay_over(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => lay_over(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => {
                let name = |value: &Value| value.as_str().and_then(|text| text.split_once('=')).map(|(name, _)| name.to_owned());
                for each in new {
                    old.retain(|other| *other != each && (name(other).is_none() || name(other) != name(&each)));
                    old.push(each);
                }
            }
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_already_stays() {
        let table = |value: Value| value.as_object().expect("a table").clone();
        let mut there = table(json!({
            "data-root": "/srv/docker",
            "exec-opts": ["native.cgroupdriver=cgroupfs", "native.other=1"],
            "runtimes": { "kata": { "path": "/usr/bin/kata" } },
            "insecure-registries": ["a:5000"],
        }));
        let wanted = table(json!({
            "exec-opts": ["native.cgroupdriver=systemd"],
            "runtimes": { "slipway-runc": { "path": "x" } },
            "insecure-registries": ["b:5000"],
        }));
        lay_over(&mut there, wanted.clone());
        let once = there.clone();
        assert_eq!(
            Value::Object(once.clone()),
            json!({
                "data-root": "/srv/docker",
                "exec-opts": ["native.other=1", "native.cgroupdriver=systemd"],
                "runtimes": { "kata": { "path": "/usr/bin/kata" }, "slipway-runc": { "path": "x" } },
                "insecure-registries": ["a:5000", "b:5000"],
            })
        );
        lay_over(&mut there, wanted);
        assert_eq!(there, once, "a second run finds nothing to do");
    }
}
