//! Start the control plane on the first host with kubeadm init.

use super::Phase;
use crate::{error::Result, scene::Scene, step::Step};

pub const PHASE: Phase = Phase { name: "init", about: "Start the control plane on the first host with kubeadm init", steps };

fn steps(_scene: &Scene<'_>) -> Result<Vec<Step>> {
    Ok(Vec::new())
}
