//! A directory that shell takes for a host.

use super::fixture::*;
use slipway::step::{Op, Step};

pub(crate) fn scratch(name: &str) -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("slipway-test-{name}-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("run")).expect("a directory of ours");
    directory.canonicalize().expect("it is there")
}

/// A directory of this test's own; it stands for the host's /etc/kubernetes, /etc/cni and state.
pub(crate) fn scratch_host(name: &str) -> std::path::PathBuf {
    let directory = scratch(name);
    for part in ["kubernetes/pki/etcd", "cni/net.d", "state/cni"] {
        std::fs::create_dir_all(directory.join(part)).expect("writable");
    }
    directory
}

/// Runs a step's shell with the host's paths moved into `directory` and `doubles` before it; what it prints on either stream.
pub(crate) fn on_host(directory: &std::path::Path, doubles: &str, shell: &str) -> (Option<i32>, String) {
    let moved = shell
        .replace("/etc/kubernetes", &directory.join("kubernetes").to_string_lossy())
        .replace("/etc/cni", &directory.join("cni").to_string_lossy())
        .replace("/var/lib/etcd", &directory.join("etcd").to_string_lossy());
    let prelude = "exec 2>&1\ndie() { echo \"error: $*\"; exit 1; }\nsay() { echo \"$*\"; }\nuse_proxy_for_pods() { :; }\n";
    sh(&["-eu"], &format!("{prelude}STATE={0}/state RUN={0}/run\n{doubles}\n{moved}", directory.display()))
}

pub(crate) fn first_shell(step: &Step) -> &str {
    step.apply.iter().find_map(|op| if let Op::Sh(shell) = op { Some(shell.as_str()) } else { None }).expect("shell")
}

/// A containerd in which an etcd runs whose members stand in a file. It refuses the first removal, as etcd does when a member has just come.
pub(crate) const ETCD: &str = "\
timeout() { shift; \"$@\"; }
sleep() { :; }
ctr() {
    case \"$*\" in
        *'tasks ls'*) echo 'abc 7 RUNNING' ;;
        *'containers ls'*) echo abc ;;
        *'member list'*) cat \"$RUN/members\" ;;
        *'member remove'*)
            if [ ! -e \"$RUN/refused\" ]; then : >\"$RUN/refused\"; echo 'Error: etcdserver: unhealthy cluster' >&2; return 1; fi
            id=$(echo \"$*\" | sed 's/.*member remove \\([^ ]*\\).*/\\1/')
            echo \"removed $id\"
            grep -v \"^$id\" \"$RUN/members\" >\"$RUN/members.new\"
            mv \"$RUN/members.new\" \"$RUN/members\"
            ;;
    esac
}
";
