//! Start the control plane on the first host with kubeadm init.

use super::{Phase, before, node, script::script};
use crate::{
    error::Result,
    kubeadm,
    lower::sha256,
    scene::Scene,
    step::{File, Op, Step, Undo},
};

pub const PHASE: Phase = Phase { name: "init", about: "Start the control plane on the first host with kubeadm init", steps };

const INIT: &str = include_str!("init/init.sh");
const PKI: &str = include_str!("init/pki.sh");

fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    if !scene.is_first() {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    steps.extend(pki(scene));
    steps.push(initialise(scene)?);
    steps.push(node::kubeconfig(scene, "init"));
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
    let wanted: String =
        pki.files.iter().map(|(name, pem, _)| format!("{}  /etc/kubernetes/pki/{name}\n", sha256(pem))).collect();
    step.apply.insert(0, Op::Sh(script(&[("wanted", wanted.trim_end())], &node::with_state(scene, PKI))));
    step = step.undo(Undo::Sh("rm -f /var/lib/slipway/pki\n".to_owned()));
    Some(step.hint(reset_hint(scene)))
}

/// `kubeadm init`, or what is left to do of it.
fn initialise(scene: &Scene<'_>) -> Result<Step> {
    let flags = kubeadm::init_flags(scene)?.join(" ");
    let values = [("config", node::CONFIG), ("flags", &flags), ("direct", scene.stage.direct_for_pods())];
    let mut step = Step::new(
        scene.id("init", "kubeadm"),
        "Start the control plane with kubeadm init",
        "etcd, the API server, the controllers and the scheduler run as static pods of this host's kubelet",
    )
    .after("install", "kubelet")
    .after("install", "images")
    .check(node::is_member(scene))
    .write(File::secret(node::CONFIG, kubeadm::init_config(scene)?))
    .undo(before::noted(scene))
    .sh(script(&values, &node::with_state(scene, INIT)))
    .detached()
    .hint(reset_hint(scene));
    if scene.stage.secrets.pki.is_some() {
        step = step.after("init", "pki");
    }
    Ok(step)
}

fn reset_hint(scene: &Scene<'_>) -> String {
    let name = &scene.here.host.name;
    format!("`slipway reset {name}` clears the host if what is there may go; `journalctl -u kubelet -n 50` on it says more")
}
