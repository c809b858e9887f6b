//! Prove that the cluster works.

use std::net::IpAddr;

use super::{Phase, cni, node, script::script};
use crate::{
    config::{Cidr, WantedCni},
    error::Result,
    scene::Scene,
    step::{Check, Due, Step, StepId},
};

pub const PHASE: Phase = Phase { name: "verify", about: "Prove that the cluster works", steps };

const NODES: &str = include_str!("verify/nodes.sh");
const SYSTEM_PODS: &str = include_str!("verify/system-pods.sh");
const PODS: &str = include_str!("verify/pods.sh");
const REACH: &str = include_str!("verify/reach.sh");
const CLEAN_UP: &str = include_str!("verify/clean-up.sh");

fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let has_network = scene.stage.cluster.cni != WantedCni::None;
    if scene.is_first() {
        steps.push(nodes(scene, has_network)?);
        if has_network {
            steps.push(system_pods(scene));
            steps.push(pods(scene));
        }
    }
    if has_network {
        steps.push(reach(scene)?);
    }
    if scene.is_first() && has_network {
        steps.push(clean_up(scene)?);
    }
    Ok(steps)
}

/// A step whose check is the stamp that it leaves: it proves something of the moment, and is due again after any change.
/// An older stamp goes first, so that a proof that is cut or fails counts as missing.
fn proof(scene: &Scene<'_>, name: &str, title: &str, why: &str, shell: &str) -> Step {
    Step::new(scene.id("verify", name), title, why)
        .check(Check::Sh(format!("[ -e \"$STATE/verified/{name}\" ]\n")))
        .sh(format!("rm -f \"$STATE/verified/{name}\"\n"))
        .sh(shell)
        .sh(format!("mkdir -p \"$STATE/verified\"\n: >\"$STATE/verified/{name}\"\n"))
        .due(Due::AnyChange)
}

fn names(scene: &Scene<'_>) -> String {
    let names: Vec<&str> = scene.stage.sites.iter().map(|site| site.host.name.as_str()).collect();
    names.join(" ")
}

fn nodes(scene: &Scene<'_>, has_network: bool) -> Result<Step> {
    let want = if has_network { "Ready" } else { "registered" };
    let values = [("nodes", names(scene)), ("want", want.to_owned())];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (title, why) = if has_network {
        ("Wait until every node is Ready", "each kubelet runs, has a pod network, and tells the API server so")
    } else {
        ("Wait until every node is registered", "without a CNI of slipway's, nodes are Ready only when somebody has brought one")
    };
    let shell = |call: &str| script(&values, &format!("{NODES}{call}\n"));
    // The one look at the API in a run that finds nothing to do: a node that is gone from it is seen nowhere else.
    let mut step = proof(scene, "nodes", title, why, &shell("await_nodes"))
        .check(Check::Sh(shell("[ -e \"$STATE/verified/nodes\" ] && nodes_good")))
        .hint("`journalctl -u kubelet -n 50` on the node says what it waits for");
    for each in scene.stage.scenes() {
        let last = cni::last(&each)?.map_or_else(|| node::member(scene.stage, each.here), Ok)?;
        step = step.needs(last);
    }
    Ok(step)
}

fn system_pods(scene: &Scene<'_>) -> Step {
    let why = "the control plane, kube-proxy on every node, and DNS where it is wanted";
    proof(scene, "system-pods", "Wait until all pods of kube-system run", why, SYSTEM_PODS)
        .after("verify", "nodes")
        .hint("`kubectl -n kube-system get pods -o wide`, then `kubectl -n kube-system describe pod NAME`")
}

fn pods(scene: &Scene<'_>) -> Step {
    let values = [
        ("nodes", names(scene)),
        ("repository", scene.stage.cluster.images.repository.clone().unwrap_or_default()),
        ("version", format!("v{}", scene.stage.version)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sandbox = format!("sandbox_image() {{\n{}\n}}\n", scene.here.runtime.sandbox.trim());
    let why = "pods that only sleep, from the image that every node has: their kernels answer for them";
    proof(scene, "pods", "Start a pod on every node", why, &script(&values, &format!("{sandbox}{PODS}")))
        .after("verify", "nodes")
        .hint("`kubectl -n slipway-verify describe pods` says why a pod does not start")
}

fn reach(scene: &Scene<'_>) -> Result<Step> {
    let first = &scene.stage.first()?.host.name;
    let values = [
        ("node", scene.here.host.name.clone()),
        ("nodes", names(scene)),
        ("service", first_address(scene.stage.cluster.service_cidr).to_string()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let why = "a pod here must reach the pods of every other host, and the API server by its service address";
    Ok(proof(scene, "reach", "Reach every other pod and the service network", why, &script(&values, REACH))
        .needs(StepId::new(first, "verify", "pods"))
        .needs(StepId::new(first, "verify", "system-pods"))
        .hint("no answer from one host only: a firewall there; from all: the CNI's port (flannel: UDP 8472) or routes between hosts"))
}

fn clean_up(scene: &Scene<'_>) -> Result<Step> {
    let mut step = proof(scene, "clean-up", "Remove the pods of the verification", "it leaves nothing behind", CLEAN_UP)
        .due(Due::Always)
        .after("verify", "pods");
    for site in scene.stage.sites.iter() {
        step = step.needs(StepId::new(&site.host.name, "verify", "reach"));
    }
    Ok(step)
}

/// The first address of the service network, which is the API server's own service.
fn first_address(services: Cidr) -> IpAddr {
    match services.base {
        IpAddr::V4(base) => IpAddr::V4((u32::from(base).wrapping_add(1)).into()),
        IpAddr::V6(base) => IpAddr::V6((u128::from(base).wrapping_add(1)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_has_the_first_service_address() {
        for (base, prefix, first) in [("10.96.0.0", 12, "10.96.0.1"), ("fd00:10:96::", 112, "fd00:10:96::1")] {
            let services = Cidr { base: base.parse().expect("an address"), prefix };
            assert_eq!(first_address(services).to_string(), first);
        }
    }
}
