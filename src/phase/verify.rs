//! Prove that the cluster works.

use super::Phase;
use crate::{error::Result, scene::Scene, step::Step};

pub const PHASE: Phase = Phase { name: "verify", about: "Prove that the cluster works", steps };

fn steps(_scene: &Scene<'_>) -> Result<Vec<Step>> {
    Ok(Vec::new())
}
