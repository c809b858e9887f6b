//! Prepare the host: swap, modules, sysctls, the container runtime, the Kubernetes packages.

use super::Phase;
use crate::{error::Result, scene::Scene, step::Step};

pub const PHASE: Phase = Phase {
    name: "install",
    about: "Prepare the host: swap, modules, sysctls, the container runtime, the Kubernetes packages",
    steps,
};

fn steps(_scene: &Scene<'_>) -> Result<Vec<Step>> {
    Ok(Vec::new())
}
