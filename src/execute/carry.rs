//! Takes one step to its host and brings its outcome back.

use std::time::Duration;

use tokio::time::Instant;

use super::{Events, Options, Stop, watcher::Watcher};
use crate::{
    error::{Kind, Result},
    event::{Event, Failure, Outcome},
    lower::{self, Program},
    step::{Op, Retry, Step},
    transport::{Exit, Line, Transport},
};

/// How often a connection may be lost in one step: something on the host or on the way there cuts each of them.
const LOSSES: u32 = 5;

/// How long a host that was there and is gone is waited for: it may be restarting, and large machines take minutes over that.
const ABSENCE: Duration = Duration::from_secs(300);

/// The pause between two tries to reach it, beside the time that a try takes.
const PAUSE: Duration = Duration::from_secs(2);

/// How often the progress of an upload is told.
const PROGRESS: Duration = Duration::from_secs(5);

/// What came of an attempt: a failure, and whether another attempt may end otherwise. An error if nobody saw its end.
pub(super) type Attempt = Result<Result<Outcome, (Failure, bool)>>;

/// `absence` is how long the host may be gone; none once it has stayed away for that long. `first` is what came of a first attempt, if
/// there was one.
pub(super) async fn carry(
    step: &Step,
    mut first: Option<Attempt>,
    transport: &Transport,
    options: &Options,
    events: &Events,
    stop: &mut Stop,
    absence: &mut Absence,
) -> Outcome {
    #[cfg(debug_assertions)]
    let step = &*super::deaths::doomed(step);
    let program = lower::lower(step).of_run(options.run.as_deref());
    let (tries, pause, because) = match step.retry {
        Retry::No => (1, Duration::ZERO, ""),
        Retry::Times { tries, pause, because } => (tries, pause, because),
    };
    let mut attempt = 1;
    let mut lost = 0;
    let mut gone: Option<Instant> = None;
    let mut told = None;
    loop {
        let mut watcher = Watcher::new(step, &program, options, events);
        let ended = if let Some(ended) = first.take() {
            ended
        } else {
            if gone.is_none() {
                let _ = events.send(Event::Started { id: step.id.clone(), attempt: attempt + lost });
            }
            let mut take = |line| {
                #[cfg(debug_assertions)]
                super::deaths::heard(step, &line);
                watcher.take(line);
            };
            let ended = tokio::select! {
                ended = send(step, &program, transport, events, &mut take) => ended,
                () = out_of_patience(stop) => return Outcome::Cancelled,
            };
            ended.map(|exit| watcher.judge(exit.status))
        };
        let (failure, again) = match ended {
            Ok(judged) => {
                absence.ended();
                match judged {
                    Ok(outcome) => return outcome,
                    Err((failure, passes)) => (failure, passes && attempt < tries),
                }
            }
            // The program may have run, or may still be running: only asking again can tell, and every step bears that.
            Err(error) if error.kind == Kind::Lost && lost < LOSSES => {
                lost += 1;
                absence.ended();
                let pause = Duration::from_secs(u64::from(lost));
                let because = format!("the connection was lost ({error}); a step that runs detached goes on meanwhile");
                let _ = events.send(Event::Retrying { id: step.id.clone(), attempt: attempt + lost, because, pause });
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = out_of_patience(stop) => return Outcome::Cancelled,
                }
                gone = None;
                continue;
            }
            Err(error)
                if error.kind == Kind::Unreachable
                    && *stop.borrow() == 0
                    && absence.bears(*gone.get_or_insert_with(Instant::now)) =>
            {
                let what = format!("the host to come back, {} minutes at most: {error}", ABSENCE.as_secs() / 60);
                if told.as_ref() != Some(&what) {
                    let _ = events.send(Event::Waiting { id: step.id.clone(), what: what.clone() });
                    told = Some(what);
                }
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    Ok(()) = stop.changed() => {}
                }
                if *stop.borrow() > 0 && lost == 0 && attempt == 1 {
                    return Outcome::Cancelled;
                }
                continue;
            }
            Err(error) => (watcher.undecided(&error), false),
        };
        if !again || *stop.borrow() > 0 {
            return Outcome::Failed(failure);
        }
        attempt += 1;
        gone = None;
        let _ = events.send(Event::Retrying { id: step.id.clone(), attempt: attempt + lost, because: because.to_owned(), pause });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Ok(_) = stop.wait_for(|asked| *asked > 0) => return Outcome::Failed(failure),
        }
    }
}

/// How long the host of a lane may be out of reach: once it has been for [`ABSENCE`], no step waits for it any more until it is back.
#[derive(Debug, Default)]
pub(super) struct Absence {
    given_up: bool,
}

impl Absence {
    fn bears(&mut self, since: Instant) -> bool {
        self.given_up |= since.elapsed() >= ABSENCE;
        !self.given_up
    }

    pub(super) fn ended(&mut self) {
        self.given_up = false;
    }
}

/// Brings the host the files that the step needs, and runs its program. A file that did not get there ends it, with that exit.
async fn send(
    step: &Step,
    program: &Program,
    transport: &Transport,
    events: &Events,
    take: &mut (dyn FnMut(Line) + Send),
) -> Result<Exit> {
    for op in &step.apply {
        let Op::Upload(upload) = op else { continue };
        let mut said = Instant::now();
        let mut progress = |sent: u64, size: u64| {
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                let text = format!("uploaded {} of {} MiB", sent >> 20, size >> 20);
                let _ = events.send(Event::Line { id: step.id.clone(), text });
            }
        };
        let exit = transport.upload(&lower::upload_program(step, upload), &upload.from, take, &mut progress).await?;
        if exit.status != lower::UNCHANGED && exit.status != lower::CHANGED {
            take(Line { stderr: true, text: format!("{} could not be uploaded", upload.from.display()) });
            return Ok(exit);
        }
    }
    transport.run(program, take).await
}

/// Returns when a person has asked a second time to stop; a run that nobody can stop never does.
pub(super) async fn out_of_patience(stop: &mut Stop) {
    if stop.wait_for(|asked| *asked >= 2).await.is_err() {
        std::future::pending::<()>().await;
    }
}
