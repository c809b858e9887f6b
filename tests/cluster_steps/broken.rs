//! What a reset does about nodes that hang: its shell against files of a made-up host.

use super::{
    fixture::*,
    made_up_host::*,
    reset::{inventory, reset_steps},
};
use slipway::step::{Op, Step};

/// The shell of a step of a reset.
fn shell<'a>(steps: &'a [Step], name: &str) -> &'a str {
    let Some(Op::Sh(shell)) = find(steps, name).apply.first() else { panic!("no shell") };
    shell
}

#[test]
fn pods_are_known_by_their_control_groups_whatever_became_of_their_runtime() {
    let directory = scratch("cgroups");
    let root = directory.display().to_string();
    // 1 is the host's first process; 7 a pod's, 8 one of a pod that shares the host's processes; 9 has ended; 10 is kind's, 11 that of a
    // machine with its own PID namespace and no control group, 12 nobody's pod.
    let setup = "\
cd \"$1\"
process() {
    mkdir -p \"proc/$1\"
    printf '%s\\n' \"3:memory:$2\" \"0::$2\" >\"proc/$1/cgroup\"
    printf 'Name:\\tx\\nState:\\t%s\\nNSpid:\\t%s\\n' \"$3\" \"$4\" >\"proc/$1/status\"
}
process 1 /machine/init.scope 'S (sleeping)' 1
process 7 /machine/kubepods/besteffort/pod1/c1 'S (sleeping)' '7 1'
process 8 /machine/kubepods.slice/kubepods-pod2.slice/cri-containerd-c2.scope 'T (stopped)' 8
process 9 /machine/kubepods/besteffort/pod1/c1 'Z (zombie)' '9 2'
process 10 /docker/1234/kubepods/pod3/c3 'S (sleeping)' '10 20 1'
process 11 /machine/kubepods/pod4/c4 'S (sleeping)' '11 30 1'
process 12 /machine/system.slice/kubepods-backup.service 'S (sleeping)' 12
";
    assert_eq!(sh(&["-eus", &root], setup).0, Some(0));
    let functions = inventory(&directory, &["/proc/"]);
    assert_eq!(sh(&["-eu"], &format!("{functions}pod_processes\n")), (Some(0), "7\n8\n".to_owned()));
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn mounts_are_taken_away_from_outside_in_and_what_hangs_on_them_is_let_go() {
    let directory = scratch("unmount");
    let root = directory.display().to_string();
    // The kubelet's directory is a disk. FUSE 50 hangs, with a mount below it; 51 is mounted elsewhere, too; 52 has nobody waiting.
    let setup = "\
cd \"$1\"
mkdir -p proc/self var/lib/kubelet connections/50 connections/51 connections/52
echo 2 >connections/50/waiting; echo 1 >connections/51/waiting; echo 0 >connections/52/waiting
k=$1/var/lib/kubelet
cat >proc/self/mountinfo <<END
30 1 8:1 / $k rw - ext4 /dev/sda rw
31 30 0:50 / $k/pods/a/hung rw shared:1 - fuse bindfs rw
32 31 8:2 / $k/pods/a/hung/below rw - ext4 /dev/sdb rw
33 30 8:3 / $k/pods/b/stuck rw - nfs4 server:/x rw
34 30 0:51 / $k/pods/c/shared rw - fuse.sshfs other: rw
35 1 0:51 / /mnt/shared rw - fuse.sshfs other: rw
36 30 0:52 / $k/pods/d/quiet rw - fuse.x x rw
37 30 0:60 / $k/pods/d/twice rw - tmpfs tmpfs rw
38 30 0:61 / $k/pods/d/twice rw - tmpfs tmpfs rw
END
";
    assert_eq!(sh(&["-eus", &root], setup).0, Some(0));
    let reset = reset_steps(&["w2"], &[], false);
    let mut apply = format!("{}{}", find(&reset, "w2/reset/mounts").prepare, shell(&reset, "w2/reset/mounts"));
    for (path, to) in [
        ("/proc/self/mountinfo", "/proc/self/mountinfo"),
        ("/var/lib/kubelet", "/var/lib/kubelet"),
        ("/sys/fs/fuse/connections", "/connections"),
    ] {
        apply = apply.replace(path, &format!("{root}{to}"));
    }
    let functions = "have() { command -v \"$1\" >/dev/null; }\nsay() { echo \"$*\"; }\none_line() { printf '%s' \"$*\" | tr '\\n' ' '; }\n\
        uptime_seconds() { echo 7; }\ntimeout() { [ \"$1\" != -k ] || shift 2; shift; \"$@\"; }\n";
    // A lazy one takes all below it along, and of two on one another the upper one.
    let umount = format!(
        "umount() {{
    for word do :; done
    echo \"umount $word\"
    case $word in */stuck) return 32 ;; esac
    awk -v gone=\"$word\" '{{ line[NR] = $0; at[NR] = $5; if ($5 == gone) last = NR }}
        END {{ for (i = 1; i <= NR; i++) if (i != last && index(at[i], gone \"/\") != 1) print line[i] }}' {root}/proc/self/mountinfo >{root}/new
    mv {root}/new {root}/proc/self/mountinfo
}}\n"
    );
    let only = format!("knowledge=$(printf '%s\\n' \"$knowledge\" | grep '\t{root}/')\n");
    let (apply, call) =
        apply.rsplit_once("\nset +e\n").map(|(functions, call)| (functions.to_owned(), call)).expect("mounts.sh stands last");
    let (code, said) = sh(&["-u"], &format!("RUN={root}\n{functions}{apply}\n{functions}{umount}{only}{call}"));
    assert_eq!(code, Some(0), "{said}");
    let kubelet = format!("{root}/var/lib/kubelet/pods");
    let first: Vec<&str> = said.lines().take_while(|line| !line.contains("not unmounted")).collect();
    assert!(first.contains(&format!("umount {kubelet}/a/hung").as_str()), "{said}");
    assert!(!said.contains("below"), "nothing looks behind what hangs: {said}");
    assert_eq!(said.matches("d/twice").count(), 2, "{said}");
    assert!(said.contains(&format!("not unmounted: {kubelet}/b/stuck")), "{said}");
    let left = std::fs::read_to_string(directory.join("proc/self/mountinfo")).expect("readable");
    let left: Vec<&str> = left.lines().map(|line| line.split(' ').next().expect("a number")).collect();
    assert_eq!(left, ["30", "33", "35"]);
    let aborted = |number: u32| directory.join(format!("connections/{number}/abort")).exists();
    assert_eq!([aborted(50), aborted(51), aborted(52)], [true, false, false]);
    std::fs::remove_dir_all(directory).expect("it is ours");
}

#[test]
fn kubeadm_never_cleans_up_where_something_is_mounted_or_the_runtime_is_silent() {
    let reset = reset_steps(&["w2"], &[], false);
    let apply = shell(&reset, "w2/reset/kubeadm");
    let (_, call) = apply.rsplit_once("\nstop_unit kubelet 60\n").expect("it stops the kubelet first");
    let kept = |why: &str| format!("kubeadm does not clean up, since {why}: that is done without it");
    for (mounts, networks, disk, answers, expected) in [
        ("", "", 1, 0, "kubeadm reset -f --cri-socket=unix:///x --skip-phases=remove-etcd-member".to_owned()),
        ("/var/lib/kubelet/pods/a/stuck", "", 1, 0, kept("something is still mounted below /var/lib/kubelet")),
        ("", "podman", 1, 0, kept("/var/lib/cni holds what is not the cluster's: podman")),
        ("", "", 0, 0, kept("/var/lib/kubelet is a disk of its own")),
        ("", "", 1, 1, kept("the runtime does not answer")),
    ] {
        let doubles = format!(
            "have() {{ [ \"$1\" = kubeadm ]; }}\nsay() {{ echo \"$*\"; }}\ntimeout() {{ [ \"$1\" != -k ] || shift 2; shift; \"$@\"; }}\n\
             systemctl() {{ :; }}\nstop_unit() {{ :; }}\nprocesses_of() {{ :; }}\nunmount_left() {{ :; }}\nleft_kubelet() {{ echo a-kubelet; }}\n\
             left_mounts() {{ printf '%s' '{mounts}'; }}\nis_mount_point() {{ return {disk}; }}\nruntime_answers() {{ return {answers}; }}\n\
             others_networks() {{ printf '%s' '{networks}'; }}\none_line() {{ printf '%s' \"$*\"; }}\n\
             etcd_has_left() {{ return 0; }}\nrm() {{ :; }}\nsed() {{ echo unix:///x; }}\nkubeadm() {{ echo \"kubeadm $*\"; }}\nwhole=yes\n"
        );
        let (code, said) = sh(&["-u"], &format!("{doubles}{call}"));
        assert_eq!((code, said.trim_end()), (Some(0), expected.as_str()));
    }
}
