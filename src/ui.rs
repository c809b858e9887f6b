//! What a person or a script sees: the only module (beside `main`) that prints, and the only one that knows indicatif and rpassword.
//!
//! Events go in, and come out as bars on a terminal, as plain lines in a pipe, or as JSON lines ([`json`] documents them).
//! All of it goes to standard output; errors go to standard error, except that JSON keeps one stream.

pub mod ask;
mod bars;
mod board;
pub mod json;
mod leftovers;
mod lines;
mod log;
mod paint;
mod summary;
mod table;

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bars::Bars;
pub use leftovers::{Found, ResetPlan};
use lines::Lines;
pub use log::Log;
use paint::Paint;
pub use table::StatusRow;

use crate::{
    error::Error,
    event::Event,
    phase::preflight::Finding,
    plan::Plan,
    profile::Listed,
    render,
    report::Report,
    transport::{Ask, Memory},
};

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line a host that is drawn over and over: for a terminal.
    Bars,
    /// A line for each step that changed or failed: for a pipe or a file.
    Lines,
    /// A JSON object for each event: for a program.
    Json,
    /// Nothing on standard output, which is for what the command was asked for; notes go to standard error.
    Quiet,
}

impl Style {
    /// The style for standard output.
    #[must_use]
    pub fn choose(json: bool, is_terminal: bool) -> Self {
        match (json, is_terminal) {
            (true, _) => Self::Json,
            (false, true) => Self::Bars,
            (false, false) => Self::Lines,
        }
    }

    /// The style for a command that only looks, and prints what it found: nothing may stand between that and a pipe.
    #[must_use]
    pub fn for_looking(json: bool) -> Self {
        match Self::detect(json) {
            Self::Bars => Self::Bars,
            Self::Lines | Self::Json | Self::Quiet => Self::Quiet,
        }
    }

    /// The style for standard output as it is.
    #[must_use]
    pub fn detect(json: bool) -> Self {
        Self::choose(json, io::stdout().is_terminal())
    }
}

/// Shows a run while it goes on, and its report at the end.
pub struct Ui {
    face: Face,
    verbose: bool,
    log: Option<Log>,
    started: Instant,
    command: String,
    memory: Memory,
    paint: Paint,
}

enum Face {
    Bars(Bars),
    Lines(Arc<Mutex<Lines>>, Ticker),
    Json,
    Quiet,
}

/// A thread that looks once a second for steps that have been running for long.
struct Ticker {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Ui {
    /// A view of a run that starts now. `verbose` shows each line that a step prints; `log` gets everything.
    #[must_use]
    pub fn new(style: Style, verbose: bool, log: Option<Log>) -> Self {
        let started = Instant::now();
        let paint = Paint::for_stdout();
        let face = match style {
            Style::Bars => Face::Bars(Bars::on_stdout(paint)),
            Style::Lines => {
                let lines = Arc::new(Mutex::new(Lines::new(verbose)));
                Face::Lines(Arc::clone(&lines), Ticker::new(lines, started))
            }
            Style::Json => Face::Json,
            Style::Quiet => Face::Quiet,
        };
        Self { face, verbose, log, started, command: "slipway up".to_owned(), memory: Memory::default(), paint }
    }

    /// The command that a person should type again when something failed: `slipway up -c lab.toml`.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// What the person has said to a user interface before this one.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Shows an event that happens now.
    pub fn observe(&mut self, event: &Event) {
        let at = self.started.elapsed();
        if let Some(log) = &mut self.log {
            log.event(event);
        }
        match &mut self.face {
            Face::Bars(bars) => bars.observe(event, at, self.verbose),
            Face::Lines(lines, _) => print(&lock(lines).observe(event, at)),
            Face::Json => print(&format!("{}\n", json::event(event, at))),
            Face::Quiet => {
                if let Event::Note { text } = event {
                    print_error(&format!("{text}\n"));
                }
            }
        }
    }

    /// Asks a person while the bars stand still; one question at a time. For [`crate::transport::Transport::connect`].
    #[must_use]
    pub fn ask(&self) -> Ask {
        let bars = match &self.face {
            Face::Bars(bars) => Some(bars.handle()),
            Face::Lines(..) | Face::Json | Face::Quiet => None,
        };
        Ask::new(move |prompt| match &bars {
            Some(bars) => bars.suspend(|| ask::password(prompt)),
            None => ask::password(prompt),
        })
        .remembering(self.memory.clone())
    }

