//! Jump hosts as they are written: `[USER@]HOST[:PORT]`, several with commas between, or `none`.

use crate::{
    config::words,
    error::{Error, Kind},
};

/// Jump hosts behind jump hosts; more is a circle.
pub(in crate::config) const FARTHEST: usize = 8;

/// A way to `host` that has more.
pub(in crate::config) fn too_far(host: &str) -> Error {
    let what = format!("the way to {host} has more than {FARTHEST} jump hosts, or goes in a circle");
    Error::new(Kind::Invalid, what).hint("look at ProxyJump in the ssh configuration")
}

/// A jump host as it is written; the ssh configuration may say more about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Spec {
    pub(in crate::config) user: Option<String>,
    /// A name that the ssh configuration may know, or an address.
    pub(in crate::config) host: String,
    pub(in crate::config) port: Option<u16>,
}

/// Reads them, nearest to the operator first; `none` is an empty list. None for what is no list of jump hosts.
pub(in crate::config) fn specs(text: &str) -> Option<Vec<Spec>> {
    if text.eq_ignore_ascii_case("none") {
        return Some(Vec::new());
    }
    text.split(',').map(|text| spec(text.trim())).collect()
}

fn spec(text: &str) -> Option<Spec> {
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .map(|(host, port)| (host, port.strip_prefix(':').or(Some(port).filter(|port| !port.is_empty()))))?,
        None if rest.matches(':').count() > 1 => (rest, None),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => Some(words::port_number(port)?),
        None => None,
    };
    let good = user.is_none_or(words::is_user) && is_ssh_name(host);
    good.then(|| Spec { user: user.map(str::to_owned), host: host.to_owned(), port })
}

/// A name of the ssh configuration need not be one of DNS, but nothing that ssh or a shell would take for something else.
pub(in crate::config) fn is_ssh_name(text: &str) -> bool {
    let good = |letter: char| letter.is_alphanumeric() || "._-:".contains(letter);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_are_read_in_order() {
        let spec = |user: Option<&str>, host: &str, port| Spec { user: user.map(str::to_owned), host: host.into(), port };
        for (text, read) in [
            ("none", Some(vec![])),
            ("gate", Some(vec![spec(None, "gate", None)])),
            ("me@gate:2222, 10.0.0.1", Some(vec![spec(Some("me"), "gate", Some(2222)), spec(None, "10.0.0.1", None)])),
            ("ssh://me@gate:22", Some(vec![spec(Some("me"), "gate", Some(22))])),
            ("[fd00::1]:22", Some(vec![spec(None, "fd00::1", Some(22))])),
            ("fd00::1", Some(vec![spec(None, "fd00::1", None)])),
            ("", None),
            ("a,,b", None),
            ("gate:ssh", None),
            ("-oProxyCommand=x", None),
            ("$(id)", None),
            ("me you@gate", None),
        ] {
            assert_eq!(specs(text), read, "{text}");
        }
    }
}
