//! What a CNI knows: how its manifest is had and patched, when it is ready, and what it leaves on a host.

use serde::Deserialize;

use super::{Changes, Leftovers};
use crate::error::{Error, Kind, Result};

/// A CNI.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CniProfile {
    pub name: String,
    /// One sentence for people.
    pub about: String,
    /// slipway lays it down by itself, without a manifest: the profile `bridge`.
    #[serde(default)]
    pub built_in: bool,
    /// How it is installed; none for a CNI that slipway only knows how to clear away.
    pub manifest: Option<Manifest>,
    /// Words of a manifest, or of its URL, by which it is known to be this CNI's when a cluster file names it.
    #[serde(default)]
    pub known_by: Vec<String>,
    /// What such a manifest, which is the user's, lacks where nodes do not meet on the network of the default route.
    #[serde(default)]
    pub adapt: Vec<Patch>,
    /// The file below /etc/cni/net.d whose presence says that the CNI works on a host.
    pub config: String,
    /// What must have rolled out before pods can have addresses.
    #[serde(default)]
    pub rollout: Vec<Workload>,
    #[serde(default)]
    pub leftovers: Leftovers,
    #[serde(default)]
    pub changes: Changes,
}

/// A manifest that a control plane fetches, at a version that is pinned here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub url: String,
    /// SHA-256 in hex, where its publisher gives one.
    pub sha256: Option<String>,
    #[serde(default)]
    pub patch: Vec<Patch>,
}

/// A change to a manifest. It must apply at least once: or else the step fails, or says so where the manifest is the user's. In the
/// texts, `{pod_cidr}` stands for the pod network, `{node_interfaces}` for the interfaces with the nodes' addresses (with blanks
/// between them), and a text with `{node_ip}` is repeated, a line a host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// What it changes, for the error when it does not apply.
    pub what: String,
    /// Replaces what this extended regular expression matches, once in each line.
    pub find: Option<String>,
    /// Or: adds lines behind each line that is this one, apart from its indentation, and indents them alike.
    pub after: Option<String>,
    pub text: String,
    /// Left out where a line of the manifest matches this extended regular expression.
    pub unless: Option<String>,
}

/// Something that `kubectl rollout status` can wait for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    pub namespace: String,
    /// `daemonset/kube-flannel-ds`.
    pub resource: String,
}

impl CniProfile {
    /// Whether a manifest is this CNI's, by its text or its URL.
    #[must_use]
    pub fn knows(&self, manifest: &str) -> bool {
        self.known_by.iter().any(|word| manifest.contains(word.as_str()))
    }

    /// Reads a profile; `origin` is the file's name, for messages.
    ///
    /// # Errors
    /// `Syntax`, with what the parser says of line and column.
    pub fn parse(origin: &str, text: &str) -> Result<Self> {
        toml::from_str(text)
            .map_err(|error| Error::new(Kind::Syntax, format!("the CNI profile {origin} can not be read")).because(error))
    }
}

/// The profiles in the binary.
///
/// # Errors
/// `Syntax`, which a test of slipway rules out.
pub fn embedded() -> Result<Vec<CniProfile>> {
    let own = super::EMBEDDED.iter().filter(|(path, _)| path.starts_with("cni/"));
    own.map(|(path, text)| CniProfile::parse(path, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_profiles_can_be_read() {
        let profiles = embedded().expect("they are part of the program");
        let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, ["antrea", "bridge", "calico", "canal", "cilium", "flannel", "kube-ovn", "kube-router", "weave"]);
        for profile in &profiles {
            assert!(!(profile.built_in && profile.manifest.is_some()), "{}", profile.name);
            for patch in profile.manifest.iter().flat_map(|manifest| &manifest.patch).chain(&profile.adapt) {
                assert!(patch.find.is_some() != patch.after.is_some(), "{}: {}", profile.name, patch.what);
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = CniProfile::parse("x.toml", "name = 'x'\nabout = ''\nconfig = ''\nlinks = []\n").expect_err("unknown key");
        assert_eq!(error.kind, Kind::Syntax);
        assert!(error.to_string().contains("links"), "{error}");
    }
}
