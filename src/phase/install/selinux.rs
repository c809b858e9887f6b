//! The mode of SELinux, where the cluster file says one.

use super::{NAME, packages};
use crate::{
    config::SeLinux,
    lower::quote,
    profile::words,
    scene::Scene,
    step::{Check, Step, Undo},
};

const CONFIG: &str = "/etc/selinux/config";

/// Steps for a host whose kernel runs SELinux: one that has it disabled needs a restart, and preflight says so.
pub(super) fn steps(scene: &Scene<'_>) -> Vec<Step> {
    let Some(wanted) = scene.stage.cluster.selinux else { return Vec::new() };
    if !matches!(scene.here.facts.selinux.as_deref(), Some("enforcing" | "permissive")) {
        return Vec::new();
    }
    let (mode, number) = (wanted.name(), if wanted == SeLinux::Enforcing { 1 } else { 0 });
    let mut steps = Vec::new();
    let policy = &scene.here.profile.selinux.packages;
    let with_policy = wanted == SeLinux::Enforcing && !policy.is_empty();
    if with_policy {
        let names = words(policy);
        let shell = &scene.here.profile.packages.shell;
        steps.push(
            packages::install(
                scene,
                "selinux-policy",
                "Install SELinux's policy for containers",
                "Without it an enforcing SELinux keeps the runtime from what it must do.",
                &packages::missing(&names),
            )
            .after(NAME, "prerequisites")
            .check(Check::Sh(shell.with(&format!("pkg_installed {names}")))),
        );
    }
    let line = quote(&format!("s/^[[:space:]]*SELINUX=.*/SELINUX={mode}/"));
    let step = Step::new(
        scene.id(NAME, "selinux"),
        format!("Make SELinux {mode}"),
        "The cluster file asks for it: now, and after a restart.",
    )
    .check(Check::Sh(format!(
        "[ \"$(cat /sys/fs/selinux/enforce)\" = {number} ] && grep -Eqs '^[[:space:]]*SELINUX={mode}[[:space:]]*$' {CONFIG}"
    )))
    .sh(format!(
        "setenforce {number}\nif grep -Eqs '^[[:space:]]*SELINUX=' {CONFIG}; then sed -E -i {line} {CONFIG}; else printf 'SELINUX={mode}\\n' >>{CONFIG}; fi"
    ))
    .undo(Undo::Record(format!("printf 'setenforce %s || :\\n' \"$(cat /sys/fs/selinux/enforce)\"\nkeep {CONFIG}")))
    .hint("what it refuses: ausearch -m avc -ts recent");
    // Before the runtime starts with the labels that it is given then.
    steps.push(if with_policy { step.after(NAME, "selinux-policy") } else { step });
    steps
}
