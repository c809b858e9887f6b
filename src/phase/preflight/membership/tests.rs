use super::super::sample::Sample;
use crate::config::Role;

#[test]
fn a_member_of_another_cluster_is_told_apart_by_its_ca() {
    let mut sample = Sample::members();
    sample.facts(1).kubernetes.ca_fingerprint = Some("0123456789abcdef".repeat(4));
    sample.facts(1).kubernetes.server = Some("https://10.1.1.1:6443".to_owned());
    let words = ["https://10.1.1.1:6443", "CA 0123456789ab,", "not c3ab8ff13720", "slipway reset node2"];
    sample.finds("node2/cluster", true, &words);
    sample.facts(1).kubernetes.attempt = Some("join".to_owned());
    sample.finds_nothing();
}

#[test]
fn a_node_without_a_first_control_plane_belongs_to_another() {
    let mut sample = Sample::new();
    sample.facts(2).kubernetes.kubelet_conf = true;
    sample.finds("node3/cluster", true, &["a kubelet.conf", "node1, has no cluster", "slipway reset node3"]);

    let mut sample = Sample::new();
    sample.facts(0).kubernetes.manifests = vec!["kube-apiserver.yaml".to_owned()];
    sample.finds("node1/cluster", true, &["manifests of a control plane"]);
    // Someone's own static pods are no cluster, nor is an init of slipway's own that was cut short.
    sample.facts(0).kubernetes.manifests = vec!["kube-vip.yaml".to_owned()];
    sample.finds_nothing();
    sample.facts(0).kubernetes.manifests = vec!["kube-apiserver.yaml".to_owned()];
    sample.facts(0).kubernetes.attempt = Some("init".to_owned());
    sample.finds_nothing();
}

#[test]
fn the_first_control_plane_is_the_one_that_the_stage_names() {
    let mut sample = Sample::members();
    sample.hosts[2].0.role = Role::ControlPlane;
    sample.facts(2).ca = sample.facts(0).ca.take();
    sample.facts(2).kubernetes.manifests = sample.facts(0).kubernetes.manifests.clone();
    sample.first = Some("node3".to_owned());
    sample.finds_nothing();
}

#[test]
fn a_node_keeps_its_role() {
    let mut sample = Sample::members();
    sample.facts(0).kubernetes.manifests.clear();
    sample.facts(0).kubernetes.etcd_data = false;
    sample.finds("node1/role", true, &["it is a worker", "slipway reset node1"]);

    let mut sample = Sample::members();
    sample.facts(1).kubernetes.manifests = vec!["kube-apiserver.yaml".to_owned()];
    sample.facts(1).kubernetes.server = Some("https://10.1.1.1:6443".to_owned());
    sample.finds("node2/role", true, &["https://10.1.1.1:6443", "calls it a worker", "slipway reset node2"]);
    sample.facts(1).kubernetes.attempt = Some("join".to_owned());
    sample.finds_nothing();
}

#[test]
fn etcd_data_without_an_etcd_is_not_walked_over() {
    let mut sample = Sample::new();
    sample.facts(0).kubernetes.etcd_data = true;
    sample.finds("node1/etcd", true, &["/var/lib/etcd", "slipway reset node1"]);
    sample.facts(0).kubernetes.attempt = Some("init".to_owned());
    sample.finds_nothing();
}

#[test]
fn a_member_keeps_its_version_and_nothing_goes_back() {
    let installed = |mut sample: Sample, index: usize, version: &str| {
        sample.facts(index).versions.insert("kubelet".to_owned(), version.to_owned());
        sample
    };
    installed(Sample::new(), 1, "1.35.0").finds(
        "node2/version",
        true,
        &["kubelet 1.35.0", "1.34.2 is wanted", "remove its package on node2"],
    );
    installed(Sample::members(), 1, "1.35.0").finds(
        "node2/version",
        true,
        &["kubernetes = \"1.35\"", "slipway reset node2 --purge"],
    );
    // A host that is no member yet just gets the version that is wanted.
    installed(Sample::new(), 1, "1.20.2").finds_nothing();
    for (index, version) in [(1, "1.34.1"), (1, "1.31.0"), (0, "1.33.0")] {
        let host = format!("node{}/version", index + 1);
        installed(Sample::members(), index, version).finds(
            &host,
            true,
            &["does not upgrade", &format!("kubernetes = \"{version}\"")],
        );
    }
}