    /// Prints, or asks a person, while the bars stand still; the time that it takes does not count.
    pub fn aside<T>(&mut self, during: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = match &self.face {
            Face::Bars(bars) => bars.handle().suspend(during),
            Face::Lines(..) | Face::Json | Face::Quiet => during(),
        };
        self.started += began.elapsed();
        done
    }

    /// Shows what the run came to.
    pub fn finish(mut self, report: &Report) {
        let log = self.log.as_ref().map(|log| log.path().to_owned());
        if let Some(log) = &mut self.log {
            log.text(&summary::text(report, None, &self.command, Paint::OFF));
        }
        match self.face {
            Face::Json => return print(&format!("{}\n", json::report(report, log.as_deref()))),
            Face::Quiet => return,
            face => face.still(),
        }
        print(&summary::text(report, log.as_deref(), &self.command, self.paint));
    }

    /// Ends without a report: an error, or what the command found, is what a person should see.
    pub fn abandon(self) {
        self.face.still();
    }
}

impl Face {
    /// Nothing moves any more.
    fn still(self) {
        match self {
            Self::Bars(bars) => bars.finish(),
            Self::Lines(_, ticker) => ticker.stop(),
            Self::Json | Self::Quiet => {}
        }
    }
}

impl Ticker {
    fn new(lines: Arc<Mutex<Lines>>, started: Instant) -> Self {
        let (stop, stopped) = mpsc::channel();
        // Without a thread (the system is out of them) nothing says "still running": no reason to fail.
        let thread = std::thread::Builder::new().name("ui-ticker".into()).spawn(move || {
            while stopped.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                print(&lock(&lines).tick(started.elapsed()));
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes text to standard output. A reader that has gone away (`| head`) is no reason to stop a run in the middle.
pub fn print(text: &str) {
    if !text.is_empty() {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints an error with its hints.
pub fn error(error: &Error, json: bool) {
    if json {
        print(&format!("{}\n", json::error(error)));
    } else {
        print_error(&summary::error(error, Paint::for_stderr()));
    }
}

/// Prints a plan: every step, whether it will run, and why.
pub fn plan(plan: &Plan, json: bool) {
    if json {
        print(&format!("{}\n", json::plan(plan)));
    } else {
        print(&Paint::for_stdout().by_sign(&render::explain(plan)));
    }
}

/// Prints a diff as [`render::diff`] makes it.
pub fn diff(diff: &str) {
    print(&Paint::for_stdout().by_sign(diff));
}

/// Prints what preflight found, each with its remedy.
pub fn findings(findings: &[Finding], json: bool) {
    if json {
        print(&json::findings(findings));
    } else {
        print(&table::findings(findings, Paint::for_stdout()));
    }
}

/// Prints the list of profiles.
pub fn profiles(listed: &[Listed], json: bool) {
    if json {
        print(&format!("{}\n", json::profiles(listed)));
    } else {
        print(&table::profiles(listed));
    }
}

/// Prints the hosts of a cluster as they are.
pub fn status(rows: &[StatusRow], json: bool) {
    if json {
        print(&format!("{}\n", json::status(rows)));
    } else {
        print(&table::status(rows));
    }
}

/// Prints what a cluster left on hosts. Long lists are folded on a terminal, unless `verbose`.
pub fn leftovers(found: &[Found<'_>], json: bool, verbose: bool) {
    if json {
        print(&format!("{}\n", json::leftovers(found)));
    } else {
        let fold = io::stdout().is_terminal() && !verbose;
        print(&leftovers::table(found, fold, Paint::for_stdout()));
    }
}

/// Prints what a reset is going to do.
pub fn reset_plan(plan: &ResetPlan<'_>, json: bool) {
    if json {
        print(&format!("{}\n", json::leftovers(&plan.found)));
    } else {
        print(&leftovers::plan(plan, Paint::for_stdout()));
    }
}

#[cfg(test)]
mod tests;
