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
//! | `waiting` | `host`, `step`, `what`: what a running step waits for on its host, until its next line or its end |
//! | `line` | `host`, `step`, `text`: a line that the step printed |
//! | `retrying` | `host`, `step`, `attempt` (the one that failed), `because`, `pause` |
//! | `finished` | `host`, `step`, `outcome` (`unchanged`, `changed`, `failed`, `blocked`, `cancelled`), `seconds`; if failed, `failure`: `what`, `command`, `exit`, `tail` (lines), `hint`; if blocked, `by` |
//! | `note` | `text` |
//! | `stopping` | |
//! | `report` | last of a run: `success`, `nothing_changed`, `seconds`, `critical_seconds`, `ratio` (of the two; null if nothing took time), `hosts`: each `host`, `unchanged`, `changed`, `failed`, `blocked`, `cancelled`, `unreachable`, `seconds` (until it was ready), `execs`; `longest` and `critical_path`: each `what`, `seconds`; `failures`: each `step`, `title`, and the fields of `failure`; `log` (a path or null) |
//! | `error` | `kind` (as in the table of exit codes), `exit_code`, `message`, `hints` |
//! | `plan` | `nothing_to_do`, `steps`: each `step`, `title`, `why`, `verdict`, `needs` |
//! | `finding` | of preflight, one each: `host`, `step`, `what`, `remedy`, `fatal` |
//! | `profiles` | `profiles`: each `family` (`os`, `runtime`, `cni`), `name`, `inherits` (or null), `about`, `file` |
//! | `leftovers` | `hosts`: each `host`, `clean` (nothing that a reset takes is there), `complete` (the host listed all), `error` (why not, or null), `goes`, `purge`, `stays` (how many), `leftovers`: each `kind`, `owner`, `fate` (`goes`, `purge`, `stays`), `sign`, `what`; also what a reset finds before it begins |
//! | `status` | `hosts`: each `host`, `address`, `role`, `os`, `kubelet`, `runtime`, `state`, `note` |

use std::{path::Path, time::Duration};

use serde_json::{Map, Value, json};

use super::{Found, StatusRow};
use crate::{
    error::{Error, Kind},
    event::{Event, Failure, HostState, Outcome},
    phase::preflight::Finding,
    plan::{Plan, Verdict},
    profile::Listed,
    report::{HostReport, Link, Report},
    step::StepId,
};

/// The line of an event of a run.
pub(super) fn event(event: &Event, at: Duration) -> Value {
    let mut line = match event {
        Event::Host { host, state, took, execs } => {
            json!({"event": "host", "host": host, "state": state_name(*state), "seconds": seconds(*took), "execs": execs})
        }
        Event::Planned { steps } => {
            let step = |step: &crate::event::Planned| {
                json!({
                    "step": path(&step.id), "title": step.title, "verdict": verdict_name(step.verdict),
                    "needs": step.needs.iter().map(path).collect::<Vec<_>>(),
                })
            };
            json!({"event": "planned", "steps": steps.iter().map(step).collect::<Vec<_>>()})
        }
        Event::Started { id, attempt } => json!({"event": "started", "host": id.host, "step": path(id), "attempt": attempt}),
        Event::Waiting { id, what } => json!({"event": "waiting", "host": id.host, "step": path(id), "what": what}),
        Event::Line { id, text } => json!({"event": "line", "host": id.host, "step": path(id), "text": text}),
        Event::Retrying { id, attempt, because, pause } => json!({
            "event": "retrying", "host": id.host, "step": path(id), "attempt": attempt, "because": because, "pause": seconds(*pause),
        }),
        Event::Finished { id, outcome, took } => finished(id, outcome, *took),
        Event::Note { text } => json!({"event": "note", "text": text}),
        Event::Stopping => json!({"event": "stopping"}),
    };
    line["at"] = seconds(at).into();
    line
}

fn finished(id: &StepId, outcome: &Outcome, took: Duration) -> Value {
    let mut line = json!({"event": "finished", "host": id.host, "step": path(id), "seconds": seconds(took)});
    line["outcome"] = match outcome {
        Outcome::Unchanged => "unchanged",
        Outcome::Changed => "changed",
        Outcome::Failed(_) => "failed",
        Outcome::Blocked { .. } => "blocked",
        Outcome::Cancelled => "cancelled",
    }
    .into();
    match outcome {
        Outcome::Failed(failure) => line["failure"] = failure_fields(failure).into(),
        Outcome::Blocked { by } => line["by"] = path(by).into(),
        Outcome::Unchanged | Outcome::Changed | Outcome::Cancelled => {}
    }
    line
}

/// The last line of a run.
pub(super) fn report(report: &Report, log: Option<&Path>) -> Value {
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
        "failures": failures.collect::<Vec<_>>(), "log": log.map(|log| log.display().to_string()),
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
            "step": path(&step.id), "title": step.title, "why": step.why, "verdict": verdict_name(plan.verdict(&step.id)),
            "needs": step.needs.iter().map(path).collect::<Vec<_>>(),
        })
    });
    json!({"event": "plan", "nothing_to_do": plan.is_done(), "steps": steps.collect::<Vec<_>>()})
}

/// What preflight found, a line each.
pub(super) fn findings(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let id = &finding.id;
        json!({
            "event": "finding", "host": id.host, "step": path(id), "what": finding.what, "remedy": finding.remedy, "fatal": finding.fatal,
        })
    };
    findings.iter().map(|finding| format!("{}\n", line(finding))).collect()
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

/// The hosts of a cluster.
pub(super) fn status(rows: &[StatusRow]) -> Value {
    json!({"event": "status", "hosts": rows})
}

fn links(links: &[Link]) -> Vec<Value> {
    links.iter().map(|link| json!({"what": link.what, "seconds": seconds(link.took)})).collect()
}

fn failure_fields(failure: &Failure) -> Map<String, Value> {
    let Failure { what, command, exit, tail, hint } = failure;
    let fields =
        [("what", json!(what)), ("command", json!(command)), ("exit", json!(exit)), ("tail", json!(tail)), ("hint", json!(hint))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn path(id: &StepId) -> String {
    id.to_string()
}

/// Seconds to the millisecond: more digits would be noise.
fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "done",
        Verdict::Run => "run",
        Verdict::Maybe => "maybe",
    }
}

fn state_name(state: HostState) -> &'static str {
    match state {
        HostState::Connecting => "connecting",
        HostState::Probing => "probing",
        HostState::Ready => "ready",
        HostState::Failed => "failed",
    }
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
