//! The steps of a reset, and their shell against files of a made-up host.

use super::{fixture::*, made_up_host::*};
use slipway::{
    graph::Graph,
    phase::reset::{self, Reset, Staying},
    profile::{Knowledge, Profiles},
    step::{Op, Step},
};

pub(super) fn reset_steps(hosts: &[&str], staying: &[Staying<'_>], purge: bool) -> Vec<Step> {
    let knowledge = Knowledge::of(&Profiles::load(None).expect("the embedded profiles"));
    let control_planes: Vec<&str> = hosts.iter().copied().filter(|host| host.starts_with("cp")).collect();
    let peers = hosts.iter().map(|host| ((*host).to_owned(), "192.0.2.7 2001:db8::7".to_owned())).collect();
    reset::steps(&Reset {
        hosts,
        control_planes: &control_planes,
        staying,
        peers: &peers,
        leaves_alone: false,
        ends: staying.is_empty(),
        purge,
        knowledge: &knowledge,
    })
}

/// The functions that list what is on a host, with `directory` in front of the paths in `moved`.
pub(super) fn inventory(directory: &std::path::Path, moved: &[&str]) -> String {
    let knowledge = Knowledge::of(&Profiles::load(None).expect("the embedded profiles"));
    let text = reset::listing(&knowledge, true);
    let mut functions = text.trim_end().strip_suffix("list_all").expect("the call stands last").to_owned();
    for path in moved {
        functions = functions.replace(path, &format!("{}{path}", directory.display()));
    }
    let root = directory.display();
    format!(
        "have() {{ command -v \"$1\" >/dev/null; }}\none_line() {{ printf '%s' \"$*\"; }}\nSTATE={root}/state RUN={root}/run\n{functions}\n"
    )
}

#[test]
fn pods_of_system_containers_on_the_machine_are_left_alone() {
    let directory = scratch("shims");
    let setup = "\
cd \"$1\"
for pid in self 7 8; do mkdir -p proc/$pid/ns; printf 'containerd-shim-runc-v2\\0-namespace\\0k8s.io\\0-id\\0x\\0' >proc/$pid/cmdline; echo containerd-shim >proc/$pid/comm; done
echo >proc/self/ns/pid; ln proc/self/ns/pid proc/7/ns/pid; echo >proc/8/ns/pid
";
    let directory_text = directory.display().to_string();
    assert_eq!(sh(&["-eus", &directory_text], setup).0, Some(0));
    assert_eq!(
        sh(&["-eu"], &format!("{}processes_of containerd-shim k8s.io\n", inventory(&directory, &["/proc/"]))),
        (Some(0), "7\n".to_owned())
    );
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn nothing_is_deleted_below_which_something_is_mounted_even_behind_a_link() {
    let directory = scratch("mounts");
    let root = directory.display().to_string();
    let setup = "\
cd \"$1\"
mkdir -p proc/self 'disk 2/pods/a/vol' 'disk 2/pods/b' etc/kubernetes/pki var/lib
echo data >'disk 2/pods/a/vol/data'; echo >'disk 2/config.yaml'; echo >etc/kubernetes/audit.yaml
ln -s \"$1/disk 2\" var/lib/kubelet
printf '%s\\n' \"36 35 8:1 / $1/disk\\\\0402/pods/a/vol rw - ext4 /dev/sda rw\" >proc/self/mountinfo
";
    assert_eq!(sh(&["-eus", &root], setup).0, Some(0));
    let moved = ["/proc/self/mountinfo", "/var/lib/kubelet", "/etc/kubernetes", "/var/lib/etcd", "/var/lib/cni"];
    let functions = inventory(&directory, &moved);
    assert_eq!(sh(&["-eu"], &format!("{functions}left_mounts\n")), (Some(0), format!("{root}/disk 2/pods/a/vol\n")));
    let reset = reset_steps(&["w2"], &[], false);
    let step = find(&reset, "w2/reset/files");
    let Some(Op::Sh(apply)) = step.apply.first() else { panic!("no shell") };
    let mut apply = format!("{}{apply}", step.prepare);
    for path in moved {
        apply = apply.replace(path, &format!("{root}{path}"));
    }
    let (functions, apply) = apply.rsplit_once("\nset +e\none=").expect("files.sh stands last");
    let apply = format!("set +e\none={apply}");
    let functions = format!("have() {{ command -v \"$1\" >/dev/null; }}\nSTATE={root}/state RUN={root}\n{functions}\n");
    // A way that is no line would shift those behind it: then none of them counts as free.
    let looked = format!(
        "{functions}ln -s '{root}/odd\nname' '{root}/link'\nwith_mounts {root}/etc\nwith_mounts {root}/link {root}/etc\n"
    );
    assert_eq!(sh(&["-eu"], &looked), (Some(0), ".\n".to_owned()));
    let doubles = "die() { echo \"error: $*\"; exit 1; }\nsay() { echo \"$*\"; }\nsystemctl() { :; }\ntimeout() { [ \"$1\" != -k ] || shift 2; shift; \"$@\"; }\n";
    // Only what stands in our directory: nothing of the machine that runs this test is touched.
    let only = format!("knowledge=$(printf '%s\\n' \"$knowledge\" | grep '\t{root}/')\n");
    let (code, said) = sh(&["-eu"], &format!("{functions}{doubles}{only}{apply}"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("still mounted, and not deleted: {root}/disk 2/pods/a/vol")), "{said}");
    assert!(said.contains(&format!("kept: {root}/etc/kubernetes/audit.yaml")), "{said}");
    assert!(directory.join("disk 2/pods/a/vol/data").exists() && !directory.join("disk 2/config.yaml").exists());
    assert!(!directory.join("disk 2/pods/b").exists(), "what lies beside the mount goes");
    assert!(directory.join("etc/kubernetes/audit.yaml").exists() && !directory.join("etc/kubernetes/pki").exists());
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn what_is_not_known_of_mounts_counts_as_mounted() {
    let reset = reset_steps(&["w2"], &[], false);
    let Some(Op::Sh(apply)) = find(&reset, "w2/reset/files").apply.first() else { panic!("no shell") };
    let (functions, _) = apply.split_once("\nfind_units | ").expect("the functions stand first");
    // In place of all that deletes, and of what looks for mounts.
    let doubles = "delete() { echo \"each: $1\"; }\ntimeout() { shift 5; echo \"together: $#\"; }\nis_mount_point() { return 1; }\n\
        have_awk=yes\nwith_mounts() { [ -n \"$have_awk\" ] || return 1; echo /x/3; echo .; }\n";
    let run = |more: &str, count: usize| {
        let program =
            format!("RUN=/nowhere\nrm() {{ :; }}\n{functions}\n{doubles}{more}seq 1 {count} | sed 's@^@/x/@' | delete_all\n");
        sh(&["-u"], &program)
    };
    let chunk = |names: usize| format!("together: {names}\neach: /x/3\n");
    assert_eq!(run("", 450), (Some(0), chunk(199) + &chunk(200) + &chunk(50)));
    let (code, said) = run("have_awk=\n", 3);
    assert_eq!((code, said.as_str()), (Some(0), "each: /x/1\neach: /x/2\neach: /x/3\n"));
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
        let program =
            format!("{}timeout() {{ cat <<'END'\n{rules}END\n}}\nscan_rules iptables delta\n", inventory(&directory, &[]));
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
    assert_eq!(needs(&steps, "cp1/reset/etcd-cp2"), ["cp1/reset/drain-cp2"]);
    assert_eq!(needs(&steps, "cp2/reset/kubeconfigs"), ["cp1/reset/etcd-cp2"]);
    assert_eq!(needs(&steps, "cp1/reset/etcd-cp3"), ["cp1/reset/drain-cp3", "cp1/reset/forget-cp2"]);
    assert_eq!(needs(&steps, "cp3/reset/kubeconfigs"), ["cp1/reset/etcd-cp3"]);
    assert_eq!(needs(&steps, "cp1/reset/forget-cp2"), ["cp2/reset/kubeadm"]);
    assert_eq!(needs(&steps, "w1/reset/kubeconfigs"), ["cp1/reset/drain-w1"]);
    assert!(check(find(&steps, "cp1/reset/forget-cp3")).starts_with("node='cp3'\nmember='yes'\n"));
    assert!(check(find(&steps, "cp1/reset/forget-w1")).starts_with("node='w1'\nmember=''\n"));
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

#[test]
fn members_are_taken_out_by_name_and_by_the_address_of_one_that_never_started() {
    let directory = scratch_host("members");
    std::fs::create_dir_all(directory.join("kubernetes/manifests")).expect("writable");
    std::fs::write(directory.join("kubernetes/manifests/etcd.yaml"), "    - --listen-client-urls=https://127.0.0.1:2379,x\n")
        .expect("writable");
    let member = |id: &str, name: &str, ip: &str| format!("{id}, started, {name}, https://{ip}:2380, https://{ip}:2379, false\n");
    let stays = member("a1", "cp1", "192.0.2.1") + &member("a4", "", "192.0.2.70") + &member("a5", "cp22", "192.0.2.22");
    let all = [stays.as_str(), &member("a2", "cp2", "192.0.2.2"), &member("a3", "", "[2001:db8::7]")].concat();
    std::fs::write(directory.join("run/members"), all).expect("writable");
    let steps = reset_steps(&["cp2"], &[Staying { name: "cp1", speaks: true }], false);
    let leave = find(&steps, "cp1/reset/etcd-cp2");
    assert_eq!(on_host(&directory, ETCD, check(leave)).0, Some(1));
    let (code, said) = on_host(&directory, ETCD, first_shell(leave));
    assert_eq!((code, said.as_str()), (Some(0), "removed a2\nremoved a3\n"));
    assert_eq!(std::fs::read_to_string(directory.join("run/members")).expect("there"), stays);
    assert_eq!(on_host(&directory, ETCD, check(leave)).0, Some(0));
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn a_member_that_stays_on_the_list_is_named_with_the_reason() {
    let directory = scratch_host("quorum");
    std::fs::create_dir_all(directory.join("kubernetes/manifests")).expect("writable");
    std::fs::write(directory.join("kubernetes/manifests/etcd.yaml"), "").expect("writable");
    std::fs::write(directory.join("run/members"), "a2, started, cp2, https://192.0.2.2:2380, https://192.0.2.2:2379, false\n")
        .expect("writable");
    let steps = reset_steps(&["cp2"], &[Staying { name: "cp1", speaks: true }], false);
    // Time passes a minute at a time.
    let doubles = format!(
        "{ETCD}date() {{ echo 60 >>\"$RUN/time\"; awk '{{ sum += $1 }} END {{ print sum }}' \"$RUN/time\"; }}\n\
         mkdir -p \"$RUN\"\n"
    );
    let refuses = doubles.replace("[ ! -e \"$RUN/refused\" ]", ":").replace("unhealthy cluster", "request timed out");
    let (code, said) = on_host(&directory, &refuses, first_shell(find(&steps, "cp1/reset/etcd-cp2")));
    assert_eq!(code, Some(1));
    assert_eq!(said, "error: cp2 is still a member of etcd, a2: etcd has no quorum (Error: etcdserver: request timed out)\n");
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn a_whole_cluster_is_reset_without_its_api() {
    let steps = reset_steps(&["cp1", "w1"], &[], false);
    let names = ["kubeconfigs", "kubeadm", "containers", "mounts", "network", "files", "kubelet-off", "undo", "audit"];
    let expected: Vec<String> = ["cp1", "w1"].iter().flat_map(|host| names.map(|name| format!("{host}/reset/{name}"))).collect();
    assert_eq!(paths(&steps), expected);
    assert!(steps.iter().all(|step| step.needs.iter().all(|id| id.host == step.id.host)), "no host waits for another");
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

#[test]
fn what_is_asked_of_hosts_is_shell() {
    let knowledge = Knowledge::of(&Profiles::load(None).expect("the embedded profiles"));
    for text in [reset::counted(), reset::listing(&knowledge, true)] {
        assert_eq!(sh(&["-n"], &format!("NONCE=x\nask() {{\n{text}\n}}\n")).0, Some(0), "{text}");
    }
}

#[test]
fn every_step_ends() {
    let staying = [Staying { name: "cp1", speaks: true }, Staying { name: "w1", speaks: false }];
    for step in reset_steps(&["cp2", "w2"], &staying, true) {
        assert!(step.limit.is_some_and(|limit| limit.as_secs() <= 20 * 60), "{} has no limit", step.id);
    }
}

#[test]
fn a_node_leaves_a_cluster_that_stays() {
    let staying = [Staying { name: "cp1", speaks: true }, Staying { name: "w1", speaks: false }];
    let steps = reset_steps(&["w2"], &staying, true);
    assert_eq!(needs(&steps, "w2/reset/kubeconfigs"), ["cp1/reset/drain-w2"]);
    assert_eq!(needs(&steps, "cp1/reset/forget-w2"), ["w2/reset/kubeadm"]);
    assert_eq!(needs(&steps, "w2/reset/audit"), ["w2/reset/purge"]);
    find(&steps, "w1/reset/unroute-w2");
    assert_is_shell(&steps);
    Graph::new(steps).expect("no circle");
}

/// iptables-restore's input is made of rules that lead to our chains and of nothing else.
#[test]
fn only_rules_of_kubernetes_and_the_cnis_are_taken_away() {
    let directory = scratch("rules");
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
    let program = format!("{}timeout() {{ cat <<'END'\n{rules}END\n}}\nscan_rules iptables delta\n", inventory(&directory, &[]));
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
