//! How a host was before Kubernetes came: what components change there without leaving a name is noted, and put back by the undo.

use super::script::script;
use crate::{scene::Scene, step::Undo};

const BEFORE: &str = include_str!("before/before.sh");

/// For a step after which components run: directories, kernel settings, units.
pub(super) fn noted(scene: &Scene<'_>) -> Undo {
    let changes = &scene.stage.changes;
    // Most of a container's kernel settings are its machine's, where others rely on them.
    let is_own = |name: &&String| !scene.here.facts.container || name.starts_with("net.");
    let sysctls: Vec<&str> = changes.sysctls.iter().filter(is_own).map(String::as_str).collect();
    let values = [
        ("sysctls", sysctls.join("\n")),
        ("directories", changes.directories.join("\n")),
        ("locks", changes.locks.join("\n")),
        ("units", changes.units.join("\n")),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Undo::Record(script(&values, &format!("{BEFORE}keep_units\nkeep_locks\nkeep_sysctls\nkeep_directories\n")))
}

/// For a step that installs packages: the directories that they and their programs make.
pub(super) fn directories(scene: &Scene<'_>) -> Undo {
    Undo::Record(script(&[("directories", &scene.stage.changes.directories.join("\n"))], &format!("{BEFORE}keep_directories\n")))
}
