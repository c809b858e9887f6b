//! Drives a plan over hosts: a lane a host, and one for what runs beside its other steps; no barriers. A step starts when what it needs is done; it says only events.

pub mod audit;
mod batch;
mod board;
mod carry;
#[cfg(debug_assertions)]
mod deaths;
pub mod lease;
pub mod survey;
mod watcher;

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    event::{Event, Failure, Outcome, Planned},
    plan::{Plan, Verdict},
    secrets::Mask,
    step::{Due, Step, StepId},
    transport::Transport,
};
use board::{Board, Ended, Next};
use carry::{Absence, Attempt};

/// The hosts of a run, by name.
pub type Hosts = Arc<BTreeMap<String, Transport>>;

/// Where events go.
pub type Events = UnboundedSender<Event>;

/// How urgently a person wants the run to stop: 0 not at all, 1 start nothing new, 2 leave what is under way.
pub type Stop = watch::Receiver<u8>;

/// What a failure means for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The lane of the host ends, and with it all that needs it: building.
    StopAtFailure,
    /// Everything else goes on: resetting.
    Continue,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub mode: Mode,
    /// How many steps run at once over all hosts.
    pub concurrency: usize,
    /// Secrets that no line may show, should a tool print one.
    pub mask: Mask,
    /// The run that has the leases of the hosts: see [`lease::Leases::run`]. None where nobody took any.
    pub run: Option<String>,
}

/// Runs everything in the plan that is not done. Comes back when each step has ended one way or another, and says whether
/// all ended well; events tell the rest.
pub async fn execute(plan: Plan, hosts: Hosts, options: Options, events: Events, stop: Stop) -> bool {
    let plan = Arc::new(plan);
    let options = Arc::new(options);
    announce(&plan, &events);
    let board = Arc::new(Board::new(options.mode, plan.graph.steps().map(|step| step.id.clone())));
    for step in plan.graph.steps().filter(|step| plan.verdict(&step.id) == Verdict::Done) {
        finish(&board, &events, step, Outcome::Unchanged, Duration::ZERO);
    }
    let slots = Arc::new(Semaphore::new(options.concurrency.max(1)));
    let mut lanes = JoinSet::new();
    let mut steps_of = BTreeMap::new();
    let mut of_hosts: BTreeMap<&str, [Vec<Step>; 2]> = BTreeMap::new();
    for step in plan.graph.steps().filter(|step| plan.verdict(&step.id) != Verdict::Done) {
        of_hosts.entry(&step.id.host).or_default()[usize::from(step.beside)].push(step.clone());
    }
    for (host, lanes_of_it) in of_hosts.into_iter().filter(|(host, _)| hosts.contains_key(*host)) {
        for steps in lanes_of_it {
            let lane = Lane {
                host: host.to_owned(),
                hosts: Arc::clone(&hosts),
                board: Arc::clone(&board),
                slots: Arc::clone(&slots),
                options: Arc::clone(&options),
                events: events.clone(),
                stop: stop.clone(),
                absence: Absence::default(),
            };
            let ids = steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
            steps_of.insert(lanes.spawn(lane.run(steps)).id(), ids);
        }
    }
    while let Some(ended) = lanes.join_next_with_id().await {
        let Err(error) = ended else { continue };
        let steps = steps_of.remove(&error.id()).unwrap_or_default();
        let why = match error.try_into_panic() {
            Ok(panic) => said(panic.as_ref()),
            Err(error) => error.to_string(),
        };
        give_up(&board, &events, &steps, &options.mask.text(&why));
    }
    board.all_good()
}

/// What a panic says, in one line.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it did not say why").lines().next().unwrap_or_default().to_owned()
}

/// Ends what a lane that is no more has left open: whoever waits for it would wait for ever, and the run would look as if all were well.
fn give_up(board: &Board, events: &Events, steps: &[StepId], why: &str) {
    let mut open = steps.iter().filter(|id| board.is_open(id));
    let Some(first) = open.next() else { return };
    let failure = Failure {
        what: format!("slipway itself failed: {why}"),
        command: None,
        exit: None,
        tail: Vec::new(),
        hint: Some("this is a mistake in slipway: please report it; running the same command again is safe".to_owned()),
    };
    let rest = open.map(|id| (id, Outcome::Blocked { by: first.clone() }));
    for (id, outcome) in std::iter::once((first, Outcome::Failed(failure))).chain(rest) {
        let _ = events.send(Event::Finished { id: id.clone(), outcome, took: Duration::ZERO });
        // Nobody knows how many of them had begun: what cleans up behind them does so.
        board.settle(id, Ended::Badly);
    }
}

