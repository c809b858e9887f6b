//! The steps that make a cluster and take it down: which there are, what each needs, and that their shell is shell.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use slipway::{
    config::{Cidr, Cluster, Host, Images, Packages, Reach, Role, Version, WantedCni, WantedVersion},
    facts::{Facts, Login},
    graph::Graph,
    lower::lower,
    phase::{
        cni, init, join,
        reset::{self, Reset, Staying},
        verify,
    },
    profile::{
        CniProfile, OsProfile, RuntimeProfile,
        cni::{Leftovers, embedded},
    },
    scene::{Site, Stage},
    secrets::{Pki, Secrets, Token},
    step::{Check, Due, Op, Step, StepId, Undo},
};

const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIBfoo\nbar=\n-----END CERTIFICATE-----\n";

fn cluster(cni: WantedCni) -> Cluster {
    let network = |base: &str, prefix| Cidr { base: base.parse().expect("an address"), prefix };
    Cluster {
        name: "lab".to_owned(),
        kubernetes: WantedVersion { major: 1, minor: 34, patch: None },
        cni,
        pod_cidr: network("10.244.0.0", 16),
        service_cidr: network("10.96.0.0", 12),
        endpoint: None,
        node_cidr: None,
        skip_phases: vec!["addon/coredns".to_owned()],
        kubelet_extra_args: BTreeMap::new(),
        apiserver_extra_args: BTreeMap::new(),
        packages: Packages::default(),
        images: Images::default(),
        hosts: Vec::new(),
        dir: ".".into(),
    }
}

/// A host; `pods` is the pod subnet of one that has joined.
fn site(name: &str, last: u8, role: Role, pods: Option<&str>) -> Site {
    let mut facts = Facts { pod_cidr: pods.map(str::to_owned), ..Facts::default() };
    facts.login = Login { user: "vagrant".to_owned(), home: "/home/vagrant".to_owned() };
    facts.kubernetes.kubelet_conf = pods.is_some();
    if role == Role::ControlPlane && pods.is_some() {
        facts.kubernetes.admin_conf = true;
        facts.pki_complete = true;
        facts.ca = Some(CA.to_owned());
    }
    let host = Host { name: name.to_owned(), address: name.to_owned(), role, profile: None, node_ip: None, reach: Reach::Local };
    Site { host, facts, profile: OsProfile::default(), node_ip: [192, 168, 77, last].into() }
}

fn secrets(new_cluster: bool) -> Secrets {
    let files = [("ca.crt", CA.to_owned(), false), ("ca.key", "key\n".to_owned(), true), ("sa.key", "key\n".to_owned(), true)];
    Secrets {
        token: Token { id: "abcdef".to_owned(), secret: "0123456789abcdef".to_owned() },
        certificate_key: "00112233445566778899aabbccddeeff".repeat(2),
        ca_hash: format!("sha256:{}", "0123456789abcdef".repeat(4)),
        pki: new_cluster.then(|| Pki { files: files.into() }),
    }
}

fn profile(name: &str) -> CniProfile {
    embedded().expect("readable").into_iter().find(|profile| profile.name == name).expect("embedded")
}

/// All steps of init, join, cni and verify, behind the two install steps that they lean on.
fn steps(wanted: WantedCni, sites: Vec<Site>, new_cluster: bool) -> Vec<Step> {
    let profile = match &wanted {
        WantedCni::Profile(name) => Some(profile(name)),
        _ => None,
    };
    let (cluster, secrets, runtime) = (cluster(wanted), secrets(new_cluster), RuntimeProfile::default());
    let stage = Stage {
        cluster: &cluster,
        version: Version { major: 1, minor: 34, patch: 2 },
        sites,
        runtime: &runtime,
        cni: profile.as_ref(),
        secrets: &secrets,
        manifest: Some("kind: List\n".to_owned()),
        archives: Vec::new(),
    };
    let mut steps = Vec::new();
    for scene in stage.scenes() {
        for name in ["kubelet", "images"] {
            steps.push(Step::new(scene.id("install", name), name, ""));
        }
        for phase in [init::PHASE, join::PHASE, cni::PHASE, verify::PHASE] {
            steps.extend((phase.steps)(&scene).expect("steps"));
        }
    }
    steps
}

