//! Whose cluster a host is part of: told by the CA that it trusts, before anything is taken from it.

use std::collections::BTreeMap;

use crate::facts::{self, Facts};

/// A host of the cluster file that answered.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub name: &'a str,
    pub is_control_plane: bool,
    pub facts: &'a Facts,
}

/// What is known of the cluster that the cluster file means.
pub struct Fleet<'a> {
    pub hosts: &'a [Seen<'a>],
    /// The CA of the administrator's kubeconfig that the operator keeps, and the name of that file.
    pub kept: Option<(String, String)>,
}

/// A host that is part of another cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    pub host: String,
    /// Whose it seems to be, and how that is known: a fragment that stands behind the host's name.
    pub what: String,
}

/// The fingerprint of the CA that a host trusts. None on a bare host, on half a node, and where slipway has begun something that it
/// did not end: that is nobody's cluster yet.
#[must_use]
pub fn ca_of(facts: &Facts) -> Option<String> {
    if facts.kubernetes.attempt.is_some() {
        return None;
    }
    facts.kubernetes.ca_fingerprint.clone().or_else(|| facts.ca.as_deref().and_then(facts::fingerprint))
}

impl Fleet<'_> {
    /// Why a host is not of this cluster, if it is of another.
    #[must_use]
    pub fn stranger(&self, host: &Seen<'_>) -> Option<Stranger> {
        let found = ca_of(host.facts)?;
        let (wanted, says) = self.wanted(host, &found)?;
        let server = host.facts.kubernetes.server.as_deref().unwrap_or("an unknown server");
        let what = format!("belongs to another cluster: {server}, CA {}; {says} CA {}", short(&found), short(&wanted));
        Some(Stranger { host: host.name.to_owned(), what })
    }

    /// The CA that this host should have, if that is another one than it has, and who says so.
    fn wanted(&self, host: &Seen<'_>, found: &str) -> Option<(String, String)> {
        if let Some((kept, file)) = &self.kept {
            return (kept != found).then(|| (kept.clone(), format!("the kubeconfig {file} has")));
        }
        // Most of the other control planes know best; where as many agree with this host, it is theirs.
        let mut others: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for other in self.hosts.iter().filter(|other| other.is_control_plane && other.name != host.name) {
            if let Some(ca) = ca_of(other.facts) {
                others.entry(ca).or_default().push(other.name);
            }
        }
        let agree = others.get(found).map_or(0, Vec::len);
        let (ca, names) = others.into_iter().max_by_key(|(_, names)| names.len())?;
        let has = if names.len() == 1 { "has" } else { "have" };
        (names.len() > agree).then(|| (ca, format!("{} {has}", names.join(", "))))
    }
}

/// As much of a fingerprint as a person compares.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of a cluster, told by one letter; `-` has none.
    fn host(cluster: char) -> Facts {
        let mut facts = Facts::default();
        facts.kubernetes.server = Some("https://192.0.2.1:6443".to_owned());
        if cluster.is_ascii_lowercase() {
            facts.kubernetes.ca_fingerprint = Some(cluster.to_string().repeat(64));
        }
        facts
    }

    /// Which of these hosts are strangers: control planes before the bar, workers behind it.
    fn strangers(clusters: &str, kept: Option<char>) -> Vec<Stranger> {
        let (control_planes, workers) = clusters.split_once('|').unwrap_or((clusters, ""));
        let facts: Vec<Facts> = control_planes.chars().chain(workers.chars()).map(host).collect();
        let names: Vec<String> = (1..=facts.len()).map(|number| format!("node{number}")).collect();
        let hosts: Vec<Seen<'_>> = facts
            .iter()
            .enumerate()
            .map(|(at, facts)| Seen { name: &names[at], is_control_plane: at < control_planes.len(), facts })
            .collect();
        let kept = kept.map(|cluster| (cluster.to_string().repeat(64), "lab.kubeconfig".to_owned()));
        let fleet = Fleet { hosts: &hosts, kept };
        hosts.iter().filter_map(|host| fleet.stranger(host)).collect()
    }

    #[test]
    fn a_host_is_known_by_the_ca_that_most_others_have() {
        for (clusters, kept, expected) in [
            ("aaa|aa", None, ""),
            ("---|--", None, ""),
            ("a", None, ""),
            ("a|b", None, "node2"),
            ("a|-a", None, ""),
            ("aab", None, "node3"),
            ("aab|ab", None, "node3 node5"),
            // One of them is not what the file says, and there is no telling which.
            ("ab", None, "node1 node2"),
            // No control plane has a CA: the workers may be of any cluster.
            ("-|ab", None, ""),
            ("a|a", Some('a'), ""),
            ("a|a", Some('b'), "node1 node2"),
            ("aab", Some('b'), "node1 node2"),
            ("-|-", Some('b'), ""),
        ] {
            let names: Vec<String> = strangers(clusters, kept).into_iter().map(|stranger| stranger.host).collect();
            assert_eq!(names.join(" "), expected, "{clusters} {kept:?}");
        }
    }

    #[test]
    fn it_is_said_whose_cluster_it_seems_to_be() {
        let what = |clusters, kept| strangers(clusters, kept).remove(0).what;
        assert_eq!(
            what("aab", None),
            "belongs to another cluster: https://192.0.2.1:6443, CA bbbbbbbbbbbb; node1, node2 have CA aaaaaaaaaaaa"
        );
        assert_eq!(
            what("b", Some('a')),
            "belongs to another cluster: https://192.0.2.1:6443, CA bbbbbbbbbbbb; the kubeconfig lab.kubeconfig has CA aaaaaaaaaaaa"
        );
    }

    #[test]
    fn a_ca_is_read_where_there_is_one_and_half_a_node_has_none() {
        let mut facts =
            Facts { ca: Some("-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n".to_owned()), ..host('-') };
        assert_eq!(ca_of(&facts), facts::fingerprint(facts.ca.as_deref().unwrap_or_default()));
        facts.kubernetes.ca_fingerprint = Some("kubelet".to_owned());
        assert_eq!(ca_of(&facts).as_deref(), Some("kubelet"));
        facts.kubernetes.attempt = Some("join".to_owned());
        assert_eq!(ca_of(&facts), None);
        assert_eq!(ca_of(&Facts::default()), None);
    }
}
