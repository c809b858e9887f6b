//! Prepare the host: swap, modules, sysctls, the container runtime, the Kubernetes packages.

mod firewall;
mod images;
mod kubernetes;
mod packages;
mod runtime;
mod system;

use std::collections::BTreeSet;

use super::Phase;
use crate::{
    error::{Error, Kind, Result},
    scene::Scene,
    step::Step,
};

pub const PHASE: Phase = Phase {
    name: NAME,
    about: "Prepare the host: swap, modules, sysctls, the container runtime, the Kubernetes packages",
    steps,
};

const NAME: &str = "install";

/// The last step, `kubelet`, needs all others: what needs it needs the whole phase.
fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    if !scene.stage.cluster.images.archives.is_empty() {
        return Err(Error::new(Kind::Invalid, "image archives can not be loaded onto hosts yet")
            .hint("remove `archives` from the cluster file, and name a registry: `repository` or a mirror"));
    }
    let mut steps = system::steps(scene);
    steps.extend(firewall::steps(scene)?);
    steps.extend(packages::steps(scene)?);
    steps.extend(runtime::steps(scene)?);
    steps.extend(kubernetes::steps(scene)?);
    steps.push(images::step(scene)?);

    let needed: BTreeSet<_> = steps.iter().flat_map(|step| step.needs.clone()).collect();
    let mut last = kubernetes::kubelet(scene);
    last.needs = steps.iter().map(|step| step.id.clone()).filter(|id| !needed.contains(id)).collect();
    steps.push(last);
    Ok(steps)
}
