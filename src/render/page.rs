//! A run as a page for a browser: one file, without a script, that asks for nothing from elsewhere.

use std::{fmt::Write, time::Duration};

use super::{
    count,
    timeline::{seconds, state, timeline},
};
use crate::{
    journal::{Ending, Recorded, human},
    report::{Bar, FailedStep, HostReport, Lane, Link, Report},
};

/// Nothing is loaded and nothing runs, whatever got into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Links of the critical path that take less than this part of it have no line of their own.
const SHORT: u32 = 50;

/// The page of a run.
#[must_use]
pub fn report(recorded: &Recorded) -> String {
    let report = recorded.report();
    let header = &recorded.header;
    let name = format!("slipway {}, {}", header.command, header.cluster);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escaped(&name),
        include_str!("page.css")
    );
    head(recorded, &report, &mut page);
    for message in recorded.errors() {
        // A String takes all that is written to it.
        let _ = writeln!(page, "<p class=\"bad\">error: {}</p>", escaped(message));
    }
    if !report.hosts().is_empty() {
        let _ = writeln!(page, "<h2>Timeline</h2>\n{}<div class=\"drawing\">\n{}</div>", legend(), timeline(&report));
        totals(&report, &mut page);
    }
    critical_path(&report, &mut page);
    failures(&report, &mut page);
    steps(&report, &mut page);
    page + "</body>\n</html>\n"
}

/// How it ended, and the figures of the whole run.
fn head(recorded: &Recorded, report: &Report, page: &mut String) {
    let ending = recorded.ending();
    let class = if ending == Ending::Done { "done" } else { "bad" };
    let code = recorded.exit_code().filter(|code| *code != 0).map_or(String::new(), |code| format!(" (exit code {code})"));
    let counts = report.totals();
    let _ = writeln!(
        page,
        "<p><b class=\"{class}\">{}{code}</b> after {}: {} changed, {} unchanged, {} failed, {} not run, {} on {}</p>",
        ending.name(),
        seconds(report.wall()),
        counts.changed,
        counts.unchanged,
        counts.failed,
        counts.blocked + counts.cancelled,
        count(counts.total(), "step"),
        count(report.hosts().len(), "host"),
    );
    if let Some(ratio) = report.ratio() {
        let _ = writeln!(page, "<p>critical path {}, ratio {ratio:.2}</p>", seconds(report.critical()));
    }
    let command = std::iter::once("slipway").chain(recorded.header.arguments.iter().map(String::as_str));
    let _ = writeln!(
        page,
        "<p class=\"faint\">run {}, began {} UTC: <code>{}</code></p>",
        escaped(&recorded.kept.id),
        human(&recorded.kept.stamp),
        escaped(&command.collect::<Vec<_>>().join(" ")),
    );
}

fn legend() -> String {
    let all = [
        ("connect", "connecting, facts, checks"),
        ("changed", "changed"),
        ("unchanged", "unchanged"),
        ("failed", "failed"),
        ("unfinished", "not seen to end"),
        ("critical", "critical path"),
    ];
    let spans: String = all.iter().map(|(class, text)| format!("<span><i class=\"{class}\"></i>{text}</span>")).collect();
    format!("<p class=\"legend\">{spans}</p>\n")
}

/// A line a host, and one for all.
fn totals(report: &Report, page: &mut String) {
    page.push_str("<h2>Hosts</h2>\n");
    let names = ["connecting", "programs", "at work", "changed", "unchanged", "failed", "not run"];
    let heads: String = names.iter().map(|name| format!("<th class=\"number\">{name}</th>")).collect();
    let _ = writeln!(page, "<table>\n<tr><th>host</th>{heads}</tr>");
    let row = |class: &str, name: &str, cells: [String; 7]| {
        let cells: String = cells.iter().map(|cell| format!("<td class=\"number\">{cell}</td>")).collect();
        format!("<tr{class}><td>{name}</td>{cells}</tr>\n")
    };
    let busy = |lane: &Lane<'_>| lane.bars.iter().map(Bar::took).sum::<Duration>();
    for lane in report.lanes() {
        let HostReport { host, counts, connect, execs, unreachable } = &lane.host;
        let lost = if *unreachable { " <span class=\"bad\">can not be reached</span>" } else { "" };
        let mut cells = vec![seconds(*connect), execs.to_string(), seconds(busy(&lane))];
        let numbers = [counts.changed, counts.unchanged, counts.failed, counts.blocked + counts.cancelled];
        cells.extend(numbers.map(|number| number.to_string()));
        if let Ok(cells) = cells.try_into() {
            page.push_str(&row("", &format!("{}{lost}", escaped(host)), cells));
        }
    }
    let all = report.totals();
    let numbers = [all.changed, all.unchanged, all.failed, all.blocked + all.cancelled].map(|number| number.to_string());
    let [changed, unchanged, failed, left] = numbers;
    let programs = report.hosts().iter().map(|host| host.execs).sum::<usize>().to_string();
    let work = seconds(report.lanes().iter().map(busy).sum());
    page.push_str(&row(" class=\"total\"", "all", [String::new(), programs, work, changed, unchanged, failed, left]));
    page.push_str("</table>\n");
}

