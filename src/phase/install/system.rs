//! The kernel's part: modules and sysctls.

use super::{NAME, packages};
use crate::{
    error::Result,
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

/// The modules that a distribution keeps in packages of their own come after the package lists, and the rest of the host's
/// preparation need not wait for those elsewhere.
pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let packages = packages(scene)?;
    let mut modules = modules(scene);
    if packages.is_some() {
        modules = modules.after(NAME, "kernel-modules");
    }
    Ok(packages.into_iter().chain([modules, sysctls(scene)]).collect())
}

/// For the running kernel exactly: a newer one would be of use only after a restart.
fn packages(scene: &Scene<'_>) -> Result<Option<Step>> {
    let kernel = &scene.here.profile.kernel;
    if kernel.packages.is_empty() || scene.here.facts.container {
        return Ok(None);
    }
    let names =
        kernel.packages.iter().map(|name| name.line(&[("kernel", &scene.here.facts.kernel)])).collect::<Result<Vec<_>>>()?;
    let names = words(&names);
    let step = packages::install(
        scene,
        "kernel-modules",
        "Install the kernel modules that this distribution keeps apart",
        "Without them br_netfilter is not there, and rules of kube-proxy and of CNIs are refused.",
        &format!("set -- {names}"),
    )
    .after(NAME, "prerequisites")
    .check(Check::Sh(format!("modprobe -n -q -a {}", words(&kernel.modules))))
    .hint("if the running kernel is not the newest that is installed, restart the host: uname -r; rpm -q kernel-core");
    Ok(Some(step))
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
