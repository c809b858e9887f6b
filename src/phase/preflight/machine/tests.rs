use super::super::sample::Sample;
use crate::{
    config::{Role, SeLinux},
    facts::Cgroup,
};

const CONTROL_PLANE: usize = 0;
const WORKER: usize = 1;

/// A sample with one fact of one host changed.
fn with(index: usize, change: impl FnOnce(&mut crate::facts::Facts)) -> Sample {
    let mut sample = Sample::new();
    change(sample.facts(index));
    sample
}

#[test]
fn a_host_must_boot_with_systemd_on_a_known_processor() {
    with(WORKER, |facts| facts.systemd = false).finds("node2/systemd", true, &["PID 1"]);
    with(WORKER, |facts| facts.arch = "armv7l".to_owned()).finds("node2/architecture", true, &["armv7l", "aarch64"]);
    with(WORKER, |facts| facts.arch = "aarch64".to_owned()).finds_nothing();
}

#[test]
fn an_old_kernel_fails_with_a_new_kubernetes_only() {
    let old = || with(WORKER, |facts| facts.kernel = "3.10.0-1160.el7.x86_64".to_owned());
    old().finds("node2/kernel", true, &["4.19", "3.10.0-1160", "1.31"]);
    old().minor(31).finds_nothing();
    with(WORKER, |facts| facts.kernel = "4.19.0-27-amd64".to_owned()).finds_nothing();
    with(WORKER, |facts| facts.kernel = "4.18.0-553.el8_10.x86_64".to_owned()).finds("node2/kernel", true, &["4.18"]);
}

#[test]
fn a_module_that_can_not_be_had_is_told_with_where_to_load_it() {
    let no_modules = |container| {
        with(WORKER, |facts| {
            facts.modules.clear();
            facts.container = container;
        })
    };
    no_modules(true).finds(
        "node2/modules",
        true,
        &["overlay br_netfilter", "machine that runs this container: modprobe -a overlay br_netfilter"],
    );
    no_modules(false).finds("node2/modules", true, &["no module overlay", "6.1.0-37-amd64", "reboot"]);
    let enterprise = with(WORKER, |facts| {
        facts.loadable.clear();
        facts.os.id_like = vec!["rhel".to_owned(), "fedora".to_owned()];
    });
    enterprise.finds("node2/modules", true, &["br_netfilter", "dnf install kernel-modules-extra-6.1.0-37-amd64"]);
}

#[test]
fn cgroup_v1_is_told_from_the_version_on_that_refuses_it() {
    for version in [Cgroup::V1, Cgroup::Hybrid] {
        with(WORKER, |facts| facts.cgroup = version).minor(35).finds("node2/cgroup", false, &["1.35.0", "failCgroupV1"]);
        with(WORKER, |facts| facts.cgroup = version).minor(34).finds_nothing();
    }
}

#[test]
fn cpus_and_memory_are_measured_by_role() {
    with(CONTROL_PLANE, |facts| facts.cpus = 1).finds("node1/cpus", true, &["1 CPU", "wants 2"]);
    with(WORKER, |facts| facts.cpus = 1).finds_nothing();
    with(CONTROL_PLANE, |facts| facts.memory_mib = 1699).finds("node1/memory", true, &["1699 MiB", "1700 MiB"]);
    with(CONTROL_PLANE, |facts| facts.memory_mib = 1700).finds_nothing();
    with(WORKER, |facts| facts.memory_mib = 699).finds("node2/memory", false, &["699 MiB", "700 MiB"]);
    with(WORKER, |facts| facts.memory_mib = 700).finds_nothing();
}

#[test]
fn a_disk_on_which_the_kubelet_would_evict_is_told() {
    let disk = |free| with(WORKER, move |facts| (facts.disk_free_mib, facts.disk_mib) = (free, 100_000));
    disk(14_999).finds("node2/eviction", false, &["14999 of 100000 MiB", "DiskPressure", "eviction-hard"]);
    disk(15_000).finds_nothing();
}

#[test]
fn a_full_disk_stops_only_what_still_has_to_be_installed() {
    with(WORKER, |facts| facts.disk_free_mib = 1023).finds("node2/disk", true, &["1023 MiB", "2048 MiB", "du -xh"]);
    with(WORKER, |facts| facts.disk_free_mib = 2047).finds("node2/disk", false, &["2047 MiB"]);
    let mut members = Sample::members();
    members.facts(WORKER).disk_free_mib = 1023;
    members.finds_nothing();
}

