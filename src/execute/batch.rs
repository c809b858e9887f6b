//! Takes several steps to their host in one program, and tells of each as the host comes to it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Events, Options, Stop, carry, carry::Attempt, watcher::Watcher};
use crate::{
    error::Kind,
    event::{Event, Outcome},
    lower::{self, Batch, Mark, Program},
    step::{Carry, Due, Op, Step},
    transport::{Line, Transport},
};

/// As many travel together at most: all of a host do, in a cluster of any kind; and a program has an end.
pub(super) const MOST: usize = 32;

/// How long after it was told to begin no further step a program is told again: it may not have begun, and heard nothing.
const AGAIN: Duration = Duration::from_millis(500);

/// How long a host may take to hear that, when its connection was lost: what comes next waits for it.
const GOODBYE: Duration = Duration::from_secs(10);

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

/// Whether a step may take long.
pub(super) fn is_long(step: &Step) -> bool {
    is_last(step) || step.limit.is_some()
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
    let mut batch = lower::batch(&steps.iter().collect::<Vec<_>>(), &id);
    batch.program = batch.program.of_run(options.run.as_deref());
    let mut halted = stop.clone();
    let mut turns = Turns { steps, program: &batch.program, options, events, finish, ended: 0, under_way: None, failed: None };
    let mut take = |line| turns.take(line);
    let ended = tokio::select! {
        ended = transport.run(&batch.program, &mut take) => Some(ended),
        () = carry::out_of_patience(stop) => None,
        // Who asks once wants the end of the step that is under way, and of no other.
        () = async {
            if halted.wait_for(|asked| *asked > 0).await.is_err() {
                std::future::pending().await
            }
            while !halt(&batch, transport).await {
                tokio::time::sleep(AGAIN).await;
            }
            std::future::pending().await
        } => None,
    };
    // The host may not have noticed that the connection is gone, and would go on for a while, with nobody to tell.
    if matches!(&ended, Some(Err(error)) if error.kind == Kind::Lost) {
        tokio::select! {
            _ = tokio::time::timeout(GOODBYE, halt(&batch, transport)) => {}
            () = carry::out_of_patience(stop) => {}
        }
    }
    // Where none was under way, the next one would have been.
    if let (Some(Err(_)), None, None) = (&ended, &turns.under_way, &turns.failed) {
        turns.begin(turns.ended);
    }
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

/// Lets the program of a batch begin no further step; gives whether it has heard that.
async fn halt(batch: &Batch, transport: &Transport) -> bool {
    transport.run(&batch.halt, &mut |_| {}).await.is_ok_and(|exit| exit.status == lower::CHANGED)
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
    fn begin(&mut self, index: usize) {
        let Some(step) = self.steps.get(index) else { return };
        let _ = self.events.send(Event::Started { id: step.id.clone(), attempt: 1 });
        self.under_way = Some((Watcher::new(step, self.program, self.options, self.events), Instant::now()));
    }

    fn take(&mut self, line: Line) {
        match (Mark::parse(&line.text), &mut self.under_way) {
            (Some(Mark::Step(index)), None) if index == self.ended && self.failed.is_none() => self.begin(index),
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
