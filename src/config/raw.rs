//! The cluster file as TOML has it: every table and key that may be written, and where it stands. No rule but types.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use toml::Spanned;

/// A text and where it stands, if it is given at all.
pub(super) type Text = Option<Spanned<String>>;
/// Arguments by name, as the `…_extra_args` tables have them.
pub(super) type Args = BTreeMap<Spanned<String>, Spanned<String>>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) cluster: Option<Spanned<Cluster>>,
    #[serde(default)]
    pub(super) packages: Packages,
    #[serde(default)]
    pub(super) images: Images,
    #[serde(default)]
    pub(super) ssh: Ssh,
    #[serde(default)]
    pub(super) host: Vec<Spanned<Host>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    pub(super) name: Text,
    pub(super) kubernetes: Text,
    pub(super) cni: Text,
    pub(super) cni_sha256: Text,
    pub(super) pod_cidr: Text,
    pub(super) service_cidr: Text,
    pub(super) node_cidr: Text,
    pub(super) endpoint: Text,
    pub(super) runtime: Text,
    pub(super) selinux: Text,
    #[serde(default)]
    pub(super) skip_phases: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) kubelet_extra_args: Args,
    #[serde(default)]
    pub(super) apiserver_extra_args: Args,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packages {
    pub(super) url: Text,
    pub(super) key: Text,
    pub(super) fingerprint: Text,
    pub(super) mirror: Text,
    #[serde(default)]
    pub(super) runtime: Repository,
    #[serde(default)]
    pub(super) deb: FormatPackages,
    #[serde(default)]
    pub(super) rpm: FormatPackages,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormatPackages {
    pub(super) url: Text,
    pub(super) key: Text,
    pub(super) fingerprint: Text,
    pub(super) mirror: Text,
    #[serde(default)]
    pub(super) runtime: Repository,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repository {
    pub(super) url: Text,
    pub(super) key: Text,
    pub(super) fingerprint: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Images {
    pub(super) repository: Text,
    #[serde(default)]
    pub(super) archives: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) mirror: Vec<Spanned<Mirror>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mirror {
    pub(super) registry: Text,
    pub(super) url: Text,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ssh {
    pub(super) user: Text,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) key: Option<Spanned<OneOrMany>>,
    pub(super) agent: Option<bool>,
    pub(super) jump: Option<Spanned<OneOrMany>>,
    #[serde(rename = "become")]
    pub(super) becomes: Text,
    pub(super) password_file: Text,
    pub(super) jump_password_file: Text,
    pub(super) sudo_password_file: Text,
    pub(super) passphrase_file: Text,
    pub(super) ssh_config: Text,
    pub(super) known_hosts: Text,
    pub(super) host_keys: Text,
    pub(super) connect_timeout: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    pub(super) name: Text,
    pub(super) address: Text,
    pub(super) role: Text,
    pub(super) profile: Text,
    pub(super) node_ip: Text,
    #[serde(default)]
    pub(super) local: bool,
    pub(super) host_key: Text,
    pub(super) ssh: Option<Spanned<Ssh>>,
}

/// One string, or a list of them.
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    // By hand and not as an untagged enum, whose errors would not say what is expected.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strings;

        impl<'de> Visitor<'de> for Strings {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }

        deserializer.deserialize_any(Strings)
    }
}
