//! Images pulled ahead, so that init and join do not wait for a registry.

use std::time::Duration;

use super::{NAME, runtime};
use crate::{
    config::Version,
    error::Result,
    lower::quote,
    scene::Scene,
    step::{Check, Step, Undo},
};

/// kubeadm's default since 1.25; the older k8s.gcr.io has been frozen since April 2023.
const REGISTRY: &str = "registry.k8s.io";

/// The image of the container that holds a pod's namespaces, which the runtime is told by name.
pub(super) fn sandbox(scene: &Scene<'_>) -> String {
    format!("{}/pause:{}", repository(scene), pause(scene.stage.version))
}

fn repository<'a>(scene: &Scene<'a>) -> &'a str {
    scene.stage.cluster.images.repository.as_deref().map_or(REGISTRY, |repository| repository.trim_end_matches('/'))
}

/// PauseVersion of kubeadm's constants: <https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/constants/constants.go>
fn pause(version: Version) -> &'static str {
    match version.minor {
        ..=20 => "3.2",
        21 => "3.4.1",
        22 => "3.5",
        23 => "3.6",
        24 => "3.7",
        25 => "3.8",
        26..=30 => "3.9",
        31..=33 => "3.10",
        _ => "3.10.1",
    }
}

/// The images, by the last part of their names, that kubeadm names and this host runs.
fn parts(scene: &Scene<'_>) -> Vec<&'static str> {
    let mut parts = Vec::new();
    if scene.is_control_plane() {
        parts.extend(["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]);
        if !scene.stage.cluster.skips("addon/coredns") {
            parts.push("coredns");
        }
    }
    if !scene.stage.cluster.skips("addon/kube-proxy") {
        parts.push("kube-proxy");
    }
    parts
}

/// Shell patterns of the full image names. Tags of what kubeadm chooses itself (etcd, CoreDNS) are its own affair: the check
/// must not start kubeadm, and any version of theirs is from an earlier pull of the same list.
fn patterns(scene: &Scene<'_>) -> Vec<String> {
    let full = |name: &str| {
        // containerd completes names as Docker does.
        let host = name.split('/').next().unwrap_or_default();
        let complete = host.contains(['.', ':']) || host == "localhost";
        if complete { name.to_owned() } else { format!("docker.io/{name}") }
    };
    let mut patterns = vec![quote(&full(&sandbox(scene)))];
    for part in parts(scene) {
        let place = full(repository(scene));
        patterns.push(match part {
            "coredns" => format!("{}*/coredns:*", quote(host_of(&place))),
            "etcd" => format!("{}:*", quote(&format!("{place}/{part}"))),
            _ => quote(&format!("{place}/{part}:v{}", scene.stage.version)),
        });
    }
    patterns
}

fn host_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

pub(super) fn step(scene: &Scene<'_>) -> Result<Step> {
    let shell = &scene.here.runtime;
    let patterns = patterns(scene);
    let listed = format!("nl='\n'\npresent=$({}) || present=\npresent=$nl$present$nl\n", shell.list_images);
    let test =
        |pattern: &str, otherwise: &str| format!("case $present in *\"$nl\"{pattern}\"$nl\"*) ;; *) {otherwise} ;; esac\n");

    let mut check = listed.clone();
    // An undo of its own function, and a call for each image that was not there.
    let drop = format!(
        "remove_image() {{\n{}\n}}\ndrop_image() {{\n    for image in $({} 2>/dev/null); do\n        case $image in $1) remove_image \"$image\" >/dev/null 2>&1 || : ;; esac\n    done\n}}",
        shell.remove_image.trim(),
        shell.list_images
    );
    let mut undo = format!("{listed}printf '%s\\n' {}\n", quote(&drop));
    for pattern in &patterns {
        check.push_str(&test(pattern, "exit 1"));
        // As one word, which the undo uses as a pattern again.
        let word = quote(&format!("drop_image {}", quote(&pattern.replace('\'', ""))));
        undo.push_str(&test(pattern, &format!("printf '%s\\n' {word}")));
    }

    let parts = parts(scene).join(" | ");
    let kept = if parts.is_empty() { "''".to_owned() } else { parts };
    // From 1.21 on kubeadm looks for CoreDNS one level deeper, but only below what it takes for the default.
    let moved = if scene.stage.cluster.images.repository.is_none() {
        format!("    case $image in {REGISTRY}/coredns:v*) image={REGISTRY}/coredns/${{image##*/}} ;; esac\n")
    } else {
        String::new()
    };
    let apply = format!(
        "pull_image() {{\n{pull}\n}}\nwanted=$(kubeadm config images list --kubernetes-version {version} --image-repository {repository} 2>/dev/null) || die 'kubeadm can not list its images'\nset -- {sandbox}\nfor image in $wanted; do\n    part=${{image##*/}}\n    part=${{part%:*}}\n{moved}    case $part in {kept}) set -- \"$@\" \"$image\" ;; esac\ndone\n{listed}for image do\n    # an archive of the cluster file has brought it\n    case $present in *\"$nl$image$nl\"*) continue ;; esac\n    say \"pulling $image\"\n    pull_image \"$image\"\ndone",
        pull = shell.pull_image.trim(),
        version = quote(&format!("v{}", scene.stage.version)),
        repository = quote(repository(scene)),
        sandbox = quote(&sandbox(scene)),
    );
    let step = Step::new(
        scene.id(NAME, "images"),
        "Pull images ahead",
        "What kubeadm starts is there when it starts it, and a registry that does not answer is noticed before that.",
    )
    .check(Check::Sh(check))
    .sh(apply)
    .undo(Undo::Record(undo))
    .detached()
    .retry(3, Duration::from_secs(5), "registries and the network fail now and then")
    .hint(format!("try it by hand: crictl pull {}", sandbox(scene)))
    .after(NAME, "kubernetes-packages")
    .after(NAME, "runtime-service")
    .after(NAME, "crictl");
    Ok(if runtime::registries::has_step(scene) { step.after(NAME, "registries") } else { step })
}
