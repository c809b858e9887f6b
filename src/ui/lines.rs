//! Plain lines: one for each step that changed something or failed, and a sign of life from those that take long.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use super::{
    board::Board,
    paint::{Paint, count, seconds},
    table,
};
use crate::{
    event::{Event, HostState, Outcome},
    plan::Verdict,
    step::StepId,
};

/// A step that takes longer than this says so.
const QUIET: Duration = Duration::from_secs(10);
/// And then says so again after each of these.
const AGAIN: Duration = Duration::from_secs(30);

/// Turns events into lines. Pure: the time comes in with each event, and text goes out.
#[derive(Debug)]
pub(super) struct Lines {
    board: Board,
    verbose: bool,
    /// When each running step started, and when it speaks next.
    due: BTreeMap<StepId, (Duration, Duration)>,
    /// Widths of the first two columns.
    host: usize,
    path: usize,
}

impl Lines {
    pub(super) fn new(verbose: bool) -> Self {
        Self { board: Board::default(), verbose, due: BTreeMap::new(), host: 0, path: 0 }
    }

    /// What there is to say about an event, and before that about steps that were due to speak; often nothing.
    pub(super) fn observe(&mut self, event: &Event, at: Duration) -> String {
        self.tick(at) + &self.tell(event, at)
    }

    fn tell(&mut self, event: &Event, at: Duration) -> String {
        self.board.observe(event);
        match event {
            Event::Host { host, state: HostState::Failed, took, .. } => {
                format!("{host}  can not be reached  {}\n", seconds(*took))
            }
            Event::Planned { steps } => {
                for step in steps {
                    self.host = self.host.max(step.id.host.len());
                    self.path = self.path.max(short(&step.id).len());
                }
                match steps.iter().filter(|step| step.verdict != Verdict::Done).count() {
                    0 => String::new(),
                    open => format!("{open} of {} to see to\n", count(steps.len(), "step")),
                }
            }
            Event::Started { id, .. } => {
                self.due.insert(id.clone(), (at, at + QUIET));
                String::new()
            }
            Event::Waiting { id, what } => format!("{}  waiting for {what}\n", self.name(id)),
            Event::Line { id, text } if self.verbose => format!("{id}: {text}\n"),
            Event::Retrying { id, attempt, because, pause } => {
                format!("{}  try {attempt} failed, next in {}: {because}\n", self.name(id), seconds(*pause))
            }
            Event::Finished { id, outcome, took } => {
                self.due.remove(id);
                self.finished(id, outcome, *took)
            }
            Event::Note { text } => format!("{text}\n"),
            Event::Findings { findings } => table::findings(findings, Paint::OFF),
            Event::Stopping => "stopping: steps under way are finished, no new one starts\n".to_owned(),
            Event::Host { .. } | Event::Command { .. } | Event::Line { .. } => String::new(),
        }
    }

    fn finished(&self, id: &StepId, outcome: &Outcome, took: Duration) -> String {
        let (word, rest) = match outcome {
            Outcome::Unchanged => return String::new(),
            Outcome::Changed => ("changed", self.board.title(id).to_owned()),
            Outcome::Failed(failure) => ("failed", format!("{}: {}", self.board.title(id), failure.what)),
            Outcome::Blocked { by } => ("blocked", format!("{}, by {by}", self.board.title(id))),
            Outcome::Cancelled => ("cancelled", self.board.title(id).to_owned()),
        };
        format!("{}  {word:9}  {:>6}  {rest}\n", self.name(id), seconds(took))
    }

    /// A line for each step that has been running for long, as of `at`: the same lines however seldom this is called.
    pub(super) fn tick(&mut self, at: Duration) -> String {
        let mut text = String::new();
        let next = |due: &BTreeMap<StepId, (Duration, Duration)>| {
            let first = due.iter().min_by_key(|(_, (_, due))| *due)?;
            (first.1.1 <= at).then(|| (first.0.clone(), *first.1))
        };
        while let Some((id, (started, due))) = next(&self.due) {
            let _ = writeln!(text, "{}  {}  still running, {}s", id.host, short(&id), (due - started).as_secs());
            self.due.insert(id, (started, due + AGAIN));
        }
        text
    }

    fn name(&self, id: &StepId) -> String {
        format!("{:host$}  {:path$}", id.host, short(id), host = self.host, path = self.path)
    }
}

/// A step path without its host.
fn short(id: &StepId) -> String {
    format!("{}/{}", id.phase, id.name)
}
