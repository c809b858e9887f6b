//! Give pods a network.

mod bridge;
mod manifest;

use super::Phase;
use crate::{
    config::WantedCni,
    error::{Error, Kind, Result},
    scene::Scene,
    step::{Step, StepId},
};

pub const PHASE: Phase = Phase { name: "cni", about: "Give pods a network", steps };

fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    match (&scene.stage.cluster.cni, scene.stage.cni) {
        (WantedCni::None, _) => Ok(Vec::new()),
        (WantedCni::Profile(_), Some(profile)) if profile.built_in => bridge::steps(scene),
        (WantedCni::Profile(_), Some(profile)) => manifest::of_profile(scene, profile),
        (WantedCni::Profile(name), None) => {
            Err(Error::new(Kind::Internal, format!("the CNI profile {name:?} is not on the stage")))
        }
        (WantedCni::ManifestFile(_), _) => manifest::of_file(scene),
        (WantedCni::ManifestUrl { url, sha256 }, _) => manifest::of_url(scene, url, sha256),
    }
}

/// The last step of this phase on a host, after which its pods have a network; none where that is the user's business.
///
/// # Errors
/// `NoControlPlane`, and what the steps themselves say.
pub(super) fn last(scene: &Scene<'_>) -> Result<Option<StepId>> {
    Ok(steps(scene)?.pop().map(|step| step.id))
}
