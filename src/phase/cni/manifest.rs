//! A pod network by its manifest: applied on the first control plane, and then waited for on every host.

use std::collections::BTreeSet;

use crate::{
    error::{Error, Kind, Result},
    lower::{quote, sha256},
    phase::{node, script::script},
    profile::{CniProfile, cni::Patch},
    scene::{Scene, Site},
    step::{Check, File, Step, StepId, Undo},
};

const MANIFEST: &str = include_str!("manifest.sh");
const ANY_CONFIG: &str = include_str!("any-config.sh");
const FORGET_CONFIG: &str = include_str!("any-config-undo.sh");
const PATCH: &str = include_str!("patch.awk");

/// The manifest as it was applied, on the first control plane.
const KEPT: &str = "/var/lib/slipway/cni/manifest.yaml";

pub(super) fn of_profile(scene: &Scene<'_>, profile: &CniProfile) -> Result<Vec<Step>> {
    let Some(manifest) = &profile.manifest else {
        return Err(Error::new(Kind::Invalid, format!("the CNI profile {:?} has no manifest to apply", profile.name))
            .hint("set `cni` to \"bridge\", \"flannel\", or a manifest by path or URL"));
    };
    let patches = manifest.patch.iter().map(|patch| patch_call(scene, patch)).collect::<Result<String>>()?;
    let steps = applied(scene, &manifest.url, manifest.sha256.as_deref().unwrap_or_default(), &patches)?;
    let rollout: String = profile
        .rollout
        .iter()
        .map(|each| {
            format!(
                "kube --request-timeout=0 -n {} rollout status {} --timeout=300s\n",
                quote(&each.namespace),
                quote(&each.resource)
            )
        })
        .collect();
    waited_for(scene, steps, &rollout, Some(&format!("/etc/cni/net.d/{}", profile.config)))
}

pub(super) fn of_url(scene: &Scene<'_>, url: &str, sha256: &str) -> Result<Vec<Step>> {
    let steps = applied(scene, url, sha256, &adaptations(scene)?)?;
    waited_for(scene, steps, "", None)
}

pub(super) fn of_file(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let Some(text) = &scene.stage.manifest else {
        return Err(Error::new(Kind::Internal, "the CNI manifest is not on the stage"));
    };
    let patches = adaptations(scene)?;
    let key = sha256(&format!("{text}{patches}"));
    let steps = apply_step(scene, &key, |step| {
        let values = [("key", key.as_str()), ("manifest", KEPT), ("url", "the manifest"), ("awk", PATCH)];
        step.write(File::new(KEPT, text)).sh(script(&values, &format!("{MANIFEST}{patches}apply_manifest\n")))
    })?;
    waited_for(scene, steps, "", None)
}

/// Fetched on the host, checked, patched and applied.
fn applied(scene: &Scene<'_>, url: &str, checksum: &str, patches: &str) -> Result<Vec<Step>> {
    let key = sha256(&format!("{url} {checksum}\n{patches}"));
    apply_step(scene, &key, |step| {
        let values = [("key", key.as_str()), ("url", url), ("sha256", checksum), ("manifest", KEPT), ("awk", PATCH)];
        step.sh(script(&values, &format!("{MANIFEST}download\n{patches}apply_manifest\n")))
            .hint(format!(
                "can {} fetch {url}? `cni = \"FILE.yaml\"` takes a file instead; cni_sha256 is what `curl -fsSL URL | sha256sum` prints",
                scene.here.host.name
            ))
    })
}

/// The step that applies a manifest, on the first control plane only. `key` stands for all that the manifest depends on.
fn apply_step(scene: &Scene<'_>, key: &str, ops: impl FnOnce(Step) -> Step) -> Result<Vec<Step>> {
    if !scene.is_first() {
        return Ok(Vec::new());
    }
    let step = Step::new(
        scene.id("cni", "manifest"),
        "Apply the CNI's manifest",
        "the CNI runs as a DaemonSet and gives each node its part of the pod network",
    )
    .needs(node::member(scene.stage, scene.here)?)
    .check(Check::Sh(format!("[ \"$(cat \"$STATE/cni/applied\")\" = {} ]\n", quote(key))));
    Ok(vec![ops(step)])
}

