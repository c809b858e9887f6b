//! The end of a run in words: a table of hosts, where the time went, and everything about each failure.

use std::fmt::Write;

use super::{
    paint::{Paint, count, seconds},
    table,
};
use crate::{
    event::Failure,
    report::{HostReport, Link, Report},
    step::StepId,
};

/// Lines of a failed step's output that are shown at the end, and while others are still running.
const TAIL: usize = 15;
const TAIL_IN_PASSING: usize = 5;

/// Links of the critical path that are too short to name one by one: less than a fiftieth of the whole.
const SHORT: u32 = 50;

/// The report of a run. `run` is the id by which its journal is known, `command` what to type again after a failure.
pub(super) fn text(report: &Report, run: Option<&str>, command: &str, paint: Paint) -> String {
    let hosts = report.hosts();
    let totals = report.totals();
    let over = format!("{} on {}", count(totals.total(), "step"), count(hosts.len(), "host"));
    if report.nothing_changed() {
        return format!("nothing to do: {over} are as they should be ({:.1} s)\n", report.wall().as_secs_f64());
    }
    let mut text = String::from("\n");
    text += &table_of(&hosts, paint);
    times(report, &mut text);
    for failed in report.failures() {
        text.push('\n');
        failure(failed.id, failed.title, failed.failure, run, paint, &mut text);
    }
    let wall = seconds(report.wall());
    if report.is_success() {
        let counts = format!("{} changed, {} unchanged", totals.changed, totals.unchanged);
        let _ = writeln!(text, "\n{} in {wall}: {counts}, {over}", paint.green("done"));
    } else {
        let left = totals.blocked + totals.cancelled;
        let counts =
            format!("{} changed, {} unchanged, {} failed, {left} not run", totals.changed, totals.unchanged, totals.failed);
        let word = if totals.failed == 0 && totals.cancelled > 0 { "stopped" } else { "failed" };
        let _ = writeln!(text, "\n{} after {wall}: {counts}, {over}", paint.red(word));
        let _ = writeln!(text, "next: {}    (what is done stays done)", paint.bold(command));
    }
    text
}

/// A line a host: how it stands, and what became of its steps.
fn table_of(hosts: &[HostReport], paint: Paint) -> String {
    let mut rows = vec![["host", "state", "changed", "unchanged", "failed", "not run"].map(str::to_owned).to_vec()];
    for host in hosts {
        let counts = host.counts;
        let numbers = [counts.changed, counts.unchanged, counts.failed, counts.blocked + counts.cancelled];
        let mut row = vec![host.host.clone(), state(host).to_owned()];
        row.extend(numbers.map(|number| number.to_string()));
        rows.push(row);
    }
    // Colours come last: their codes would upset the widths.
    let lines = table::aligned(&rows);
    let colour = |(line, host): (&str, Option<&HostReport>)| match host.map(state) {
        None => paint.bold(line),
        Some("ok" | "changed") => line.to_owned(),
        Some("blocked" | "stopped") => paint.yellow(line),
        Some(_) => paint.red(line),
    };
    lines.lines().zip(std::iter::once(None).chain(hosts.iter().map(Some))).map(|pair| colour(pair) + "\n").collect()
}

fn state(host: &HostReport) -> &'static str {
    let counts = host.counts;
    if host.unreachable {
        "unreachable"
    } else if counts.failed > 0 {
        "failed"
    } else if counts.blocked > 0 {
        "blocked"
    } else if counts.cancelled > 0 {
        "stopped"
    } else if counts.changed > 0 {
        "changed"
    } else {
        "ok"
    }
}

fn times(report: &Report, text: &mut String) {
    let longest = report.longest(5);
    if longest.is_empty() {
        return;
    }
    text.push_str("\nlongest steps\n");
    for link in longest {
        let _ = writeln!(text, "  {:>6}  {}", seconds(link.took), link.what);
    }
    let (critical, wall) = (report.critical(), report.wall());
    let ratio = report.ratio().map_or(String::new(), |ratio| format!(", ratio {ratio:.2}"));
    let _ = writeln!(
        text,
        "\ncritical path\n  {}; {:.1} s of {:.1} s{ratio}",
        chain(&report.critical_path(), critical / SHORT),
        critical.as_secs_f64(),
        wall.as_secs_f64()
    );
}

/// `node1/install/kubernetes 14.2s → node1/init/kubeadm 15.6s`; links shorter than `short` are only counted.
fn chain(path: &[Link], short: std::time::Duration) -> String {
    let (long, rest): (Vec<&Link>, Vec<&Link>) = path.iter().partition(|link| link.took >= short);
    let mut parts: Vec<String> = long.iter().map(|link| format!("{} {}", link.what, seconds(link.took))).collect();
    if !rest.is_empty() {
        parts.push(format!("{} {}", count(rest.len(), "shorter step"), seconds(rest.iter().map(|link| link.took).sum())));
    }
    parts.join(" → ")
}

/// Everything about a step that failed.
fn failure(id: &StepId, title: &str, failure: &Failure, run: Option<&str>, paint: Paint, text: &mut String) {
    let _ = writeln!(text, "{} {}  {title}", paint.red("failed"), paint.bold(&id.to_string()));
    let _ = writeln!(text, "  host: {}", id.host);
    let _ = writeln!(text, "  what: {}", failure.what);
    if let Some(command) = &failure.command {
        let _ = writeln!(text, "  command: {command}");
    }
    if let Some(exit) = failure.exit {
        let _ = writeln!(text, "  exit code: {exit}");
    }
    tail(failure, TAIL, paint, text);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "  {}: {hint}", paint.yellow("hint"));
    }
    if let Some(run) = run {
        let _ = writeln!(text, "  all of it: slipway runs show {run} --verbose");
    }
}

/// The short form, for above the bars while other hosts go on; the whole comes at the end.
pub(super) fn failure_in_passing(id: &StepId, title: &str, failure: &Failure, paint: Paint) -> String {
    let mut text = format!("{} {}  {title}: {}\n", paint.red("failed"), paint.bold(&id.to_string()), failure.what);
    tail(failure, TAIL_IN_PASSING, paint, &mut text);
    text.trim_end().to_owned()
}

fn tail(failure: &Failure, most: usize, paint: Paint, text: &mut String) {
    for line in &failure.tail[failure.tail.len().saturating_sub(most)..] {
        let _ = writeln!(text, "  {} {line}", paint.dim("|"));
    }
}

/// An error and its hints, for standard error.
pub(super) fn error(message: &str, hints: &[String], paint: Paint) -> String {
    let mut text = format!("{}: {message}\n", paint.red("error"));
    for hint in hints {
        let _ = writeln!(text, "{}: {hint}", paint.yellow("hint"));
    }
    text
}
