//! Takes several steps to their host in one program, and tells of each as the host comes to it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Events, Options, Stop, carry, carry::Attempt, watcher::Watcher};
use crate::{
    event::{Event, Outcome},
    lower::{self, Mark, Program},
    step::{Carry, Due, Op, Step},
    transport::{Line, Transport},
};

/// As many travel together at most: all of a host do, in a cluster of any kind; and a program has an end.
pub(super) const MOST: usize = 32;

/// Whether a step can travel with others: not if it wants to be sent files, runs beside others, or cleans up whatever became of them.
pub(super) fn travels(step: &Step) -> bool {
    let is_sent_files = step.apply.iter().any(|op| matches!(op, Op::Upload(_)));
    #[cfg(debug_assertions)]
    let alone = super::deaths::are_wanted();
    #[cfg(not(debug_assertions))]
    let alone = false;
    !alone && !is_sent_files && !step.beside && step.due != Due::Always
}

/// Whether no step can come behind this one: it runs on the host apart from the connection, and takes its time.
pub(super) fn is_last(step: &Step) -> bool {
    step.carry == Carry::Detached
}

/// How far a batch has come. The first `ended` of its steps have ended well.
pub(super) struct Progress {
    pub ended: usize,
    /// Of the next one, what came of it in this first attempt, and when that began; none if it has not begun.
    pub next: Option<(Attempt, Instant)>,
}

/// Runs steps that [`super::Board::together`] has chosen; `finish` hears of each that ends well. What the rest needs, only the lane knows.
pub(super) async fn carry(
    steps: &[Step],
    transport: &Transport,
    options: &Options,
    events: &Events,
    stop: &mut Stop,
    finish: &mut (dyn FnMut(&Step, Outcome, Duration) + Send),
) -> Progress {
    let Ok(id) = super::survey::nonce() else { return Progress { ended: 0, next: None } };
    let batch = lower::batch(&steps.iter().collect::<Vec<_>>(), &id);
    let mut halted = stop.clone();
    let mut turns = Turns { steps, program: &batch.program, options, events, finish, ended: 0, under_way: None, failed: None };
    let mut take = |line| turns.take(line);
    let ended = tokio::select! {
        ended = transport.run(&batch.program, &mut take) => Some(ended),
        () = carry::out_of_patience(stop) => None,
        // Who asks once wants the end of the step that is under way, and of no other.
        () = async {
            if halted.wait_for(|asked| *asked > 0).await.is_ok() {
                let _ = transport.run(&batch.halt, &mut |_| {}).await;
            }
            std::future::pending().await
        } => None,
    };
    let Turns { ended: done, under_way, failed, .. } = turns;
    let next = match (failed, under_way, ended) {
        (Some(failed), ..) => Some(failed),
        (None, Some((_, began)), None) => Some((Ok(Ok(Outcome::Cancelled)), began)),
        (None, Some((mut watcher, began)), Some(Ok(exit))) => Some((Ok(watcher.judge(exit.status)), began)),
        (None, Some((_, began)), Some(Err(error))) => Some((Err(error), began)),
        (None, None, _) => None,
    };
    Progress { ended: done, next }
}

/// Follows the output of a batch, from step to step.
struct Turns<'a> {
    steps: &'a [Step],
    program: &'a Program,
    options: &'a Options,
    events: &'a Events,
    finish: &'a mut (dyn FnMut(&Step, Outcome, Duration) + Send),
    ended: usize,
    under_way: Option<(Watcher<'a>, Instant)>,
    failed: Option<(Attempt, Instant)>,
}

impl Turns<'_> {
    fn take(&mut self, line: Line) {
        match (Mark::parse(&line.text), &mut self.under_way) {
            (Some(Mark::Step(index)), None) if index == self.ended && self.failed.is_none() => {
                let Some(step) = self.steps.get(index) else { return };
                let _ = self.events.send(Event::Started { id: step.id.clone(), attempt: 1 });
                self.under_way = Some((Watcher::new(step, self.program, self.options, self.events), Instant::now()));
            }
            (Some(Mark::Ended(status)), Some((watcher, began))) => {
                match watcher.judge(status) {
                    Ok(outcome) => {
                        (self.finish)(&self.steps[self.ended], outcome, began.elapsed());
                        self.ended += 1;
                    }
                    failure @ Err(_) => self.failed = Some((Ok(failure), *began)),
                }
                self.under_way = None;
            }
            (_, Some((watcher, _))) => watcher.take(line),
            // Before the first step or between two, nobody has anything to say.
            (_, None) => {}
        }
    }
}
