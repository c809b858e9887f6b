//! Take Kubernetes off hosts: all of them, or some while the others stay.
//!
//! Nothing here needs the cluster file's version, a live API, a live containerd, or a node that was ever whole. Each step asks the
//! host what is there, takes away what belongs to Kubernetes by its owner's name, is bounded in time, and does not depend on the
//! success of the one before it; the audit at the end lists what is left.

pub mod backup;
pub mod belonging;
pub mod quorum;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    lower::Library,
    phase::script::script,
    profile::Knowledge,
    step::{Check, Due, Recipes, Step, StepId},
};

/// The name of this phase in step paths. It is no part of `up`, and so none of `PHASES`.
pub const NAME: &str = "reset";

/// What lists the things that are there. A program carries those of its functions that it mentions.
static INVENTORY: Library = Library::new(&[
    include_str!("reset/inventory/known.sh"),
    include_str!("reset/inventory.sh"),
    include_str!("reset/end.sh"),
    include_str!("reset/inventory/processes.sh"),
    include_str!("reset/inventory/network.sh"),
    include_str!("reset/inventory/rules.sh"),
    include_str!("reset/inventory/bpf.sh"),
    include_str!("reset/inventory/files.sh"),
    include_str!("reset/inventory/install.sh"),
]);
const KUBECONFIGS: &str = include_str!("reset/kubeconfigs.sh");
const KUBEADM: &str = include_str!("reset/kubeadm.sh");
const PODS: &str = include_str!("reset/pods.sh");
const MOUNTS: &str = include_str!("reset/mounts.sh");
const NETWORK: &str = include_str!("reset/network.sh");
const FILES: &str = include_str!("reset/files.sh");
const UNDO: &str = include_str!("reset/undo.sh");
const AUDIT: &str = include_str!("reset/audit.sh");
const SURVIVOR: &str = include_str!("reset/survivor.sh");
const UNROUTE: &str = include_str!("reset/unroute.sh");
const FORGET: &str = include_str!("reset/forget.sh");
const DRAIN: &str = include_str!("reset/drain.sh");
const COUNTED: &str = include_str!("reset/counted.sh");

/// A host that stays in the cluster.
#[derive(Clone, Debug)]
pub struct Staying<'a> {
    pub name: &'a str,
    /// It is a control plane with an admin.conf, and can speak for the cluster.
    pub speaks: bool,
}

/// What to reset.
#[derive(Clone, Debug)]
pub struct Reset<'a> {
    /// Hosts to reset. Their names are their nodes' names.
    pub hosts: &'a [&'a str],
    /// Those of them that are control planes, by their role.
    pub control_planes: &'a [&'a str],
    /// Hosts that stay; none when the whole cluster goes.
    pub staying: &'a [Staying<'a>],
    /// Addresses by which etcd knows the hosts, by host, blanks between: a member that has never started has no name.
    pub peers: &'a BTreeMap<String, String>,
    /// The control planes must take leave of etcd by themselves: others of its members answer, but none of the hosts that stay speaks.
    pub leaves_alone: bool,
    /// The cluster ends with these hosts: kubeconfigs open nothing any more. Not so where its control planes are only out of reach.
    pub ends: bool,
    /// Also undo what the install phase did.
    pub purge: bool,
    /// What everybody leaves: what is found is taken away, whatever a cluster file says.
    pub knowledge: &'a Knowledge,
}

impl Reset<'_> {
    /// `yes` when nobody stays who could speak for the cluster, for shell.
    fn whole(&self) -> &'static str {
        if self.leaves_alone || self.staying.iter().any(|host| host.speaks) { "" } else { "yes" }
    }
}

/// Shell that lists what of a cluster is on a host, and changes nothing: with `NONCE` set it prints a line for each thing,
/// `NONCE left KIND OWNER FATE SIGN WHAT` with tabs between, and at last `NONCE left-end`. `ends` says that no host of the
/// cluster stays.
#[must_use]
pub fn listing(knowledge: &Knowledge, ends: bool) -> String {
    let ends = if ends { "yes" } else { "" };
    let functions = INVENTORY.for_text(&format!("list_all owners_here uncontested {}", knowledge.list_pods));
    format!("{}list_all\n", inventory(knowledge, ends, ends, &functions))
}

