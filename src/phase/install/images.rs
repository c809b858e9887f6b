//! Images pulled ahead, so that init and join do not wait for a registry.

use std::time::Duration;

use super::{NAME, runtime};
use crate::{
    config::Version,
    lower::quote,
    scene::Scene,
    step::{Check, Step, StepId, Undo},
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

/// A registry may stay connected and send nothing.
const LIMIT: Duration = Duration::from_secs(3600);

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

/// The images, by the last part of their names, whose tag is the version of Kubernetes.
fn own(scene: &Scene<'_>) -> Vec<&'static str> {
    let mut parts = Vec::new();
    if scene.is_control_plane() {
        parts.extend(["kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
    }
    if !scene.stage.cluster.skips("addon/kube-proxy") {
        parts.push("kube-proxy");
    }
    parts
}

/// Those whose tags kubeadm chooses.
fn chosen(scene: &Scene<'_>) -> Vec<&'static str> {
    let mut parts = Vec::new();
    if scene.is_control_plane() {
        parts.push("etcd");
        if !scene.stage.cluster.skips("addon/coredns") {
            parts.push("coredns");
        }
    }
    parts
}

/// The image's full name, as containerd, and Docker, complete it.
fn full(name: &str) -> String {
    let host = host_of(name);
    let complete = host.contains(['.', ':']) || host == "localhost";
    if complete { name.to_owned() } else { format!("docker.io/{name}") }
}

fn named(scene: &Scene<'_>, part: &str) -> String {
    format!("{}/{part}:v{}", repository(scene), scene.stage.version)
}

fn host_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

/// Steps that bring images, beside those that install packages: those with known names as soon as the runtime can pull, and behind them, on control
/// planes, those that kubeadm chooses.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    // A runtime that somebody else has set up may reach registries in ways that only it knows, and not its command.
    let runtime = &scene.here.runtime;
    let ahead = runtime.pulls_alone && !scene.here.facts.sockets.iter().any(|socket| runtime.listens_at(socket));
    let mut names = vec![sandbox(scene)];
    names.extend(own(scene).into_iter().map(|part| named(scene, part)));
    let patterns: Vec<String> = names.iter().map(|name| quote(&full(name))).collect();
    let words: Vec<String> = names.iter().map(|name| quote(name)).collect();
    let first = pulling(
        scene,
        scene.id(NAME, "images"),
        "Pull images ahead",
        "What kubeadm starts is there when it starts it, and a registry that does not answer is noticed before that.",
        &patterns,
        &format!("set -- {}\n", words.join(" ")),
    );
    let first = if ahead { first } else { first.after(NAME, "kubernetes-packages").after(NAME, "crictl") };
    let mut steps = vec![if runtime::registries::has_step(scene) { first.after(NAME, "registries") } else { first }];
    let parts = chosen(scene);
    if !parts.is_empty() {
        let place = full(repository(scene));
        // Which tags kubeadm chooses is its own affair: a check must not start it, and any version is from an earlier pull of the same list.
        let pattern = |part: &&str| match *part {
            "coredns" => format!("{}*/coredns:*", quote(host_of(&place))),
            part => format!("{}:*", quote(&format!("{place}/{part}"))),
        };
        let step = pulling(
            scene,
            scene.id(NAME, "kubeadm-images"),
            "Pull the images that kubeadm chooses",
            "Which etcd and which CoreDNS go with a version of Kubernetes, kubeadm alone knows.",
            &parts.iter().map(pattern).collect::<Vec<_>>(),
            &chosen_by_kubeadm(scene, &parts),
        );
        steps.push(step.after(NAME, "images").after(NAME, "kubernetes-packages").after(NAME, "crictl"));
    }
    steps
}

/// Shell that sets `$@` to the images of these parts in kubeadm's own list.
fn chosen_by_kubeadm(scene: &Scene<'_>, parts: &[&str]) -> String {
    // From 1.21 on kubeadm looks for CoreDNS one level deeper, but only below what it takes for the default.
    let moved = if scene.stage.cluster.images.repository.is_none() {
        format!("    case $image in {REGISTRY}/coredns:v*) image={REGISTRY}/coredns/${{image##*/}} ;; esac\n")
    } else {
        String::new()
    };
    format!(
        "wanted=$(kubeadm config images list --kubernetes-version {version} --image-repository {repository} 2>/dev/null) || die 'kubeadm can not list its images'\nset --\nfor image in $wanted; do\n    part=${{image##*/}}\n    part=${{part%:*}}\n{moved}    case $part in {kept}) set -- \"$@\" \"$image\" ;; esac\ndone\n",
        version = quote(&format!("v{}", scene.stage.version)),
        repository = quote(repository(scene)),
        kept = parts.join(" | "),
    )
}

/// A step that pulls what `wanted` sets `$@` to. `patterns` are shell patterns of the full names that are there when it is done.
fn pulling(scene: &Scene<'_>, id: StepId, title: &str, why: &str, patterns: &[String], wanted: &str) -> Step {
    let shell = &scene.here.runtime;
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
    for pattern in patterns {
        check.push_str(&test(pattern, "exit 1"));
        // As one word, which the undo uses as a pattern again.
        let word = quote(&format!("drop_image {}", quote(&pattern.replace('\'', ""))));
        undo.push_str(&test(pattern, &format!("printf '%s\\n' {word}")));
    }
    let apply = format!(
        "pull_image() {{\n{pull}\n}}\n{wanted}{listed}for image do\n    # an archive of the cluster file has brought it\n    case $present in *\"$nl$image$nl\"*) continue ;; esac\n    say \"pulling $image\"\n    pull_image \"$image\"\ndone",
        pull = shell.pull_image.trim(),
    );
    Step::new(id, title, why)
        .check(Check::Sh(check))
        .sh(apply)
        .undo(Undo::Record(undo))
        .detached()
        .beside()
        .retry(3, Duration::from_secs(5), "registries and the network fail now and then")
        .limit(LIMIT)
        .hint(format!("try it by hand: crictl pull {}", sandbox(scene)))
        .after(NAME, "runtime-service")
}
