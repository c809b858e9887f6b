//! Start the control plane on the first host with kubeadm init.

use super::{Phase, node, script::script};
use crate::{
    config::Role,
    error::Result,
    kubeadm,
    lower::quote,
    scene::Scene,
    step::{Check, File, Op, Step},
};

pub const PHASE: Phase = Phase { name: "init", about: "Start the control plane on the first host with kubeadm init", steps };

const INIT: &str = include_str!("init/init.sh");
const TOKEN: &str = include_str!("init/token.sh");

fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    if !scene.is_first() {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    steps.extend(pki(scene));
    steps.push(initialise(scene)?);
    steps.push(node::kubeconfig(scene, "init"));
    steps.extend(admit(scene)?);
    Ok(steps)
}

/// The certificate authorities of a new cluster: kubeadm keeps what it finds.
/// <https://kubernetes.io/docs/setup/best-practices/certificates/>
fn pki(scene: &Scene<'_>) -> Option<Step> {
    let pki = scene.stage.secrets.pki.as_ref()?;
    let files = pki.files.iter().map(|(name, pem, private)| {
        let path = format!("/etc/kubernetes/pki/{name}");
        if *private { File::secret(path, pem) } else { File::new(path, pem) }
    });
    let mut step = Step::files(
        scene.id("init", "pki"),
        "Put the certificate authorities in place",
        "made before kubeadm runs, so that joining hosts know the CA's hash before there is a cluster",
        files.collect(),
    );
    // Other CAs under a control plane that runs would break it beyond repair.
    let guard =
        "[ -n \"$attempt\" ] || refuse_foreign 'a cluster is here already, but without all of its certificate authorities'\n";
    let guard = format!("attempt=$(cat \"$STATE/attempt\" 2>/dev/null) || attempt=\n{guard}");
    step.apply.insert(0, Op::Sh(node::with_state(scene, &guard)));
    Some(step.hint(reset_hint(scene)))
}

/// `kubeadm init`, or what is left to do of it.
fn initialise(scene: &Scene<'_>) -> Result<Step> {
    let values = [("config", node::CONFIG), ("flags", &flags(scene)?)];
    let mut step = Step::new(
        scene.id("init", "kubeadm"),
        "Start the control plane with kubeadm init",
        "etcd, the API server, the controllers and the scheduler run as static pods of this host's kubelet",
    )
    .after("install", "kubelet")
    .after("install", "images")
    .check(node::is_member(scene))
    .write(File::secret(node::CONFIG, kubeadm::init_config(scene)?))
    .sh(script(&values, &node::with_state(scene, INIT)))
    .detached()
    .hint(reset_hint(scene));
    if scene.stage.secrets.pki.is_some() {
        step = step.after("init", "pki");
    }
    Ok(step)
}

/// The flags of `kubeadm init`. Everything that the configuration file can say is said there.
fn flags(scene: &Scene<'_>) -> Result<String> {
    let mut flags = kubeadm::init_flags(scene)?;
    // kubeadm pulls CoreDNS's image even where the add-on is left out, after all the others: a registry without it is no failure.
    if scene.stage.cluster.skip_phases.iter().any(|phase| phase == "addon" || phase == "addon/coredns") {
        flags.push("--ignore-preflight-errors=ImagePull".to_owned());
    }
    Ok(flags.join(" "))
}

/// What lets new hosts into a cluster that exists: a token of this run, the certificates for control planes, and no stale nodes.
fn admit(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let newcomers = node::newcomers(scene.stage)?;
    if newcomers.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = newcomers.iter().map(|site| quote(&format!("node/{}", site.host.name))).collect();
    let names = names.join(" ");
    let stale = Step::new(
        scene.id("init", "stale-nodes"),
        "Forget earlier lives of the hosts that join",
        "kubeadm join refuses a name that the cluster still counts as a Ready node",
    )
    .after("init", "kubeadm")
    .check(Check::Sh(format!(
        "nodes=$(kube get nodes -o name) || exit 1\nfor node in {names}; do\n    \
         ! printf '%s\\n' \"$nodes\" | grep -Fxq \"$node\" || exit 1\ndone\n"
    )))
    .sh(format!("kube delete --ignore-not-found --wait=false {names}\n"));
    let upload = if newcomers.iter().any(|site| site.host.role == Role::ControlPlane) { "yes" } else { "no" };
    let secret = format!("bootstrap-token-{}", scene.stage.secrets.token.id);
    let token = Step::new(
        scene.id("init", "token"),
        "Let new hosts in",
        "the token of this run is for the hosts that join now, and expires by itself",
    )
    .after("init", "stale-nodes")
    .check(Check::Sh(format!("kube -n kube-system get secret {} -o name\n", quote(&secret))))
    .write(File::secret(node::CONFIG, kubeadm::init_config(scene)?))
    .sh(script(&[("config", node::CONFIG), ("upload", upload)], TOKEN));
    Ok(vec![stale, token])
}

fn reset_hint(scene: &Scene<'_>) -> String {
    let name = &scene.here.host.name;
    format!("`slipway reset {name}` clears the host if what is there may go; `journalctl -u kubelet -n 50` on it says more")
}
