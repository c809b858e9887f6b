//! Packages: lists, what comes from the distribution, and signed repositories of others.

use std::time::Duration;

use super::{NAME, dead, mirror, proxy, runtime};
use crate::{
    config::{PackageFormat, PackageSource},
    error::Result,
    lower::quote,
    profile::{OsProfile, PackageShell, Repository, RuntimePackages, words},
    scene::Scene,
    step::{Check, File, Op, Step, Undo},
};

const MIRRORS: &str = "mirrors and the network fail now and then";

pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let profile = &scene.here.profile;
    // What the package manager reads is in order before it runs, and how it reaches out.
    let mut steps = Vec::from_iter(proxy::step(scene));
    if let Some(dead) = dead::step(scene) {
        steps.push(after_last(&steps, dead));
    }
    if let Some(mirror) = mirror::step(scene)? {
        steps.push(after_last(&steps, mirror));
    }
    if profile.packages.shell.known.is_some() {
        steps.push(after_last(&steps, package_lists(scene)));
    }
    let names = words(&profile.packages.prerequisites);
    let step = install(
        scene,
        "prerequisites",
        "Install what Kubernetes expects on a host",
        "kubeadm and the kubelet call conntrack, iptables, socat and others, and packages come over HTTPS.",
        &missing(&names),
    )
    .check(Check::Sh(profile.packages.shell.with(&format!("pkg_installed {names}"))));
    steps.push(after_last(&steps, step));
    Ok(steps)
}

fn after_last(steps: &[Step], step: Step) -> Step {
    match steps.last() {
        Some(last) => step.needs(last.id.clone()),
        None => step,
    }
}

/// Shell that makes those of these packages (words) its arguments that are not installed: no others are upgraded.
pub(super) fn missing(names: &str) -> String {
    format!("set --\nfor name in {names}; do\n    pkg_installed \"$name\" || set -- \"$@\" \"$name\"\ndone")
}

/// A step that installs packages and takes away again those that were not there before. `specs` is shell that makes what
/// `pkg_install` takes its arguments; at least one must come of it.
pub(super) fn install(scene: &Scene<'_>, name: &str, title: &str, why: &str, specs: &str) -> Step {
    let shell = &scene.here.profile.packages.shell;
    Step::new(scene.id(NAME, name), title, why)
        .sh(shell.with(&format!("{specs}\npkg_some \"$@\"\nif pkg_install \"$@\"; then pkg_warn; else pkg_explain; fi")))
        .undo(removal(shell, specs))
        .detached()
        .retry(3, Duration::from_secs(5), MIRRORS)
}

/// Makes such a step put back programs that its packages (words) should have brought, and that somebody has deleted.
pub(super) fn with_programs(scene: &Scene<'_>, mut step: Step, names: &str, programs: &[&str], specs: &str) -> Step {
    let shell = &scene.here.profile.packages.shell;
    let have: Vec<String> = programs.iter().map(|program| format!("have {}", quote(program))).collect();
    let have = have.join(" && ");
    let Check::Sh(check) = &step.check else { return step };
    step.check = Check::Sh(format!("{have} || exit 1\n{check}"));
    let lost = format!("pkg_installed {names} && ! {{ {have}; }}");
    let again = format!(
        "if {lost}; then\n    note 'a program of these packages was deleted: installing them once more'\n{specs}\n    pkg_reinstall \"$@\" || pkg_explain\n    exit 0\nfi"
    );
    step.apply.insert(0, Op::Sh(shell.with(&again)));
    step
}

