//! The forms in which a run is shown while it goes on, and where that goes.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{bars::Bars, json, lines::Lines, paint::Paint, print_error, table};
use crate::{
    error::{Error, Kind, Result},
    event::Event,
};

/// Where text goes: standard output, or a place that a test can look at.
#[derive(Clone)]
pub(super) struct Out {
    place: Arc<Mutex<dyn Write + Send>>,
    /// Why something of it is missing there.
    gap: Arc<Mutex<Option<io::Error>>>,
}

impl Out {
    pub(super) fn to(place: Arc<Mutex<dyn Write + Send>>) -> Self {
        Self { place, gap: Arc::default() }
    }

    pub(super) fn stdout() -> Self {
        Self::to(Arc::new(Mutex::new(io::stdout())))
    }

    /// That it can not be printed is no reason to stop a run in the middle: [`Out::whole`] is for those who care.
    pub(super) fn print(&self, text: &str) {
        if !text.is_empty() {
            let mut out = lock(&self.place);
            let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            // A reader that has gone away (`| head`) has read what it wanted.
            if let Err(error) =
                printed.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
            {
                lock(&self.gap).get_or_insert(error);
            }
        }
    }

    /// For a command that is there to print: whether all of it came out.
    ///
    /// # Errors
    /// `NoFile` when something is missing, other than to a reader that has gone away.
    pub(super) fn whole(&self) -> Result<()> {
        let missing = |error| {
            Error::new(Kind::NoFile, "standard output can not be written, and what is there of it is not whole")
                .because(error)
                .hint("send it where there is room (`df -h` shows that), and run the same command again")
        };
        lock(&self.gap).take().map_or(Ok(()), |error| Err(missing(error)))
    }
}

/// When a run began. Whoever tells the time to show something by it holds it meanwhile: nothing gets in between.
pub(super) type Start = Arc<Mutex<Instant>>;

/// The time since the start, in whole milliseconds: what is shown, counted and kept.
pub(super) fn since(start: &Instant) -> Duration {
    let elapsed = start.elapsed();
    Duration::new(elapsed.as_secs(), elapsed.subsec_millis() * 1_000_000)
}

pub(super) enum Face {
    Bars(Bars),
    Lines(Arc<Mutex<Lines>>, Option<Ticker>),
    Json,
    Quiet,
}

impl Face {
    /// Lines that also tell what takes long: while a run goes on, somebody must look.
    pub(super) fn live_lines(verbose: bool, start: &Start, out: &Out) -> Self {
        let lines = Arc::new(Mutex::new(Lines::new(verbose)));
        Self::Lines(Arc::clone(&lines), Some(Ticker::new(lines, Arc::clone(start), out.clone())))
    }

    /// Shows an event that happens, or happened, `at` this time after the start.
    pub(super) fn show(&mut self, event: &Event, at: Duration, verbose: bool, out: &Out) {
        match self {
            Self::Bars(bars) => bars.observe(event, at, verbose),
            Self::Lines(lines, _) => out.print(&lock(lines).observe(event, at)),
            Self::Json => out.print(&json::event(event, at)),
            Self::Quiet => match event {
                Event::Note { text } => print_error(&format!("{text}\n")),
                Event::Findings { findings } => print_error(&table::findings(findings, Paint::for_stderr())),
                _ => {}
            },
        }
    }

    /// Nothing moves any more.
    pub(super) fn still(self) {
        match self {
            Self::Bars(bars) => bars.finish(),
            Self::Lines(_, ticker) => ticker.into_iter().for_each(Ticker::stop),
            Self::Json | Self::Quiet => {}
        }
    }
}

/// A thread that looks once a second for steps that have been running for long.
pub(super) struct Ticker {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn new(lines: Arc<Mutex<Lines>>, start: Start, out: Out) -> Self {
        let (stop, stopped) = mpsc::channel();
        // Without a thread (the system is out of them) nothing says "still running": no reason to fail.
        let thread = std::thread::Builder::new().name("ui-ticker".into()).spawn(move || {
            while stopped.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                let start = lock(&start);
                out.print(&lock(&lines).tick(since(&start)));
            }
        });
        Self { stop, thread: thread.ok() }
    }

    fn stop(self) {
        drop(self.stop);
        if let Some(thread) = self.thread {
            let _ = thread.join();
        }
    }
}

/// What another thread left behind when it panicked is still good enough to show.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
