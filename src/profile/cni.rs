//! What a CNI knows: how its manifest is had and patched, when it is ready, and what it leaves on a host.

use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CniProfile {
    pub name: String,
}