fn bridge() -> WantedCni {
    WantedCni::Profile("bridge".to_owned())
}

fn bare_three() -> Vec<Site> {
    vec![site("cp1", 11, Role::ControlPlane, None), site("w1", 12, Role::Worker, None), site("w2", 13, Role::Worker, None)]
}

fn joined_three() -> Vec<Site> {
    vec![
        site("cp1", 11, Role::ControlPlane, Some("10.244.0.0/24")),
        site("w1", 12, Role::Worker, Some("10.244.1.0/24")),
        site("w2", 13, Role::Worker, Some("10.244.2.0/24")),
    ]
}

fn paths(steps: &[Step]) -> Vec<String> {
    steps.iter().filter(|step| step.id.phase != "install").map(|step| step.id.to_string()).collect()
}

fn find<'a>(steps: &'a [Step], path: &str) -> &'a Step {
    steps.iter().find(|step| step.id.to_string() == path).unwrap_or_else(|| panic!("no {path} in {:?}", paths(steps)))
}

fn needs(steps: &[Step], path: &str) -> Vec<String> {
    find(steps, path).needs.iter().map(StepId::to_string).collect()
}

fn check(step: &Step) -> &str {
    match &step.check {
        Check::Sh(shell) | Check::SameAnd(_, shell) => shell,
        other => panic!("{} is checked by {other:?}", step.id),
    }
}

/// Feeds shell to `sh`, and gives back its exit code and what it printed.
fn sh(arguments: &[&str], text: &str) -> (Option<i32>, String) {
    let mut child = Command::new("sh")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("sh is there");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("sh reads it");
    let output = child.wait_with_output().expect("sh ends");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn assert_is_shell(steps: &[Step]) {
    for step in steps {
        assert_eq!(sh(&["-n"], lower(step).text()).0, Some(0), "{}", step.id);
        for undo in &step.undo {
            let (Undo::Sh(shell) | Undo::Record(shell)) = undo;
            assert_eq!(sh(&["-n"], shell).0, Some(0), "the undo of {}", step.id);
        }
    }
}

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

/// A directory of this test's own; it stands for the host's /etc/kubernetes, /etc/cni and state.
fn scratch_host(name: &str) -> std::path::PathBuf {
    let directory = scratch(name);
    for part in ["kubernetes/pki/etcd", "cni/net.d", "state/cni"] {
        std::fs::create_dir_all(directory.join(part)).expect("writable");
    }
    directory
}

/// Runs a step's shell with the host's paths moved into `directory` and `doubles` before it; what it prints on either stream.
fn on_host(directory: &std::path::Path, doubles: &str, shell: &str) -> (Option<i32>, String) {
    let moved = shell
        .replace("/etc/kubernetes", &directory.join("kubernetes").to_string_lossy())
        .replace("/etc/cni", &directory.join("cni").to_string_lossy())
        .replace("/var/lib/etcd", &directory.join("etcd").to_string_lossy());
    let prelude = "exec 2>&1\ndie() { echo \"error: $*\"; exit 1; }\nsay() { echo \"$*\"; }\n";
    sh(&["-eu"], &format!("{prelude}STATE={0}/state RUN={0}/run\n{doubles}\n{moved}", directory.display()))
}

fn first_shell(step: &Step) -> &str {
    step.apply.iter().find_map(|op| if let Op::Sh(shell) = op { Some(shell.as_str()) } else { None }).expect("shell")
}

#[test]
fn a_persons_own_authority_is_not_overwritten() {
    let steps = steps(bridge(), bare_three(), true);
    let shell = first_shell(find(&steps, "cp1/init/pki"));
    let host = scratch_host("pki");
    let ca = host.join("kubernetes/pki/ca.crt");
    std::fs::write(&ca, "a person's").expect("writable");
    let (code, text) = on_host(&host, "", shell);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("did not make {}", ca.display())), "{text}");
    assert!(!host.join("state/pki").exists(), "nothing is promised");
    // What an earlier run of ours wrote before it was cut may go.
    let sum = sh(&[], &format!("sha256sum {}", ca.display())).1;
    std::fs::write(host.join("state/pki"), sum).expect("writable");
    let (code, text) = on_host(&host, "", shell);
    assert_eq!(code, Some(0), "{text}");
    std::fs::remove_dir_all(host).expect("it is ours");
}

