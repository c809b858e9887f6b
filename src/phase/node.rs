//! What init and join have in common: how a host looks that is part of the cluster, and what its administrators get.

use super::script::script;
use crate::{
    error::Result,
    facts::Facts,
    kubeadm,
    scene::{Scene, Site, Stage},
    step::{Check, Step, StepId, Undo},
};

const STATE: &str = include_str!("node/state.sh");
const ATTEMPT: &str = include_str!("node/attempt.sh");
const KUBECONFIG: &str = include_str!("node/kubeconfig.sh");

/// Where kubeadm's configuration stands while kubeadm runs: a root-only directory in memory, for it holds the token.
pub(super) const CONFIG: &str = "/run/slipway/kubeadm.yaml";

/// The step after which a host is part of the cluster.
///
/// # Errors
/// `NoControlPlane`.
pub(super) fn member(stage: &Stage<'_>, site: &Site) -> Result<StepId> {
    let phase = if stage.first()?.host.name == site.host.name { "init" } else { "join" };
    Ok(StepId::new(&site.host.name, phase, "kubeadm"))
}

/// Whether the host was part of a cluster when its facts were taken.
pub(super) fn is_joined(facts: &Facts) -> bool {
    facts.kubernetes.kubelet_conf && facts.kubernetes.attempt.is_none()
}

/// Whether hosts have to be let into a cluster that exists already.
///
/// # Errors
/// `NoControlPlane`.
pub(super) fn newcomers<'a>(stage: &'a Stage<'_>) -> Result<Vec<&'a Site>> {
    let first = stage.first()?;
    Ok(stage.sites.iter().filter(|site| is_newcomer(stage, first, site)).collect())
}

/// Whether this host is one of them.
pub(super) fn is_newcomer(stage: &Stage<'_>, first: &Site, site: &Site) -> bool {
    stage.secrets.pki.is_none() && site.host.name != first.host.name && !is_joined(&site.facts)
}

/// The check of `kubeadm init` and of `kubeadm join`: the host is whole, belongs to this cluster, and is up.
pub(super) fn is_member(scene: &Scene<'_>) -> Check {
    Check::Sh(format!("{}is_member\n", state(scene)))
}

/// `text` behind the functions that know a node's state and those that handle a cut attempt.
pub(super) fn with_state(scene: &Scene<'_>, text: &str) -> String {
    let settings = kubeadm::settings(scene.stage.cluster);
    let settings: Vec<String> = settings.iter().map(|(name, digest)| format!("{name} {digest}")).collect();
    let values =
        [("node", scene.here.host.name.as_str()), ("settings", &settings.join("\n")), ("socket", &kubeadm::cri_socket(scene))];
    script(&values, &format!("{}{ATTEMPT}{text}", state(scene)))
}

fn state(scene: &Scene<'_>) -> String {
    let ca = ca_body(scene.stage).unwrap_or_default();
    script(&[("role", &scene.here.host.role.to_string()), ("ca", &ca)], STATE)
}

/// The base64 of the cluster's CA certificate, on one line: of the one that is being made, or else of the one on the first control plane.
fn ca_body(stage: &Stage<'_>) -> Option<String> {
    let made =
        stage.secrets.pki.as_ref().and_then(|pki| pki.files.iter().find(|(name, ..)| *name == "ca.crt")).map(|file| &file.1);
    let there = stage.first().ok().and_then(|first| first.facts.ca.as_ref());
    let pem = made.or(there)?;
    Some(pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect())
}

/// A kubeconfig for root and for the login user, on a control plane.
pub(super) fn kubeconfig(scene: &Scene<'_>, phase: &'static str) -> Step {
    let login = &scene.here.facts.login;
    let (user, home) = if login.user == "root" { ("", "") } else { (login.user.as_str(), login.home.as_str()) };
    let values = [("user", user), ("home", home)];
    let each = |call: &str, end: &str| {
        let for_root = call.replace("USER", "root").replace("FILE", "/root/.kube/config");
        let for_user = call.replace("USER", "\"$user\"").replace("FILE", "\"$home/.kube/config\"");
        if user.is_empty() || home.is_empty() {
            format!("{for_root}{end}\n")
        } else {
            format!("{for_root}{end}\n{for_user}{end}\n")
        }
    };
    let shell = |call: &str, end: &str| script(&values, &format!("{KUBECONFIG}{}", each(call, end)));
    Step::new(
        scene.id(phase, "kubeconfig"),
        "Give root and the login user a kubeconfig",
        "kubectl on a control plane should work without a flag; a kubeconfig of another cluster is kept aside",
    )
    .after(phase, "kubeadm")
    .check(Check::Sh(shell("has_config USER FILE", " || exit 1")))
    .undo(Undo::Record(shell("keep_config FILE", "")))
    .sh(shell("put_config USER FILE", ""))
}
