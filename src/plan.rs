//! A graph together with what is already true on the hosts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    graph::Graph,
    step::{Due, StepId},
};

/// What a plan says of a step before anything has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Its check is true, and nothing that it needs will change.
    Done,
    /// Its check is false, or it has none.
    Run,
    /// Its check is true now, but something that it needs will change: it checks itself again when its turn comes.
    Maybe,
}

/// A graph and a verdict for each of its steps.
#[derive(Clone, Debug)]
pub struct Plan {
    pub graph: Graph,
    pub verdicts: BTreeMap<StepId, Verdict>,
}

impl Plan {
    /// Joins a graph with the results of its checks (`true`: the end state is there). A step without a result counts as not done.
    #[must_use]
    pub fn new(graph: Graph, checks: &BTreeMap<StepId, bool>) -> Self {
        let mut verdicts = BTreeMap::new();
        for step in graph.steps() {
            let done = checks.get(&step.id).copied().unwrap_or(false);
            let unsettled = step.needs.iter().any(|id| verdicts.get(id).is_some_and(|verdict| *verdict != Verdict::Done));
            let verdict = match (done, unsettled) {
                (false, _) => Verdict::Run,
                (true, true) => Verdict::Maybe,
                (true, false) => Verdict::Done,
            };
            verdicts.insert(step.id.clone(), verdict);
        }
        // What runs with any change is all or nothing: half a verification proves nothing.
        if verdicts.values().any(|verdict| *verdict != Verdict::Done) {
            for step in graph.steps().filter(|step| step.due != Due::Check) {
                verdicts.insert(step.id.clone(), Verdict::Run);
            }
        }
        Self { graph, verdicts }
    }

    /// The same plan, with every step due whatever its check says: for commands whose point is to act (`verify`).
    #[must_use]
    pub fn all_due(graph: Graph) -> Self {
        Self::new(graph, &BTreeMap::new())
    }

    #[must_use]
    pub fn verdict(&self, id: &StepId) -> Verdict {
        self.verdicts.get(id).copied().unwrap_or(Verdict::Run)
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.verdicts.values().all(|verdict| *verdict == Verdict::Done)
    }
}