/// The undo of an installation: purges exactly the packages that it adds, as the package manager foretells them.
fn removal(shell: &PackageShell, specs: &str) -> Undo {
    let aside = if shell.aside_undo.is_some() { "\n    pkg_aside_undo $new" } else { "" };
    let function = format!("pkg_purge() {{\n{}\n}}", shell.purge.trim_end());
    Undo::Record(shell.with(&format!(
        "{specs}\npkg_some \"$@\"\nnew=$(pkg_added \"$@\")\nif [ -n \"$new\" ]; then\n    printf '%s\\n' {}\n    printf 'pkg_purge'\n    printf \" '%s'\" $new\n    printf ' || :\\n'{aside}\nfi",
        // `with` looks for calls by name: this text is only printed.
        quote(&function)
    )))
}

fn package_lists(scene: &Scene<'_>) -> Step {
    let profile = &scene.here.profile;
    let mut check = String::new();
    let prerequisites = words(&profile.packages.prerequisites);
    check.push_str(&format!("pkg_installed {prerequisites} || pkg_known {prerequisites} || exit 1\n"));
    // The distribution's own; what comes from a repository of its own has a step of its own.
    if let Some(packages) = runtime::packages_of(scene).ok().filter(|packages| packages.repository.is_none()) {
        check.push_str(&format!("{} || exit 1\n", known_or_there(scene, packages)));
    }
    let step = Step::new(
        scene.id(NAME, "package-lists"),
        "Fetch the package lists",
        "The package manager must know the packages that the next steps install; a fresh image has no lists.",
    );
    fetching_lists(step, &profile.packages.shell, "", &check).hint(match scene.stage.cluster.proxy {
        None => "see which repository fails: apt-get update",
        Some(_) => "see which repository fails: apt-get update, with what /etc/slipway-proxy.env says",
    })
}

/// A step that fetches lists, all or those of one repository's file, so that `check` holds. If it does, a repository that failed was not
/// needed: that is worth a word, and no more.
pub(super) fn fetching_lists(step: Step, shell: &PackageShell, file: &str, check: &str) -> Step {
    step.check(Check::Sh(shell.with(check)))
        .sh(shell.with(&format!(
            "pkg_refresh {} || :\nif (\n{}\n) >/dev/null 2>&1; then pkg_warn; else pkg_explain; fi",
            quote(file),
            check.trim_end()
        )))
        .detached()
        .retry(3, Duration::from_secs(5), MIRRORS)
}

/// Shell that is true where the runtime is on the host, or its packages are known.
fn known_or_there(scene: &Scene<'_>, packages: &RuntimePackages) -> String {
    let (program, names) = (quote(&scene.here.runtime.program), words(&packages.packages));
    format!("have {program} || pkg_installed {names} || pkg_known {names}")
}

/// The lists of the repository that a runtime comes from.
pub(super) fn runtime_lists(scene: &Scene<'_>, packages: &RuntimePackages, from: &Repository) -> Step {
    let shell = &scene.here.profile.packages.shell;
    let step = Step::new(
        scene.id(NAME, "runtime-lists"),
        format!("Fetch the list of {}'s packages", scene.here.runtime.name),
        format!("The package manager must know {}.", packages.packages.join(", ")),
    )
    .after(NAME, "runtime-repository");
    fetching_lists(step, shell, &from.file, &known_or_there(scene, packages))
}

/// A signed repository as it is to be used.
pub(super) struct Source<'a> {
    pub(super) profile: &'a Repository,
    pub(super) url: String,
    pub(super) key: String,
    pub(super) fingerprint: String,
    /// Shell that is true where the repository is not needed; may be empty.
    pub(super) unless: String,
}

impl<'a> Source<'a> {
    /// The profile's repository where the cluster file names no other. `url` is its address; `names` are those of the key's URL.
    pub(super) fn new(profile: &'a Repository, wanted: PackageSource, url: String, names: &[(&str, &str)]) -> Result<Self> {
        let key = match (wanted.key, wanted.url) {
            (Some(key), _) => key,
            (None, Some(_)) => format!("{url}{}", profile.key_name),
            (None, None) => profile.key.line(names)?,
        };
        let fingerprint = wanted.fingerprint.unwrap_or_else(|| profile.fingerprint.clone());
        Ok(Self { profile, url, key, fingerprint, unless: String::new() })
    }
}

