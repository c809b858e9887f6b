//! What a distribution knows: how its packages are managed, where things lie, and how its firewall is told.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{packages::PackageShell, template::Template};
use crate::{config::PackageFormat, facts::Os};

/// An operating system. Profiles without `match` are there to be inherited from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OsProfile {
    pub name: String,
    /// The profile whose tables this one's are laid over.
    pub inherits: Option<String>,
    /// Keys of the inherited tables that do not hold here, as `runtimes.docker.repository`.
    pub without: Vec<String>,
    #[serde(rename = "match")]
    pub matches: Option<Match>,
    /// What is laid over the rest on hosts of a version that is in `match`.
    pub version: BTreeMap<String, OsProfile>,
    pub packages: PackageManager,
    /// By a name for each.
    pub dead: BTreeMap<String, DeadRepositories>,
    pub mirror: Mirrored,
    pub kernel: Kernel,
    pub swap: Swap,
    pub selinux: SeLinuxPackages,
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

impl Match {
    fn has(&self, version: &str) -> bool {
        let same =
            |wanted: &String| version.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.versions.iter().any(same)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageManager {
    /// Which of the cluster file's repositories suit.
    pub format: Option<PackageFormat>,
    /// Its name, for people.
    pub manager: String,
    /// Packages that kubeadm and the kubelet expect on the host.
    pub prerequisites: Vec<String>,
    pub shell: PackageShell,
}

/// Package repositories that no longer exist, which make the package manager fail until they are out of its sight.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadRepositories {
    /// What became of them, in a sentence for people.
    pub about: String,
    /// Shell patterns of the files that name repositories.
    pub files: Vec<String>,
    /// Extended regular expression of the parts that name a dead one.
    pub lines: String,
    /// What of a file must go.
    pub part: RepositoryPart,
    /// Or: a script for `sed -E` that puts a living repository in the place of the dead one. The file is kept for the undo.
    pub instead: Option<String>,
    /// A script for `sed -En` that prints the file of the signing key that such a line names: it is dead only when that has expired.
    pub key: Option<String>,
}

/// The distribution's own repositories, which a mirror may stand for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mirrored {
    /// Shell patterns of the files that name them. None: the distribution has no mirrors of the usual layout.
    pub files: Vec<String>,
    /// What the script knows as `directories`: those of the distribution on its mirrors, as an extended regular expression.
    pub directories: String,
    /// A script for `sed -E` that puts the mirror in the place of whatever is named; nothing is left for a second run of it to do.
    /// Names: `url`, below which the mirror has what mirrors of this distribution have, `directories`, `codename` (of os-release).
    pub instead: Template,
}

/// What a package manager's file has for each repository. All but a line are matched as one line, without its comments, in which a tab
/// stands before each of its own lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepositoryPart {
    #[default]
    Line,
    /// From a `[name]` to the next, as in dnf.conf(5): commented out.
    Section,
    /// From a blank line to the next, as in the deb822 form of sources.list(5): gets `Enabled: no`.
    Stanza,
}

/// Kernel modules that the distribution keeps in packages of their own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kernel {
    /// Names: `kernel`, the running kernel as `uname -r` prints it.
    pub packages: Vec<Template>,
    /// The modules that are missed without them.
    pub modules: Vec<String>,
}

/// Swap that comes back at the next start, beside /etc/fstab and systemd's own swap units.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Swap {
    /// Units that make swap by themselves, such as on compressed memory.
    pub services: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeLinuxPackages {
    /// The policy for container runtimes; none where the distribution has no SELinux of its own.
    pub packages: Vec<String>,
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
    /// The oldest minor version of Kubernetes that these packages serve, and the newest.
    pub from: Option<u32>,
    pub until: Option<u32>,
    /// What is installed for newer ones.
    pub newer: Option<Box<RuntimePackages>>,
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
    /// The file that tells the package manager, and its text. Names: `url`, `key_file`, `codename` (of os-release).
    pub file: String,
    pub text: Template,
}

/// A firewall front end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Firewall {
    /// What stands between the first and the last port of a range.
    pub range: String,
    /// Shell that prints the shell of an undo script that takes away what changing rules has left when they are as they were.
    #[serde(default)]
    pub settle: Option<String>,
    pub rules: Vec<FirewallRules>,
}

/// One of the places where a front end keeps rules, each with what it has before and after: what runs and what the next start has.
/// Templates are shell. Names: `port` (`6443/tcp`, `2379-2380/tcp`) or `network` (`10.244.0.0/16`). `close`, `distrust` and `open` run
/// in undo scripts. A place may have ports, networks or both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirewallRules {
    /// Prints the open ports, one a line, in the same form as `port`.
    pub opened: Template,
    pub open: Template,
    pub close: Template,
    /// Prints the networks that the rule stands for, one a line.
    pub trusted: Template,
    pub trust: Template,
    pub distrust: Template,
}

