//! The shell of init, join, cni and verify, run here against files of a made-up host.

use super::{fixture::*, made_up_host::*};
use slipway::{
    config::{Role, WantedCni},
    step::{Op, Undo},
};

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
fn a_dead_member_of_a_machine_that_was_made_anew_is_taken_out_of_etcd() {
    let sites = vec![
        site("cp1", 11, Role::ControlPlane, Some("10.244.0.0/24")),
        site("cp2", 12, Role::ControlPlane, None),
        site("w1", 13, Role::Worker, None),
    ];
    let steps = steps(bridge(), sites, false);
    let stale = find(&steps, "cp1/join/stale-nodes");
    let host = scratch_host("stale");
    std::fs::create_dir_all(host.join("kubernetes/manifests")).expect("writable");
    std::fs::write(host.join("kubernetes/manifests/etcd.yaml"), "").expect("writable");
    let member = |id: &str, name: &str, ip: u8| format!("{id}, started, {name}, https://192.168.77.{ip}:2380, x, false\n");
    let stays = member("a1", "cp1", 11) + &member("a4", "w1", 13);
    std::fs::write(
        host.join("run/members"),
        [&stays, &member("a2", "cp2", 12), &member("a3", "", 12)].map(String::as_str).concat(),
    )
    .expect("writable");
    let double = format!("{ETCD}kube() {{ [ $1 = get ] || echo \"kube $*\"; }}\n");
    assert_eq!(on_host(&host, &double, check(stale)).0, Some(1));
    let (code, text) = on_host(&host, &double, first_shell(stale));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text, "removed a2\nremoved a3\nkube delete node --ignore-not-found --wait=false cp2 w1\n");
    assert_eq!(std::fs::read_to_string(host.join("run/members")).expect("there"), stays);
    assert_eq!(on_host(&host, &double, check(stale)).0, Some(0));
    // Where etcd tells nothing, kubeadm's own check does.
    let silent = "timeout() { return 1; }\nkube() { :; }\n";
    assert_eq!(on_host(&host, silent, check(stale)).0, Some(0));
    std::fs::remove_dir_all(host).expect("it is ours");
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
