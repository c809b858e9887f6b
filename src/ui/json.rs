//! `--output json`: one JSON object a line, for programs. Names are stable: fields may be added, never renamed or removed.
//!
//! Every object has `event`. Those of a run have `at`, the seconds since its start. Times are seconds, with fractions.
//! A `step` is its path, `host/phase/name`.
//!
//! | event | fields |
//! |---|---|
//! | `host` | `host`, `state` (`connecting`, `probing`, `ready`, `failed`), `seconds`, `execs` (programs run on it so far) |
//! | `planned` | `steps`: each `step`, `title`, `verdict` (`done`, `run`, `maybe`), `needs` (paths) |
//! | `started` | `host`, `step`, `attempt` (1 is the first) |
//! | `command` | `host`, `step`, `command`, `exit`: a command of the step begins (null), or ended with this exit code |
//! | `waiting` | `host`, `step`, `what`: what a running step waits for on its host, until its next line or its end |
//! | `line` | `host`, `step`, `text`: a line that the step printed |
//! | `retrying` | `host`, `step`, `attempt` (the one that failed), `because`, `pause` |
//! | `finished` | `host`, `step`, `outcome` (`unchanged`, `changed`, `failed`, `blocked`, `cancelled`), `seconds`; if failed, `failure`: `what`, `command`, `exit`, `tail` (lines), `hint`; if blocked, `by` |
//! | `note` | `text` |
//! | `stopping` | |
//! | `report` | last of a run: `success`, `nothing_changed`, `seconds`, `critical_seconds`, `ratio` (of the two; null if nothing took time), `hosts`: each `host`, `unchanged`, `changed`, `failed`, `blocked`, `cancelled`, `unreachable`, `seconds` (until it was ready), `execs`; `longest` and `critical_path`: each `what`, `seconds`; `failures`: each `step`, `title`, and the fields of `failure`; `run` (its id, or null), `log` (the path of its journal, or null) |
//! | `error` | `kind` (as in the table of exit codes), `exit_code`, `message`, `hints` |
//! | `plan` | `nothing_to_do`, `steps`: each `step`, `title`, `why`, `verdict`, `needs` |
//! | `finding` | of preflight, one line each: `host`, `step`, `what`, `remedy`, `fatal` |
//! | `profiles` | `profiles`: each `family` (`os`, `runtime`, `cni`), `name`, `inherits` (or null), `about`, `file` |
//! | `leftovers` | `hosts`: each `host`, `clean` (nothing that a reset takes is there), `complete` (the host listed all), `error` (why not, or null), `goes`, `purge`, `stays` (how many), `leftovers`: each `kind`, `owner`, `fate` (`goes`, `purge`, `stays`), `sign`, `what`; also what a reset finds before it begins, then with `takes_purge` and `consequences` (sentences) |
//! | `runs` | `runs`, the newest first: each `run` (its id), `time` (UTC), `cluster`, `command`, `arguments`, `ended` (`done`, `failed`, `interrupted`, `killed`, `running`), `exit_code` (or null), `hosts`, `changed`, `unchanged`, `failed`, `not_run`, `seconds`, `log` (a path) |
//! | `status` | `hosts`: each `host`, `address`, `role`, `os`, `kubelet`, `runtime`, `state`, `note` |

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use super::{Found, ResetPlan, StatusRow, ask};
use crate::{
    error::{Error, Kind},
    event::{
        Event,
        json::{self, failure_fields, path, rounded, seconds},
    },
    phase::preflight::Finding,
    plan::Plan,
    profile::Listed,
    report::{HostReport, Link, Report},
};

/// The lines of an event of a run.
pub(super) fn event(event: &Event, at: Duration) -> String {
    json::lines(event, at).iter().map(|line| format!("{line}\n")).collect()
}

