//! kubeadm, kubelet and kubectl: their repository, their exact version, and that nothing upgrades them behind our back.

use super::{NAME, packages, runtime};
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    phase::before,
    profile::words,
    scene::Scene,
    step::{Check, Step, Undo},
};

pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let profile = &scene.here.profile;
    let shell = &profile.packages.shell;
    let version = quote(&scene.stage.version.to_string());
    let names = words(&profile.kubernetes.packages);

    let mut steps = Vec::from(packages::repository(scene, "kubernetes", "Kubernetes'", &source(scene)?)?);
    let mut last = "kubernetes-repository";
    if shell.known.is_some() {
        last = "kubernetes-lists";
        let step = Step::new(
            scene.id(NAME, last),
            "Fetch the list of Kubernetes' packages",
            format!(
                "The package manager must know {} in version {}.",
                profile.kubernetes.packages.join(", "),
                scene.stage.version
            ),
        )
        .after(NAME, "kubernetes-repository");
        let check = format!("pkg_installed_at {version} {names} || pkg_specs {version} {names} >/dev/null");
        steps.push(
            packages::fetching_lists(step, shell, &profile.kubernetes.repository.file, &check).hint(format!(
                "see which versions the repository has: apt-cache madison {}",
                profile.kubernetes.packages.join(" ")
            )),
        );
    }
    let mut install = packages::install(
        scene,
        "kubernetes-packages",
        &format!("Install Kubernetes {}", scene.stage.version),
        "The nodes of a cluster run one version, the one in the cluster file.",
        &format!("set -- $(pkg_specs {version} {names})"),
    )
    .after(NAME, last)
    .check(Check::Sh(shell.with(&format!("pkg_installed_at {version} {names}"))));
    let specs = format!("set -- $(pkg_specs {version} {names})");
    install = packages::with_programs(scene, install, &names, &["kubeadm", "kubelet", "kubectl"], &specs);
    install.undo.insert(0, before::directories(scene));
    if last == "kubernetes-lists" {
        install = install.after(NAME, "prerequisites");
    }
    steps.push(install);
    if shell.hold.is_some() {
        steps.push(
            Step::new(
                scene.id(NAME, "hold"),
                "Hold Kubernetes' packages at their version",
                "A routine upgrade of the host must not upgrade its kubelet past the control plane.",
            )
            .after(NAME, "kubernetes-packages")
            .check(Check::Sh(shell.with(&format!("pkg_held {names}"))))
            .sh(shell.with(&format!("pkg_hold {names}")))
            .undo(Undo::Record(shell.with(&format!(
                "for name in {names}; do\n    pkg_held \"$name\" || printf '%s\\n' \"set -- '$name'\" {}\ndone",
                quote(&format!("{{ {}; }} || :", shell.unhold.as_deref().unwrap_or(":").trim()))
            )))),
        );
    }
    Ok(steps)
}

/// Enabled, so that the node comes back after a restart; kubeadm starts it.
pub(super) fn kubelet(scene: &Scene<'_>) -> Step {
    let env = quote(&scene.here.profile.kubernetes.env);
    Step::new(
        scene.id(NAME, "kubelet"),
        "Enable the kubelet",
        "A node must come back by itself when its host is restarted.",
    )
    // Arguments in this file overrule all that kubeadm writes, the node's address included.
    .check(Check::Sh(format!("systemctl is-enabled -q kubelet.service && ! grep -Eqs '^[^#]*--node-ip' {env}")))
    .sh(format!("if grep -Eqs '^[^#]*--node-ip' {env}; then die {env}' sets --node-ip, which would overrule the address of the cluster file'; fi"))
    .sh(format!("{}systemctl enable -q kubelet.service", runtime::unmask("kubelet.service")))
    .undo(Undo::Record(format!(
        "systemctl is-enabled -q kubelet.service || printf 'systemctl disable -q --now kubelet.service 2>/dev/null || :\\n'\n{}",
        runtime::masked_again("kubelet.service")
    )))
    .hint("remove --node-ip from the kubelet's environment file; to choose the address, write `node_ip` under the host in the cluster file")
}

/// Where Kubernetes' packages come from: the cluster file's repository, or the community's for the minor version.
pub(super) fn source<'a>(scene: &Scene<'a>) -> Result<packages::Source<'a>> {
    let kubernetes = &scene.here.profile.kubernetes;
    let wanted = packages::wanted(&scene.here.profile, |format| scene.stage.cluster.packages.kubernetes(format));
    let minor = scene.stage.version.minor;
    let url = match &wanted.url {
        Some(url) => format!("{}/", url.trim_end_matches('/')),
        None if minor < kubernetes.oldest_minor => {
            return Err(Error::new(
                Kind::UnsupportedVersion,
                format!(
                    "the community's package repositories begin with 1.{}, and {} is wanted",
                    kubernetes.oldest_minor, scene.stage.version
                ),
            )
            .hint("name a repository that has it: `url`, `key` and `fingerprint` under [packages] in the cluster file"));
        }
        None => kubernetes.repository.url.line(&[("minor", &minor.to_string())])?,
    };
    let key_minor = minor.max(kubernetes.key_minor).to_string();
    packages::Source::new(&kubernetes.repository, wanted, url, &[("key_minor", &key_minor)])
}