#[test]
fn a_cut_attempt_is_cleared_only_while_it_is_ours_and_out_of_use() {
    let steps = steps(bridge(), bare_three(), true);
    let shell = first_shell(find(&steps, "cp1/init/kubeadm"));
    let host = scratch_host("attempt");
    let doubles = "wait_for() { :; }\nsystemctl() { :; }\ntimeout() { shift; \"$@\"; }\n\
                   kubeadm() { echo \"kubeadm $1\"; }\nconfig=/dev/null/none\n";
    let set = |ca_of_attempt: &str| {
        std::fs::write(host.join("kubernetes/pki/ca.crt"), CA).expect("writable");
        std::fs::write(host.join("kubernetes/admin.conf"), "x").expect("writable");
        std::fs::write(host.join("state/attempt"), "init\n").expect("writable");
        std::fs::write(host.join("state/attempt.ca"), ca_of_attempt).expect("writable");
    };
    let run = |doubles: &str| on_host(&host, doubles, &shell.replace("config='/run/slipway/kubeadm.yaml'\n", ""));
    set("MIIBfoobar=\n");
    let in_use = "kube() { case \"$*\" in *nodes*) echo 'node cp1' ;; *) echo 'shop pod till' ;; esac; }\n";
    let (code, text) = run(&format!("{doubles}{in_use}"));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("shop pod till") && !text.contains("kubeadm reset") && host.join("kubernetes/admin.conf").exists(),
        "{text}"
    );
    set("another\n");
    let (code, text) = run(&format!("{doubles}kube() {{ return 1; }}\n"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("another CA") && !text.contains("kubeadm reset"), "{text}");
    set("MIIBfoobar=\n");
    let (code, text) = run(&format!("{doubles}kube() {{ return 1; }}\n"));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("kubeadm reset\nkubeadm init\n"), "{text}");
    assert!(!host.join("state/attempt").exists() && host.join("kubernetes/pki/ca.crt").exists());
    std::fs::remove_dir_all(host).expect("it is ours");
}

#[test]
fn a_live_node_of_the_same_name_is_not_forgotten() {
    let mut sites = joined_three();
    sites[2] = site("w2", 13, Role::Worker, None);
    let steps = steps(bridge(), sites, false);
    let shell = first_shell(find(&steps, "cp1/join/stale-nodes"));
    for (state, good) in [
        ("True 192.168.77.99", false),
        ("True 192.168.77.13", true),
        ("False 192.168.77.99", true),
        ("Unknown ", true),
        ("", true),
    ] {
        let double = format!("kube() {{ case $1 in get) echo '{state}' ;; *) echo \"kube $*\" ;; esac; }}\n");
        let (code, text) = on_host(std::path::Path::new("/nonexistent"), &double, shell);
        assert_eq!(code == Some(0), good, "{state}: {text}");
        assert_eq!(text.contains("kube delete node"), good, "{state}: {text}");
        assert!(good || (text.contains("192.168.77.99") && text.contains("192.168.77.13")), "{text}");
    }
}

#[test]
fn configuration_that_was_there_before_is_not_the_cnis() {
    let steps = steps(WantedCni::ManifestFile("cni.yaml".into()), bare_three(), true);
    let ready = find(&steps, "w1/cni/ready");
    let host = scratch_host("cni");
    let podman = host.join("cni/net.d/87-podman.conflist");
    std::fs::write(&podman, "{}").expect("writable");
    std::fs::write(host.join("state/cni/before"), format!("{}\n", podman.display())).expect("writable");
    assert_eq!(on_host(&host, "", check(ready)).0, Some(1), "podman's only");
    std::fs::write(host.join("cni/net.d/10-new.conflist"), "{}").expect("writable");
    assert_eq!(on_host(&host, "", check(ready)).0, Some(0));
    let [Undo::Sh(undo)] = ready.undo.as_slice() else { panic!("{:?}", ready.undo) };
    on_host(&host, "", &undo.replace("/var/lib/slipway", &host.join("state").to_string_lossy()));
    assert!(podman.exists() && !host.join("cni/net.d/10-new.conflist").exists());
    std::fs::remove_dir_all(host).expect("it is ours");
}

