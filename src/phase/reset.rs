//! Take Kubernetes off the host.

use super::Phase;
use crate::{error::Result, scene::Scene, step::Step};

pub const PHASE: Phase = Phase { name: "reset", about: "Take Kubernetes off the host", steps };

fn steps(_scene: &Scene<'_>) -> Result<Vec<Step>> {
    Ok(Vec::new())
}
