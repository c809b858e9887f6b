//! Events as JSON, both ways: what `--output json` prints and what a journal keeps. `ui::json` documents the names.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Event, Failure, HostState, Outcome, Planned};
use crate::{phase::preflight::Finding, plan::Verdict, step::StepId};

/// The lines of an event that happened `at` this time after the start: one, save for findings, which have one each.
#[must_use]
pub fn lines(event: &Event, at: Duration) -> Vec<Value> {
    let mut lines = match event {
        Event::Host { host, state, took, execs } => {
            vec![json!({"event": "host", "host": host, "state": state, "seconds": seconds(*took), "execs": execs})]
        }
        Event::Planned { steps } => {
            let step = |step: &Planned| {
                json!({
                    "step": path(&step.id), "title": step.title, "verdict": step.verdict,
                    "needs": step.needs.iter().map(path).collect::<Vec<_>>(),
                })
            };
            vec![json!({"event": "planned", "steps": steps.iter().map(step).collect::<Vec<_>>()})]
        }
        Event::Started { id, attempt } => {
            vec![json!({"event": "started", "host": id.host, "step": path(id), "attempt": attempt})]
        }
        Event::Command { id, command, exit } => {
            vec![json!({"event": "command", "host": id.host, "step": path(id), "command": command, "exit": exit})]
        }
        Event::Waiting { id, what } => vec![json!({"event": "waiting", "host": id.host, "step": path(id), "what": what})],
        Event::Line { id, text } => vec![json!({"event": "line", "host": id.host, "step": path(id), "text": text})],
        Event::Retrying { id, attempt, because, pause } => vec![json!({
            "event": "retrying", "host": id.host, "step": path(id), "attempt": attempt, "because": because, "pause": seconds(*pause),
        })],
        Event::Finished { id, outcome, took } => vec![finished(id, outcome, *took)],
        Event::Note { text } => vec![json!({"event": "note", "text": text})],
        Event::Findings { findings } => findings.iter().map(finding).collect(),
        Event::Stopping => vec![json!({"event": "stopping"})],
    };
    for line in &mut lines {
        line["at"] = seconds(at).into();
    }
    lines
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

/// What preflight found.
#[must_use]
pub fn finding(finding: &Finding) -> Value {
    let Finding { id, what, remedy, fatal } = finding;
    json!({"event": "finding", "host": id.host, "step": path(id), "what": what, "remedy": remedy, "fatal": fatal})
}

/// All that is known of a failure.
#[must_use]
pub fn failure_fields(failure: &Failure) -> Map<String, Value> {
    let Failure { what, command, exit, tail, hint } = failure;
    let fields =
        [("what", json!(what)), ("command", json!(command)), ("exit", json!(exit)), ("tail", json!(tail)), ("hint", json!(hint))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A step as its path.
#[must_use]
pub fn path(id: &StepId) -> String {
    id.to_string()
}

/// Seconds to the millisecond: more digits would be noise.
#[must_use]
pub fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

/// A number with three digits behind the point.
#[must_use]
pub fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The lines as they are read back. What a later version of slipway says beyond that is passed over.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Told {
    Host { host: String, state: HostState, seconds: f64, execs: usize },
    Planned { steps: Vec<ToldStep> },
    Started { step: String, attempt: u32 },
    Command { step: String, command: String, exit: Option<i32> },
    Waiting { step: String, what: String },
    Line { step: String, text: String },
    Retrying { step: String, attempt: u32, because: String, pause: f64 },
    Finished { step: String, seconds: f64, outcome: String, failure: Option<Failure>, by: Option<String> },
    Note { text: String },
    Finding { step: String, what: String, remedy: String, fatal: bool },
    Stopping,
}

#[derive(Deserialize)]
struct ToldStep {
    step: String,
    title: String,
    verdict: Verdict,
    needs: Vec<String>,
}

/// Reads a line of [`lines`]; none if it is no event. Each finding comes alone.
#[must_use]
pub fn read(line: &Value) -> Option<Event> {
    Some(match Told::deserialize(line).ok()? {
        Told::Host { host, state, seconds, execs } => Event::Host { host, state, took: time(seconds)?, execs },
        Told::Planned { steps } => {
            Event::Planned { steps: steps.into_iter().map(ToldStep::read).collect::<Option<Vec<Planned>>>()? }
        }
        Told::Started { step, attempt } => Event::Started { id: StepId::parse(&step)?, attempt },
        Told::Command { step, command, exit } => Event::Command { id: StepId::parse(&step)?, command, exit },
        Told::Waiting { step, what } => Event::Waiting { id: StepId::parse(&step)?, what },
        Told::Line { step, text } => Event::Line { id: StepId::parse(&step)?, text },
        Told::Retrying { step, attempt, because, pause } => {
            Event::Retrying { id: StepId::parse(&step)?, attempt, because, pause: time(pause)? }
        }
        Told::Finished { step, seconds, outcome, failure, by } => {
            let outcome = match (outcome.as_str(), failure, by) {
                ("unchanged", ..) => Outcome::Unchanged,
                ("changed", ..) => Outcome::Changed,
                ("failed", Some(failure), _) => Outcome::Failed(failure),
                ("blocked", _, Some(by)) => Outcome::Blocked { by: StepId::parse(&by)? },
                ("cancelled", ..) => Outcome::Cancelled,
                _ => return None,
            };
            Event::Finished { id: StepId::parse(&step)?, outcome, took: time(seconds)? }
        }
        Told::Note { text } => Event::Note { text },
        Told::Finding { step, what, remedy, fatal } => {
            Event::Findings { findings: vec![Finding { id: StepId::parse(&step)?, what, remedy, fatal }] }
        }
        Told::Stopping => Event::Stopping,
    })
}

impl ToldStep {
    fn read(self) -> Option<Planned> {
        let needs = self.needs.iter().map(|need| StepId::parse(need)).collect::<Option<Vec<StepId>>>()?;
        Some(Planned { id: StepId::parse(&self.step)?, title: self.title, verdict: self.verdict, needs })
    }
}

/// A time in seconds, if it is one.
#[must_use]
pub fn time(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back_as_it_was() {
        let id = || StepId::new("node1", "install", "x");
        let failure = |hint: Option<&str>| Failure {
            what: "it \"failed\"\n".into(),
            command: Some("true".into()),
            exit: Some(-1),
            tail: vec!["a".into(), String::new()],
            hint: hint.map(str::to_owned),
        };
        let took = Duration::from_millis(1_234);
        let outcomes = [
            Outcome::Unchanged,
            Outcome::Changed,
            Outcome::Failed(failure(None)),
            Outcome::Failed(failure(Some("do"))),
            Outcome::Blocked { by: id() },
            Outcome::Cancelled,
        ];
        let finding =
            Finding { id: StepId::new("node1", "preflight", "memory"), what: "w".into(), remedy: "r".into(), fatal: true };
        let mut events = vec![
            Event::Host { host: "node1".into(), state: HostState::Probing, took, execs: 2 },
            Event::Planned {
                steps: vec![Planned { id: id(), title: "X".into(), verdict: Verdict::Maybe, needs: vec![id(), id()] }],
            },
            Event::Started { id: id(), attempt: 3 },
            Event::Command { id: id(), command: "kubeadm init".into(), exit: None },
            Event::Command { id: id(), command: "kubeadm init".into(), exit: Some(7) },
            Event::Waiting { id: id(), what: "the lock".into() },
            Event::Line { id: id(), text: "ünder\u{2028}way".into() },
            Event::Retrying { id: id(), attempt: 1, because: "b".into(), pause: took },
            Event::Note { text: "two\nlines".into() },
            Event::Findings { findings: vec![finding.clone()] },
            Event::Stopping,
        ];
        events.extend(outcomes.map(|outcome| Event::Finished { id: id(), outcome, took }));
        for event in events {
            let written: Vec<String> = lines(&event, took).iter().map(ToString::to_string).collect();
            assert_eq!(written.len(), 1, "{event:?}");
            let line: Value = serde_json::from_str(&written[0]).expect("JSON");
            assert_eq!(read(&line), Some(event));
            assert_eq!(time(line["at"].as_f64().expect("a number")), Some(took));
        }
        assert_eq!(lines(&Event::Findings { findings: vec![finding.clone(), finding] }, took).len(), 2);
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        for line in [json!({"event": "teleported"}), json!({"event": "started", "step": "x"}), json!(7), json!({"event": "host"})]
        {
            assert_eq!(read(&line), None, "{line}");
        }
        let later = json!({"event": "note", "text": "x", "colour": "red"});
        assert_eq!(read(&later), Some(Event::Note { text: "x".into() }));
    }
}
