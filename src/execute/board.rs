//! Which steps have ended, and which may start: the only state that lanes share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

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
    mode: Mode,
    state: Mutex<State>,
}

struct State {
    /// A planned step -> none while it has not ended, then how it did.
    ended: BTreeMap<StepId, Option<Ended>>,
    /// A host -> the first step that failed there.
    broken: BTreeMap<String, StepId>,
    /// A step -> the lanes with a step that needs it. All lanes for each step would be quadratic in hosts.
    waiting: BTreeMap<StepId, Vec<Arc<Notify>>>,
    /// A host -> its lanes.
    lanes: BTreeMap<String, Vec<Arc<Notify>>>,
}

impl State {
    /// How a step ended, or none. One that was not planned (its host is out of reach, say) counts as never started.
    fn how(&self, id: &StepId) -> Option<Ended> {
        self.ended.get(id).copied().unwrap_or(Some(Ended::NeverStarted))
    }
}

impl Board {
    pub(super) fn new(mode: Mode, steps: impl Iterator<Item = StepId>) -> Self {
        let ended = steps.map(|id| (id, None)).collect();
        let (broken, waiting, lanes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { mode, state: Mutex::new(State { ended, broken, waiting, lanes }) }
    }

    /// What wakes a lane of these steps: from this call on, the end of a step that one of them needs, and a failure on their host.
    pub(super) fn subscribe(&self, lane: &[Step]) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        let mut state = self.lock();
        if let Some(step) = lane.first() {
            state.lanes.entry(step.id.host.clone()).or_default().push(Arc::clone(&notify));
        }
        let needs: BTreeSet<&StepId> = lane.iter().flat_map(|step| &step.needs).collect();
        for id in needs {
            state.waiting.entry(id.clone()).or_default().push(Arc::clone(&notify));
        }
        notify
    }

    pub(super) fn settle(&self, id: &StepId, how: Ended) {
        let mut state = self.lock();
        state.ended.insert(id.clone(), Some(how));
        let mut woken = state.waiting.remove(id).unwrap_or_default();
        if how == Ended::Badly && self.mode == Mode::StopAtFailure && !state.broken.contains_key(&id.host) {
            state.broken.insert(id.host.clone(), id.clone());
            woken.extend(state.lanes.get(&id.host).into_iter().flatten().cloned());
        }
        drop(state);
        woken.iter().for_each(|lane| lane.notify_one());
    }

    /// Whether this step has not ended.
    pub(super) fn is_open(&self, id: &StepId) -> bool {
        self.lock().how(id).is_none()
    }

    pub(super) fn all_good(&self) -> bool {
        self.lock().ended.values().all(|ended| *ended == Some(Ended::Well))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first step of a lane that can start, or that never will.
    pub(super) fn next(&self, lane: &[Step], stopping: bool) -> Next {
        let state = self.lock();
        for (index, step) in lane.iter().enumerate() {
            let bad = step.needs.iter().find(|id| state.how(id).is_some_and(|how| how != Ended::Well));
            // Whatever beside it failed on a host: no further program begins there.
            let bad = bad.or_else(|| state.broken.get(&step.id.host));
            // Cleaning up is due as long as there may be something to clean.
            let cleans_up = step.due == Due::Always && step.needs.iter().any(|id| state.how(id) != Some(Ended::NeverStarted));
            if stopping && !cleans_up {
                return Next::Skip(index, Outcome::Cancelled);
            }
            if let (Some(by), false, Mode::StopAtFailure) = (bad, cleans_up, self.mode) {
                return Next::Skip(index, Outcome::Blocked { by: by.clone() });
            }
            if step.needs.iter().all(|id| state.how(id).is_some()) {
                return Next::Run(index);
            }
        }
        Next::Wait
    }

    /// The steps of a lane that can travel with the one at `first`, in the order in which they would run one by one: each of them would be
    /// the next if those before it ended well and nothing else happened; what else may happen holds up no step that takes long. Indices
    /// into the lane, `first` among them.
    pub(super) fn together(&self, lane: &[Step], first: usize) -> Vec<usize> {
        let mut chosen = vec![first];
        if !batch::travels(&lane[first]) {
            return chosen;
        }
        let state = self.lock();
        let holds = |id: &StepId, chosen: &[usize]| {
            state.how(id).is_some_and(|how| how == Ended::Well || self.mode == Mode::Continue)
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
