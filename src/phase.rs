//! The table of contents: which phases there are, and what each is for.

mod before;
pub mod cni;
pub mod init;
pub mod install;
pub mod join;
mod node;
pub mod preflight;
pub mod reset;
mod script;
pub mod verify;

use crate::{error::Result, scene::Scene, step::Step};

/// A phase: a name, a sentence, and its steps for one host. A struct literal, never a trait.
pub struct Phase {
    pub name: &'static str,
    pub about: &'static str,
    pub steps: fn(&Scene<'_>) -> Result<Vec<Step>>,
}

/// The phases of `slipway up`, in the order in which they are read. Preflight has no steps: it judges facts.
pub const PHASES: &[Phase] = &[install::PHASE, init::PHASE, join::PHASE, cni::PHASE, verify::PHASE];