#[test]
fn swap_is_told_only_where_it_can_not_be_turned_off() {
    let swap = |container| {
        with(WORKER, |facts| {
            facts.swap = vec!["/dev/sda2".to_owned()];
            facts.container = container;
            facts.modules.push("br_netfilter".to_owned());
        })
    };
    swap(true).finds("node2/swap", false, &["/dev/sda2", "swapoff -a"]);
    swap(false).finds_nothing();
}

#[test]
fn selinux_as_the_cluster_file_wants_it_is_no_matter() {
    let mut sample = with(WORKER, |facts| facts.selinux = Some("enforcing".to_owned()));
    sample.selinux = Some(SeLinux::Permissive);
    sample.finds_nothing();
    sample.facts(WORKER).selinux = Some("disabled".to_owned());
    sample.finds_nothing();
    sample.selinux = Some(SeLinux::Enforcing);
    sample.finds("node2/selinux", false, &["enforcing", "restart"]);
}

#[test]
fn modules_that_install_brings_are_not_missed() {
    let mut sample = with(WORKER, |facts| facts.loadable.clear());
    sample.gets_modules = true;
    sample.finds_nothing();
}

#[test]
fn selinux_is_told_when_it_enforces() {
    with(WORKER, |facts| facts.selinux = Some("enforcing".to_owned())).finds("node2/selinux", false, &["enforcing"]);
    with(WORKER, |facts| facts.selinux = Some("permissive".to_owned())).finds_nothing();
}

#[test]
fn ports_are_wanted_by_role_and_version() {
    let taken = |index, port: u16, process: &str| with(index, |facts| drop(facts.ports.insert(port, process.to_owned())));
    for port in [2379, 2380, 6443, 10250, 10257, 10259] {
        taken(CONTROL_PLANE, port, "nginx").finds(
            "node1/ports",
            true,
            &[&format!("{port} (nginx)"), &format!("sport = :{port}")],
        );
    }
    taken(WORKER, 10250, "").finds("node2/ports", true, &["10250 (unknown process)"]);
    taken(WORKER, 6443, "nginx").finds_nothing();
    taken(CONTROL_PLANE, 10251, "nginx").finds_nothing();
    taken(CONTROL_PLANE, 10251, "nginx").minor(20).finds("node1/ports", true, &["10251 (nginx)"]);
}

#[test]
fn kubernetes_own_processes_hold_their_ports_on_a_node_and_nowhere_else() {
    let mut stray = Sample::new();
    stray.facts(WORKER).ports.insert(10250, "kubelet".to_owned());
    stray.finds("node2/ports", true, &["10250 (kubelet)", "slipway reset node2"]);
    stray.facts(WORKER).kubernetes.attempt = Some("join".to_owned());
    stray.finds_nothing();
    let mut members = Sample::members();
    members.facts(CONTROL_PLANE).ports.insert(6443, "haproxy".to_owned());
    members.finds("node1/ports", true, &["6443 (haproxy)"]);
}

#[test]
fn containerd_must_speak_the_kubelets_language() {
    let containerd =
        |version: &str| with(WORKER, |facts| drop(facts.versions.insert("containerd".to_owned(), version.to_owned())));
    containerd("1.4.13").minor(26).finds("node2/runtime", true, &["containerd 1.4.13", "1.6 or later"]);
    containerd("1.4.13").minor(25).finds_nothing();
    containerd("2.0.1").minor(22).finds("node2/runtime", true, &["containerd 2.0.1", "1.x"]);
    containerd("2.0.1").minor(23).finds_nothing();
    containerd("1.6.20").minor(20).finds_nothing();
    containerd("1.7.24").minor(35).finds_nothing();
    containerd("1.7.24").minor(36).finds("node2/runtime", true, &["containerd 1.7.24", "2.0 or later", "remove it"]);
    containerd("2.1.4").minor(37).finds_nothing();
    containerd("strange").finds_nothing();
}

#[test]
fn a_second_control_plane_is_measured_like_the_first() {
    let mut sample = with(2, |facts| facts.cpus = 1);
    sample.hosts[2].0.role = Role::ControlPlane;
    sample.finds("node3/cpus", true, &["wants 2"]);
}
