//! A lane a host: when the way to it was open, and each step that ran there, from when to when.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{Entry, HostReport, Report};
use crate::{event::Outcome, step::StepId};

/// A host and what it did.
#[derive(Clone, Debug)]
pub struct Lane<'a> {
    pub host: HostReport,
    /// Opening the way to it, and asking it, is part of the critical path.
    pub connect_is_critical: bool,
    /// In the order in which they began.
    pub bars: Vec<Bar<'a>>,
}

/// A step that ran.
#[derive(Clone, Copy, Debug)]
pub struct Bar<'a> {
    pub id: &'a StepId,
    pub title: &'a str,
    pub began: Duration,
    /// The last thing that is known of the run, if the step was never seen to end.
    pub ended: Duration,
    pub outcome: Option<&'a Outcome>,
    pub attempts: u32,
    pub is_critical: bool,
}

impl Bar<'_> {
    #[must_use]
    pub fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

impl Report {
    /// What each host did, in the order in which they were first heard of.
    #[must_use]
    pub fn lanes(&self) -> Vec<Lane<'_>> {
        let path = self.critical_path();
        let path: HashSet<&str> = path.iter().map(|link| link.what.as_str()).collect();
        let is_critical = |what: &str| path.contains(what);
        // There may be thousands of hosts: none is looked for among the steps of all others.
        let mut steps: HashMap<&str, Vec<(&StepId, &Entry)>> = HashMap::new();
        for (id, entry) in &self.steps {
            steps.entry(&id.host).or_default().push((id, entry));
        }
        let lane = |host: HostReport| {
            let of_host = steps.get(host.host.as_str()).into_iter().flatten();
            let mut bars: Vec<Bar<'_>> = of_host
                .filter_map(|&(id, entry)| {
                    let began = entry.began?;
                    let ended = entry.ended.unwrap_or(self.wall).max(began);
                    let (title, outcome) = (entry.title.as_str(), entry.outcome.as_ref());
                    let is_critical = is_critical(&id.to_string());
                    Some(Bar { id, title, began, ended, outcome, attempts: entry.attempts, is_critical })
                })
                .collect();
            bars.sort_by_key(|bar| (bar.began, bar.ended));
            Lane { connect_is_critical: is_critical(&format!("{} connect", host.host)), host, bars }
        };
        self.hosts().into_iter().map(lane).collect()
    }
}
