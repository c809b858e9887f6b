//! Rules about one host: what it is, what it has, and what stands in the way.

use super::{Fleet, Seen, Trouble};
use crate::{
    config::{SeLinux, Version},
    facts::Cgroup,
};

/// kubeadm refuses a control plane with less: checks NumCPU and Mem of
/// <https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#preflight-checks>.
const CONTROL_PLANE_CPUS: u32 = 2;
const CONTROL_PLANE_MEMORY: u64 = 1700;
/// Nothing refuses less on a worker, but systemd, containerd, the kubelet, kube-proxy and a CNI agent take about as much.
const WORKER_MEMORY: u64 = 700;
/// Packages and images of a control plane take about 1.5 GiB, a worker's half of that; the kubelet evicts below a tenth of the disk.
const DISK: u64 = 1024;
const COMFORTABLE_DISK: u64 = 2 * 1024;
/// The kubelet's own imagefs.available, in percent of the disk:
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds>.
const EVICTION_PERCENT: u64 = 15;
/// system-validators 1.9, <https://github.com/kubernetes/kubernetes/issues/129462>: what kubeadm 1.32 and later ask of the kernel.
const KERNEL: (u32, u32) = (4, 19);

/// Ports that kubeadm wants free on a control plane: <https://kubernetes.io/docs/reference/networking/ports-and-protocols/>.
const CONTROL_PLANE_PORTS: &[u16] = &[2379, 2380, 6443, 10250, 10257, 10259];
/// The insecure ports of the scheduler and the controller manager; kubeadm asked for them up to 1.22, and 1.20 still listens there.
const OLD_CONTROL_PLANE_PORTS: &[u16] = &[10251, 10252];
const WORKER_PORTS: &[u16] = &[10250];
/// Names of Kubernetes' own processes, as ss(8) cuts them.
const KUBERNETES_PROCESSES: &[&str] = &["kubelet", "kube-apiserver", "kube-controller", "kube-scheduler", "kube-proxy", "etcd"];

pub(super) fn systemd(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    if seen.facts.systemd {
        return None;
    }
    Trouble::fatal(
        "systemd is not running as PID 1, and the kubelet is a systemd unit",
        "use a host that boots with systemd: ps -p 1 -o comm=",
    )
}

pub(super) fn architecture(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let arch = seen.facts.arch.as_str();
    if matches!(arch, "x86_64" | "aarch64" | "") {
        return None;
    }
    Trouble::fatal(
        format!("the processor is {arch}; slipway knows x86_64 and aarch64"),
        "use another host, or leave this one out of the cluster file",
    )
}

pub(super) fn kernel(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let mut numbers = seen.facts.kernel.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
    if (major, minor) >= KERNEL || fleet.version.minor < 32 {
        return None;
    }
    let (version, kernel) = (fleet.version, &seen.facts.kernel);
    Trouble::fatal(
        format!("Kubernetes {version} needs Linux {}.{} or later, and this host runs {kernel}", KERNEL.0, KERNEL.1),
        "set kubernetes = \"1.31\" in the cluster file, or upgrade the host's system",
    )
}

pub(super) fn modules(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let facts = seen.facts;
    let missing: Vec<&str> = ["overlay", "br_netfilter"]
        .into_iter()
        .filter(|name| !facts.modules.iter().any(|module| module == name))
        .filter(|name| facts.container || !facts.loadable.iter().any(|module| module == name))
        .collect();
    if missing.is_empty() || (seen.gets_modules && !facts.container) {
        return None;
    }
    let list = missing.join(" ");
    if facts.container {
        return Trouble::fatal(
            format!("the kernel lacks {list}, and a container ({}) can not load modules", facts.virtualisation),
            format!("on the machine that runs this container: modprobe -a {list}"),
        );
    }
    let kernel = &facts.kernel;
    let remedy = if facts.os.id_like.iter().any(|id| id == "rhel" || id == "fedora") {
        format!("dnf install kernel-modules-extra-{kernel}; if the kernel was upgraded since the last boot: reboot")
    } else {
        format!(
            "reboot if the kernel was upgraded since the last boot; else install the modules of {kernel}: modprobe -an {list}"
        )
    };
    Trouble::fatal(format!("no module {list} for the running kernel {kernel}"), remedy)
}

pub(super) fn cgroup(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    if seen.facts.cgroup == Cgroup::V2 || fleet.version.minor < 35 {
        return None;
    }
    Trouble::warning(
        format!(
            "cgroup v1: the kubelet of Kubernetes {} refuses it, so slipway sets failCgroupV1: false; a later version will not run here",
            fleet.version
        ),
        "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line, or use a newer system",
    )
}

pub(super) fn cpus(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let cpus = seen.facts.cpus;
    if cpus == 0 || cpus >= CONTROL_PLANE_CPUS || !seen.is_control_plane() {
        return None;
    }
    Trouble::fatal(
        format!("{cpus} CPU; kubeadm wants {CONTROL_PLANE_CPUS} for a control plane"),
        "give the machine another CPU (Vagrant: v.cpus = 2, then `vagrant reload`)",
    )
}

pub(super) fn memory(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let memory = seen.facts.memory_mib;
    let remedy = "give the machine more memory (Vagrant: v.memory = 2048, then `vagrant reload`)";
    match (memory, seen.is_control_plane()) {
        (0, _) => None,
        (..CONTROL_PLANE_MEMORY, true) => Trouble::fatal(
            format!("{memory} MiB of memory; kubeadm wants {CONTROL_PLANE_MEMORY} MiB for a control plane"),
            remedy,
        ),
        (..WORKER_MEMORY, false) => Trouble::warning(
            format!("{memory} MiB of memory; a worker with less than {WORKER_MEMORY} MiB has little left for pods"),
            remedy,
        ),
        _ => None,
    }
}

