//! Join the other hosts to the cluster.

use super::{Phase, before, node, script::script};
use crate::{
    config::Role,
    error::Result,
    kubeadm,
    lower::quote,
    scene::{Scene, Site},
    step::{Check, File, Step, StepId},
};

pub const PHASE: Phase = Phase { name: "join", about: "Join the other hosts to the cluster", steps };

const JOIN: &str = include_str!("join/join.sh");

const TOKEN: &str = include_str!("join/token.sh");
const STALE_NODES: &str = include_str!("join/stale-nodes.sh");
/// Only what it knows of etcd's members.
const SURVIVOR: &str = include_str!("reset/survivor.sh");
const ANNOUNCED: &str = include_str!("join/announced.sh");

fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    if scene.is_first() {
        return admit(scene);
    }
    let mut steps = Vec::new();
    let mut join = join(scene)?;
    if !node::is_joined(&scene.here.facts) {
        steps.push(cluster_info(scene)?);
        join = join.after("join", "cluster-info");
    }
    steps.push(join);
    if scene.is_control_plane() {
        steps.push(node::kubeconfig(scene, "join"));
    }
    Ok(steps)
}

/// What lets new hosts into a cluster that exists: a token of this run, the certificates for control planes, and no stale nodes.
/// On the first control plane, and of this phase, so that `slipway join` alone is whole.
fn admit(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let newcomers = node::newcomers(scene.stage)?;
    if newcomers.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = newcomers.iter().map(|site| format!("{}={}", site.host.name, site.node_ip)).collect();
    let leads = |site: &&&Site| site.host.role == Role::ControlPlane;
    let leaders: Vec<&str> = newcomers.iter().filter(leads).map(|site| site.host.name.as_str()).collect();
    let values = [("newcomers", names.join(" ")), ("leaders", leaders.join(" "))];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // What takes members out of etcd comes along only where there may be some.
    let functions = if leaders.is_empty() { "" } else { SURVIVOR };
    let shell = |call: &str| script(&values, &format!("{functions}{STALE_NODES}{call}\n"));
    let stale = Step::new(
        scene.id("join", "stale-nodes"),
        "Forget earlier lives of the hosts that join",
        "kubeadm join refuses a name that the cluster still counts as a Ready node, and waits in vain for a dead member of etcd",
    )
    .after("init", "kubeadm")
    .check(Check::Sh(shell("no_stale_nodes")))
    .sh(shell("forget_stale_nodes"))
    .hint("`kubectl get nodes -o wide` shows the node; give the host another name, or `kubectl delete node` it if it may go");
    let upload = if !leaders.is_empty() { "yes" } else { "no" };
    let secret = format!("bootstrap-token-{}", scene.stage.secrets.token.id);
    let token = Step::new(
        scene.id("join", "token"),
        "Let new hosts in",
        "the token of this run is for the hosts that join now, and expires by itself",
    )
    .after("join", "stale-nodes")
    .check(Check::Sh(format!("kube -n kube-system get secret {} -o name\n", quote(&secret))))
    .write(File::secret(node::CONFIG, kubeadm::init_config(scene)?))
    .sh(script(&[("config", node::CONFIG), ("upload", upload)], TOKEN));
    Ok(vec![stale, token])
}

/// Waits until the cluster can be joined. `kubeadm join` waits too, but looks only now and then: that costs half a minute.
fn cluster_info(scene: &Scene<'_>) -> Result<Step> {
    let values = [("endpoint", kubeadm::endpoint(scene.stage)?), ("token", scene.stage.secrets.token.id.clone())];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut step = Step::new(
        scene.id("join", "cluster-info"),
        "Wait until the cluster can be joined",
        "the control plane signs its cluster-info with this run's token when it is ready for joins",
    )
    .after("install", "kubelet")
    .check(Check::Sh(script(&values, &format!("{ANNOUNCED}announced\n"))))
    .sh(script(&values, &format!("{ANNOUNCED}wait_for 300 'the signed cluster-info' announced\n")))
    .hint(format!(
        "can {} reach https://{}? `slipway status` shows the control plane",
        scene.here.host.name,
        kubeadm::endpoint(scene.stage)?
    ));
    step.needs.extend(doors(scene)?);
    Ok(step)
}

fn join(scene: &Scene<'_>) -> Result<Step> {
    let (title, why, direct) = match scene.here.host.role {
        Role::Worker => (
            "Join the cluster as a worker",
            "the kubelet gets its identity, and the scheduler may use this host",
            scene.stage.direct_for_workers(),
        ),
        Role::ControlPlane => (
            "Join the cluster as a control plane",
            "one more etcd member, API server, controller manager and scheduler; one host at a time, so that etcd keeps its quorum",
            scene.stage.direct_for_pods(),
        ),
    };
    let values = [("config", node::CONFIG), ("direct", direct)];
    let mut step = Step::new(scene.id("join", "kubeadm"), title, why)
        .after("install", "kubelet")
        .after("install", "images")
        .check(node::is_member(scene))
        .write(File::secret(node::CONFIG, kubeadm::join_config(scene)?))
        .undo(before::noted(scene))
        .sh(script(&values, &node::with_state(scene, JOIN)))
        .detached()
        .hint(format!(
            "`journalctl -u kubelet -n 50` on it says more; `slipway reset {}` clears the host if what is there may go",
            scene.here.host.name
        ));
    step.needs.extend(doors(scene)?);
    step.needs.extend(turn(scene)?);
    Ok(step)
}

/// What opens the cluster to this host: the control plane, and in a cluster that exists already, a token.
fn doors(scene: &Scene<'_>) -> Result<Vec<StepId>> {
    let first = scene.stage.first()?;
    let (phase, name) = if node::is_newcomer(scene.stage, first, scene.here) { ("join", "token") } else { ("init", "kubeadm") };
    Ok(vec![StepId::new(&first.host.name, phase, name)])
}

/// The control plane that joins before this one.
fn turn(scene: &Scene<'_>) -> Result<Option<StepId>> {
    if !scene.is_control_plane() {
        return Ok(None);
    }
    let first = &scene.stage.first()?.host.name;
    let before = scene.stage.control_planes().filter(|site| site.host.name != *first);
    let before = before.take_while(|site| site.host.name != scene.here.host.name).last();
    Ok(before.map(|site| StepId::new(&site.host.name, "join", "kubeadm")))
}
