//! The container runtime: its package, its configuration, where it finds images, and that it runs with all that.

mod config;
pub(super) mod registries;
mod shim;

use super::{NAME, packages, proxy};
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    phase::before,
    profile::{RuntimePackages, words},
    scene::Scene,
    step::{Check, File, Step, Undo},
};

pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    reachable(scene)?;
    let mut steps = match packages_of(scene) {
        Ok(source) => package(scene, source)?,
        // Whatever this Kubernetes would be given, the host has one already.
        Err(error) if scene.here.facts.units.contains_key(&scene.here.runtime.unit) => vec![kept(scene, &error)],
        Err(error) => return Err(error),
    };
    steps.push(config::step(scene)?);
    steps.extend(registries::step(scene)?);
    steps.extend(proxy::runtime(scene));
    steps.push(service(scene));
    steps.extend(shim::step(scene)?);
    steps.push(crictl(scene));
    Ok(steps)
}

/// What a runtime's packages are for this version of Kubernetes.
pub(super) fn packages_of<'a>(scene: &Scene<'a>) -> Result<&'a RuntimePackages> {
    let (runtime, profile, version) = (&scene.here.runtime, &scene.here.profile, scene.stage.version);
    let host = &scene.here.host.name;
    let Some(all) = profile.runtimes.get(&runtime.name) else {
        return Err(Error::new(Kind::Invalid, format!("the profile {:?} has no packages of {}", profile.name, runtime.name))
            .hint(format!("install {} on {host} yourself, or add [runtimes.{0}] to the profile", runtime.name)));
    };
    all.serving(version.minor).ok_or_else(|| {
        let what = format!("there are no packages of {} for Kubernetes {version} in profile {:?}", runtime.name, profile.name);
        unsupported(scene, &what)
    })
}

/// Whether there is a way from the kubelet to the runtime at all.
fn reachable(scene: &Scene<'_>) -> Result<()> {
    let (runtime, version) = (&scene.here.runtime, scene.stage.version);
    match runtime.cri(version.minor) {
        Some(_) => Ok(()),
        None => Err(unsupported(scene, &format!("the kubelet of Kubernetes {version} has no way to {}", runtime.name))),
    }
}

fn unsupported(scene: &Scene<'_>, what: &str) -> Error {
    Error::new(Kind::UnsupportedVersion, format!("{}: {what}", scene.here.host.name))
        .hint("leave `runtime` out of the cluster file for containerd, or ask for another version of Kubernetes")
}

/// The step `runtime` on a host that has one, for which slipway itself would have no packages: it acts only to say so if the runtime has gone.
fn kept(scene: &Scene<'_>, error: &Error) -> Step {
    let runtime = &scene.here.runtime;
    Step::new(
        scene.id(NAME, "runtime"),
        format!("Keep the host's {}", runtime.name),
        "The kubelet runs no containers itself: it asks a container runtime, and this host has one.",
    )
    .check(Check::Sh(format!("have {}", quote(&runtime.program))))
    .sh(format!("die {}", quote(&error.what)))
    .hint(format!("install {} yourself, or leave `runtime` out of the cluster file for containerd", runtime.name))
}

