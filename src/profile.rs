//! What a distribution, a runtime or a CNI knows: pure data from TOML, embedded in the binary, overridable from a directory.

pub mod cni;
mod os;
mod read;
mod runtime;
mod template;

use std::path::Path;

pub use cni::CniProfile;
pub use os::{Firewall, Match, OsProfile, PackageShell, Repository, RuntimePackages, words};
pub use runtime::{RuntimeConfig, RuntimeProfile};
pub use template::Template;

use crate::{
    error::{Error, Kind, Result, nearest},
    facts::Os,
};

/// The profiles in the binary: path below profiles/, and text. A test compares them with the directory.
const EMBEDDED: &[(&str, &str)] = &[
    ("cni/bridge.toml", include_str!("../profiles/cni/bridge.toml")),
    ("cni/calico.toml", include_str!("../profiles/cni/calico.toml")),
    ("cni/cilium.toml", include_str!("../profiles/cni/cilium.toml")),
    ("cni/flannel.toml", include_str!("../profiles/cni/flannel.toml")),
    ("os/almalinux.toml", include_str!("../profiles/os/almalinux.toml")),
    ("os/apt.toml", include_str!("../profiles/os/apt.toml")),
    ("os/centos-7.toml", include_str!("../profiles/os/centos-7.toml")),
    ("os/centos.toml", include_str!("../profiles/os/centos.toml")),
    ("os/debian.toml", include_str!("../profiles/os/debian.toml")),
    ("os/dnf.toml", include_str!("../profiles/os/dnf.toml")),
    ("os/rhel.toml", include_str!("../profiles/os/rhel.toml")),
    ("os/rocky.toml", include_str!("../profiles/os/rocky.toml")),
    ("os/ubuntu.toml", include_str!("../profiles/os/ubuntu.toml")),
    ("runtime/containerd.toml", include_str!("../profiles/runtime/containerd.toml")),
];

/// Every profile there is: the embedded ones, and over them those of `--profiles DIR`.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// Only those for hosts, with all that they inherit.
    pub os: Vec<OsProfile>,
    pub runtimes: Vec<RuntimeProfile>,
    pub cnis: Vec<CniProfile>,
}

impl Profiles {
    /// Loads the embedded profiles, and those of `dir` (its directories os, runtime and cni) over them, by name.
    ///
    /// # Errors
    /// `NoFile`, `Syntax`, `UnknownKey`, with file, line and column; `Invalid` for a profile that lacks something.
    pub fn load(dir: Option<&Path>) -> Result<Self> {
        let mut sources: Vec<read::Source> =
            EMBEDDED.iter().map(|(path, text)| read::Source::new(format!("profiles/{path}"), path, text)).collect();
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
            let found = self.os.iter().find(|profile| profile.name == name);
            return found
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
        each.map(|(name, matches)| format!("{name} {}", matches.versions.join(", "))).collect::<Vec<_>>().join("; ")
    }
}

fn unknown<'a>(kind: Kind, what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let error = Error::new(kind, format!("there is no {what} profile {name:?}"));
    match nearest(name, known.clone()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint(format!("there are {}", known.collect::<Vec<_>>().join(", "))),
    }
}
