//! Give pods a network.

use super::Phase;
use crate::{error::Result, scene::Scene, step::Step};

pub const PHASE: Phase = Phase { name: "cni", about: "Give pods a network", steps };

fn steps(_scene: &Scene<'_>) -> Result<Vec<Step>> {
    Ok(Vec::new())
}
