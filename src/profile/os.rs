//! What a distribution knows: how its packages are managed, where things lie, and how its firewall is told.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::template::Template;
use crate::{facts::Os, lower::quote};

/// An operating system. Profiles without `match` are there to be inherited from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OsProfile {
    pub name: String,
    /// The profile whose tables this one's are laid over.
    pub inherits: Option<String>,
    #[serde(rename = "match")]
    pub matches: Option<Match>,
    pub packages: PackageManager,
    pub dead: DeadRepositories,
    pub kubernetes: KubernetesPackages,
    /// By the name of the runtime's profile.
    pub runtimes: BTreeMap<String, RuntimePackages>,
    /// By the name that [`crate::facts::Facts::firewalls`] gives them.
    pub firewalls: BTreeMap<String, Firewall>,
}

/// Which hosts a profile is for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// ID of os-release(5).
    pub id: String,
    /// `VERSION_ID`s; `9` also matches 9.4.
    pub versions: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageManager {
    /// Packages that kubeadm and the kubelet expect on the host.
    pub prerequisites: Vec<String>,
    pub shell: PackageShell,
}

/// Bodies of shell functions, called `pkg_run`, `pkg_installed` and so on. They may call each other and `have`, `say` and `die`;
/// only `purge` must do without these, since it runs in an undo script.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageShell {
    /// ARGUMENT...: the package manager itself, asking nothing, waiting for its lock.
    pub run: String,
    /// Finishes what an interrupted run of the package manager has begun.
    pub mend: Option<String>,
    /// NAME...: true when all are installed.
    pub installed: String,
    /// VERSION NAME...: true when all are installed in this version (whatever the packaging's own revision).
    pub installed_at: String,
    /// NAME...: true when any of them is half installed.
    pub unfinished: String,
    /// NAME...: true when the package lists know all of them. Left out where the manager fetches lists by itself.
    pub known: Option<String>,
    /// `[FILE]`: fetches the package lists, or only those of one repository's file.
    pub refresh: String,
    /// VERSION NAME...: prints what `install` must be given for exactly this version; false when there is no such version.
    pub specs: String,
    /// SPEC...: installs.
    pub install: String,
    /// SPEC...: prints the names of the packages that `install` would add.
    pub added: String,
    /// NAME...: removes these and no other, with their configuration.
    pub purge: String,
    /// NAME...: keeps upgrades away from packages; left out where the repository's file does that.
    pub hold: Option<String>,
    /// NAME...: ends that.
    pub unhold: Option<String>,
    /// NAME...: true when all are held.
    pub held: Option<String>,
}

/// Package repositories that no longer exist, which make the package manager fail until they are out of its sight.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadRepositories {
    /// Shell patterns of the files that name repositories.
    pub files: Vec<String>,
    /// Extended regular expression of the lines that name a dead one.
    pub lines: String,
    /// Whether the whole file must go, and not only these lines.
    pub whole: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesPackages {
    pub packages: Vec<String>,
    /// The environment file of the kubelet's unit, whose arguments overrule all others.
    pub env: String,
    /// The oldest minor version that the default repository has.
    pub oldest_minor: u32,
    /// The oldest minor version whose copy of the signing key is kept up to date.
    pub key_minor: u32,
    pub repository: Repository,
}

/// Packages of a container runtime.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimePackages {
    pub packages: Vec<String>,
    /// Where they come from, if not from the distribution.
    pub repository: Option<Repository>,
}

/// A signed package repository.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repository {
    /// Names: `minor`.
    pub url: Template,
    /// URL of the signing key. Names: `key_minor`.
    pub key: Template,
    /// Where the key lies below a `url` that is the user's own.
    pub key_name: String,
    /// Fingerprint of the only primary key that the key file may hold: 40 hex digits, upper case.
    pub fingerprint: String,
    pub key_file: String,
    /// The file that tells the package manager, and its text. Names: `url`, `key_file`.
    pub file: String,
    pub text: Template,
}

/// A firewall front end. Templates are shell. Names: `port` (`6443/tcp`, `2379-2380/tcp`) or `network` (`10.244.0.0/16`).
/// `close` and `distrust` run in undo scripts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Firewall {
    /// What stands between the first and the last port of a range.
    pub range: String,
    /// Prints the open ports, one a line, in the same form as `port`.
    pub opened: Template,
    pub open: Template,
    pub close: Template,
    /// Prints the networks from which everything is let in, one a line.
    pub trusted: Template,
    pub trust: Template,
    pub distrust: Template,
}

