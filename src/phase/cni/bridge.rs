//! The pod network without images: the reference plugins on each host, and a route to each other host's pods.

use crate::{
    error::Result,
    lower::quote,
    phase::{node, script::script},
    scene::{Scene, Stage},
    step::{Check, File, Step, StepId, Undo},
};

const BRIDGE: &str = include_str!("bridge.sh");
const SUBNETS: &str = include_str!("subnets.sh");
const ROUTES: &str = include_str!("routes.sh");
const ROUTES_UNDO: &str = include_str!("routes-undo.sh");
const POD_NETWORK: &str = include_str!("pod-network.sh");
const UNIT: &str = include_str!("slipway-pod-network.service");

pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    if scene.is_first() {
        steps.push(subnets(scene)?);
    }
    steps.push(conflist(scene)?);
    steps.push(routes(scene)?);
    Ok(steps)
}

/// The host's part of the pod network, as a configuration of the reference plugins.
/// <https://www.cni.dev/plugins/current/main/bridge/>
fn conflist(scene: &Scene<'_>) -> Result<Step> {
    let write = "wait_for 120 'a pod subnet for this node' own_subnet\nmkdir -p /etc/cni/net.d\n\
                 conflist_for \"$(own_subnet)\" >\"$conflist.new\"\nchmod 644 \"$conflist.new\"\nmv -f \"$conflist.new\" \"$conflist\"\n";
    Ok(Step::new(
        scene.id("cni", "conflist"),
        "Give pods of this host addresses from the node's subnet",
        "the kubelet reports the node Ready as soon as containerd finds a CNI configuration",
    )
    .needs(node::member(scene.stage, scene.here)?)
    .check(Check::Sh(shell(scene, "has_conflist\n")))
    .undo(Undo::Sh("rm -f /etc/cni/net.d/10-slipway-bridge.conflist".to_owned()))
    .sh(shell(scene, write)))
}

/// Publishes which node has which subnet, for kubelets to read.
fn subnets(scene: &Scene<'_>) -> Result<Step> {
    let check = "has_lines \"$STATE/cni/routes\" && exit 0\n\
                 [ -s \"$STATE/cni/routes\" ] && table=$(table_now) && [ \"$table\" = \"$(cat \"$STATE/cni/routes\")\" ] && \
                 printf '%s\\n' \"$table\" | names_all\n";
    let mut step = Step::new(
        scene.id("cni", "subnets"),
        "Publish which node has which pod subnet",
        "each host needs a route to the pods of every other, and a kubelet may not read other nodes",
    )
    .check(Check::Sh(shell(scene, check)))
    .sh(shell(scene, SUBNETS))
    .hint("`kubectl get nodes -o wide` on the first control plane shows which node is missing");
    for site in scene.stage.sites.iter() {
        step = step.needs(node::member(scene.stage, site)?);
    }
    Ok(step)
}

/// Routes to the other hosts' pods and the rules of the pod network, now and after each boot.
fn routes(scene: &Scene<'_>) -> Result<Step> {
    let pods = scene.stage.cluster.pod_cidr;
    let conf = format!("# Written by slipway.\npods={} family={}\n", quote(&pods.to_string()), family(scene.stage));
    let files = vec![
        File::new("/etc/slipway/pod-network", POD_NETWORK).mode(0o755),
        File::new("/etc/slipway/pod-network.conf", conf),
        File::new("/etc/systemd/system/slipway-pod-network.service", UNIT),
    ];
    let first = &scene.stage.first()?.host.name;
    let mut step = Step::new(
        scene.id("cni", "routes"),
        "Route to the pods of the other hosts",
        "pods reach each other by their own addresses, and hide behind the node's only when they leave the pod network",
    )
    .after("cni", "conflist")
    .needs(StepId::new(first, "cni", "subnets"))
    .undo(Undo::Sh(ROUTES_UNDO.to_owned()))
    .hint("the profile bridge needs all hosts on one segment; `cni = \"flannel\"` does not");
    for file in &files {
        step = step.write(file.clone());
    }
    Ok(step.check(Check::SameAnd(files, shell(scene, "has_routes\n"))).sh(shell(scene, ROUTES)))
}

fn shell(scene: &Scene<'_>, text: &str) -> String {
    let stage = scene.stage;
    let nodes: Vec<&str> = stage.sites.iter().map(|site| site.host.name.as_str()).collect();
    let lines: Option<Vec<String>> = stage
        .sites
        .iter()
        .map(|site| Some(format!("{} {} {}", site.facts.pod_cidr.as_ref()?, site.node_ip, site.host.name)))
        .collect();
    let values = [
        ("node", scene.here.host.name.as_str()),
        ("known", scene.here.facts.pod_cidr.as_deref().unwrap_or_default()),
        ("lines", &lines.unwrap_or_default().join("\n")),
        ("nodes", &nodes.join(" ")),
        ("pods", &stage.cluster.pod_cidr.to_string()),
        ("family", family(stage)),
        ("default", if family(stage) == "4" { "0.0.0.0/0" } else { "::/0" }),
    ];
    script(&values, &format!("{BRIDGE}{text}"))
}

/// The IP version of the pod network, as ip(8) takes it.
fn family(stage: &Stage<'_>) -> &'static str {
    if stage.cluster.pod_cidr.base.is_ipv4() { "4" } else { "6" }
}