/// Behind the manifest: its rollout, and on each host the CNI configuration that the kubelet waits for.
fn waited_for(scene: &Scene<'_>, mut steps: Vec<Step>, rollout: &str, config: Option<&str>) -> Result<Vec<Step>> {
    let first = &scene.stage.first()?.host.name;
    let there = match config {
        Some(path) => format!("configured() {{\n    [ -s {} ]\n}}\n", quote(path)),
        None => ANY_CONFIG.to_owned(),
    };
    let mut ready = Step::new(
        scene.id("cni", "ready"),
        "Wait for the CNI on this host",
        "the kubelet reports the node Ready as soon as the CNI has put its configuration there",
    )
    .needs(node::member(scene.stage, scene.here)?)
    .needs(StepId::new(first, "cni", "manifest"))
    .check(Check::Sh(format!("{there}configured\n")))
    .sh(format!("{there}wait_for 300 'the CNI configuration in /etc/cni/net.d' configured\n"))
    .detached()
    .hint("`kubectl get pods -A -o wide` shows whether the CNI's images can be pulled");
    if config.is_none() {
        ready = ready.undo(Undo::Sh(FORGET_CONFIG.to_owned()));
    }
    steps.push(ready);
    if scene.is_first() && !rollout.is_empty() {
        let mut step = Step::new(
            scene.id("cni", "rollout"),
            "Wait until the CNI runs on every node",
            "pods that start earlier would wait for an address",
        )
        .check(Check::Sh("cmp -s \"$STATE/cni/applied\" \"$STATE/cni/rolled-out\"\n".to_owned()))
        .sh(format!("{rollout}cp \"$STATE/cni/applied\" \"$STATE/cni/rolled-out\"\n"))
        .detached()
        .hint("`kubectl get pods -A -o wide` shows whether the CNI's images can be pulled");
        for site in scene.stage.sites.iter() {
            step = step.needs(StepId::new(&site.host.name, "cni", "ready"));
        }
        steps.push(step);
    }
    Ok(steps)
}

/// What the user's own manifest of a known CNI is to be told: by itself it takes the interface of the default route, which on
/// Vagrant's machines is a network where all of them have one address.
fn adaptations(scene: &Scene<'_>) -> Result<String> {
    let apart = |site: &Site| site.facts.default_source.is_some_and(|source| source != site.node_ip);
    let profile = scene.stage.cni.filter(|_| scene.stage.sites.iter().any(apart));
    let patches = profile.map_or(&[][..], |profile| &profile.adapt);
    patches.iter().map(|patch| Ok(format!("adapt=yes\n{}", patch_call(scene, patch)?))).collect()
}

/// The interfaces that have the nodes' addresses, each once.
fn node_interfaces(scene: &Scene<'_>) -> String {
    let of = |site: &Site| {
        let found = site.facts.addresses.iter().find(|address| address.ip == site.node_ip)?;
        Some(found.interface.clone())
    };
    let names: BTreeSet<String> = scene.stage.sites.iter().filter_map(of).collect();
    Vec::from_iter(names).join(" ")
}

/// A call of the shell function `patch`.
fn patch_call(scene: &Scene<'_>, patch: &Patch) -> Result<String> {
    if patch.find.is_some() == patch.after.is_some() {
        return Err(Error::new(Kind::Invalid, format!("the CNI's patch of {:?} needs either `find` or `after`", patch.what)));
    }
    let text = patch.text.replace("{pod_cidr}", &scene.stage.cluster.pod_cidr.to_string());
    let text = text.replace("{node_interfaces}", &node_interfaces(scene));
    let text = if text.contains("{node_ip}") {
        let lines: Vec<String> =
            scene.stage.sites.iter().map(|site| text.replace("{node_ip}", &site.node_ip.to_string())).collect();
        lines.join("\n")
    } else {
        text
    };
    let word = |text: &Option<String>| quote(text.as_deref().unwrap_or_default());
    let call = format!("patch {} {} {} {}\n", quote(&patch.what), word(&patch.find), word(&patch.after), quote(&text));
    Ok(match &patch.unless {
        Some(unless) => format!("grep -Eq -e {} \"$manifest\" || {call}", quote(unless)),
        None => call,
    })
}