/// The links of the critical path; those that are too short to count one by one are counted together.
fn critical_path(report: &Report, page: &mut String) {
    let path = report.critical_path();
    if path.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Critical path</h2>\n<p class=\"faint\">The chain of steps that the run could not have been shorter than.</p>\n",
    );
    page.push_str("<table>\n<tr><th>step</th><th class=\"number\">took</th><th class=\"number\">of the run</th></tr>\n");
    let wall = report.wall().as_secs_f64().max(0.001);
    let short = report.critical() / SHORT;
    let (long, rest): (Vec<Link>, Vec<Link>) = path.into_iter().partition(|link| link.took >= short);
    let mut rows: Vec<(String, Duration)> = long.into_iter().map(|link| (link.what, link.took)).collect();
    if !rest.is_empty() {
        rows.push((count(rest.len(), "shorter step"), rest.iter().map(|link| link.took).sum()));
    }
    for (what, took) in rows {
        let (share, took) = (100.0 * took.as_secs_f64() / wall, seconds(took));
        let _ = writeln!(
            page,
            "<tr><td class=\"code\">{}</td><td class=\"number\">{took}</td><td class=\"number\">{share:.0} %</td></tr>",
            escaped(&what)
        );
    }
    page.push_str("</table>\n");
}

fn failures(report: &Report, page: &mut String) {
    for FailedStep { id, title, failure } in report.failures() {
        let _ = writeln!(page, "<h2 class=\"bad\">failed: {}</h2>", escaped(&id.to_string()));
        let _ = writeln!(page, "<p>{}: {}</p>", escaped(title), escaped(&failure.what));
        if let Some(command) = &failure.command {
            let exit = failure.exit.map_or(String::new(), |exit| format!(" (exit code {exit})"));
            let _ = writeln!(page, "<p>command: <code>{}</code>{exit}</p>", escaped(command));
        }
        if !failure.tail.is_empty() {
            let _ = writeln!(page, "<pre>{}</pre>", escaped(&failure.tail.join("\n")));
        }
        if let Some(hint) = &failure.hint {
            let _ = writeln!(page, "<p>hint: {}</p>", escaped(hint));
        }
    }
}

/// Every step that began, host by host, folded.
fn steps(report: &Report, page: &mut String) {
    let lanes = report.lanes();
    if lanes.iter().all(|lane| lane.bars.is_empty()) {
        return;
    }
    page.push_str("<h2>Steps that ran</h2>\n");
    for lane in lanes.iter().filter(|lane| !lane.bars.is_empty()) {
        let _ = writeln!(
            page,
            "<details><summary>{}: {}</summary>\n<table>\n<tr><th>step</th><th>what it does</th><th class=\"number\">began</th>\
             <th class=\"number\">took</th><th class=\"number\">tries</th><th>state</th></tr>",
            escaped(&lane.host.host),
            count(lane.bars.len(), "step")
        );
        for bar in &lane.bars {
            let class = if state(bar.outcome) == "failed" { "bad" } else { "" };
            let critical = if bar.is_critical { ", critical" } else { "" };
            let _ = writeln!(
                page,
                "<tr><td class=\"code\">{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td><td class=\"{class}\">{}{critical}</td></tr>",
                escaped(&format!("{}/{}", bar.id.phase, bar.id.name)),
                escaped(bar.title),
                seconds(bar.began),
                seconds(bar.took()),
                bar.attempts,
                state(bar.outcome),
            );
        }
        page.push_str("</table></details>\n");
    }
}

/// Text that is nothing but text, between tags and in quotes. What would hide or reorder it is shown as a mark.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(letter),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => safe.push('\u{fffd}'),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