#[test]
fn a_proof_takes_its_own_stamp_away_first() {
    let steps = steps(bridge(), bare_three(), true);
    for step in steps.iter().filter(|step| step.id.phase == "verify") {
        assert_eq!(first_shell(step), format!("rm -f \"$STATE/verified/{}\"\n", step.id.name));
    }
}

#[test]
fn static_pods_need_only_run() {
    let steps = steps(bridge(), bare_three(), true);
    let Op::Sh(shell) = &find(&steps, "cp1/verify/system-pods").apply[1] else { panic!("no shell") };
    let (functions, _) = shell.split_once("# DaemonSets").expect("the next function");
    let pods = "ready|Running||true true|x y\nunready|Running||true false|x y\nstatic|Running|hash|false|x\n\
                crashed|Running|hash|false false|x\npending|Pending|hash||\ndone|Succeeded||false|\n";
    let (_, waiting) = sh(&["-eu"], &format!("{functions}pods_not_good <<'END'\n{pods}END\n"));
    assert_eq!(waiting, "unready\ncrashed\npending\n");
}

fn reset_steps(hosts: &[&str], staying: &[Staying<'_>], purge: bool) -> Vec<Step> {
    let cnis = embedded().expect("readable");
    let control_planes: Vec<&str> = hosts.iter().copied().filter(|host| host.starts_with("cp")).collect();
    reset::steps(&Reset { hosts, control_planes: &control_planes, staying, purge, cnis: &cnis }).expect("steps")
}

/// The functions that list what is on a host, with `directory` in front of the paths in `moved`.
fn inventory(directory: &std::path::Path, moved: &[&str]) -> String {
    let reset = reset_steps(&["w2"], &[], false);
    let text = check(find(&reset, "w2/reset/network")).trim_end();
    let mut functions = text.rsplit_once('\n').expect("the call stands last").0.to_owned();
    for path in moved {
        functions = functions.replace(path, &format!("{}{path}", directory.display()));
    }
    format!("have() {{ command -v \"$1\" >/dev/null; }}\nSTATE=/nowhere RUN={}/run\n{functions}\n", directory.display())
}

fn scratch(name: &str) -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("slipway-test-{name}-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("run")).expect("a directory of ours");
    directory.canonicalize().expect("it is there")
}

#[test]
fn pods_of_system_containers_on_the_machine_are_left_alone() {
    let directory = scratch("shims");
    let setup = "\
cd \"$1\"
for pid in self 7 8; do mkdir -p proc/$pid/ns; printf 'containerd-shim-runc-v2\\0-namespace\\0k8s.io\\0-id\\0x\\0' >proc/$pid/cmdline; done
ln -s 'pid:[1]' proc/self/ns/pid; ln -s 'pid:[1]' proc/7/ns/pid; ln -s 'pid:[2]' proc/8/ns/pid
";
    let directory_text = directory.display().to_string();
    assert_eq!(sh(&["-eus", &directory_text], setup).0, Some(0));
    assert_eq!(sh(&["-eu"], &format!("{}shims\n", inventory(&directory, &["/proc/"]))), (Some(0), "7\n".to_owned()));
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn nothing_is_deleted_below_which_something_is_mounted_even_behind_a_link() {
    let directory = scratch("mounts");
    let root = directory.display().to_string();
    let setup = "\
cd \"$1\"
mkdir -p proc/self 'disk 2/pods/a/vol' etc/kubernetes/pki var/lib
echo data >'disk 2/pods/a/vol/data'; echo >'disk 2/config.yaml'; echo >etc/kubernetes/audit.yaml
ln -s \"$1/disk 2\" var/lib/kubelet
printf '%s\\n' \"/dev/sda $1/disk\\\\0402/pods/a/vol ext4 rw 0 0\" >proc/self/mounts
";
    assert_eq!(sh(&["-eus", &root], setup).0, Some(0));
    let moved = ["/proc/self/mounts", "/var/lib/kubelet", "/etc/kubernetes", "/var/lib/etcd", "/var/lib/cni"];
    let functions = inventory(&directory, &moved);
    assert_eq!(sh(&["-eu"], &format!("{functions}left_mounts\n")), (Some(0), format!("{root}/disk 2/pods/a/vol\n")));
    let reset = reset_steps(&["w2"], &[], false);
    let Some(Op::Sh(apply)) = find(&reset, "w2/reset/files").apply.first() else { panic!("no shell") };
    let (_, apply) = apply.rsplit_once("\nset +e\none=").expect("files.sh stands last");
    let mut apply = format!("set +e\none={apply}");
    for path in moved {
        apply = apply.replace(path, &format!("{root}{path}"));
    }
    let doubles = "die() { echo \"error: $*\"; exit 1; }\nsay() { echo \"$*\"; }\nsystemctl() { :; }\ntimeout() { :; }\n";
    // Only what stands in our directory: nothing of the machine that runs this test is touched.
    let only = format!("files=$(printf '%s\\n' \"$files\" | grep '^{root}/')\nunits=\nSTATE={root}/state\n");
    let (code, said) = sh(&["-eu"], &format!("{functions}{doubles}{only}{apply}"));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&format!("not deleted: {root}/var/lib/kubelet/pods; still mounted there: {root}/disk 2/pods/a/vol")),
        "{said}"
    );
    assert!(said.contains(&format!("kept: {root}/etc/kubernetes/audit.yaml")), "{said}");
    assert!(directory.join("disk 2/pods/a/vol/data").exists() && !directory.join("disk 2/config.yaml").exists());
    assert!(directory.join("etc/kubernetes/audit.yaml").exists() && !directory.join("etc/kubernetes/pki").exists());
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn port_mappings_of_podman_stay_and_those_of_pods_go() {
    let directory = scratch("chains");
    let dnat = |network: &str, chain: &str| {
        format!("-A CNI-HOSTPORT-DNAT -m comment --comment \"dnat name: \\\"{network}\\\" id: \\\"ab\\\"\" -j {chain}\n")
    };
    let head = "*nat\n:CNI-DN-aa - [0:0]\n:CNI-DN-bb - [0:0]\n:CNI-HOSTPORT-DNAT - [0:0]\n-A PREROUTING -j CNI-HOSTPORT-DNAT\n";
    let delta = |other: &str| {
        let rules = format!("{head}{}{}COMMIT\n", dnat("slipway", "CNI-DN-aa"), dnat(other, "CNI-DN-bb"));
        let program = format!("{}timeout() {{ cat <<'END'\n{rules}END\n}}\nrules_delta iptables\n", inventory(&directory, &[]));
        sh(&["-eu"], &program).1
    };
    let drop = dnat("slipway", "CNI-DN-aa").replacen("-A", "-D", 1);
    assert_eq!(delta("podman"), format!("*nat\n:CNI-DN-aa - [0:0]\n{drop}-X CNI-DN-aa\nCOMMIT\n"));
    let all = delta("cbr0");
    assert!(all.contains("-D PREROUTING -j CNI-HOSTPORT-DNAT\n-X CNI-DN-aa\n-X CNI-DN-bb\n-X CNI-HOSTPORT-DNAT\n"), "{all}");
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn idle_jobs_are_left_over_and_running_ones_are_not() {
    let directory = scratch("jobs");
    let program = "mkdir $RUN/job.idle $RUN/job.busy\nexec 8>$RUN/job.busy/lock\nflock 8\nleft_jobs\n";
    let (_, jobs) = sh(&["-eu"], &format!("{}{program}", inventory(&directory, &[])));
    assert_eq!(jobs, format!("{}/run/job.idle\n", directory.display()));
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn control_planes_leave_etcd_one_after_another() {
    let staying = [Staying { name: "cp1", speaks: true }];
    let steps = reset_steps(&["cp2", "cp3", "w1"], &staying, false);
    assert_eq!(needs(&steps, "cp2/reset/kubeadm"), ["cp1/reset/drain-cp2"]);
    assert_eq!(needs(&steps, "cp3/reset/kubeadm"), ["cp1/reset/drain-cp3", "cp1/reset/forget-cp2"]);
    assert_eq!(needs(&steps, "cp1/reset/forget-cp2"), ["cp2/reset/kubeadm"]);
    assert_eq!(needs(&steps, "w1/reset/kubeadm"), ["cp1/reset/drain-w1"]);
    assert!(check(find(&steps, "cp1/reset/forget-cp3")).starts_with("node='cp3'\nmember='yes'\n"));
    assert!(check(find(&steps, "cp1/reset/forget-w1")).starts_with("node='w1'\nmember=''\n"));
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

#[test]
fn a_whole_cluster_is_reset_without_its_api() {
    let steps = reset_steps(&["cp1", "w1"], &[], false);
    let names = ["kubeadm", "containers", "mounts", "network", "files", "kubelet-off", "undo", "audit"];
    let expected: Vec<String> = ["cp1", "w1"].iter().flat_map(|host| names.map(|name| format!("{host}/reset/{name}"))).collect();
    assert_eq!(paths(&steps), expected);
    assert!(steps.iter().all(|step| step.needs.iter().all(|id| id.host == step.id.host)), "no host waits for another");
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

#[test]
fn a_node_leaves_a_cluster_that_stays() {
    let staying = [Staying { name: "cp1", speaks: true }, Staying { name: "w1", speaks: false }];
    let steps = reset_steps(&["w2"], &staying, true);
    assert_eq!(needs(&steps, "w2/reset/kubeadm"), ["cp1/reset/drain-w2"]);
    assert_eq!(needs(&steps, "cp1/reset/forget-w2"), ["w2/reset/kubeadm"]);
    assert_eq!(needs(&steps, "w2/reset/audit"), ["w2/reset/purge"]);
    find(&steps, "w1/reset/unroute-w2");
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

/// iptables-restore's input is made of rules that lead to our chains and of nothing else.
#[test]
fn only_rules_of_kubernetes_and_the_cnis_are_taken_away() {
    let leftovers = Leftovers::of(&embedded().expect("readable")).expect("readable");
    assert!(leftovers.chains.contains(&"SLIPWAY-".to_owned()));
    let network = reset_steps(&["w2"], &[], false);
    let text = check(find(&network, "w2/reset/network")).trim_end();
    let (functions, _) = text.rsplit_once('\n').expect("the call stands last");
    let rules = "\
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:SLIPWAY-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.244.0.0/16 -j SLIPWAY-POSTROUTING
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A KUBE-SERVICES -j RETURN
COMMIT
*filter
:INPUT ACCEPT [0:0]
:MY-KUBE-CHAIN - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -j MY-KUBE-CHAIN
-A FORWARD -m comment --comment \"cali:abc\" -m mark --mark 0x10000/0x10000 -j ACCEPT
COMMIT
";
    let program =
        format!("timeout() {{ cat <<'END'\n{rules}END\n}}\nSTATE=/nowhere RUN=/nowhere\n{functions}\nrules_delta iptables\n");
    let (code, delta) = sh(&[], &program);
    assert_eq!(code, Some(0));
    assert_eq!(
        delta,
        "*nat\n:KUBE-SERVICES - [0:0]\n:SLIPWAY-POSTROUTING - [0:0]\n\
         -D PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -D POSTROUTING -s 10.244.0.0/16 -j SLIPWAY-POSTROUTING\n\
         -X KUBE-SERVICES\n-X SLIPWAY-POSTROUTING\nCOMMIT\n\
         *filter\n-D FORWARD -m comment --comment \"cali:abc\" -m mark --mark 0x10000/0x10000 -j ACCEPT\nCOMMIT\n"
    );
}
