//! Ports in an active firewall. <https://kubernetes.io/docs/reference/networking/ports-and-protocols/>

use super::NAME;
use crate::{
    error::Result,
    lower::quote,
    profile::Firewall,
    scene::Scene,
    step::{Check, Step, Undo},
};

const CONTROL_PLANE: &[&str] = &["6443/tcp", "2379-2380/tcp", "10257/tcp", "10259/tcp"];
/// kubelet, kube-proxy's health, NodePort services, and VXLAN as CNIs use it: 8472 is the kernel's port, 4789 IANA's.
const NODE: &[&str] = &["10250/tcp", "10256/tcp", "30000-32767/tcp", "30000-32767/udp", "8472/udp", "4789/udp"];

/// Shell: the function `sharing`.
const SHARING: &str = include_str!("firewall.sh");

/// A step for each front end that is active on the host and known to its profile.
pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let known = scene.here.facts.firewalls.iter().filter_map(|name| Some((name, scene.here.profile.firewalls.get(name)?)));
    known.map(|(name, firewall)| step(scene, name, firewall)).collect()
}

fn step(scene: &Scene<'_>, name: &str, firewall: &Firewall) -> Result<Step> {
    let roles: [&[&str]; 2] = [if scene.is_control_plane() { CONTROL_PLANE } else { &[] }, NODE];
    let ports: Vec<String> = roles.concat().iter().map(|port| port.replace('-', &firewall.range)).collect();
    let network = scene.stage.cluster.pod_cidr.to_string();

    let (mut listed, mut check, mut apply, mut undo) = (SHARING.to_owned(), String::new(), String::new(), String::new());
    let mut rule = |held: &str, open: &str, close: &str, again: &str| {
        let close = quote(&format!("{{\n{}\n}} >/dev/null 2>&1 || :", close.trim()));
        check.push_str(&format!("{held} >/dev/null || exit 1\n"));
        apply.push_str(&format!("{held} >/dev/null || {{\n{}\n}}\n", open.trim()));
        undo.push_str(&format!("shared=$({held}) || {{\nprintf '%s\\n' {close}\n{again}}}\n"));
    };
    // Each set of rules has its own undo: a port may be open there already, or in part.
    for (index, rules) in firewall.rules.iter().enumerate() {
        if !rules.opened.is_empty() {
            listed.push_str(&format!("opened_{index}=$({})\n", rules.opened.shell(&[])?.trim()));
            let reopen = format!("{{\n{}\n}} >/dev/null 2>&1 || :\ndone", rules.open.expanded(&[("port", "port")])?.trim());
            // What was open before is part of what is closed, wherever ranges become one.
            let again = format!(
                "[ -z \"$shared\" ] || printf 'for port in %s; do\\n%s\\n' \"$(printf '%s' \"$shared\" | tr '\\n' ' ')\" {}\n",
                quote(&reopen)
            );
            for port in &ports {
                let value = [("port", port.as_str())];
                let held = format!("printf '%s\\n' \"$opened_{index}\" | sharing {}", quote(port));
                rule(&held, &rules.open.shell(&value)?, &rules.close.shell(&value)?, &again);
            }
        }
        if !rules.trusted.is_empty() {
            listed.push_str(&format!("trusted_{index}=$({})\n", rules.trusted.shell(&[])?.trim()));
            let value = [("network", network.as_str())];
            let held = format!("printf '%s\\n' \"$trusted_{index}\" | grep -Fx {}", quote(&network));
            rule(&held, &rules.trust.shell(&value)?, &rules.distrust.shell(&value)?, "");
        }
    }
    // Undone last.
    undo.push_str(firewall.settle.as_deref().unwrap_or_default());
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