/// The last line of a run.
pub(super) fn report(report: &Report, run: Option<&str>, log: Option<&Path>) -> Value {
    let host = |host: &HostReport| {
        let counts = host.counts;
        json!({
            "host": host.host, "unchanged": counts.unchanged, "changed": counts.changed, "failed": counts.failed,
            "blocked": counts.blocked, "cancelled": counts.cancelled, "unreachable": host.unreachable,
            "seconds": seconds(host.connect), "execs": host.execs,
        })
    };
    let failures = report.failures().into_iter().map(|failed| {
        let mut fields = failure_fields(failed.failure);
        fields.insert("step".to_owned(), path(failed.id).into());
        fields.insert("title".to_owned(), failed.title.into());
        Value::Object(fields)
    });
    json!({
        "event": "report", "at": seconds(report.wall()), "success": report.is_success(), "nothing_changed": report.nothing_changed(),
        "seconds": seconds(report.wall()), "critical_seconds": seconds(report.critical()), "ratio": report.ratio().map(rounded),
        "hosts": report.hosts().iter().map(host).collect::<Vec<_>>(),
        "longest": links(&report.longest(5)), "critical_path": links(&report.critical_path()),
        "failures": failures.collect::<Vec<_>>(), "run": run, "log": log.map(|log| log.display().to_string()),
    })
}

/// An error that ended the command.
pub(super) fn error(error: &Error) -> Value {
    let kind = error.kind;
    json!({
        "event": "error", "kind": kind_name(kind), "exit_code": kind.exit_code(), "message": error.to_string(), "hints": error.hints,
    })
}

/// A whole plan.
pub(super) fn plan(plan: &Plan) -> Value {
    let steps = plan.graph.steps().map(|step| {
        json!({
            "step": path(&step.id), "title": step.title, "why": step.why, "verdict": plan.verdict(&step.id),
            "needs": step.needs.iter().map(path).collect::<Vec<_>>(),
        })
    });
    json!({"event": "plan", "nothing_to_do": plan.is_done(), "steps": steps.collect::<Vec<_>>()})
}

/// What preflight found, a line each.
pub(super) fn findings(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{}\n", json::finding(finding))).collect()
}

/// The profiles that there are.
pub(super) fn profiles(listed: &[Listed]) -> Value {
    let each = |profile: &Listed| {
        json!({
            "family": profile.family.name(), "name": profile.name, "inherits": profile.inherits, "about": profile.about,
            "file": profile.file,
        })
    };
    json!({"event": "profiles", "profiles": listed.iter().map(each).collect::<Vec<_>>()})
}

/// What a cluster left on hosts.
pub(super) fn leftovers(found: &[Found<'_>]) -> Value {
    let host = |found: &Found<'_>| {
        let counts = found.listing.counts();
        json!({
            "host": found.host, "clean": found.listing.is_clean(found.keep_packages), "complete": found.listing.complete,
            "error": found.error.map(ToString::to_string), "goes": counts.goes, "purge": counts.purge, "stays": counts.stays,
            "leftovers": found.listing.leftovers(),
        })
    };
    json!({"event": "leftovers", "hosts": found.iter().map(host).collect::<Vec<_>>()})
}

/// The same as what a reset is going to take.
pub(super) fn reset_plan(plan: &ResetPlan<'_>) -> Value {
    let mut line = leftovers(&plan.found);
    line["takes_purge"] = plan.purge.into();
    line["consequences"] = plan.consequences.clone().into();
    line
}

/// A user interface begins, for this command.
pub(super) fn begin(command: &str) -> Value {
    json!({"event": "begin", "command": command, "at": 0.0})
}

/// A person was asked.
pub(super) fn question(text: &str, answer: Option<bool>) -> Value {
    json!({"event": "question", "text": text, "answer": answer})
}

/// The question and its answer as they stood on the terminal; none if nobody was there to be asked.
pub(super) fn read_question(line: &Value) -> Option<String> {
    let answer = if line["answer"].as_bool()? { "y" } else { "n" };
    Some(format!("{}{answer}\n", ask::prompt(line["text"].as_str()?)))
}

/// The end of a command.
pub(super) fn end(exit_code: u8) -> Value {
    json!({"event": "end", "exit_code": exit_code})
}

/// The message and the hints of an error.
pub(super) fn read_error(line: &Value) -> (String, Vec<String>) {
    let hints = line["hints"].as_array().into_iter().flatten().filter_map(|hint| hint.as_str().map(str::to_owned));
    (line["message"].as_str().unwrap_or_default().to_owned(), hints.collect())
}

/// The hosts of a cluster.
pub(super) fn status(rows: &[StatusRow]) -> Value {
    json!({"event": "status", "hosts": rows})
}

fn links(links: &[Link]) -> Vec<Value> {
    links.iter().map(|link| json!({"what": link.what, "seconds": seconds(link.took)})).collect()
}

/// `NoControlPlane` -> `no-control-plane`.
fn kind_name(kind: Kind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