/// The steps of a reset. They are to be run to the end whatever fails on the way.
#[must_use]
pub fn steps(reset: &Reset<'_>) -> Vec<Step> {
    let speaker = reset.staying.iter().find(|host| host.speaks).map(|host| host.name);
    let (mut steps, mut recipes) = (Vec::new(), Recipes::default());
    // Control planes leave etcd one after another, each when the one before is out: etcd must keep its quorum in between.
    let mut last_member: Option<StepId> = None;
    for &host in reset.hosts {
        let member = reset.control_planes.contains(&host);
        let mut before = Vec::new();
        if let Some(speaker) = speaker {
            let drained = drain(speaker, host);
            before.push(drained.id.clone());
            steps.push(drained);
            if member {
                let mut left = leave_etcd(speaker, host, peers(reset, host));
                left.needs = before.iter().chain(&last_member).cloned().collect();
                before = vec![left.id.clone()];
                steps.push(left);
            }
        } else if member {
            before.extend(last_member.iter().cloned());
        }
        steps.extend(on_host(reset, host, before).into_iter().map(|step| recipes.share(step)));
        let forgotten = speaker.map(|speaker| forget(speaker, host, member, peers(reset, host)));
        if let (true, Some(forgotten)) = (member, &forgotten) {
            last_member = Some(forgotten.id.clone());
        }
        steps.extend(forgotten);
        for staying in reset.staying {
            steps.push(unroute(staying.name, host));
        }
    }
    steps
}

/// Shell for a control plane: prints `NONCE node NAME` and `NONCE etcd-member NAME` for all that the cluster counts, with NONCE set.
#[must_use]
pub fn counted() -> String {
    script(&[("node", ""), ("member", "yes"), ("peers", "")], &format!("{SURVIVOR}{COUNTED}"))
}

/// The steps on a host that is reset, one after another.
fn on_host(reset: &Reset<'_>, host: &str, before: Vec<StepId>) -> Vec<Step> {
    let whole = reset.whole();
    let speaker = reset.staying.iter().find(|host| host.speaks).map_or("", |host| host.name);
    let which = if reset.purge { "all" } else { "but-install" };
    let prepare = inventory(reset.knowledge, whole, if reset.ends { "yes" } else { "" }, &INVENTORY.all());
    let collect = &reset.knowledge.collect_pods;
    let kubeadm = format!("{KUBEADM}{collect}:\n");
    let containers = format!("set +e\n{}{PODS}{collect}:\n", reset.knowledge.end_pods);
    let mut rows = vec![
        (
            "kubeconfigs",
            "Delete kubeconfigs that open nothing any more",
            "while the cluster's certificates still tell which they are",
            "find_kubeconfigs | what_of kubeconfig",
            KUBECONFIGS,
        ),
        (
            "kubeadm",
            "Stop the kubelet and run kubeadm reset",
            "kubeadm leaves etcd and clears what it knows of",
            "left_kubelet",
            kubeadm.as_str(),
        ),
        (
            "containers",
            "End all pods",
            "kubeadm leaves pods behind when the runtime does not answer",
            "left_containers",
            containers.as_str(),
        ),
        ("mounts", "Unmount the pods' volumes", "what is mounted must not be deleted", "left_mounts", MOUNTS),
        (
            "network",
            "Take away links, routes and rules",
            "kubeadm leaves them, and the next cluster trips over them",
            "find_network | what_of",
            NETWORK,
        ),
        (
            "files",
            "Delete the node's files",
            "certificates, etcd's data, CNI state and logs of this cluster",
            "find_files | grep -v 'kubelet[.]service$' | what_of",
            FILES,
        ),
        (
            "kubelet-off",
            "Keep the kubelet from starting at boot",
            "kubeadm leaves it enabled, and it would restart for ever",
            "left_enabled",
            "timeout 60 systemctl disable -q --now kubelet\n",
        ),
        (
            "undo",
            "Undo the other steps of slipway",
            "kubeconfigs and files that were here before come back",
            "left_undo but-install",
            UNDO,
        ),
    ];
    if reset.purge {
        rows.push((
            "purge",
            "Undo the install phase",
            "packages, repositories, swap and settings as they were",
            "left_undo all",
            UNDO,
        ));
    }
    let mut steps: Vec<Step> = Vec::new();
    for (name, title, why, left, apply) in rows {
        let which = if name == "purge" { "all" } else { "but-install" };
        let values = [("speaker", speaker), ("which", which)];
        let mut step = Step::new(StepId::new(host, NAME, name), title, why)
            .prepare(prepare.clone())
            .check(Check::Sh(format!("[ -z \"$({left})\" ]\n")))
            .sh(script(&values, apply))
            .detached()
            .limit(limit(name));
        match steps.last() {
            Some(last) => step.needs.push(last.id.clone()),
            None => step.needs.extend(before.iter().cloned()),
        }
        steps.push(step);
    }
    let mut audit = Step::new(
        StepId::new(host, NAME, "audit"),
        "List what is still there",
        "a reset that says success and leaves a chain behind costs somebody an evening",
    )
    .prepare(prepare)
    .check(Check::Sh(format!("[ -z \"$(left_over {which})\" ]\n")))
    .sh(script(&[("which", which)], AUDIT))
    // Whatever its check would say: it also takes away what the other steps of this reset needed.
    .due(Due::AnyChange)
    .limit(limit("audit"))
    .hint("run the same reset again; a restart of the host clears all that is not a file");
    audit.needs.extend(steps.last().map(|step| step.id.clone()));
    steps.push(audit);
    steps
}

