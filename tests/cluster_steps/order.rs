//! Which steps there are, and what each needs.

use super::{fixture::*, made_up_host::*};
use slipway::{
    config::{Role, WantedCni},
    facts::Address,
    graph::Graph,
    profile::cni::embedded,
    step::{Check, Due, Op},
};

#[test]
fn a_new_cluster_of_three() {
    let steps = steps(bridge(), bare_three(), true);
    assert_eq!(
        paths(&steps),
        [
            "cp1/init/pki",
            "cp1/init/kubeadm",
            "cp1/init/kubeconfig",
            "cp1/cni/subnets",
            "cp1/cni/conflist",
            "cp1/cni/routes",
            "cp1/verify/nodes",
            "cp1/verify/system-pods",
            "cp1/verify/pods",
            "cp1/verify/reach",
            "cp1/verify/clean-up",
            "w1/join/cluster-info",
            "w1/join/kubeadm",
            "w1/cni/conflist",
            "w1/cni/routes",
            "w1/verify/reach",
            "w2/join/cluster-info",
            "w2/join/kubeadm",
            "w2/cni/conflist",
            "w2/cni/routes",
            "w2/verify/reach",
        ]
    );
    // Workers wait for the control plane, and not for each other.
    assert_eq!(
        needs(&steps, "w2/join/kubeadm"),
        ["w2/install/kubelet", "w2/install/images", "cp1/init/kubeadm", "w2/join/cluster-info"]
    );
    assert_eq!(needs(&steps, "w2/cni/conflist"), ["w2/join/kubeadm"]);
    assert_eq!(needs(&steps, "cp1/cni/subnets"), ["cp1/init/kubeadm", "w1/join/kubeadm", "w2/join/kubeadm"]);
    assert_eq!(find(&steps, "cp1/verify/clean-up").due, Due::Always);
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle, and nothing needed that is not there");
}

