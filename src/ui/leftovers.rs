//! What a cluster left on hosts, as a table; and in short, as the plan of a reset.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::{
    paint::{Paint, count},
    table,
};
use crate::{
    error::{Error, Kind},
    leftover::{Fate, Leftover, Listing},
};

/// Things of one kind, owner and sign that are shown where long lists are folded, and how many make a list long.
const SHOWN: usize = 3;
const LONG: usize = 6;

/// One host and what is there.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub host: &'a str,
    pub listing: &'a Listing,
    /// Why the host did not list all, or anything.
    pub error: Option<&'a Error>,
    /// What only a purge takes does not count.
    pub keep_packages: bool,
}

/// What a reset is going to do, host by host, and what comes of it.
#[derive(Clone, Debug)]
pub struct ResetPlan<'a> {
    pub found: Vec<Found<'a>>,
    pub purge: bool,
    /// What is lost and what ends, in sentences.
    pub consequences: Vec<String>,
}

/// The plan of a reset as a journal has it.
pub(super) struct Read {
    hosts: Vec<ReadHost>,
    purge: bool,
    consequences: Vec<String>,
}

struct ReadHost {
    host: String,
    listing: Listing,
    error: Option<Error>,
}

impl Read {
    /// Reads what [`super::json::reset_plan`] writes; none if it is something else.
    pub(super) fn of(line: &Value) -> Option<Self> {
        let host = |value: &Value| {
            let mut listing = Listing::default();
            listing.complete = value["complete"] == true;
            for leftover in value["leftovers"].as_array()? {
                listing.add(Leftover::deserialize(leftover).ok()?);
            }
            // Of its error, only the words are shown.
            let error = value["error"].as_str().map(|error| Error::new(Kind::Unreachable, error));
            Some(ReadHost { host: value["host"].as_str()?.to_owned(), listing, error })
        };
        let hosts = line["hosts"].as_array()?.iter().map(host).collect::<Option<Vec<_>>>()?;
        Some(Self { hosts, purge: line["takes_purge"].as_bool()?, consequences: Vec::deserialize(&line["consequences"]).ok()? })
    }

    pub(super) fn plan(&self) -> ResetPlan<'_> {
        let found = |read| {
            let ReadHost { host, listing, error }: &ReadHost = read;
            Found { host, listing, error: error.as_ref(), keep_packages: !self.purge }
        };
        let found = self.hosts.iter().map(found).collect();
        ResetPlan { found, purge: self.purge, consequences: self.consequences.clone() }
    }
}

