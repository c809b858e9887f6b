//! What a cluster keeps from its first day: its settings, and the control plane that speaks for it.

use super::fixture::*;
use slipway::{
    config::{Cidr, Cluster, Role, Version},
    scene::{Site, Stage},
};

/// What preflight says of a cluster that was made with the settings of `made`, and whether it stops the run.
fn settings_found(made: &Cluster, wanted: &Cluster) -> Option<(String, bool)> {
    let mut sites = joined_three();
    sites[0].facts.kubernetes.settings =
        slipway::kubeadm::settings(made).into_iter().map(|(name, digest)| (name.to_owned(), digest)).collect();
    let secrets = secrets(false);
    let version = Version { major: 1, minor: 34, patch: 2 };
    let stage = Stage {
        cluster: wanted,
        version,
        sites: sites.into(),
        cni: None,
        changes: slipway::profile::Changes::default(),
        secrets: &secrets,
        manifest: None,
        archives: Vec::new(),
        direct: Default::default(),
        first: Default::default(),
    };
    let findings = slipway::phase::preflight::examine(&stage);
    findings.into_iter().find(|finding| finding.id.name == "settings").map(|finding| (finding.what, finding.fatal))
}

#[test]
fn settings_that_no_step_would_change_are_told() {
    let made = cluster(bridge());
    assert_eq!(settings_found(&made, &made), None);

    let mut wanted = made.clone();
    wanted.apiserver_extra_args.insert("v".to_owned(), "4".to_owned());
    wanted.endpoint = Some("api.lab:6443".to_owned());
    let (what, fatal) = settings_found(&made, &wanted).expect("a finding");
    assert!(what.contains("apiserver_extra_args, endpoint,") && !fatal, "{what}");

    wanted = made.clone();
    wanted.pod_cidr = Cidr { base: [10, 9, 0, 0].into(), prefix: 16 };
    let (what, fatal) = settings_found(&made, &wanted).expect("a finding");
    assert!(what.contains("another pod_cidr,") && fatal, "{what}");
}

#[test]
fn the_control_plane_that_speaks_for_a_cluster_stays_the_same_when_another_joins() {
    let mut sites = ["cp1", "cp2", "cp3"].map(|name| site(name, 11, Role::ControlPlane, Some("10.244.0.0/24"))).to_vec();
    let speaker = |sites: &[Site]| slipway::scene::first_of(sites).expect("a control plane").host.name.clone();
    assert_eq!(speaker(&sites), "cp1", "of those that are as old, the first in the file");
    for (site, since) in sites.iter_mut().zip([300, 200, 100]) {
        site.facts.kubernetes.since = Some(since);
    }
    assert_eq!(speaker(&sites), "cp3");
    // A join that was cut short, with the certificates already there.
    sites[2].facts.kubernetes.attempt = Some("join".to_owned());
    assert_eq!(speaker(&sites), "cp2");
}