/// How long a step of a reset may take. What it calls has limits of its own, which are shorter; this one is for what nobody thought of, and
/// for what a program does itself on a disk or a mount that does not answer.
fn limit(name: &str) -> Duration {
    let minutes = match name {
        // The kubelet's stop, then kubeadm's own reset, which waits for an API that may be gone.
        "kubeadm" => 6,
        "containers" => 5,
        // Etcd's data and the pods' logs may be large.
        "files" => 10,
        // Package managers.
        "undo" => 10,
        "purge" => 20,
        "drain" | "etcd" | "network" => 4,
        _ => 3,
    };
    Duration::from_secs(minutes * 60)
}

fn drain(speaker: &str, host: &str) -> Step {
    let values = [("node", host), ("member", ""), ("peers", "")];
    Step::new(
        StepId::new(speaker, NAME, format!("drain-{host}")),
        format!("Move the pods away from {host}"),
        "pods with a controller start elsewhere before the node goes",
    )
    .check(Check::Sh(script(&values, &format!("{SURVIVOR}is_drained\n"))))
    .sh(script(&values, &format!("{SURVIVOR}{DRAIN}")))
    .detached()
    .limit(limit("drain"))
}

fn peers<'a>(reset: &Reset<'a>, host: &str) -> &'a str {
    reset.peers.get(host).map_or("", String::as_str)
}

/// Before the host's own kubeadm does it: that asks any member for the removal, its own one too, which stops in the middle of the
/// answer, and then kubeadm retries for minutes what is done already.
fn leave_etcd(speaker: &str, host: &str, peers: &str) -> Step {
    let values = [("node", host), ("member", "yes"), ("peers", peers)];
    Step::new(
        StepId::new(speaker, NAME, format!("etcd-{host}")),
        format!("Take {host} out of etcd"),
        "a member that is counted and never answers costs the others their quorum",
    )
    .check(Check::Sh(script(&values, &format!("{SURVIVOR}has_left_etcd\n"))))
    .sh(script(&values, &format!("{SURVIVOR}leave_etcd\n")))
    .limit(limit("etcd"))
    .hint(etcd_hint(speaker))
}

fn etcd_hint(speaker: &str) -> String {
    format!(
        "on {speaker}: do `kubectl get nodes` and `etcdctl member list` (in etcd's container) answer? `etcdctl member remove ID`"
    )
}

fn forget(speaker: &str, host: &str, member: bool, peers: &str) -> Step {
    let values = [("node", host), ("member", if member { "yes" } else { "" }), ("peers", peers)];
    let hint = if member {
        etcd_hint(speaker)
    } else {
        format!("does the API server on {speaker} answer? `kubectl get nodes` there says")
    };
    Step::new(
        StepId::new(speaker, NAME, format!("forget-{host}")),
        if member { format!("Delete the node and etcd member {host}") } else { format!("Delete the node {host}") },
        if member {
            "the cluster would go on counting it, and etcd too"
        } else {
            "the cluster would go on counting it, as NotReady"
        },
    )
    .needs(StepId::new(host, NAME, "kubeadm"))
    .check(Check::Sh(script(&values, &format!("{SURVIVOR}is_forgotten\n"))))
    .sh(script(&values, &format!("{SURVIVOR}{FORGET}")))
    .limit(limit("forget"))
    .hint(hint)
}

/// The route to a node's pods, on a host that stays (CNI profile `bridge`).
fn unroute(staying: &str, host: &str) -> Step {
    let values = [("node", host)];
    Step::new(
        StepId::new(staying, NAME, format!("unroute-{host}")),
        format!("Forget the way to {host}'s pods"),
        "its subnet will be given to another node",
    )
    .needs(StepId::new(host, NAME, "kubeadm"))
    .check(Check::Sh(script(&values, &format!("{UNROUTE}is_unrouted\n"))))
    .sh(script(&values, &format!("{UNROUTE}unroute\n")))
    .limit(limit("unroute"))
}

/// These functions of the inventory, what they know, and what they have to know of the host before they are called.
fn inventory(knowledge: &Knowledge, whole: &str, ends: &str, functions: &str) -> String {
    let values = [("knowledge", knowledge.table()), ("whole", whole.to_owned()), ("ends", ends.to_owned())];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let pods = &knowledge.list_pods;
    // The lock of a step is not for what hangs in the kernel.
    let here = "here=$(owners_here 9>&-)\nknowledge=$(uncontested 9>&-)\n";
    script(&values, &format!("{functions}\nfind_pods() {{\n{pods}:\n}}\n{here}"))
}
