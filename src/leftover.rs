//! What a cluster left on a host: each thing with who made it, how it was recognised, and what takes it away.
//!
//! A host lists them itself (`phase::reset::listing`), a line each, behind the nonce of the run:
//! `NONCE left<TAB>KIND<TAB>OWNER<TAB>FATE<TAB>SIGN<TAB>WHAT`, and `NONCE left-end` when that was all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds in the order in which people read them. A host may name others.
const KINDS: &[&str] = &[
    "node",
    "etcd-member",
    "process",
    "pod",
    "mount",
    "link",
    "address",
    "route",
    "policy-rule",
    "chain",
    "rule",
    "ipset",
    "ipvs",
    "nft-table",
    "bpf",
    "netns",
    "cgroup",
    "file",
    "unit",
    "package",
    "hold",
    "repository",
    "setting",
    "kubeconfig",
    "undo-note",
];

/// Letters of one field that are kept: nobody reads more, and a host may say what it likes.
const LONGEST: usize = 1000;

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leftover {
    /// `process`, `rule`, `file`, …
    pub kind: String,
    /// Who made it: `kube-proxy`, `calico`, `slipway's install`, …
    pub owner: String,
    pub fate: Fate,
    /// How it was recognised, in words: `chain prefix KUBE-`.
    pub sign: String,
    /// The thing itself.
    pub what: String,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Any reset takes it away.
    Goes,
    /// Only `reset --purge` does.
    Purge,
    /// It is not slipway's to take.
    Stays,
}

impl Fate {
    fn parse(word: &str) -> Option<Self> {
        [Self::Goes, Self::Purge, Self::Stays].into_iter().find(|fate| fate.to_string() == word)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Goes => "goes",
            Self::Purge => "purge",
            Self::Stays => "stays",
        })
    }
}

/// How many there are, by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub goes: usize,
    pub purge: usize,
    pub stays: usize,
}

/// What one host listed, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    leftovers: Vec<Leftover>,
    /// The last line came: nothing is missing.
    pub complete: bool,
}

impl Listing {
    /// Takes a line of the program's output; lines without the nonce are somebody else's.
    pub fn take(&mut self, nonce: &str, line: &str) {
        let Some(rest) = line.strip_prefix(nonce).and_then(|rest| rest.strip_prefix(' ')) else { return };
        if rest.trim_end() == "left-end" {
            self.complete = true;
        } else if let Some(fields) = rest.strip_prefix("left\t") {
            self.add(parse(fields));
        }
    }

    /// Adds one that the host itself can not know of.
    pub fn add(&mut self, leftover: Leftover) {
        if !self.leftovers.contains(&leftover) {
            let place = self.leftovers.partition_point(|other| rank(&other.kind) <= rank(&leftover.kind));
            self.leftovers.insert(place, leftover);
        }
    }

    /// All of them, those of one kind together, each kind in the order in which the host named them.
    #[must_use]
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let count = |fate| self.leftovers.iter().filter(|leftover| leftover.fate == fate).count();
        Counts { goes: count(Fate::Goes), purge: count(Fate::Purge), stays: count(Fate::Stays) }
    }

    /// Whether nothing is there that a reset would take; with `keep_packages`, one that keeps what only a purge takes.
    #[must_use]
    pub fn is_clean(&self, keep_packages: bool) -> bool {
        let counts = self.counts();
        self.complete && counts.goes == 0 && (keep_packages || counts.purge == 0)
    }
}

fn rank(kind: &str) -> usize {
    KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len())
}

/// What can not be read is there all the same: it counts, and is shown as it came.
fn parse(line: &str) -> Leftover {
    let fields: Vec<&str> = line.splitn(5, '\t').collect();
    let read = match fields.as_slice() {
        [kind, owner, fate, sign, what] => Fate::parse(fate).map(|fate| (*kind, *owner, fate, *sign, *what)),
        _ => None,
    };
    let (kind, owner, fate, sign, what) = read.unwrap_or(("other", "unknown", Fate::Goes, "a line that can not be read", line));
    Leftover { kind: plain(kind), owner: plain(owner), fate, sign: plain(sign), what: plain(what) }
}

/// Text that a terminal takes for nothing but text: no control characters, nothing that turns the direction of writing around.
fn plain(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean = |letter: char| if letter.is_control() || turns(letter) { ' ' } else { letter };
    let mut plain: String = text.trim().chars().take(LONGEST).map(clean).collect();
    if text.trim().chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(lines: &[&str]) -> Listing {
        let mut listing = Listing::default();
        lines.iter().for_each(|line| listing.take("n0nce", line));
        listing
    }

    #[test]
    fn lines_of_the_host_become_things_by_kind() {
        let listing = listing(&[
            "Welcome! n0nce left",
            "n0nce left\trule\tkube-proxy\tgoes\tjump to KUBE-\t-A INPUT -j KUBE-FIREWALL",
            "n0nce left\tpackage\tslipway's install\tpurge\tundo note 0007-install.kubernetes-packages\tkubeadm 1.20.2-1",
            "n0nce left\tprocess\tkubelet\tgoes\tits name\t811 kubelet",
            "n0nce left\tprocess\tkubelet\tgoes\tits name\t811 kubelet",
            "n0nce left\tfile\tnobody we know\tstays\tits place\t/etc/kubernetes/audit\tpolicy.yaml",
            "other left\tprocess\tx\tgoes\ty\tz",
            "n0nce left-end",
        ]);
        let kinds: Vec<&str> = listing.leftovers().iter().map(|leftover| leftover.kind.as_str()).collect();
        assert_eq!(kinds, ["process", "rule", "file", "package"]);
        assert_eq!(listing.leftovers()[2].what, "/etc/kubernetes/audit policy.yaml");
        assert_eq!(listing.counts(), Counts { goes: 2, purge: 1, stays: 1 });
        assert!(listing.complete && !listing.is_clean(true));
    }

    #[test]
    fn clean_is_what_holds_nothing_that_a_reset_takes() {
        let stays = "n0nce left\tfile\tx\tstays\ty\tz";
        let purge = "n0nce left\tpackage\tx\tpurge\ty\tz";
        assert!(listing(&[stays, "n0nce left-end"]).is_clean(false));
        assert!(!listing(&[purge, "n0nce left-end"]).is_clean(false));
        assert!(listing(&[purge, "n0nce left-end"]).is_clean(true));
        assert!(!listing(&[stays]).is_clean(false), "a list that was cut short says nothing of what is not there");
    }

    #[test]
    fn what_a_host_says_is_text_and_never_more() {
        let nasty = "n0nce left\tfile\to\u{1b}[31mwner\tgoes\t\u{9b}2Jsign\u{7}\ta\u{202e}b\u{0}c\rd";
        let listing = listing(&[nasty, "n0nce left\tlink\tgoes", "n0nce left\tlink\tx\tvanishes\ty\tz"]);
        for leftover in listing.leftovers() {
            let all = format!("{leftover:?}");
            assert!(!all.contains("\\u{") && !all.contains("\\r") && !all.contains("\\t"), "{all}");
        }
        let odd: Vec<&str> =
            listing.leftovers().iter().filter(|each| each.kind == "other").map(|each| each.what.as_str()).collect();
        assert_eq!(odd, ["link goes", "link x vanishes y z"]);
        let mut long = Listing::default();
        long.take("n", &format!("n left\tfile\tx\tgoes\ty\t{}", "a".repeat(60_000)));
        assert_eq!(long.leftovers()[0].what.chars().count(), LONGEST + 1);
    }
}