fn announce(plan: &Plan, events: &Events) {
    let steps = plan
        .graph
        .steps()
        .map(|step| Planned {
            id: step.id.clone(),
            title: step.title.clone(),
            verdict: plan.verdict(&step.id),
            needs: step.needs.clone(),
        })
        .collect();
    let _ = events.send(Event::Planned { steps });
}

fn finish(board: &Board, events: &Events, step: &Step, outcome: Outcome, took: Duration) {
    let how = match outcome {
        Outcome::Unchanged | Outcome::Changed => Ended::Well,
        Outcome::Failed(_) => Ended::Badly,
        Outcome::Blocked { .. } | Outcome::Cancelled => Ended::NeverStarted,
    };
    // A receiver that is gone means that nobody is watching; the work goes on all the same.
    let _ = events.send(Event::Finished { id: step.id.clone(), outcome, took });
    board.settle(&step.id, how);
}

/// The steps of one host, one after another; those that run beside others have a lane of their own.
struct Lane {
    host: String,
    hosts: Hosts,
    board: Arc<Board>,
    slots: Arc<Semaphore>,
    options: Arc<Options>,
    events: Events,
    stop: Stop,
    absence: Absence,
}

impl Lane {
    async fn run(mut self, mut waiting: Vec<Step>) {
        let changes = self.board.subscribe(&waiting);
        while !waiting.is_empty() {
            let stopping = *self.stop.borrow_and_update() > 0;
            match self.board.next(&waiting, stopping) {
                Next::Run(_) => {
                    let slots = Arc::clone(&self.slots);
                    let _slot = slots.acquire().await;
                    // What happened while it waited for its turn counts: something may have failed, or come free that goes before.
                    let stopping = *self.stop.borrow() > 0;
                    if let Next::Run(index) = self.board.next(&waiting, stopping) {
                        self.send(&mut waiting, index).await;
                    }
                }
                Next::Skip(index, outcome) => {
                    let step = waiting.remove(index);
                    finish(&self.board, &self.events, &step, outcome, Duration::ZERO);
                }
                Next::Wait => {
                    // Either something settles or a person loses patience; both are reasons to look again.
                    tokio::select! {
                        () = changes.notified() => {}
                        Ok(()) = self.stop.changed() => {}
                    }
                }
            }
        }
    }

    /// Sends the host the step at `index`, with those that can travel with it, and takes those that have ended off the waiting ones.
    async fn send(&mut self, waiting: &mut Vec<Step>, index: usize) {
        let hosts = Arc::clone(&self.hosts);
        let Some(transport) = hosts.get(&self.host) else {
            // Nobody gives a lane to a host that is not there.
            finish(&self.board, &self.events, &waiting.remove(index), Outcome::Cancelled, Duration::ZERO);
            return;
        };
        let together = if transport.takes_one_at_a_time() { vec![index] } else { self.board.together(waiting, index) };
        let mut steps: VecDeque<Step> = together.iter().map(|index| waiting[*index].clone()).collect();
        let mut first = None;
        if steps.len() > 1 && *self.stop.borrow() == 0 {
            let Self { options, events, stop, board, .. } = self;
            let mut well = |step: &Step, outcome, took| finish(board, events, step, outcome, took);
            let progress = batch::carry(steps.make_contiguous(), transport, options, events, stop, &mut well).await;
            let ended: Vec<Step> = steps.drain(..progress.ended).collect();
            waiting.retain(|step| ended.iter().all(|one| one.id != step.id));
            first = progress.next;
            if !ended.is_empty() {
                self.absence.ended();
            }
            // What has become possible meanwhile may come before the rest.
            if !ended.is_empty() && first.is_none() {
                return;
            }
        }
        let Some(step) = steps.pop_front() else { return };
        waiting.retain(|one| one.id != step.id);
        self.carry(&step, transport, first).await;
    }

    /// `first` is what came of a first attempt, and when that began.
    async fn carry(&mut self, step: &Step, transport: &Transport, first: Option<(Attempt, Instant)>) {
        if first.is_none() && *self.stop.borrow() > 0 && step.due != Due::Always {
            finish(&self.board, &self.events, step, Outcome::Cancelled, Duration::ZERO);
            return;
        }
        let (first, began) = first.map_or_else(|| (None, Instant::now()), |(attempt, began)| (Some(attempt), began));
        let outcome = carry::carry(step, first, transport, &self.options, &self.events, &mut self.stop, &mut self.absence).await;
        finish(&self.board, &self.events, step, outcome, began.elapsed());
    }
}

#[cfg(test)]
mod tests;