impl FirewallRules {
    /// Whether one of a group of templates is there without the others, or none of all.
    fn lacks(&self) -> bool {
        let ports = [&self.opened, &self.open, &self.close].map(Template::is_empty);
        let networks = [&self.trusted, &self.trust, &self.distrust].map(Template::is_empty);
        let partial = |group: [bool; 3]| group.contains(&true) && group.contains(&false);
        partial(ports) || partial(networks) || ports[0] && networks[0]
    }
}

impl OsProfile {
    /// Whether this profile is for a host with such an os-release.
    #[must_use]
    pub fn suits(&self, os: &Os) -> bool {
        self.matches.as_ref().is_some_and(|matches| matches.id == os.id && matches.has(&os.version))
    }

    /// Whether a version is among those of this profile.
    #[must_use]
    pub fn suits_version(&self, os: &Os) -> bool {
        self.matches.as_ref().is_some_and(|matches| matches.has(&os.version))
    }

    /// Templates by the names that they may use.
    pub(super) fn templates(&self) -> Vec<(&Template, &'static [&'static str])> {
        let repositories = std::iter::once(&self.kubernetes.repository)
            .chain(self.runtimes.values().flat_map(RuntimePackages::all).filter_map(|runtime| runtime.repository.as_ref()))
            .flat_map(|repository| -> [(&Template, &'static [&'static str]); 3] {
                [
                    (&repository.url, &["minor"]),
                    (&repository.key, &["minor", "key_minor"]),
                    (&repository.text, &["url", "key_file", "codename"]),
                ]
            });
        let kernel = self.kernel.packages.iter().map(|name| -> (&Template, &'static [&'static str]) { (name, &["kernel"]) });
        let versions = self.version.values().flat_map(Self::templates);
        let firewalls = self.firewalls.values().flat_map(|firewall| &firewall.rules).flat_map(
            |rules| -> [(&Template, &'static [&'static str]); 6] {
                [
                    (&rules.opened, &[]),
                    (&rules.trusted, &[]),
                    (&rules.open, &["port"]),
                    (&rules.close, &["port"]),
                    (&rules.trust, &["network"]),
                    (&rules.distrust, &["network"]),
                ]
            },
        );
        let mirror = std::iter::once((&self.mirror.instead, &["url", "directories", "codename"] as &[_]));
        repositories.chain(firewalls).chain(kernel).chain(mirror).chain(versions).collect()
    }

    /// The first key that a host's profile must have and this one, with all that it inherits, lacks.
    pub(super) fn lacks(&self) -> Option<String> {
        if let Some(key) = self.packages.shell.lacks() {
            return Some(format!("packages.shell.{key}"));
        }
        let repository = &self.kubernetes.repository;
        let mut needed = vec![
            ("packages.format".to_owned(), self.packages.format.is_none()),
            ("packages.prerequisites".to_owned(), self.packages.prerequisites.is_empty()),
            ("packages.manager".to_owned(), self.packages.manager.is_empty()),
            ("mirror.instead".to_owned(), !self.mirror.files.is_empty() && self.mirror.instead.is_empty()),
            ("kernel.modules".to_owned(), !self.kernel.packages.is_empty() && self.kernel.modules.is_empty()),
            ("kubernetes.packages".to_owned(), self.kubernetes.packages.is_empty()),
            ("kubernetes.env".to_owned(), self.kubernetes.env.is_empty()),
        ];
        needed.extend(repository.needed("kubernetes.repository"));
        for (name, dead) in &self.dead {
            needed.push((format!("dead.{name}.files"), dead.files.is_empty()));
            needed.push((format!("dead.{name}.lines"), dead.lines.is_empty()));
            needed.push((format!("dead.{name}.about"), dead.about.is_empty()));
        }
        for (name, runtime) in self.runtimes.iter().flat_map(|(name, runtime)| runtime.all().map(move |each| (name, each))) {
            needed.push((format!("runtimes.{name}.packages"), runtime.packages.is_empty()));
            needed.extend(runtime.repository.iter().flat_map(|each| each.needed(&format!("runtimes.{name}.repository"))));
        }
        for (name, firewall) in &self.firewalls {
            needed.push((format!("firewalls.{name}.range"), firewall.range.is_empty()));
            let partial = firewall.rules.is_empty() || firewall.rules.iter().any(FirewallRules::lacks);
            needed.push((format!("all of firewalls.{name}.rules"), partial));
        }
        needed.into_iter().find_map(|(key, missing)| missing.then_some(key))
    }
}

impl RuntimePackages {
    /// These, and those for newer versions of Kubernetes.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |packages| packages.newer.as_deref())
    }

    /// The packages for a minor version of Kubernetes, if there are any.
    #[must_use]
    pub fn serving(&self, minor: u32) -> Option<&Self> {
        self.all()
            .find(|each| each.until.is_none_or(|until| minor <= until))
            .filter(|each| each.from.is_none_or(|from| from <= minor))
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