/// A runtime that is there already, whoever installed it, is kept.
fn package(scene: &Scene<'_>, source: &RuntimePackages) -> Result<Vec<Step>> {
    let (runtime, profile) = (&scene.here.runtime, &scene.here.profile);
    let shell = &profile.packages.shell;
    let mut steps = Vec::new();
    let program = quote(&runtime.program);
    if let Some(repository) = &source.repository {
        let (minor, key_minor) = (scene.stage.version.minor.to_string(), profile.kubernetes.key_minor.to_string());
        let wanted = packages::wanted(profile, |format| scene.stage.cluster.packages.runtime(format));
        let url = match &wanted.url {
            Some(url) => format!("{}/", url.trim_end_matches('/')),
            None => repository.url.line(&[("minor", &minor)])?,
        };
        let mut from = packages::Source::new(repository, wanted, url, &[("minor", &minor), ("key_minor", &key_minor)])?;
        from.unless = format!("have {program}");
        steps.extend(packages::repository(scene, "runtime", &format!("{}'s", runtime.name), &from)?);
        if shell.known.is_some() {
            steps.push(packages::runtime_lists(scene, source, repository));
        }
    }
    let names = words(&source.packages);
    let mut forget = String::new();
    if let Some(traces) = &runtime.traces {
        forget.push_str(&format!("have {program} || printf '%s\\n' {}\n", quote(traces.trim())));
    }
    for dir in &runtime.data {
        let dir = quote(dir);
        forget.push_str(&format!(
            "if [ -z \"$(ls -A {dir} 2>/dev/null)\" ]; then printf '%s\\n' {}; fi\n",
            quote(&format!("rm -rf --one-file-system {dir} 2>/dev/null || :"))
        ));
    }
    let mut step = packages::install(
        scene,
        "runtime",
        &format!("Install {}", runtime.name),
        "The kubelet runs no containers itself: it asks a container runtime.",
        &packages::missing(&names),
    )
    .after(NAME, "prerequisites")
    // Docker that finds packets not forwarded would close the way for all but its own.
    .after(NAME, "sysctls")
    .check(Check::Sh(shell.with(&format!("pkg_installed {names} || {{ have {program} && ! pkg_unfinished {names}; }}"))));
    step = packages::with_programs(scene, step, &names, &[&runtime.program], &format!("set -- {names}"));
    // Undone last to first: the package goes, then its data.
    step.undo.insert(0, Undo::Record(forget));
    step.undo.insert(0, before::directories(scene));
    if source.repository.is_some() {
        step = step.after(NAME, if shell.known.is_some() { "runtime-lists" } else { "runtime-repository" });
    }
    steps.push(step);
    Ok(steps)
}

fn service(scene: &Scene<'_>) -> Step {
    let runtime = &scene.here.runtime;
    let (unit, socket, file) = (quote(&runtime.unit), quote(&runtime.socket), quote(&runtime.config.file));
    let started = quote(runtime.started());
    // containerd reads hosts.toml at each pull; the others read what they are told at their start.
    let with_registries = registries::needs_restart(scene);
    let mut check = format!("systemctl is-active -q {unit} && systemctl is-enabled -q {unit} && [ {started} -nt {file} ]");
    if with_registries {
        check.push_str(&format!(" && [ {started} -nt {} ]", quote(&runtime.registries.path)));
    }
    let proxied = proxy::runtime_files(scene);
    for file in &proxied {
        check.push_str(&format!(" && [ {started} -nt {} ]", quote(file)));
    }
    let step = Step::new(
        scene.id(NAME, "runtime-service"),
        format!("Run {} with its configuration", runtime.name),
        "A runtime that was started by its package still runs with the package's configuration.",
    )
    .after(NAME, "runtime-config")
    // What it makes anew at each start: newer than the configuration, it belongs to a process that has read it.
    .check(Check::Sh(check))
    .sh(format!("{}systemctl enable -q {unit}\nsystemctl restart {unit}\nwait_for 30 {socket} test -S {socket}", unmask(&unit)))
    .undo(Undo::Record(format!(
        "systemctl is-enabled -q {unit} || printf '%s\\n' {}\n{}",
        quote(&format!("systemctl disable -q --now {unit} 2>/dev/null || :")),
        masked_again(&unit)
    )))
    .hint(format!("journalctl -u {} -n 30", runtime.unit));
    let step = if with_registries { step.after(NAME, "registries") } else { step };
    if proxied.is_empty() { step } else { step.after(NAME, "runtime-proxy") }
}

/// Shell that lets a unit be enabled that somebody has masked, as people do with one that gives them trouble. `unit` is quoted.
pub(super) fn unmask(unit: &str) -> String {
    format!(
        "case $(systemctl is-enabled {unit} 2>/dev/null || :) in masked*) note {unit}' was masked, and is not any more'; systemctl unmask -q {unit} ;; esac\n"
    )
}

/// Shell that prints how that is undone, if it is going to be done.
pub(super) fn masked_again(unit: &str) -> String {
    let undo = quote(&format!("systemctl mask -q {unit} 2>/dev/null || :"));
    format!("case $(systemctl is-enabled {unit} 2>/dev/null || :) in masked*) printf '%s\\n' {undo} ;; esac\n")
}

fn crictl(scene: &Scene<'_>) -> Step {
    let endpoint = scene.here.runtime.endpoint(scene.stage.version.minor);
    Step::files(
        scene.id(NAME, "crictl"),
        "Tell crictl where the runtime is",
        "kubeadm and people look at containers through crictl, which would try one socket after another.",
        vec![File::new("/etc/crictl.yaml", format!("runtime-endpoint: {endpoint}\nimage-endpoint: {endpoint}\ntimeout: 10\n"))],
    )
}