impl OsProfile {
    /// Whether this profile is for a host with such an os-release.
    #[must_use]
    pub fn suits(&self, os: &Os) -> bool {
        self.matches.as_ref().is_some_and(|matches| {
            matches.id == os.id
                && matches.versions.iter().any(|wanted| {
                    os.version.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
        })
    }

    /// Templates by the names that they may use.
    pub(super) fn templates(&self) -> Vec<(&Template, &'static [&'static str])> {
        let repositories = std::iter::once(&self.kubernetes.repository)
            .chain(self.runtimes.values().filter_map(|runtime| runtime.repository.as_ref()))
            .flat_map(|repository| -> [(&Template, &'static [&'static str]); 3] {
                [(&repository.url, &["minor"]), (&repository.key, &["key_minor"]), (&repository.text, &["url", "key_file"])]
            });
        let firewalls = self.firewalls.values().flat_map(|firewall| -> [(&Template, &'static [&'static str]); 6] {
            [
                (&firewall.opened, &[]),
                (&firewall.trusted, &[]),
                (&firewall.open, &["port"]),
                (&firewall.close, &["port"]),
                (&firewall.trust, &["network"]),
                (&firewall.distrust, &["network"]),
            ]
        });
        repositories.chain(firewalls).collect()
    }

    /// The first key that a host's profile must have and this one, with all that it inherits, lacks.
    pub(super) fn lacks(&self) -> Option<String> {
        let shell = &self.packages.shell;
        let repository = &self.kubernetes.repository;
        let mut needed = vec![
            ("packages.shell.run".to_owned(), shell.run.is_empty()),
            ("packages.shell.installed".to_owned(), shell.installed.is_empty()),
            ("packages.shell.installed_at".to_owned(), shell.installed_at.is_empty()),
            ("packages.shell.unfinished".to_owned(), shell.unfinished.is_empty()),
            ("packages.shell.refresh".to_owned(), shell.refresh.is_empty()),
            ("packages.shell.specs".to_owned(), shell.specs.is_empty()),
            ("packages.shell.install".to_owned(), shell.install.is_empty()),
            ("packages.shell.added".to_owned(), shell.added.is_empty()),
            ("packages.shell.purge".to_owned(), shell.purge.is_empty()),
            ("packages.shell.unhold".to_owned(), shell.hold.is_some() && shell.unhold.is_none()),
            ("packages.shell.held".to_owned(), shell.hold.is_some() && shell.held.is_none()),
            ("packages.prerequisites".to_owned(), self.packages.prerequisites.is_empty()),
            ("dead.lines".to_owned(), !self.dead.files.is_empty() && self.dead.lines.is_empty()),
            ("kubernetes.packages".to_owned(), self.kubernetes.packages.is_empty()),
            ("kubernetes.env".to_owned(), self.kubernetes.env.is_empty()),
        ];
        needed.extend(repository.needed("kubernetes.repository"));
        for (name, runtime) in &self.runtimes {
            needed.push((format!("runtimes.{name}.packages"), runtime.packages.is_empty()));
            needed.extend(runtime.repository.iter().flat_map(|each| each.needed(&format!("runtimes.{name}.repository"))));
        }
        for (name, firewall) in &self.firewalls {
            let templates =
                [&firewall.opened, &firewall.open, &firewall.close, &firewall.trusted, &firewall.trust, &firewall.distrust];
            needed.push((format!("all of firewalls.{name}"), templates.iter().any(|template| template.is_empty())));
        }
        needed.into_iter().find_map(|(key, missing)| missing.then_some(key))
    }
}

impl Repository {
    fn needed(&self, table: &str) -> Vec<(String, bool)> {
        [
            ("url", self.url.is_empty()),
            ("key", self.key.is_empty()),
            ("key_name", self.key_name.is_empty()),
            ("key_file", self.key_file.is_empty()),
            ("file", self.file.is_empty()),
            ("text", self.text.is_empty()),
            ("fingerprint", !is_fingerprint(&self.fingerprint)),
        ]
        .into_iter()
        .map(|(key, missing)| (format!("{table}.{key}"), missing))
        .collect()
    }
}

/// 40 hex digits, upper case.
fn is_fingerprint(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c))
}

impl PackageShell {
    /// `text` with the functions that it calls in front of it.
    #[must_use]
    pub fn with(&self, text: &str) -> String {
        let functions = [
            ("pkg_run", Some(&self.run)),
            ("pkg_mend", self.mend.as_ref()),
            ("pkg_installed", Some(&self.installed)),
            ("pkg_installed_at", Some(&self.installed_at)),
            ("pkg_unfinished", Some(&self.unfinished)),
            ("pkg_known", self.known.as_ref()),
            ("pkg_refresh", Some(&self.refresh)),
            ("pkg_specs", Some(&self.specs)),
            ("pkg_install", Some(&self.install)),
            ("pkg_added", Some(&self.added)),
            ("pkg_purge", Some(&self.purge)),
            ("pkg_hold", self.hold.as_ref()),
            ("pkg_unhold", self.unhold.as_ref()),
            ("pkg_held", self.held.as_ref()),
        ];
        let mut wanted = vec![false; functions.len()];
        let mut texts = vec![text];
        while let Some(text) = texts.pop() {
            for (index, (name, body)) in functions.iter().enumerate() {
                let called = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == *name);
                if let (true, false, Some(body)) = (called, wanted[index], body) {
                    wanted[index] = true;
                    texts.push(body.as_str());
                }
            }
        }
        let bodies = functions.iter().zip(wanted).filter_map(|((name, body), wanted)| wanted.then_some((name, (*body)?)));
        let mut shell: String = bodies.map(|(name, body)| format!("{name}() {{\n{}\n}}\n", body.trim_end())).collect();
        shell.push_str(text);
        shell
    }
}

/// Words of a shell command, each quoted.
#[must_use]
pub fn words<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}
