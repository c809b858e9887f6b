//! Which steps have ended, and which may start: the only state that lanes share.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use super::Mode;
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

pub(super) struct Board {
    /// A planned step -> none while it has not ended, then whether it ended well.
    ended: Mutex<BTreeMap<StepId, Option<bool>>>,
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

    pub(super) fn settle(&self, id: &StepId, good: bool) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Some(good));
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn all_good(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).values().all(|ended| *ended == Some(true))
    }

    /// The first step of a lane that can start, or that never will. `broken` is the step at which the lane's host failed.
    pub(super) fn next(&self, lane: &[Step], broken: Option<&StepId>, mode: Mode, stopping: bool) -> Next {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, step) in lane.iter().enumerate() {
            let cleans_up = step.due == Due::Always;
            if stopping && !cleans_up {
                return Next::Skip(index, Outcome::Cancelled);
            }
            // A need that was not planned (its host is out of reach, say) counts as ended badly.
            let state = |id: &StepId| ended.get(id).copied().unwrap_or(Some(false));
            let failed = step.needs.iter().find(|id| state(id) == Some(false)).or(broken);
            if let (Some(by), false, Mode::StopAtFailure) = (failed, cleans_up, mode) {
                return Next::Skip(index, Outcome::Blocked { by: by.clone() });
            }
            if step.needs.iter().all(|id| state(id).is_some()) {
                return Next::Run(index);
            }
        }
        Next::Wait
    }
}
