//! The README's table of systems: from the profiles, and from the cases that there are.

use std::fmt::Write as _;

use slipway::profile::{OsProfile, Profiles};

use super::{Case, root};

pub(crate) const BEGIN: &str = "<!-- systems: made by tests/captured.rs -->";
pub(crate) const END: &str = "<!-- end of systems -->";

pub(crate) fn table(profiles: &Profiles, cases: &[Case]) -> String {
    // Versions of a system that have all in common share a line.
    let mut rows: Vec<(String, Vec<String>, String)> = Vec::new();
    for profile in &profiles.os {
        let versions = profile.matches.iter().flat_map(|matches| matches.versions.clone());
        let firewalls: Vec<&str> = profile.firewalls.keys().map(String::as_str).collect();
        let selinux = if profile.selinux.packages.is_empty() { "none" } else { "permissive, enforcing" };
        let cells = format!(
            "{} | {} | {selinux} | {} | {}",
            profile.packages.manager,
            firewalls.join(", "),
            runtimes(profile),
            tested(profile, cases)
        );
        let name = title(profile);
        match rows.iter_mut().find(|(other, _, same)| *other == name && *same == cells) {
            Some((_, known, _)) => known.extend(versions),
            None => rows.push((name, versions.collect(), cells)),
        }
    }
    let mut text =
        "| system | packages | firewall | SELinux | runtimes | how it is tested |\n|---|---|---|---|---|---|\n".to_owned();
    for (name, versions, cells) in rows {
        let _ = writeln!(text, "| {name} {} | {cells} |", versions.join(", "));
    }
    text
}

/// The name in os-release's PRETTY_NAME would have a version; IDs are lower case.
fn title(profile: &OsProfile) -> String {
    match profile.matches.as_ref().map_or("", |matches| matches.id.as_str()) {
        "rhel" => "RHEL".to_owned(),
        "amzn" => "Amazon Linux".to_owned(),
        "centos" if profile.packages.manager == "dnf" => "CentOS Stream".to_owned(),
        "centos" => "CentOS".to_owned(),
        "almalinux" => "AlmaLinux".to_owned(),
        id => id[..1].to_uppercase() + &id[1..],
    }
}

/// Each with where its packages come from.
fn runtimes(profile: &OsProfile) -> String {
    let each = profile.runtimes.iter().map(|(name, packages)| {
        let mut sources: Vec<&str> =
            packages.all().map(|each| if each.repository.is_some() { "its makers'" } else { "the system's" }).collect();
        sources.dedup();
        format!("{name} ({})", sources.join(", then "))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn tested(profile: &OsProfile, cases: &[Case]) -> String {
    let answers = || cases.iter().flat_map(|case| case.answers.values()).filter(|answer| profile.suits(&answer.facts.os));
    let mut scenarios: Vec<&str> = answers().flat_map(|answer| &answer.scenarios).map(String::as_str).collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    for scenario in &scenarios {
        assert!(root().join(format!("tests/scenarios/{scenario}.sh")).is_file(), "there is no scenario {scenario}");
    }
    let mut ways = Vec::new();
    if !scenarios.is_empty() {
        ways.push("real host");
    }
    if answers().any(|answer| answer.origin == "captured") {
        ways.push("captured facts");
    }
    if answers().any(|answer| answer.origin == "written") {
        ways.push("facts written from its documentation");
    }
    if ways.is_empty() { "not yet".to_owned() } else { ways.join(", ") }
}
