//! What every command that touches hosts has: events that flow to the user interface, and a person who may press Ctrl-C.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    error::{Error, Kind, Result},
    event::Event,
    execute::{Events, Stop},
    report::Report,
    transport::Ask,
    ui::{self, Farewell, Ui},
};

/// Events that are taken in one go, at most.
const AT_ONCE: usize = 256;

/// Whether a command has begun to change hosts. Clones are of the same command, which may have several sessions.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<AtomicBool>);

impl Begun {
    /// What is said where it stops; `again` is the hint of what to type.
    fn stopped(&self, again: impl Into<String>) -> Error {
        let what = if self.0.load(Ordering::SeqCst) {
            "stopped in the middle; what was done before stays"
        } else {
            "stopped before anything was changed"
        };
        Error::new(Kind::Interrupted, what).hint(again)
    }
}

pub(super) struct Session {
    pub(super) events: Events,
    pub(super) stop: Stop,
    /// By which `stop` is told.
    pub(super) asked: watch::Sender<u8>,
    pub(super) ask: Ask,
    begun: Begun,
    printer: JoinHandle<(Ui, Report)>,
    listener: JoinHandle<()>,
}

impl Session {
    pub(super) fn start(ui: Ui, begun: &Begun) -> Self {
        Self::go_on(ui, Report::new(), begun)
    }

    /// Goes on where [`Session::end`] left off.
    pub(super) fn go_on(mut ui: Ui, mut report: Report, begun: &Begun) -> Self {
        let (ask, farewell) = (ui.ask(), ui.farewell());
        let (events, mut received) = mpsc::unbounded_channel::<Event>();
        let printer = tokio::spawn(async move {
            // What happened at once is shown, counted and kept at once.
            let mut waiting = Vec::new();
            while received.recv_many(&mut waiting, AT_ONCE).await > 0 {
                let events: Vec<Event> = waiting.drain(..).map(Event::in_millis).collect();
                let at = ui.observe(&events);
                events.iter().for_each(|event| report.observe(event, at));
            }
            (ui, report)
        });
        let (asked, stop) = watch::channel(0);
        let listener = tokio::spawn(listen(asked.clone(), events.clone(), begun.clone(), farewell));
        Self { events, stop, asked, ask, begun: begun.clone(), printer, listener }
    }

    /// From here on, hosts are changed.
    pub(super) fn begins(&self) {
        self.begun.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn note(&self, text: impl Into<String>) {
        let _ = self.events.send(Event::Note { text: text.into() });
    }

    /// What changes nothing: who asks to stop then has waited long enough. `command` is what to type again.
    ///
    /// # Errors
    /// `Interrupted`.
    pub(super) async fn unless_stopped<T>(&self, command: &str, during: impl Future<Output = T>) -> Result<T> {
        let mut stop = self.stop.clone();
        let stopped = || self.begun.stopped(format!("to begin anew: {command}"));
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|asked| *asked > 0) => Err(stopped()),
            // Boxed, as those of whole commands are: futures in futures in futures are more than the compiler takes.
            done = Box::pin(during) => if *self.stop.borrow() > 0 { Err(stopped()) } else { Ok(done) },
        }
    }

    /// Waits until everything that happened has been shown.
    pub(super) async fn end(self) -> Option<(Ui, Report)> {
        self.listener.abort();
        let _ = self.listener.await;
        drop(self.events);
        self.printer.await.ok()
    }
}

/// Counts how often a person asked to stop: once ends the run cleanly, twice leaves what is under way, three times ends slipway here and now.
async fn listen(asked: watch::Sender<u8>, events: Events, begun: Begun, farewell: Farewell) {
    let Some(mut wishes) = Wishes::new() else { return };
    loop {
        wishes.next().await;
        if ui::ask::leave_terminal() {
            // The person at the question gives no answer any more, and nothing goes on before it is answered.
            std::process::exit(i32::from(farewell.say(&begun.stopped("run the same command again"))));
        }
        asked.send_modify(|count| *count = count.saturating_add(1));
        match *asked.borrow() {
            1 => {
                let _ = events.send(Event::Stopping);
            }
            2 => {
                let text = "leaving what is under way: package and kubeadm steps go on by themselves on their hosts; run the same command again to pick them up";
                let _ = events.send(Event::Note { text: text.to_owned() });
            }
            _ => std::process::exit(i32::from(Kind::Interrupted.exit_code())),
        }
    }
}

/// The signals by which a run is asked to stop: Ctrl-C, SIGTERM, and SIGHUP when its terminal is gone. A process that has once listened
/// for them does not end by them.
pub(super) struct Wishes {
    interrupts: Signal,
    terminations: Signal,
    hangups: Option<Signal>,
}

impl Wishes {
    /// None where the system lets nobody listen.
    pub(super) fn new() -> Option<Self> {
        Some(Self {
            // Who was started by nohup is not to hear that the terminal is gone; whoever listens hears it all the same.
            hangups: if ignores_hangups() { None } else { signal(SignalKind::hangup()).ok() },
            interrupts: signal(SignalKind::interrupt()).ok()?,
            terminations: signal(SignalKind::terminate()).ok()?,
        })
    }

    pub(super) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupts.recv() => {}
            _ = self.terminations.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether this process was started with SIGHUP (1) ignored, by proc(5).
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        event::Outcome,
        journal::{Header, Journal, Recorded, Store},
        secrets::Mask,
        step::StepId,
        ui::Style,
    };

    #[tokio::test]
    async fn what_is_counted_and_what_is_kept_are_the_same_figures() {
        let store = Store::at(std::env::temp_dir().join(format!("slipway-session-{}", std::process::id())));
        let journal = Journal::open(&store, &Header::default(), Mask::default()).expect("a journal");
        let session = Session::start(Ui::new(Style::Quiet, false).keeping(journal), &Begun::default());
        // More than are taken at once, and times that are no whole milliseconds.
        for number in 0..2 * AT_ONCE as u32 {
            let id = StepId::new("node1", "install", number.to_string());
            let took = Duration::from_nanos(1_499_999) * number;
            let _ = session.events.send(Event::Started { id: id.clone(), attempt: 1 });
            let _ = session.events.send(Event::Finished { id, outcome: Outcome::Changed, took });
            if number % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
        let (ui, report) = session.end().await.expect("nothing panicked");
        let (ui, report) = Session::go_on(ui, report, &Begun::default()).end().await.expect("nothing panicked");
        ui.finish(&report);
        let kept = store.find("last").expect("it is there");
        let read = Recorded::read(kept).expect("readable").report();
        std::fs::remove_dir_all(store.root()).expect("removed");
        assert_eq!((read.wall(), read.totals(), read.totals().changed), (report.wall(), report.totals(), 2 * AT_ONCE));
        assert_eq!(read.critical_path(), report.critical_path());
        assert_eq!(format!("{:?}", read.lanes()), format!("{:?}", report.lanes()));
    }

    #[tokio::test]
    async fn nothing_is_said_to_be_as_it_was_once_an_earlier_part_of_the_command_has_begun() {
        let begun = Begun::default();
        let session = || Session::start(Ui::new(Style::Quiet, false), &begun);
        let (first, second) = (session(), session());
        let stopped = async || {
            let _ = second.asked.send(1);
            second.unless_stopped("slipway up", std::future::pending::<()>()).await.expect_err("stopped").what
        };
        assert_eq!(stopped().await, "stopped before anything was changed");
        first.begins();
        assert_eq!(stopped().await, "stopped in the middle; what was done before stays");
    }
}
