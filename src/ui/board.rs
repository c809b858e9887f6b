//! Where each host stands, kept from events: what bars and lines both need to know.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    event::{Event, HostState, Outcome, Planned},
    plan::Verdict,
    step::StepId,
};

/// All hosts of a run, in the order in which they were first heard of.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) rows: Vec<Row>,
    /// Where each stands in there.
    places: HashMap<String, usize>,
    titles: BTreeMap<StepId, String>,
    ended: BTreeSet<StepId>,
}

/// One host.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) host: String,
    pub(super) state: HostState,
    /// Its steps, in the order of the plan.
    lane: Vec<Planned>,
    /// The steps under way, in the order in which they started, and what each waits for.
    pub(super) current: Vec<(StepId, Option<String>)>,
    pub(super) changed: usize,
    pub(super) failed: usize,
    /// Blocked or cancelled.
    pub(super) left: usize,
}

impl Row {
    fn waits(&mut self, id: &StepId, what: Option<&String>) {
        if let Some((_, waiting)) = self.current.iter_mut().find(|(current, _)| current == id) {
            *waiting = what.cloned();
        }
    }
}

impl Board {
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Host { host, state, .. } => self.row(host).state = *state,
            Event::Planned { steps } => {
                for step in steps {
                    self.titles.insert(step.id.clone(), step.title.clone());
                    if step.verdict == Verdict::Done {
                        self.ended.insert(step.id.clone());
                    }
                    self.row(&step.id.host).lane.push(step.clone());
                }
            }
            Event::Started { id, .. } => {
                let row = self.row(&id.host);
                row.current.retain(|(current, _)| current != id);
                row.current.push((id.clone(), None));
            }
            Event::Waiting { id, what } => self.row(&id.host).waits(id, Some(what)),
            Event::Line { id, .. } => self.row(&id.host).waits(id, None),
            Event::Finished { id, outcome, .. } => {
                self.ended.insert(id.clone());
                let row = self.row(&id.host);
                row.current.retain(|(current, _)| current != id);
                match outcome {
                    Outcome::Unchanged => {}
                    Outcome::Changed => row.changed += 1,
                    Outcome::Failed(_) => row.failed += 1,
                    Outcome::Blocked { .. } | Outcome::Cancelled => row.left += 1,
                }
            }
            Event::Command { .. } | Event::Retrying { .. } | Event::Note { .. } | Event::Findings { .. } | Event::Stopping => {}
        }
    }

    /// Whether a step under way waits for something.
    pub(super) fn is_waiting(&self, id: &StepId) -> bool {
        let row = self.places.get(&id.host).and_then(|place| self.rows.get(*place));
        row.is_some_and(|row| row.current.iter().any(|(current, waiting)| current == id && waiting.is_some()))
    }

    fn row(&mut self, host: &str) -> &mut Row {
        let place = self.places.get(host).copied().unwrap_or_else(|| {
            self.places.insert(host.to_owned(), self.rows.len());
            self.rows.push(Row {
                host: host.to_owned(),
                state: HostState::Connecting,
                lane: Vec::new(),
                current: Vec::new(),
                changed: 0,
                failed: 0,
                left: 0,
            });
            self.rows.len() - 1
        });
        &mut self.rows[place]
    }

    pub(super) fn title(&self, id: &StepId) -> &str {
        self.titles.get(id).map_or("", String::as_str)
    }

    /// Steps of a host that have ended, and all of them.
    pub(super) fn progress(&self, row: &Row) -> (usize, usize) {
        (row.lane.iter().filter(|step| self.ended.contains(&step.id)).count(), row.lane.len())
    }

    /// Whether the last step of a host has ended.
    pub(super) fn is_over(&self, row: &Row) -> bool {
        let (ended, all) = self.progress(row);
        all > 0 && ended == all
    }

    /// What a host is doing, in a few words.
    pub(super) fn doing(&self, row: &Row) -> String {
        if let Some((id, _)) = row.current.first() {
            let does = |(id, waiting): &(StepId, Option<String>)| match waiting {
                Some(what) => format!("waiting for {what}"),
                None => self.title(id).to_owned(),
            };
            let all: Vec<String> = row.current.iter().map(does).collect();
            return format!("{}  {}", id.phase, all.join(" + "));
        }
        match row.state {
            HostState::Connecting => return "connecting".to_owned(),
            HostState::Probing => return "looking around".to_owned(),
            HostState::Failed => return "can not be reached".to_owned(),
            HostState::Ready => {}
        }
        let next = row.lane.iter().find(|step| !self.ended.contains(&step.id));
        match next.map(|step| step.needs.iter().find(|need| !self.ended.contains(*need))) {
            Some(Some(need)) => format!("waiting for {need}"),
            Some(None) => "next step".to_owned(),
            None => "waiting for the other hosts".to_owned(),
        }
    }
}
