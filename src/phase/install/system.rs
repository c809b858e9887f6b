//! The kernel's part: swap, modules, sysctls.

use super::NAME;
use crate::{
    lower::quote,
    profile::words,
    scene::Scene,
    step::{Check, File, Step, Undo},
};

/// Before a line that slipway has put out of use in somebody else's file.
pub(super) const MARK: &str = "#slipway# ";

/// overlay: containerd's snapshots. br_netfilter: packets between pods of one host pass iptables.
/// <https://kubernetes.io/docs/setup/production-environment/container-runtimes/>
const MODULES: &[&str] = &["overlay", "br_netfilter"];

/// What these two modules bring, as a test of their effect: in a container, or built in, there is no module to be seen.
const MODULES_WORK: &str = "grep -qw overlay /proc/filesystems && [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]";

pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    // A container sees the machine's swap and can not turn it off.
    if !scene.here.facts.container {
        steps.push(swap(scene));
    }
    steps.push(modules(scene));
    steps.push(sysctls(scene));
    steps
}

fn swap(scene: &Scene<'_>) -> Step {
    let lines = r"^[[:space:]]*[^#[:space:]]+[[:space:]]+[^[:space:]]+[[:space:]]+swap([[:space:]]|$)";
    let off = quote(&format!("s@{lines}@{MARK}&@"));
    let on = quote(&format!("s@^{MARK}@@"));
    Step::new(
        scene.id(NAME, "swap"),
        "Turn swap off",
        "The kubelet refuses to start while swap is on, since limits on memory would mean nothing.",
    )
    .check(Check::Sh(format!(
        "[ ! -r /proc/swaps ] || [ \"$(wc -l </proc/swaps)\" -le 1 ] || exit 1\n! grep -Eqs {} /etc/fstab",
        quote(lines)
    )))
    .sh(format!(
        "swapoff -a\nif [ -f /etc/fstab ]; then sed -E -i {off} /etc/fstab; fi\n# systemd has made units from fstab\nsystemctl daemon-reload || :"
    ))
    .undo(Undo::Record(
        r#"awk 'NR > 1 { print $1, $5 }' /proc/swaps 2>/dev/null | while read -r device priority; do
    if [ "$priority" -ge 0 ]; then set -- -p "$priority"; else set --; fi
    printf "swapon %s '%s' || :\n" "$*" "$device"
done"#
            .to_owned(),
    ))
    .undo(Undo::Sh(format!(
        "if [ -f /etc/fstab ]; then sed -i {on} /etc/fstab; fi\nsystemctl daemon-reload || :"
    )))
    .hint("what is using swap: cat /proc/swaps; systemctl list-units --type=swap")
}

fn modules(scene: &Scene<'_>) -> Step {
    let step = Step::new(
        scene.id(NAME, "modules"),
        "Load kernel modules",
        "containerd stores images with overlay, and br_netfilter lets kube-proxy's rules see traffic between pods of one host.",
    );
    if scene.here.facts.container {
        return step
            .check(Check::Sh(MODULES_WORK.to_owned()))
            .sh(format!("die 'this container shares its kernel with its machine: run there: modprobe -a {}'", MODULES.join(" ")))
            .hint(format!("on the machine that runs this container: modprobe -a {}", MODULES.join(" ")));
    }
    let file = File::new("/etc/modules-load.d/slipway.conf", MODULES.join("\n"));
    step.check(Check::SameAnd(vec![file.clone()], MODULES_WORK.to_owned()))
        .write(file)
        .sh(format!("for module in {}; do\n    modprobe \"$module\" || say \"modprobe $module failed: is it built in?\"\ndone", words(MODULES)))
        .undo(Undo::Record(format!(
            "for module in {}; do\n    grep -q \"^$module \" /proc/modules 2>/dev/null || printf 'modprobe -r -q %s 2>/dev/null || :\\n' \"$module\"\ndone",
            words(MODULES)
        )))
        .hint("on RHEL and its kin the module may be in a package of its own: dnf install kernel-modules-extra-$(uname -r)")
}

fn sysctls(scene: &Scene<'_>) -> Step {
    let mut keys = vec!["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables"];
    if scene.stage.cluster.pod_cidr.base.is_ipv6() {
        keys.push("net.ipv6.conf.all.forwarding");
    }
    let text: String = keys.iter().map(|key| format!("{key} = 1\n")).collect();
    let file = File::new("/etc/sysctl.d/99-slipway.conf", text);
    let paths = words(&keys.iter().map(|key| format!("/proc/sys/{}", key.replace('.', "/"))).collect::<Vec<_>>());
    let right = quote(&vec!["1"; keys.len()].join("\n"));
    // dash's `read` takes a byte at a time, which these files do not give: cat does it.
    Step::new(
        scene.id(NAME, "sysctls"),
        "Let the kernel forward packets",
        "Pods are reached through the host: it must forward, and bridged packets must pass iptables.",
    )
    .after(NAME, "modules")
    .check(Check::SameAnd(vec![file.clone()], format!("values=$(cat {paths}) && [ \"$values\" = {right} ]")))
    .write(file)
    // A container may not be allowed to write what is right already.
    .sh(format!(
        "for path in {paths}; do\n    [ \"$(cat \"$path\")\" = 1 ] || echo 1 >\"$path\" || die \"$path can not be set to 1 here\"\ndone"
    ))
    .undo(Undo::Record(format!(
        "for path in {paths}; do\n    value=$(cat \"$path\" 2>/dev/null) || continue\n    printf '{{ echo %s >%s; }} 2>/dev/null || :\\n' \"$value\" \"$path\"\ndone"
    )))
}
