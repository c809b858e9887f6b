//! What names, URLs, registries and the like may be made of. All of it ends up in YAML, in shell or in argv (quoted there as well).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::API_PORT;

/// Whether a text is an RFC 1123 label: lower-case letters, digits and `-`, at most 63, a letter or digit at both ends.
pub(super) fn is_label(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inner && (1..=63).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-')
}

/// The label nearest to a text, for a hint: `CP_1` becomes `cp-1`.
pub(super) fn label_like(text: &str) -> String {
    let text: String =
        text.to_lowercase().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let text: String = text.trim_matches('-').chars().take(63).collect();
    let text = text.trim_end_matches('-');
    if text.is_empty() { "node1".to_owned() } else { text.to_owned() }
}

/// Whether a text is a DNS name (labels with dots between) or an IP address without brackets.
pub(super) fn is_dns_name_or_ip(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv4Addr>().is_ok() {
        return true;
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    // What looks like an IPv4 address but is none (10.0.0.256, 10.0.1) is a mistake and not a name.
    let numeric = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    text.len() <= 253 && !numeric && text.to_ascii_lowercase().split('.').all(is_label)
}

/// Whether a text can be the name of a user to log in as.
pub(super) fn is_user(text: &str) -> bool {
    // A domain account may be DOMAIN\user or user@domain; a leading dash would be read as an option.
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@\\+$".contains(&byte);
    (1..=128).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(good)
}

/// Whether a text is an http or https URL without anything that a shell or YAML could take amiss.
pub(super) fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!&()*+,;=%".contains(&byte);
    rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[') && rest.bytes().all(good)
}

/// Whether a text names a registry: `docker.io`, `registry.local:5000`, `[fd00::1]:5000`.
pub(super) fn is_registry(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]".contains(&byte);
    !text.is_empty()
        && text.bytes().all(good)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || "_[".contains(first))
}

/// Whether a text names a place in a registry: `registry.k8s.io`, `registry.local:5000/mirror/k8s`.
pub(super) fn is_repository(text: &str) -> bool {
    let mut parts = text.split('/');
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    parts.next().is_some_and(is_registry) && parts.all(|part| !part.is_empty() && part.bytes().all(good))
}

/// `HOST` or `HOST:PORT` as `HOST:PORT`, with the API server's port by default and brackets around an IPv6 address.
pub(super) fn endpoint(text: &str) -> Option<String> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("[{text}]:{API_PORT}"));
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port, v6) = match bracketed {
        Some((host, "")) => (host, None, true),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?), true),
        None => text.split_once(':').map_or((text, None, false), |(host, port)| (host, Some(port), false)),
    };
    let port = port.map_or(Some(API_PORT), port_number)?;
    match v6 {
        true => host.parse::<Ipv6Addr>().is_ok().then(|| format!("[{host}]:{port}")),
        false => is_dns_name_or_ip(host).then(|| format!("{host}:{port}")),
    }
}

/// A TCP port: digits alone, 1 to 65535.
pub(super) fn port_number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten().filter(|port| *port != 0)
}

/// The fingerprint of an OpenPGP key as 40 upper-case hex digits; the spaces that gpg prints may be there.
pub(super) fn openpgp_fingerprint(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|letter| *letter != ' ').collect::<String>().to_ascii_uppercase();
    (digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// Whether a text is the fingerprint of an SSH host key as `ssh-keygen -lf` prints it: `SHA256:` and 43 letters of base64.
pub(super) fn is_host_key(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    text.strip_prefix("SHA256:").is_some_and(|hash| hash.len() == 43 && hash.bytes().all(good))
}

/// Whether a text is a phase of `kubeadm init`, as `--skip-phases` takes it: `addon/coredns`.
pub(super) fn is_kubeadm_phase(text: &str) -> bool {
    text.split('/').all(is_label)
}

/// Whether a text is the name of a command-line argument, without its dashes.
pub(super) fn is_argument(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A word of a command that a person may paste: quoted where a shell would take it for something else.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+:@,%=".contains(letter);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_only_looks_like_them() {
        for good in ["cp1", "a", "1node", "a-b"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "é", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
            assert!(is_label(&label_like(bad)), "{bad}");
        }
        for good in ["10.0.0.1", "fd00::1", "node1.example.com", "Node1", "k8s."] {
            assert!(is_dns_name_or_ip(good), "{good}");
        }
        for bad in ["10.0.0.256", "10.0.0", "", "a b", "a..b", "-x", "[::1]", "$(id)", "a;b", "u@h"] {
            assert!(!is_dns_name_or_ip(bad), "{bad}");
        }
    }

    #[test]
    fn nothing_that_a_shell_could_run_passes() {
        for evil in [
            "https://a/'b",
            "https://a/$(b)",
            "https://a/`b`",
            "https://a/ b",
            "https://a/\"b",
            "ftp://a",
            "https://",
            "https://-a",
        ] {
            assert!(!is_url(evil), "{evil}");
        }
        assert!(is_url("https://pkgs.k8s.io/core:/stable:/v1.34/deb/") && is_url("http://[fd00::1]:8080/x?y=%20"));
        for evil in ["a b", "a;b", "-oProxyCommand", "", "a'b", "$(id)"] {
            assert!(!is_user(evil) || evil.is_empty(), "{evil}");
            assert!(!is_registry(evil), "{evil}");
            assert!(!is_argument(evil), "{evil}");
            assert!(!is_kubeadm_phase(evil), "{evil}");
        }
        assert!(is_user("vagrant") && is_user("DOMAIN\\me") && !is_user(""));
        assert!(
            is_repository("registry.local:5000/mirror/k8s")
                && !is_repository("https://registry.k8s.io")
                && !is_repository("a//b")
        );
    }

    #[test]
    fn endpoints_get_a_port_and_brackets() {
        for (text, full) in [
            ("api.example.com", Some("api.example.com:6443")),
            ("10.0.0.1:443", Some("10.0.0.1:443")),
            ("fd00::1", Some("[fd00::1]:6443")),
            ("[fd00::1]:443", Some("[fd00::1]:443")),
            ("[fd00::1]", Some("[fd00::1]:6443")),
            ("a:0", None),
            ("a:65536", None),
            ("a:", None),
            ("https://a", None),
            ("[10.0.0.1]:1", None),
        ] {
            assert_eq!(endpoint(text).as_deref(), full, "{text}");
        }
    }

    #[test]
    fn fingerprints() {
        let spaced = "DE15 B144 86CD 377B 9E87  6E1A 2346 54DA 9A29 6436";
        assert_eq!(openpgp_fingerprint(spaced).as_deref(), Some("DE15B14486CD377B9E876E1A234654DA9A296436"));
        assert_eq!(openpgp_fingerprint("234654DA9A296436"), None);
        assert!(is_host_key("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"));
        assert!(!is_host_key("SHA256:short") && !is_host_key("MD5:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"));
    }

    #[test]
    fn a_command_for_a_person_is_quoted_where_it_must_be() {
        for (word, shown) in [
            ("lab/cluster-1.toml", "lab/cluster-1.toml"),
            ("my lab/cluster.toml", "'my lab/cluster.toml'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("~/x", "'~/x'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), shown);
        }
    }
}