/// A table for each host, with a line that counts.
pub(super) fn table(found: &[Found<'_>], fold: bool, paint: Paint) -> String {
    let mut text = String::new();
    for host in found {
        let _ = writeln!(text, "{}: {}", paint.bold(host.host), verdict(host, paint));
        let lines = rows(host.listing.leftovers(), fold);
        if !lines.is_empty() {
            let head = ["kind", "owner", "fate", "recognised by", "what"].map(str::to_owned).to_vec();
            let all: Vec<Vec<String>> = std::iter::once(head).chain(lines.iter().map(|line| line.cells.clone())).collect();
            for (index, line) in table::aligned(&all).lines().enumerate() {
                let shown = match index.checked_sub(1).map(|index| lines[index].fate) {
                    None => paint.bold(line),
                    Some(Fate::Stays) => paint.dim(line),
                    Some(Fate::Goes | Fate::Purge) => line.to_owned(),
                };
                let _ = writeln!(text, "  {shown}");
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn verdict(host: &Found<'_>, paint: Paint) -> String {
    let counts = host.listing.counts();
    let mut parts = Vec::new();
    for (number, one, many) in [
        (counts.goes, "goes with a reset", "go with a reset"),
        (counts.purge, "goes with `reset --purge` alone", "go with `reset --purge` alone"),
        (counts.stays, "stays", "stay"),
    ] {
        match number {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            number => parts.push(format!("{number} {many}")),
        }
    }
    match (host.error, host.listing.is_clean(host.keep_packages)) {
        (Some(_), _) if parts.is_empty() => paint.red("not known"),
        (Some(_), _) => format!("{}; {}", parts.join(", "), paint.red("there may be more")),
        (None, true) if parts.is_empty() => paint.green("clean"),
        (None, true) => format!("{}; {}", paint.green("clean"), parts.join(", ")),
        (None, false) => parts.join(", "),
    }
}

struct Line {
    cells: Vec<String>,
    fate: Fate,
}

/// A line a thing; of many that are alike, the first ones and how many more there are.
fn rows(leftovers: &[Leftover], fold: bool) -> Vec<Line> {
    let alike = |a: &Leftover, b: &Leftover| (&a.kind, &a.owner, a.fate, &a.sign) == (&b.kind, &b.owner, b.fate, &b.sign);
    let mut sorted: Vec<&Leftover> = leftovers.iter().collect();
    // Those of one owner together, within the kind. The sort is stable: chains and rules stay in their order.
    for kind in sorted.chunk_by_mut(|a, b| a.kind == b.kind) {
        kind.sort_by(|a, b| (&a.owner, a.fate, &a.sign).cmp(&(&b.owner, b.fate, &b.sign)));
    }
    let mut lines = Vec::new();
    for group in sorted.chunk_by(|a, b| alike(a, b)) {
        let shown = if fold && group.len() >= LONG { SHOWN } else { group.len() };
        let line = |leftover: &Leftover, what: String| Line {
            cells: vec![leftover.kind.clone(), leftover.owner.clone(), leftover.fate.to_string(), leftover.sign.clone(), what],
            fate: leftover.fate,
        };
        lines.extend(group[..shown].iter().map(|leftover| line(leftover, leftover.what.clone())));
        if shown < group.len() {
            let more = format!("… and {} more (-v shows them)", group.len() - shown);
            lines.push(line(group[0], more));
        }
    }
    lines
}

/// What goes and what stays, in short.
pub(super) fn plan(plan: &ResetPlan<'_>, paint: Paint) -> String {
    let mut text = String::new();
    for host in &plan.found {
        let _ = writeln!(text, "{}", paint.bold(host.host));
        let of = |fate: Fate| -> Vec<&Leftover> { host.listing.leftovers().iter().filter(|each| each.fate == fate).collect() };
        let (mut goes, purge, stays) = (of(Fate::Goes), of(Fate::Purge), of(Fate::Stays));
        let mut kept = Vec::new();
        if plan.purge {
            goes.extend(purge)
        } else {
            kept = purge
        }
        if goes.is_empty() && host.error.is_none() {
            text.push_str("  goes   nothing: it is clean\n");
        }
        for (word, things) in [("goes", &goes), ("kept", &kept)] {
            if !things.is_empty() {
                let why = if word == "kept" { "; --purge takes them too" } else { "" };
                let _ = writeln!(text, "  {word:5}  {}{why}", kinds(things));
            }
        }
        for leftover in stays.iter().take(SHOWN) {
            let _ = writeln!(text, "  stays  {} {} ({})", leftover.kind, leftover.what, leftover.sign);
        }
        if stays.len() > SHOWN {
            let _ = writeln!(text, "  stays  {} more", stays.len() - SHOWN);
        }
        if let Some(error) = host.error {
            let _ = writeln!(text, "  {}  {error}", paint.red("not known:"));
        }
    }
    for consequence in &plan.consequences {
        let _ = writeln!(text, "{} {consequence}", paint.yellow("!"));
    }
    text
}

/// `59 rules, 21 chains (kube-proxy), 3 links (flannel)`: how many of each kind, and whose they are.
fn kinds(things: &[&Leftover]) -> String {
    let mut kinds: Vec<(&str, usize, Vec<&str>)> = Vec::new();
    for thing in things {
        let place = kinds.iter().position(|(kind, ..)| *kind == thing.kind).unwrap_or_else(|| {
            kinds.push((&thing.kind, 0, Vec::new()));
            kinds.len() - 1
        });
        kinds[place].1 += 1;
        if !kinds[place].2.contains(&thing.owner.as_str()) {
            kinds[place].2.push(&thing.owner);
        }
    }
    let each = |(kind, number, owners): &(&str, usize, Vec<&str>)| format!("{} ({})", of_kind(*number, kind), owners.join(", "));
    kinds.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// `1 process`, `2 processes`, `3 nft tables`.
fn of_kind(number: usize, kind: &str) -> String {
    let noun = match kind {
        "ipvs" => "IPVS service".to_owned(),
        "bpf" => "BPF object".to_owned(),
        "netns" => "network namespace".to_owned(),
        "other" => "other thing".to_owned(),
        kind => kind.replace('-', " "),
    };
    match (number, noun.as_str()) {
        (1, _) => format!("1 {noun}"),
        (_, "repository") => format!("{number} repositories"),
        (_, "process" | "address") => format!("{number} {noun}es"),
        _ => count(number, &noun),
    }
}
