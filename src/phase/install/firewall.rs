//! Ports in an active firewall. <https://kubernetes.io/docs/reference/networking/ports-and-protocols/>

use super::NAME;
use crate::{
    error::Result,
    lower::quote,
    profile::{Firewall, Template},
    scene::Scene,
    step::{Check, Step, Undo},
};

const CONTROL_PLANE: &[&str] = &["6443/tcp", "2379-2380/tcp", "10257/tcp", "10259/tcp"];
/// kubelet, kube-proxy's health, NodePort services, and VXLAN as CNIs use it: 8472 is the kernel's port, 4789 IANA's.
const NODE: &[&str] = &["10250/tcp", "10256/tcp", "30000-32767/tcp", "30000-32767/udp", "8472/udp", "4789/udp"];

/// A step for each front end that is active on the host and known to its profile.
pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let known = scene.here.facts.firewalls.iter().filter_map(|name| Some((name, scene.here.profile.firewalls.get(name)?)));
    known.map(|(name, firewall)| step(scene, name, firewall)).collect()
}

fn step(scene: &Scene<'_>, name: &str, firewall: &Firewall) -> Result<Step> {
    let roles: [&[&str]; 2] = [if scene.is_control_plane() { CONTROL_PLANE } else { &[] }, NODE];
    let ports: Vec<String> = roles.concat().iter().map(|port| port.replace('-', &firewall.range)).collect();
    let network = scene.stage.cluster.pod_cidr.to_string();

    let mut check = String::new();
    let mut apply = String::new();
    let mut undo = String::new();
    let mut rule = |list: &str, value: &str, key: &str, open: &Template, close: &Template| -> Result<()> {
        let listed = format!("printf '%s\\n' \"${list}\" | grep -Fqx {}", quote(value));
        let close = format!("{{\n{}\n}} >/dev/null 2>&1 || :", close.shell(&[(key, value)])?.trim());
        check.push_str(&format!("{listed} || exit 1\n"));
        apply.push_str(&format!("{listed} || {{\n{}\n}}\n", open.shell(&[(key, value)])?.trim()));
        undo.push_str(&format!("{listed} || printf '%s\\n' {}\n", quote(&close)));
        Ok(())
    };
    for port in &ports {
        rule("opened", port, "port", &firewall.open, &firewall.close)?;
    }
    rule("trusted", &network, "network", &firewall.trust, &firewall.distrust)?;

    let listed =
        format!("opened=$({})\ntrusted=$({})\n", firewall.opened.shell(&[])?.trim(), firewall.trusted.shell(&[])?.trim());
    Ok(Step::new(
        scene.id(NAME, &format!("firewall-{name}")),
        format!("Open the cluster's ports in {name}"),
        format!("{name} is active; the nodes must reach each other, and pods ({network}) the nodes."),
    )
    .check(Check::Sh(format!("{listed}{check}")))
    .sh(format!("{listed}{apply}"))
    .undo(Undo::Record(format!("{listed}{undo}")))
    .hint("open the ports yourself: https://kubernetes.io/docs/reference/networking/ports-and-protocols/"))
}
