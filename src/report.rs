//! What a run came to: a pure fold over its events. Knows no clock; the time of each event is given to it.

mod lanes;
mod path;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

pub use lanes::{Bar, Lane};
pub use path::Link;

use crate::{
    error::Kind,
    event::{Event, Failure, HostState, Outcome},
    plan::Verdict,
    step::StepId,
};

/// A run as far as it has come. Feed it every event, in order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Hosts in the order in which they were first heard of.
    hosts: Vec<Connection>,
    /// Where each stands in there: there may be thousands, and an event for each of their steps.
    places: HashMap<String, usize>,
    steps: BTreeMap<StepId, Entry>,
    /// Steps in the order in which they ended; of one host that is the order of its lane.
    ended: Vec<StepId>,
    wall: Duration,
}

/// How the way to a host was opened.
#[derive(Clone, Debug)]
struct Connection {
    host: String,
    state: Option<HostState>,
    took: Duration,
    execs: usize,
}

/// What is known of a step.
#[derive(Clone, Debug, Default)]
struct Entry {
    title: String,
    verdict: Option<Verdict>,
    needs: Vec<StepId>,
    outcome: Option<Outcome>,
    took: Duration,
    /// When it first started, and when it ended.
    began: Option<Duration>,
    ended: Option<Duration>,
    attempts: u32,
}

/// What became of the steps of a host, or of all hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub unchanged: usize,
    pub changed: usize,
    pub failed: usize,
    /// Never started, because something that they need failed.
    pub blocked: usize,
    /// Never started, because the run was stopped, or never seen to end.
    pub cancelled: usize,
}

/// The line of a host in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    pub host: String,
    pub counts: Counts,
    /// Connecting, the probe and the checks together.
    pub connect: Duration,
    /// Programs that were run on it until its facts and verdicts were in.
    pub execs: usize,
    /// It did not answer, or let nobody in.
    pub unreachable: bool,
}

/// A step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedStep<'a> {
    pub id: &'a StepId,
    pub title: &'a str,
    pub failure: &'a Failure,
}

impl Counts {
    #[must_use]
    pub fn total(self) -> usize {
        self.unchanged + self.changed + self.failed + self.blocked + self.cancelled
    }

    fn add(&mut self, outcome: Option<&Outcome>) {
        *match outcome {
            Some(Outcome::Unchanged) => &mut self.unchanged,
            Some(Outcome::Changed) => &mut self.changed,
            Some(Outcome::Failed(_)) => &mut self.failed,
            Some(Outcome::Blocked { .. }) => &mut self.blocked,
            Some(Outcome::Cancelled) | None => &mut self.cancelled,
        } += 1;
    }
}

impl Entry {
    /// How the step ended. A step that the plan found done needs no event of its own.
    fn outcome(&self) -> Option<&Outcome> {
        match (&self.outcome, self.verdict) {
            (None, Some(Verdict::Done)) => Some(&Outcome::Unchanged),
            (outcome, _) => outcome.as_ref(),
        }
    }
}

impl Report {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an event that happened `at` this time after the start.
    pub fn observe(&mut self, event: &Event, at: Duration) {
        self.wall = self.wall.max(at);
        match event {
            Event::Host { host, state, took, execs } => {
                let connection = self.connection(host);
                connection.state = Some(*state);
                connection.execs = *execs;
                if *state == HostState::Ready {
                    connection.took = *took;
                }
            }
            Event::Planned { steps } => {
                for step in steps {
                    self.connection(&step.id.host);
                    let entry = self.steps.entry(step.id.clone()).or_default();
                    entry.title.clone_from(&step.title);
                    entry.verdict = Some(step.verdict);
                    entry.needs.clone_from(&step.needs);
                }
            }
            Event::Finished { id, outcome, took } => {
                self.connection(&id.host);
                let entry = self.steps.entry(id.clone()).or_default();
                entry.outcome = Some(outcome.clone());
                entry.took = *took;
                entry.ended = Some(at);
                if !matches!(outcome, Outcome::Blocked { .. } | Outcome::Cancelled) {
                    self.ended.push(id.clone());
                }
            }
            Event::Started { id, attempt } => {
                self.connection(&id.host);
                let entry = self.steps.entry(id.clone()).or_default();
                entry.began.get_or_insert(at);
                entry.attempts = entry.attempts.max(*attempt);
            }
            Event::Command { .. }
            | Event::Waiting { .. }
            | Event::Line { .. }
            | Event::Retrying { .. }
            | Event::Note { .. }
            | Event::Findings { .. }
            | Event::Stopping => {}
        }
    }

