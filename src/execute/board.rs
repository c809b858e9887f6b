//! Which steps have ended, and which may start: the only state that lanes share.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use super::{Mode, batch};
use crate::{
    event::Outcome,
    step::{Due, Step, StepId},
};

/// What a lane should do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Run the step at this index.
    Run(usize),
    /// The step at this index will never run, and this is its outcome.
    Skip(usize, Outcome),
    /// Nothing can start yet.
    Wait,
}

/// How a step ended, as far as other steps care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// It started, and may have left something behind.
    Badly,
    NeverStarted,
}

pub(super) struct Board {
    /// A planned step -> none while it has not ended, then how it did.
    ended: Mutex<BTreeMap<StepId, Option<Ended>>>,
    changes: watch::Sender<u64>,
}

impl Board {
    pub(super) fn new(steps: impl Iterator<Item = StepId>) -> Self {
        Self { ended: Mutex::new(steps.map(|id| (id, None)).collect()), changes: watch::Sender::new(0) }
    }

    /// Tells of every step that ends after this call.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn settle(&self, id: &StepId, how: Ended) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Some(how));
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn all_good(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).values().all(|ended| *ended == Some(Ended::Well))
    }

    /// The first step of a lane that can start, or that never will. `broken` is the step at which the lane's host failed.
    pub(super) fn next(&self, lane: &[Step], broken: Option<&StepId>, mode: Mode, stopping: bool) -> Next {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, step) in lane.iter().enumerate() {
            // A need that was not planned (its host is out of reach, say) counts as never started.
            let state = |id: &StepId| ended.get(id).copied().unwrap_or(Some(Ended::NeverStarted));
            let bad = step.needs.iter().find(|id| state(id).is_some_and(|how| how != Ended::Well));
            // Cleaning up is due as long as there may be something to clean.
            let cleans_up = step.due == Due::Always && step.needs.iter().any(|id| state(id) != Some(Ended::NeverStarted));
            if stopping && !cleans_up {
                return Next::Skip(index, Outcome::Cancelled);
            }
            if let (Some(by), false, Mode::StopAtFailure) = (bad.or(broken), cleans_up, mode) {
                return Next::Skip(index, Outcome::Blocked { by: by.clone() });
            }
            if step.needs.iter().all(|id| state(id).is_some()) {
                return Next::Run(index);
            }
        }
        Next::Wait
    }

    /// The steps of a lane that can travel with the one at `first`, in the order in which they would run one by one: each of them would be
    /// the next if those before it ended well and nothing else happened; what else may happen holds up no step that takes long. Indices into the lane, `first` among them.
    pub(super) fn together(&self, lane: &[Step], first: usize, mode: Mode) -> Vec<usize> {
        let mut chosen = vec![first];
        if !batch::travels(&lane[first]) {
            return chosen;
        }
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |id: &StepId, chosen: &[usize]| {
            let how = ended.get(id).copied().unwrap_or(Some(Ended::NeverStarted));
            how.is_some_and(|how| how == Ended::Well || mode == Mode::Continue)
                || chosen.iter().any(|index| lane[*index].id == *id)
        };
        while chosen.len() < batch::MOST && !batch::is_last(&lane[chosen[chosen.len() - 1]]) {
            let can_start = |index: &usize| !chosen.contains(index) && lane[*index].needs.iter().all(|id| holds(id, &chosen));
            let Some(next) = (0..lane.len()).find(can_start) else { break };
            // What stands before it and waits for another host may be possible by then, and does not wait for what takes long.
            let overtakes = (0..next).any(|index| !chosen.contains(&index));
            if !batch::travels(&lane[next]) || overtakes && batch::is_long(&lane[next]) {
                break;
            }
            chosen.push(next);
        }
        chosen
    }
}
