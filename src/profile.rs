//! What a distribution, a runtime or a CNI knows: pure data from TOML, embedded in the binary, overridable from a directory.

mod changes;
pub mod cni;
mod leftovers;
mod os;
mod packages;
mod read;
mod runtime;
mod template;

use std::path::Path;

pub use changes::Changes;
pub use cni::CniProfile;
pub use leftovers::{ComponentProfile, Knowledge, Leftovers};
pub use os::{DeadRepositories, Firewall, Match, OsProfile, Repository, RepositoryPart, RuntimePackages};
pub use packages::{PackageShell, words};
pub use runtime::{Format, RegistryStyle, RuntimeConfig, RuntimeProfile, Shim};
pub use template::Template;

use crate::{
    error::{Error, Kind, Result, nearest},
    facts::{Facts, Os},
};

/// What a host without any runtime gets.
const DEFAULT_RUNTIME: &str = "containerd";

/// The profiles in the binary, as build.rs has found them: path below profiles/, and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// Every profile there is: the embedded ones, and over them those of `--profiles DIR`.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// Only those for hosts, with all that they inherit: one for each version that they match, in the order of `match`.
    pub os: Vec<OsProfile>,
    pub runtimes: Vec<RuntimeProfile>,
    pub cnis: Vec<CniProfile>,
    /// What else leaves something on a host.
    pub components: Vec<ComponentProfile>,
    /// All of them as text, for people.
    pub listed: Vec<Listed>,
}

/// A profile as a person may want to read it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub family: Family,
    pub name: String,
    /// Where it comes from: a path, or `built in`.
    pub file: String,
    pub inherits: Option<String>,
    /// What it is for, in words; of an OS profile without hosts, that it is there to be inherited from.
    pub about: String,
    /// The whole of it as TOML, with all that it inherits.
    pub text: String,
}

/// A kind of profile, and its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Os,
    Runtime,
    Cni,
    Component,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Os, Self::Runtime, Self::Cni, Self::Component];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Runtime => "runtime",
            Self::Cni => "cni",
            Self::Component => "component",
        }
    }
}

impl Profiles {
    /// Loads the embedded profiles, and those of `dir` (its directories os, runtime, cni and component) over them, by name.
    ///
    /// # Errors
    /// `NoFile`, `Syntax`, `UnknownKey`, with file, line and column; `Invalid` for a profile that lacks something.
    pub fn load(dir: Option<&Path>) -> Result<Self> {
        let mut sources: Vec<read::Source> = EMBEDDED.iter().map(|(path, text)| read::Source::embedded(path, text)).collect();
        if let Some(dir) = dir {
            sources.extend(read::directory(dir)?);
        }
        read::profiles(&sources)
    }

    /// The profile of an operating system, by name or by what os-release says.
    ///
    /// # Errors
    /// `UnknownOs`, with the nearest profile as a hint.
    pub fn os(&self, named: Option<&str>, os: &Os) -> Result<&OsProfile> {
        if let Some(name) = named {
            let named = || self.os.iter().filter(|profile| profile.name == name);
            // A host whose version it does not know is most likely a newer one.
            return named()
                .find(|profile| profile.suits_version(os))
                .or_else(|| named().next_back())
                .ok_or_else(|| unknown(Kind::UnknownOs, "OS", name, self.os.iter().map(|profile| profile.name.as_str())));
        }
        self.os.iter().find(|profile| profile.suits(os)).ok_or_else(|| {
            let kin = |profile: &&OsProfile| {
                profile.matches.as_ref().is_some_and(|matches| matches.id == os.id || os.id_like.contains(&matches.id))
            };
            let near = self.os.iter().find(kin).map_or("NAME", |profile| profile.name.as_str());
            let name = if os.name.is_empty() { "an operating system without /etc/os-release" } else { &os.name };
            Error::new(Kind::UnknownOs, format!("{name} has no profile; there are profiles for {}", self.supported()))
                .hint(format!("to try it all the same, write `profile = \"{near}\"` under the host in the cluster file"))
        })
    }

    /// A container runtime's profile.
    ///
    /// # Errors
    /// `Invalid`, with the nearest name as a hint.
    pub fn runtime(&self, name: &str) -> Result<&RuntimeProfile> {
        let found = self.runtimes.iter().find(|profile| profile.name == name);
        found.ok_or_else(|| unknown(Kind::Invalid, "runtime", name, self.runtimes.iter().map(|profile| profile.name.as_str())))
    }

    /// The runtime of a host: the one that the cluster file names, else the one of the kubelet that is at work there, else the one
    /// that is there, else containerd. `minor` is Kubernetes'.
    ///
    /// # Errors
    /// `Invalid` for a name that is none, with the nearest as a hint.
    pub fn runtime_of(&self, wanted: Option<&str>, facts: &Facts, minor: u32) -> Result<&RuntimeProfile> {
        if let Some(name) = wanted {
            return self.runtime(name);
        }
        let at_work = facts.kubernetes.runtime.as_deref();
        if let Some(found) = at_work.and_then(|socket| self.runtimes.iter().find(|profile| profile.listens_at(socket))) {
            return Ok(found);
        }
        let there: Vec<&RuntimeProfile> = self.runtimes.iter().filter(|profile| profile.is_on(facts, minor)).collect();
        let active = |profile: &RuntimeProfile| facts.units.get(&profile.unit).is_some_and(|unit| unit.active == "active");
        let own = |profile: &&&RuntimeProfile| !there.iter().any(|other| other.brings.contains(&profile.name));
        let found = there.iter().filter(own).max_by_key(|profile| (active(profile), profile.name == DEFAULT_RUNTIME));
        found.map_or_else(|| self.runtime(DEFAULT_RUNTIME), |profile| Ok(*profile))
    }

    /// A pod network's profile.
    ///
    /// # Errors
    /// `Invalid`, with the nearest name as a hint.
    pub fn cni(&self, name: &str) -> Result<&CniProfile> {
        let found = self.cnis.iter().find(|profile| profile.name == name);
        found.ok_or_else(|| unknown(Kind::Invalid, "CNI", name, self.cnis.iter().map(|profile| profile.name.as_str())))
    }

    /// `debian 11, 12, 13; ubuntu 20.04, …`
    fn supported(&self) -> String {
        let each = self.os.iter().filter_map(|profile| Some((&profile.name, profile.matches.as_ref()?)));
        let mut names: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, matches) in each {
            let versions = matches.versions.iter().map(String::as_str);
            match names.last_mut() {
                Some((last, known)) if last == name => known.extend(versions),
                _ => names.push((name, versions.collect())),
            }
        }
        names.iter().map(|(name, versions)| format!("{name} {}", versions.join(", "))).collect::<Vec<_>>().join("; ")
    }
}

fn unknown<'a>(kind: Kind, what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let error = Error::new(kind, format!("there is no {what} profile {name:?}"));
    match nearest(name, known.clone()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint(format!("there are {}", known.collect::<Vec<_>>().join(", "))),
    }
}
