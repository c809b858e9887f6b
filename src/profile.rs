//! What a distribution, a runtime or a CNI knows: pure data from TOML, embedded in the binary, overridable from a directory.

pub mod cni;

use std::path::Path;

pub use cni::CniProfile;

use crate::{
    error::{Error, Kind, Result},
    facts::Os,
};

/// Every profile there is: the embedded ones, and over them those of `--profiles DIR`.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    pub os: Vec<OsProfile>,
    pub runtimes: Vec<RuntimeProfile>,
    pub cnis: Vec<CniProfile>,
}

/// Placeholder until the profile module is written: its fields are the profile author's.
#[derive(Clone, Debug, Default)]
pub struct OsProfile {
    pub name: String,
}

#[derive(Clone, Debug, Default)]
pub struct RuntimeProfile {
    pub name: String,
}

impl Profiles {
    /// Loads the embedded profiles, and those of `dir` over them.
    ///
    /// # Errors
    /// `NoFile`, `Syntax`, `UnknownKey`.
    pub fn load(_dir: Option<&Path>) -> Result<Self> {
        Ok(Self::default())
    }

    /// The profile of an operating system, by name or by what os-release says.
    ///
    /// # Errors
    /// `UnknownOs`, with the nearest profile as a hint.
    pub fn os(&self, _named: Option<&str>, os: &Os) -> Result<&OsProfile> {
        self.os.first().ok_or_else(|| Error::new(Kind::UnknownOs, format!("{} has no profile", os.name)))
    }
}