#[test]
fn control_planes_join_one_after_another() {
    let sites = (1..=3).map(|n| site(&format!("cp{n}"), 10 + n, Role::ControlPlane, None)).collect();
    let steps = steps(bridge(), sites, true);
    assert!(needs(&steps, "cp3/join/kubeadm").contains(&"cp2/join/kubeadm".to_owned()));
    assert!(!needs(&steps, "cp2/join/kubeadm").contains(&"cp3/join/kubeadm".to_owned()));
    find(&steps, "cp3/join/kubeconfig");
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

#[test]
fn a_new_host_is_let_into_a_cluster_that_exists() {
    let mut sites = joined_three();
    sites[2] = site("w2", 13, Role::Worker, None);
    let steps = steps(bridge(), sites, false);
    assert!(!paths(&steps).contains(&"cp1/init/pki".to_owned()), "the CAs are there");
    assert!(needs(&steps, "w2/join/kubeadm").contains(&"cp1/join/token".to_owned()));
    assert!(!needs(&steps, "w1/join/kubeadm").contains(&"cp1/join/token".to_owned()), "w1 has joined already");
    assert!(check(find(&steps, "cp1/join/stale-nodes")).contains("newcomers='w2=192.168.77.13'\n"));
    assert!(!check(find(&steps, "cp1/join/stale-nodes")).contains("w1="), "a node that is there is never forgotten");
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

#[test]
fn a_run_with_nothing_to_do_asks_no_api_and_has_the_same_checks_each_time() {
    let steps = steps(bridge(), joined_three(), false);
    assert!(!paths(&steps).iter().any(|path| path.ends_with("token") || path.ends_with("cluster-info")), "{:?}", paths(&steps));
    for step in steps.iter().filter(|step| step.id.phase != "install" && !matches!(step.check, Check::Same(_))) {
        assert!(!check(step).contains("abcdef"), "{}: the token differs in each run, and with it the check", step.id);
    }
    // The known subnets stand in the checks of the pod network, which compare with them first.
    for path in ["cp1/cni/routes", "w1/cni/routes"] {
        assert!(check(find(&steps, path)).contains("10.244.2.0/24 192.168.77.13 w2"), "{path}");
    }
}

#[test]
fn secrets_stand_in_secret_files_only() {
    let mut sites = joined_three();
    sites.push(site("cp2", 14, Role::ControlPlane, None));
    for steps in [steps(bridge(), bare_three(), true), steps(bridge(), sites, false)] {
        for step in &steps {
            let mut shells: Vec<&str> = Vec::new();
            shells.extend(matches!(step.check, Check::Sh(_) | Check::SameAnd(..)).then(|| check(step)));
            for op in &step.apply {
                match op {
                    Op::Sh(shell) => shells.push(shell),
                    Op::Write(file) => {
                        let secret = file.content.contains("0123456789abcdef\n")
                            || file.content.contains("00112233")
                            || file.content == "key\n";
                        assert!(!secret || (file.secret && file.mode == 0o600), "{} in {}", file.path.display(), step.id);
                    }
                    Op::Remove(_) | Op::Upload(_) => {}
                }
            }
            for shell in shells {
                assert!(!shell.contains("abcdef.0123456789abcdef") && !shell.contains("00112233445566"), "{}", step.id);
            }
        }
    }
}

#[test]
fn other_cnis_are_applied_on_the_first_control_plane_and_waited_for_on_all() {
    let flannel = steps(WantedCni::Profile("flannel".to_owned()), bare_three(), true);
    let cni: Vec<String> = paths(&flannel).into_iter().filter(|path| path.contains("/cni/")).collect();
    assert_eq!(cni, ["cp1/cni/manifest", "cp1/cni/ready", "cp1/cni/rollout", "w1/cni/ready", "w2/cni/ready"]);
    assert!(needs(&flannel, "cp1/verify/nodes").contains(&"cp1/cni/rollout".to_owned()));
    let url = WantedCni::ManifestUrl { url: "https://example.org/it's.yaml".to_owned(), sha256: "ab".repeat(32) };
    for wanted in [url, WantedCni::ManifestFile("cni.yaml".into()), WantedCni::None] {
        let steps = steps(wanted, bare_three(), true);
        assert_is_shell(&steps);
        Graph::new(steps).expect("no circle");
    }
    assert_is_shell(&flannel);
    Graph::new(flannel).expect("no circle");
}

#[test]
fn flannels_manifest_gets_the_pod_network_and_the_interfaces() {
    let mut sites = bare_three();
    sites.truncate(2);
    let steps = steps(WantedCni::Profile("flannel".to_owned()), sites, true);
    let Some(Op::Sh(shell)) = find(&steps, "cp1/cni/manifest").apply.first() else { panic!("no shell") };
    let directory = std::env::temp_dir().join(format!("slipway-test-{}", std::process::id()));
    let work = directory.join("manifest.yaml");
    let run = |manifest: &str| {
        // The host's own prelude and kubectl, and a download that is a here document.
        let shell = shell.replace("'/var/lib/slipway/cni/manifest.yaml'", &format!("'{}'", work.display()));
        let double = "die() { echo \"error: $*\"; exit 1; }\nkube() { cat \"$manifest\"; }\n";
        let fetch = format!("fetch() {{ cat >\"$2\" <<'END'\n{manifest}END\n}}\n");
        let state = format!("STATE={}\nmkdir -p \"$STATE/cni\"\n", directory.display());
        sh(&["-eu"], &format!("{double}{fetch}{state}{shell}"))
    };
    let (code, text) =
        run("net-conf.json: |\n  {\n    \"Network\": \"10.0.0.0/8\",\n  }\nargs:\n    - --ip-masq\n    - --kube-subnet-mgr\n");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("    \"Network\": \"10.244.0.0/16\",\n"), "{text}");
    assert!(text.contains("    - --kube-subnet-mgr\n    - --iface=192.168.77.11\n    - --iface=192.168.77.12\n"), "{text}");
    let (code, text) = run("args: [--ip-masq]\n");
    assert_eq!(code, Some(1));
    assert!(text.contains("has no place for the pod network"), "{text}");
    std::fs::remove_dir_all(directory).expect("it is ours");
}

/// Manifests as their projects publish them, as far as it matters here; what is expected behind the line that they have in common.
const USERS_MANIFESTS: &[(&str, &str, &str)] = &[
    (
        "calico",
        "        k8s-app: calico-node\n            # Auto-detect the BGP IP address.\n            - name: IP\n              value: \"autodetect\"\n",
        "IP address.\n            - { name: IP_AUTODETECTION_METHOD, value: kubernetes-internal-ip }\n            - name: IP\n",
    ),
    (
        "cilium",
        "metadata:\n  name: cilium-config\ndata:\n  auto-direct-node-routes: \"false\"\n  cluster-name: default\n",
        "routes: \"false\"\n  devices: \"enp0s8 eth1\"\n  cluster-name: default\n",
    ),
    (
        "flannel",
        "name: kube-flannel-ds\n        args:\n        - --ip-masq\n        - --kube-subnet-mgr\n",
        "- --kube-subnet-mgr\n        - --iface=192.168.77.11\n        - --iface=192.168.77.12\n",
    ),
];

#[test]
fn a_users_manifest_is_told_the_nodes_network_where_the_default_route_has_another() {
    let sites = |default_source: [u8; 4]| {
        let mut sites = bare_three();
        sites.truncate(2);
        for (site, interface) in sites.iter_mut().zip(["eth1", "enp0s8"]) {
            site.facts.default_source = Some(default_source.into());
            site.facts.addresses = vec![Address { interface: interface.to_owned(), ip: site.node_ip, prefix: 24 }];
        }
        sites
    };
    let nat = [10, 0, 2, 15];
    let run = |name: &str, manifest: &str, sites| {
        let steps = steps_with(WantedCni::ManifestFile("cni.yaml".into()), Some(profile(name)), manifest, sites, true);
        assert_is_shell(&steps);
        let host = scratch_host(&format!("users-{name}"));
        let kept = host.join("manifest.yaml");
        std::fs::write(&kept, manifest).expect("writable");
        let shell = first_shell(find(&steps, "cp1/cni/manifest"));
        let shell = shell.replace("'/var/lib/slipway/cni/manifest.yaml'", &format!("'{}'", kept.display()));
        let done = on_host(&host, "kube() { cat \"$manifest\"; }", &shell);
        std::fs::remove_dir_all(host).expect("it is ours");
        done
    };
    for (name, manifest, wanted) in USERS_MANIFESTS {
        let profile = profile(name);
        assert!(profile.knows(manifest), "{name}");
        assert!(embedded().expect("readable").iter().all(|other| other.name == *name || !other.knows(manifest)), "{name}");
        let (code, text) = run(name, manifest, sites(nat));
        assert_eq!(code, Some(0), "{name}: {text}");
        assert!(text.contains(wanted), "{name}: {text}");
        let line = wanted.lines().nth(1).expect("a line more");
        // Already told, and told something else: the user's word.
        let (code, own) = run(name, &text, sites(nat));
        assert_eq!((code, own.matches(line).count()), (Some(0), 1), "{name}: {own}");
        // It has no place for it: nothing is changed, and it is said.
        let (code, odd) = run(name, "kind: List\n", sites(nat));
        assert!(code == Some(0) && odd.contains("set it there yourself") && odd.contains("kind: List"), "{name}: {odd}");
        // One network: the manifest is the user's, as it is.
        let mut one = sites(nat);
        for site in &mut one {
            site.facts.default_source = Some(site.node_ip);
        }
        let (_, same) = run(name, manifest, one);
        assert_eq!(same, *manifest, "{name}");
    }
}
