//! Where packages come from, if not from where the OS profile says: for all hosts, or for those of one package format.

use serde::Deserialize;

use super::{
    check::{Broken, Check, url},
    raw,
    words::openpgp_fingerprint,
};
use crate::error::Result;

/// The format of an operating system's packages. A repository holds one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageFormat {
    Deb,
    Rpm,
}

/// The package repositories that a cluster file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    /// Of Kubernetes, for hosts of any format.
    pub kubernetes: PackageSource,
    /// Of the container runtime, where the distribution does not have it.
    pub runtime: PackageSource,
    /// URL below which a mirror has the distributions' own packages, without a `/` at its end.
    pub mirror: Option<String>,
    /// What goes before that on hosts of one format.
    pub deb: FormatPackages,
    pub rpm: FormatPackages,
}

/// The repositories for hosts of one package format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatPackages {
    pub kubernetes: PackageSource,
    pub runtime: PackageSource,
    pub mirror: Option<String>,
}

/// A package repository, as far as it differs from the profile's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageSource {
    pub url: Option<String>,
    /// URL of the signing key, ASCII-armoured; by default at the usual place under `url`, which the profile knows.
    pub key: Option<String>,
    /// Fingerprint of the signing key: 40 hex digits, upper case.
    pub fingerprint: Option<String>,
}

impl Packages {
    /// Kubernetes' repository for hosts of a format.
    #[must_use]
    pub fn kubernetes(&self, format: PackageFormat) -> PackageSource {
        self.of(format).kubernetes.over(&self.kubernetes)
    }

    /// The container runtime's repository for hosts of a format.
    #[must_use]
    pub fn runtime(&self, format: PackageFormat) -> PackageSource {
        self.of(format).runtime.over(&self.runtime)
    }

    /// The mirror of the distribution's own packages for hosts of a format.
    #[must_use]
    pub fn mirror(&self, format: PackageFormat) -> Option<&str> {
        self.of(format).mirror.as_deref().or(self.mirror.as_deref())
    }

    fn of(&self, format: PackageFormat) -> &FormatPackages {
        match format {
            PackageFormat::Deb => &self.deb,
            PackageFormat::Rpm => &self.rpm,
        }
    }
}

impl PackageSource {
    /// What this leaves open is as `under` says; but a key's URL belongs to the repository that it stands beside.
    fn over(&self, under: &Self) -> Self {
        let own = self.url.is_some();
        Self {
            url: self.url.clone().or_else(|| under.url.clone()),
            key: self.key.clone().or_else(|| under.key.clone().filter(|_| !own)),
            fingerprint: self.fingerprint.clone().or_else(|| under.fingerprint.clone()),
        }
    }
}

impl Check<'_> {
    pub(super) fn packages(&self, packages: &raw::Packages) -> Result<Packages> {
        let format = |format: &raw::FormatPackages| {
            Ok(FormatPackages {
                kubernetes: self.source(&format.url, &format.key, &format.fingerprint)?,
                runtime: self.runtime(&format.runtime)?,
                mirror: self.mirror(&format.mirror)?,
            })
        };
        Ok(Packages {
            kubernetes: self.source(&packages.url, &packages.key, &packages.fingerprint)?,
            runtime: self.runtime(&packages.runtime)?,
            mirror: self.mirror(&packages.mirror)?,
            deb: format(&packages.deb)?,
            rpm: format(&packages.rpm)?,
        })
    }

    fn runtime(&self, runtime: &raw::Repository) -> Result<PackageSource> {
        self.source(&runtime.url, &runtime.key, &runtime.fingerprint)
    }

    fn mirror(&self, mirror: &raw::Text) -> Result<Option<String>> {
        Ok(self.optional(mirror, url)?.map(|url| url.trim_end_matches('/').to_owned()))
    }

    fn source(&self, from: &raw::Text, key: &raw::Text, fingerprint: &raw::Text) -> Result<PackageSource> {
        let forty = |text: &str| -> Result<String, Broken> {
            let hint = || "`gpg --show-keys KEYFILE` prints it".into();
            openpgp_fingerprint(text).ok_or_else(|| ("a key's fingerprint is 40 hex digits".into(), hint()))
        };
        Ok(PackageSource {
            url: self.optional(from, url)?,
            key: self.optional(key, url)?,
            fingerprint: self.optional(fingerprint, forty)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, key: &str, fingerprint: &str) -> PackageSource {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        PackageSource { url: text(url), key: text(key), fingerprint: text(fingerprint) }
    }

    #[test]
    fn a_formats_own_repository_goes_before_that_of_all_and_keeps_its_key() {
        let packages = Packages {
            kubernetes: source("all", "all.key", "A"),
            rpm: FormatPackages {
                kubernetes: source("rpm", "", ""),
                runtime: source("docker", "", "B"),
                mirror: Some("rpm".to_owned()),
            },
            mirror: Some("all".to_owned()),
            ..Packages::default()
        };
        assert_eq!(packages.kubernetes(PackageFormat::Deb), source("all", "all.key", "A"));
        assert_eq!(packages.kubernetes(PackageFormat::Rpm), source("rpm", "", "A"));
        assert_eq!(packages.runtime(PackageFormat::Deb), source("", "", ""));
        assert_eq!(packages.runtime(PackageFormat::Rpm), source("docker", "", "B"));
        assert_eq!((packages.mirror(PackageFormat::Deb), packages.mirror(PackageFormat::Rpm)), (Some("all"), Some("rpm")));
    }
}