/// What the cluster file says for hosts with this profile.
pub(super) fn wanted(profile: &OsProfile, of: impl Fn(PackageFormat) -> PackageSource) -> PackageSource {
    profile.packages.format.map(of).unwrap_or_default()
}

/// The steps `STEM-key` and `STEM-repository`. `stem` starts their names, `whose` stands in their titles.
pub(super) fn repository(scene: &Scene<'_>, stem: &str, whose: &str, source: &Source<'_>) -> Result<[Step; 2]> {
    let Source { profile, url, key, fingerprint, unless } = source;
    let values = [("url", url.as_str()), ("key_file", &profile.key_file), ("codename", &scene.here.facts.os.codename)];
    let text = profile.text.line(&values)?;
    let key_name = format!("{stem}-key");
    let unless = if unless.is_empty() { String::new() } else { format!("{unless} && exit 0\n") };
    let (key_file, expected) = (quote(&profile.key_file), quote(fingerprint));
    let mut key_step = Step::new(
        scene.id(NAME, &key_name),
        format!("Fetch the signing key of {whose} packages"),
        "Packages are only as trustworthy as the key that they are checked against: its fingerprint is known beforehand.",
    )
    .after(NAME, "prerequisites")
    // Every primary key in the file must be the expected one: the package manager would trust any other as well.
    // A copy that has expired is of no use: the key's owner has made it last longer since, under the same fingerprint.
    .check(Check::Sh(format!(
        "{unless}[ -s {key_file} ] && [ \"$(openpgp_fingerprints {key_file} | sort -u)\" = {expected} ] && ! openpgp_expired {key_file}"
    )))
    .sh(format!(
        "fetch {url} \"$RUN/{key_name}\"
found=$(openpgp_fingerprints \"$RUN/{key_name}\" | sort -u | tr '\\n' ' ')
[ \"${{found% }}\" = {expected} ] || give_up \"the signing key at \"{url}\" is refused: its fingerprint is ${{found:-none, it is no key, }}and not \"{expected} \\
    remedy='find out whose key it is; only if it is the right one, write its `fingerprint` under [packages] in the cluster file'
if openpgp_expired \"$RUN/{key_name}\"; then
    give_up \"the signing key at \"{url}\" is refused: it has expired\" remedy='name a newer copy of it as `key` under [packages] in the cluster file'
fi
grep -q '^-----BEGIN PGP PUBLIC KEY BLOCK' \"$RUN/{key_name}\" ||
    give_up \"the signing key at \"{url}\" is not ASCII-armoured\" remedy='name an armoured copy of it (gpg --enarmor) as `key` under [packages] in the cluster file'
{print}() {{
    cat \"$RUN/{key_name}\"
}}
put {print} {key_file} 644 root:root
rm -f \"$RUN/{key_name}\"",
        url = quote(key),
        print = key_name.replace('-', "_"),
    ))
    .undo(Undo::Record(format!("keep {key_file}")));
    let shell = &scene.here.profile.packages.shell;
    if shell.key_undo.is_some() {
        key_step = key_step.undo(Undo::Record(shell.with(&format!("pkg_key_undo {expected}"))));
    }
    let file = File::new(&profile.file, text);
    let repository_step = Step::files(
        scene.id(NAME, &format!("{stem}-repository")),
        format!("Add the repository of {whose} packages"),
        format!("The distribution does not have {whose} packages in the wanted version."),
        vec![file.clone()],
    )
    .after(NAME, &key_name);
    let repository_step = if unless.is_empty() {
        repository_step
    } else {
        let path = quote(&profile.file);
        let hash = crate::lower::sha256(&file.content);
        repository_step.check(Check::Sh(format!("{unless}same_as {path} 644 root:root {hash}")))
    };
    Ok([key_step, repository_step])
}
