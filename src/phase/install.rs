//! Prepare the host: swap, modules, sysctls, the container runtime, the Kubernetes packages.

mod archives;
mod dead;
mod firewall;
mod images;
mod kubernetes;
mod mirror;
mod packages;
mod proxy;
mod runtime;
mod selinux;
mod swap;
mod system;

use std::collections::BTreeSet;

use super::Phase;
use crate::{error::Result, scene::Scene, step::Step};

pub const PHASE: Phase = Phase {
    name: NAME,
    about: "Prepare the host: swap, modules, sysctls, the container runtime, the Kubernetes packages",
    steps,
};

const NAME: &str = "install";

/// The last step, `kubelet`, needs all others: what needs it needs the whole phase.
fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let mut steps = Vec::from_iter(swap::step(scene));
    steps.extend(system::steps(scene)?);
    steps.extend(selinux::steps(scene));
    steps.extend(firewall::steps(scene)?);
    steps.extend(packages::steps(scene)?);
    steps.extend(runtime::steps(scene)?);
    steps.extend(kubernetes::steps(scene)?);
    let archives = archives::steps(scene)?;
    let mut images = images::steps(scene);
    for step in &mut images {
        step.needs.extend(archives.iter().map(|archive| archive.id.clone()));
    }
    steps.extend(archives);
    steps.extend(images);

    let needed: BTreeSet<_> = steps.iter().flat_map(|step| step.needs.clone()).collect();
    let mut last = kubernetes::kubelet(scene);
    last.needs = steps.iter().map(|step| step.id.clone()).filter(|id| !needed.contains(id)).collect();
    steps.push(last);
    Ok(steps)
}
