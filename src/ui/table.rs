//! Aligned tables: the status of a cluster, and what preflight found.

use std::fmt::Write;

use serde::Serialize;

use super::paint::{Paint, count};
use crate::{phase::preflight::Finding, profile::Listed};

/// One host in `slipway status`. What is not known is empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StatusRow {
    pub host: String,
    pub address: String,
    pub role: String,
    pub os: String,
    /// Version of the kubelet.
    pub kubelet: String,
    /// Name and version of the container runtime.
    pub runtime: String,
    /// `Ready`, `NotReady`, `absent`, `unreachable`, …
    pub state: String,
    /// What is odd about it, in one line.
    pub note: String,
}

/// Columns two spaces apart, as wide as their widest cell; the last one is as long as it likes. A cell without text is a dash.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |cell: &String| cell.chars().count().max(1);
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", if cell.is_empty() { "-" } else { cell })).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// The hosts of a cluster, a line each. The column of notes is there only if there is a note.
pub(super) fn status(rows: &[StatusRow]) -> String {
    let mut cells = vec![["host", "address", "role", "os", "kubelet", "runtime", "state", "note"].map(str::to_owned).to_vec()];
    for row in rows {
        let row = row.clone();
        cells.push(vec![row.host, row.address, row.role, row.os, row.kubelet, row.runtime, row.state, row.note]);
    }
    if rows.iter().all(|row| row.note.is_empty()) {
        for row in &mut cells {
            row.pop();
        }
    }
    aligned(&cells)
}

/// Profiles, a line each.
pub(super) fn profiles(listed: &[Listed]) -> String {
    let mut cells = vec![["family", "name", "inherits", "from", "about"].map(str::to_owned).to_vec()];
    for profile in listed {
        let inherits = profile.inherits.clone().unwrap_or_default();
        let (name, about) = (profile.name.clone(), profile.about.clone());
        cells.push(vec![profile.family.name().to_owned(), name, inherits, profile.file.clone(), about]);
    }
    aligned(&cells)
}

/// What preflight found, host by host, each with its remedy; the last line counts.
pub(super) fn findings(findings: &[Finding], paint: Paint) -> String {
    let mut hosts: Vec<&str> = Vec::new();
    for finding in findings {
        if !hosts.contains(&finding.id.host.as_str()) {
            hosts.push(&finding.id.host);
        }
    }
    let mut text = String::new();
    for host in hosts {
        let _ = writeln!(text, "{}", paint.bold(host));
        for finding in findings.iter().filter(|finding| finding.id.host == host) {
            let sign = if finding.fatal { paint.red("✗") } else { paint.yellow("!") };
            let _ = writeln!(text, "  {sign} {}/{}: {}", finding.id.phase, finding.id.name, finding.what);
            let _ = writeln!(text, "      {}", finding.remedy);
        }
    }
    if !findings.is_empty() {
        let fatal = findings.iter().filter(|finding| finding.fatal).count();
        let _ = writeln!(text, "{}, {}", count(fatal, "problem"), count(findings.len() - fatal, "warning"));
    }
    text
}
