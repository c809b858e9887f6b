//! Kubernetes versions, and which of them slipway supports.

use std::{fmt, str::FromStr};

use crate::error::{Error, Kind, Result};

/// The oldest minor version of Kubernetes 1 that slipway supports: the first whose kubeadm reads v1beta2 without deprecated fields.
pub const OLDEST_MINOR: u32 = 20;
/// The newest minor version of Kubernetes 1 that slipway supports.
pub const NEWEST_MINOR: u32 = 37;

/// `1.34.2`, or `1.34` for the newest patch that the package repository has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: Option<u32>,
}

/// An exact Kubernetes version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl WantedVersion {
    /// Whether an exact version is what is wanted.
    #[must_use]
    pub fn accepts(&self, version: Version) -> bool {
        (self.major, self.minor) == (version.major, version.minor) && self.patch.is_none_or(|patch| patch == version.patch)
    }

    fn is_supported(self) -> bool {
        self.major == 1 && (OLDEST_MINOR..=NEWEST_MINOR).contains(&self.minor)
    }
}

impl FromStr for WantedVersion {
    type Err = Error;

    /// Reads `1.34` or `1.34.2`, with or without a `v`; only versions that slipway supports.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Option<Vec<u32>> = text.strip_prefix('v').unwrap_or(text).split('.').map(number).collect();
        let wanted = match numbers.as_deref() {
            Some([major, minor]) => Self { major: *major, minor: *minor, patch: None },
            Some([major, minor, patch]) => Self { major: *major, minor: *minor, patch: Some(*patch) },
            _ => return Err(not_a_version(text)),
        };
        if wanted.is_supported() {
            Ok(wanted)
        } else {
            Err(Error::new(Kind::UnsupportedVersion, format!("Kubernetes {wanted} is not supported"))
                .hint(format!("choose a version from 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}")))
        }
    }
}

impl FromStr for Version {
    type Err = Error;

    /// Reads `1.34.2` or `v1.34.2`, supported or not: hosts may run anything.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).splitn(3, '.').map(number);
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
            (Some(major), Some(minor), Some(patch)) => Ok(Self { major, minor, patch }),
            _ => Err(not_a_version(text)),
        }
    }
}

/// Digits alone: `u32::from_str` would let a plus sign through.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn not_a_version(text: &str) -> Error {
    Error::new(Kind::UnsupportedVersion, format!("{text:?} is not a Kubernetes version"))
        .hint("write it as \"1.34.2\", or \"1.34\" for its newest patch")
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for WantedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_versions_are_read_and_bounded() {
        for (text, shown) in [("1.34", "1.34"), ("1.34.2", "1.34.2"), ("v1.20.0", "1.20.0"), ("1.37", "1.37")] {
            assert_eq!(text.parse::<WantedVersion>().unwrap().to_string(), shown);
        }
        for text in ["1.19", "1.38.0", "2.1", "1", "", "1.34.2.1", "1.34.x", "1.+34", "1.34.", "latest", "1.34.2-rc.0"] {
            assert_eq!(text.parse::<WantedVersion>().unwrap_err().kind, Kind::UnsupportedVersion, "{text:?}");
        }
    }

    #[test]
    fn a_wanted_minor_accepts_its_patches_alone() {
        let exact = |text: &str| text.parse::<Version>().unwrap();
        let minor: WantedVersion = "1.34".parse().unwrap();
        assert!(minor.accepts(exact("1.34.0")) && minor.accepts(exact("v1.34.9")) && !minor.accepts(exact("1.33.9")));
        let patch: WantedVersion = "1.34.2".parse().unwrap();
        assert!(patch.accepts(exact("1.34.2")) && !patch.accepts(exact("1.34.3")));
    }
}