    fn connection(&mut self, host: &str) -> &mut Connection {
        let place = self.places.get(host).copied().unwrap_or_else(|| {
            self.hosts.push(Connection { host: host.to_owned(), state: None, took: Duration::ZERO, execs: 0 });
            self.places.insert(host.to_owned(), self.hosts.len() - 1);
            self.hosts.len() - 1
        });
        &mut self.hosts[place]
    }

    /// The time of the last event: from the start to the end of the run.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.wall
    }

    /// Each host, in the order in which they were first heard of.
    #[must_use]
    pub fn hosts(&self) -> Vec<HostReport> {
        let mut counts: HashMap<&str, Counts> = HashMap::new();
        for (id, entry) in &self.steps {
            counts.entry(&id.host).or_default().add(entry.outcome());
        }
        let report = |connection: &Connection| HostReport {
            host: connection.host.clone(),
            counts: counts.get(connection.host.as_str()).copied().unwrap_or_default(),
            connect: connection.took,
            execs: connection.execs,
            unreachable: connection.state == Some(HostState::Failed),
        };
        self.hosts.iter().map(report).collect()
    }

    /// The steps of all hosts.
    #[must_use]
    pub fn totals(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in self.steps.values() {
            counts.add(entry.outcome());
        }
        counts
    }

    /// The steps that took longest, longest first; at most `count`, and none that took less than 10 ms.
    #[must_use]
    pub fn longest(&self, count: usize) -> Vec<Link> {
        let mut links: Vec<Link> = self.links().map(|(id, entry)| Link { what: id.to_string(), took: entry.took }).collect();
        links.retain(|link| link.took >= Duration::from_millis(10));
        links.sort_by_key(|link| std::cmp::Reverse(link.took));
        links.truncate(count);
        links
    }

    /// The chain of steps that the run could not have been shorter than, from the times that they took.
    /// Each link waits for the one before it, because it needs it or because they share a host.
    #[must_use]
    pub fn critical_path(&self) -> Vec<Link> {
        let connects = self.hosts.iter().map(|connection| (connection.host.as_str(), connection.took));
        let nodes = self.links().map(|(id, entry)| {
            let ended = entry.ended.unwrap_or(self.wall);
            path::Node { id, needs: &entry.needs, took: entry.took, began: entry.began.unwrap_or(ended), ended }
        });
        path::critical(connects, nodes)
    }

    fn links(&self) -> impl Iterator<Item = (&StepId, &Entry)> {
        self.ended.iter().filter_map(|id| self.steps.get(id).map(|entry| (id, entry)))
    }

    /// The length of the critical path.
    #[must_use]
    pub fn critical(&self) -> Duration {
        self.critical_path().iter().map(|link| link.took).sum()
    }

    /// How many times longer than its critical path the run was; none where nothing took any time.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let critical = self.critical().as_secs_f64();
        (critical > 0.0).then(|| self.wall.as_secs_f64() / critical)
    }

    /// The steps that failed, in the order in which they did.
    #[must_use]
    pub fn failures(&self) -> Vec<FailedStep<'_>> {
        self.links()
            .filter_map(|(id, entry)| match &entry.outcome {
                Some(Outcome::Failed(failure)) => Some(FailedStep { id, title: &entry.title, failure }),
                _ => None,
            })
            .collect()
    }

    /// Whether everything that was wanted was there already.
    #[must_use]
    pub fn nothing_changed(&self) -> bool {
        let totals = self.totals();
        totals.total() > 0 && totals.unchanged == totals.total() && self.is_success()
    }

    /// Whether all hosts answered and all steps ended well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.kind().is_none()
    }

    /// The kind of error that the run ends with, and so its exit code; none if it went well.
    ///
    /// A failed step outweighs all else: `Verify` or `Leftovers` when it only failed to prove the result, `Step` otherwise.
    /// A host that did not answer is `Unreachable` here; whoever met the error itself knows better (`HostKey`, …).
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        let kinds: Vec<Kind> = self.failures().iter().map(|failed| kind_of(failed.id)).collect();
        let totals = self.totals();
        if let Some(kind) = [Kind::Step, Kind::Leftovers, Kind::Verify].into_iter().find(|kind| kinds.contains(kind)) {
            Some(kind)
        } else if self.hosts.iter().any(|connection| connection.state == Some(HostState::Failed)) {
            Some(Kind::Unreachable)
        } else if totals.blocked > 0 {
            Some(Kind::Step)
        } else {
            (totals.cancelled > 0).then_some(Kind::Interrupted)
        }
    }
}

/// What the failure of this step means.
fn kind_of(id: &StepId) -> Kind {
    match (id.phase, id.name.as_str()) {
        ("verify", _) => Kind::Verify,
        ("reset", "audit") => Kind::Leftovers,
        _ => Kind::Step,
    }
}

#[cfg(test)]
mod tests;
