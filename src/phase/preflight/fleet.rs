//! Rules that compare hosts: names, identities, addresses, clocks, and ways from one to another.

use super::{Fleet, Seen, Trouble};

/// A certificate that one host makes must not lie in another's future. NTP keeps hosts within a second; this is far from that.
const CLOCK_SECONDS: f64 = 30.0;

/// The node's name is the host's name in the cluster file; Kubernetes wants a DNS subdomain of RFC 1123.
pub(super) fn name(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let name = seen.host.name.as_str();
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| inner(byte) || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        return None;
    }
    Trouble::fatal(
        format!("{name:?} can not be the name of a node: small letters, digits, `-` and `.` only (RFC 1123)"),
        "give the [[host]] another name in the cluster file",
    )
}

/// Two hosts of one name are fatal: one of them is a copy, or both are the same machine. A name that merely differs from the
/// cluster file's is only told.
pub(super) fn hostname(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let (hostname, name) = (seen.facts.hostname.as_str(), seen.host.name.as_str());
    if hostname.is_empty() {
        return None;
    }
    let remedy = format!("on {name}: hostnamectl set-hostname {name}");
    if let Some(other) = seen.alike_before(fleet, |other| other.facts.hostname == hostname) {
        return Trouble::fatal(format!("its hostname is {hostname:?}, like that of {other}"), remedy);
    }
    // A host may well know itself by its full name.
    if hostname.split('.').next() == name.split('.').next() {
        return None;
    }
    Trouble::warning(format!("the host calls itself {hostname:?}; its node will be called {name:?}"), remedy)
}

/// <https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/#verify-mac-address>
pub(super) fn machine_id(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let id = seen.facts.machine_id.as_str();
    let other = seen.alike_before(fleet, |other| !id.is_empty() && other.facts.machine_id == id)?;
    Trouble::fatal(
        format!("its machine-id {id} is also that of {other}: one is a copy of the other, or both are one host"),
        format!("on {}: rm -f /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot", seen.host.name),
    )
}

/// Containers share the firmware of the machine below them, so it says nothing there.
pub(super) fn product_uuid(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let uuid = seen.facts.product_uuid.as_deref().filter(|uuid| !uuid.is_empty() && !seen.facts.container)?;
    let other = seen.alike_before(fleet, |other| !other.facts.container && other.facts.product_uuid.as_deref() == Some(uuid))?;
    Trouble::fatal(
        format!("its product_uuid {uuid} is also that of {other}"),
        "make the virtual machine anew instead of copying it, or give it a UUID of its own (libvirt: <uuid> in `virsh edit`)",
    )
}

pub(super) fn address(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let other = seen.alike_before(fleet, |other| other.node_ip == seen.node_ip)?;
    Trouble::fatal(
        format!("its node address {} is also that of {other}", seen.node_ip),
        "set node_cidr under [cluster], or node_ip under each [[host]], in the cluster file; see the host's with: ip addr",
    )
}

pub(super) fn route(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let first = seen.facts.unrouted.first()?;
    Trouble::fatal(
        format!("no route to {}", seen.facts.unrouted.join(", ")),
        format!("on {}: ip route get {first}; then connect the networks, or set node_cidr in the cluster file", seen.host.name),
    )
}

pub(super) fn clock(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let median = fleet.found.clock.get_or_init(|| {
        let mut offsets: Vec<f64> = fleet.hosts.iter().filter_map(offset).collect();
        offsets.sort_by(f64::total_cmp);
        // Of an even number the lower one: of two hosts one must be the measure.
        offsets.get(offsets.len().checked_sub(1)? / 2).copied()
    });
    let apart = offset(seen)? - (*median)?;
    if apart.abs() <= CLOCK_SECONDS {
        return None;
    }
    let direction = if apart > 0.0 { "ahead of" } else { "behind" };
    Trouble::fatal(
        format!(
            "its clock is {:.0} s {direction} the other hosts' (at most {CLOCK_SECONDS:.0} s): certificates would not be valid yet",
            apart.abs()
        ),
        format!("on {}: timedatectl set-ntp true, or with chrony: chronyc makestep", seen.host.name),
    )
}

/// How far a host's clock is ahead of the operator's, in seconds.
fn offset(seen: &Seen<'_>) -> Option<f64> {
    let (there, here) = (seen.facts.clock, seen.facts.clock_here);
    (there > 0.0 && here > 0.0).then_some(there - here)
}

#[cfg(test)]
mod tests;