pub(super) fn disk(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let free = seen.facts.disk_free_mib;
    // A full disk and an unknown one both say 0; the second is the likelier by far, and the first fails early and clearly.
    if free == 0 || seen.is_member() || free >= COMFORTABLE_DISK {
        return None;
    }
    let what = format!("{free} MiB free below /var/lib; packages and images want {COMFORTABLE_DISK} MiB");
    let remedy = "free or add disk space; what is large: du -xh --max-depth=2 /var | sort -h | tail";
    if free < DISK { Trouble::fatal(what, remedy) } else { Trouble::warning(what, remedy) }
}

/// The kubelet counts shares of the disk, and not what is needed: a large disk that is nearly full makes a Ready node without pods.
pub(super) fn eviction(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let (free, size) = (seen.facts.disk_free_mib, seen.facts.disk_mib);
    if free == 0 || size == 0 || fleet.own_eviction || free * 100 >= size * EVICTION_PERCENT {
        return None;
    }
    Trouble::warning(
        format!(
            "{free} of {size} MiB are free below /var/lib: with less than {EVICTION_PERCENT} % the kubelet evicts pods (DiskPressure)"
        ),
        "free disk space, or set \"eviction-hard\" in kubelet_extra_args: \"imagefs.available<5%,nodefs.available<5%\"",
    )
}

pub(super) fn swap(_: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    if !seen.facts.container || seen.facts.swap.is_empty() {
        return None;
    }
    Trouble::warning(
        format!(
            "swap is on ({}), and a container can not turn it off: the kubelet is told to live with it",
            seen.facts.swap.join(", ")
        ),
        "on the machine that runs this container: swapoff -a",
    )
}

pub(super) fn selinux(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    if let (Some(SeLinux::Enforcing), Some("disabled")) = (fleet.selinux, seen.facts.selinux.as_deref()) {
        return Trouble::warning(
            "the cluster file wants SELinux enforcing, and it is disabled here: that takes a restart",
            "set SELINUX=permissive in /etc/selinux/config, `touch /.autorelabel` and restart the host; then run this again",
        );
    }
    if seen.facts.selinux.as_deref() != Some("enforcing") || fleet.selinux.is_some() || seen.is_member() {
        return None;
    }
    Trouble::warning(
        "SELinux is enforcing: pods that mount the host's files need labels or policies for it",
        "if a pod is refused: ausearch -m avc -ts recent; to have it only logged: selinux = \"permissive\" under [cluster]",
    )
}

pub(super) fn ports(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    let kubernetes = &seen.facts.kubernetes;
    // Kubernetes' own processes are where they belong on a node, on half a node too: the phases know how to go on from there.
    let belongs = |process: &str| {
        (seen.is_member() || kubernetes.attempt.is_some()) && (process.is_empty() || KUBERNETES_PROCESSES.contains(&process))
    };
    let wanted: Vec<u16> = wanted_ports(fleet.version, seen.is_control_plane());
    let taken: Vec<(u16, &str)> = wanted
        .into_iter()
        .filter_map(|port| seen.facts.ports.get(&port).map(|process| (port, process.as_str())))
        .filter(|(_, process)| !belongs(process))
        .collect();
    let (port, process) = taken.first()?;
    let list: Vec<String> =
        taken.iter().map(|(port, by)| format!("{port} ({})", if by.is_empty() { "unknown process" } else { by })).collect();
    let what = format!("ports that Kubernetes needs are taken: {}", list.join(", "));
    if KUBERNETES_PROCESSES.contains(process) {
        Trouble::fatal(what, seen.reset())
    } else {
        Trouble::fatal(what, format!("stop what listens there: ss -ltnp 'sport = :{port}'"))
    }
}

fn wanted_ports(version: Version, control_plane: bool) -> Vec<u16> {
    match (control_plane, version.minor) {
        (false, _) => WORKER_PORTS.to_vec(),
        (true, ..=22) => [CONTROL_PLANE_PORTS, OLD_CONTROL_PLANE_PORTS].concat(),
        (true, _) => CONTROL_PLANE_PORTS.to_vec(),
    }
}

/// The kubelet speaks CRI v1 only from 1.26 on, which containerd knows from 1.6 on; up to 1.22 it speaks v1alpha2 only, which
/// containerd 2.0 has dropped; 1.35 is the last that works with containerd 1: <https://kubernetes.io/blog/2022/11/18/upcoming-changes-in-kubernetes-1-26/>,
/// <https://github.com/containerd/containerd/blob/main/docs/containerd-2.0.md>,
/// <https://kubernetes.io/blog/2025/12/17/kubernetes-v1-35-release/>.
pub(super) fn runtime(fleet: &Fleet<'_>, seen: &Seen<'_>) -> Option<Trouble> {
    if seen.runtime != "containerd" {
        return None;
    }
    let containerd: Version = seen.facts.versions.get("containerd")?.parse().ok()?;
    let (minor, found) = (fleet.version.minor, (containerd.major, containerd.minor));
    let needs = match found {
        found if found < (1, 6) && minor >= 26 => "1.6 or later",
        (2.., _) if minor <= 22 => "1.x",
        (..2, _) if minor >= 36 => "2.0 or later",
        _ => return None,
    };
    Trouble::fatal(
        format!("containerd {containerd} is installed, and Kubernetes {} needs containerd {needs}", fleet.version),
        "set another version of kubernetes in the cluster file, or install a fitting package of containerd on the host; where nobody \
         needs the one that is there: remove it, and slipway installs one that fits",
    )
}

#[cfg(test)]
mod tests;
