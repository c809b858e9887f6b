//! What a person or a script sees: the only module (beside `main`) that prints, and the only one that knows indicatif and rpassword.
//!
//! Events go in, and come out as bars on a terminal, as plain lines in a pipe, or as JSON lines ([`json`] documents them).
//! All of it goes to standard output; errors go to standard error, except that JSON keeps one stream.

pub mod ask;
mod bars;
mod board;
mod face;
pub mod json;
mod leftovers;
mod lines;
mod paint;
mod replay;
mod runs;
mod style;
mod summary;
mod table;

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bars::Bars;
use face::{Face, Out, Start, lock, since};
pub use leftovers::{Found, ResetPlan};
use paint::Paint;
pub use replay::replay;
pub use runs::runs;
pub use style::Style;
pub use table::StatusRow;

use crate::{
    error::{Error, Result},
    event::Event,
    journal::Journal,
    phase::preflight::Finding,
    plan::Plan,
    profile::Listed,
    render,
    report::Report,
    transport::{Ask, Memory},
};

/// Shows a run while it goes on, and its report at the end.
pub struct Ui {
    face: Face,
    verbose: bool,
    /// Errors are for a program.
    json: bool,
    journal: Option<Journal>,
    start: Start,
    command: String,
    /// The id of the run, where it has a journal.
    run: Option<String>,
    memory: Memory,
    paint: Paint,
    out: Out,
}

impl Ui {
    /// A view of a run that starts now. `verbose` shows each line that a step prints.
    #[must_use]
    pub fn new(style: Style, verbose: bool) -> Self {
        let (start, out) = (Arc::new(Mutex::new(Instant::now())), Out::stdout());
        let face = match style {
            Style::Bars => Face::Bars(Bars::on_stdout(Paint::for_stdout())),
            Style::Lines => Face::live_lines(verbose, &start, &out),
            Style::Json => Face::Json,
            Style::Quiet => Face::Quiet,
        };
        Self { start, ..Self::with(face, verbose, Paint::for_stdout(), out) }
    }

    fn with(face: Face, verbose: bool, paint: Paint, out: Out) -> Self {
        let start = Arc::new(Mutex::new(Instant::now()));
        let command = "slipway up".to_owned();
        Self { face, verbose, json: false, journal: None, start, command, run: None, memory: Memory::default(), paint, out }
    }

    /// Whether an error is printed for a program.
    #[must_use]
    pub fn with_json(mut self, json: bool) -> Self {
        self.json = json;
        self
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

    /// Keeps all that is shown, and more, in a journal. Call it last: it begins with the command.
    #[must_use]
    pub fn keeping(mut self, journal: Journal) -> Self {
        journal.write(json::begin(&self.command));
        self.run = Some(journal.id().to_owned());
        self.journal = Some(journal);
        self
    }

    /// Shows events that happen now, and says how long after the start that is.
    pub fn observe(&mut self, events: &[Event]) -> Duration {
        let start = Arc::clone(&self.start);
        let start = lock(&start);
        let at = since(&start);
        self.observe_at(events, at);
        at
    }

    fn observe_at(&mut self, events: &[Event], at: Duration) {
        if let Some(journal) = &self.journal {
            journal.events(events.iter().map(|event| (event, at)));
        }
        events.iter().for_each(|event| self.face.show(event, at, self.verbose, &self.out));
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

    /// What is left to say where slipway ends here and now.
    #[must_use]
    pub fn farewell(&self) -> Farewell {
        Farewell { json: self.json, journal: self.journal.clone() }
    }

    /// Prints, or asks a person, while all else stands still; the time that it takes does not count.
    fn aside<T>(&mut self, during: impl FnOnce(&mut Self) -> T) -> T {
        let start = Arc::clone(&self.start);
        let mut start = lock(&start);
        let began = Instant::now();
        let done = match &self.face {
            Face::Bars(bars) => bars.handle().suspend(|| during(self)),
            Face::Lines(..) | Face::Json | Face::Quiet => during(self),
        };
        *start += began.elapsed();
        done
    }

    fn keep(&self, line: impl FnOnce() -> serde_json::Value) {
        if let Some(journal) = &self.journal {
            journal.write(line());
        }
    }

    /// Shows what a reset is going to do.
    pub fn reset_plan(&mut self, plan: &ResetPlan<'_>) {
        self.keep(|| json::reset_plan(plan));
        self.aside(|ui| match ui.face {
            Face::Json => ui.out.print(&format!("{}\n", json::reset_plan(plan))),
            _ => ui.out.print(&leftovers::plan(plan, ui.paint)),
        });
    }

    /// Asks a person a question whose answer is yes or no; none where there is nobody to ask.
    pub fn confirm(&mut self, question: &str) -> Option<bool> {
        let answer = self.aside(|_| ask::confirm(question));
        self.keep(|| json::question(question, answer));
        answer
    }

    /// Shows what the run came to.
    pub fn finish(self, report: &Report) {
        let path = self.journal.as_ref().map(|journal| journal.path().to_owned());
        let line = || json::report(report, self.run.as_deref(), path.as_deref());
        self.keep(line);
        let text = match self.face {
            Face::Json => format!("{}\n", line()),
            Face::Quiet => return,
            _ => summary::text(report, self.run.as_deref(), &self.command, self.paint),
        };
        self.face.still();
        self.out.print(&text);
    }

    /// Ends without a report: an error, or what the command found, is what a person should see.
    pub fn abandon(self) {
        self.face.still();
    }
}

/// How slipway ends where nobody comes back from what is under way.
pub struct Farewell {
    json: bool,
    journal: Option<Journal>,
}

impl Farewell {
    /// Prints the error that is the end, and keeps it. Gives the exit code.
    #[must_use]
    pub fn say(&self, error: &Error) -> u8 {
        let exit_code = error.kind.exit_code();
        self.journal.iter().for_each(|journal| keep_end(journal, exit_code, Some(error)));
        self::error(error, self.json);
        exit_code
    }
}

/// Keeps how a command ended: the errors that it ended with, and its exit code.
pub fn keep_end(journal: &Journal, exit_code: u8, error: Option<&Error>) {
    error.into_iter().flat_map(|error| std::iter::once(error).chain(&error.also)).for_each(|error| keep_error(journal, error));
    journal.write(json::end(exit_code));
}

/// Keeps an error.
pub fn keep_error(journal: &Journal, error: &Error) {
    journal.write(json::error(error));
}

/// Writes text to standard output: what a command was asked for.
///
/// # Errors
/// `NoFile` when it can not be written; a reader that has gone away is none.
pub fn print(text: &str) -> Result<()> {
    let out = Out::stdout();
    out.print(text);
    out.whole()
}

/// Says what was done. That it can not be said does not undo it.
pub fn tell(text: &str) {
    Out::stdout().print(text);
}

fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints an error with its hints.
pub fn error(error: &Error, json: bool) {
    // The one stream of a program may be what is broken.
    if !json || print(&format!("{}\n", json::error(error))).is_err() {
        print_error(&summary::error(&error.to_string(), &error.hints, Paint::for_stderr()));
    }
}

/// Prints a plan: every step, whether it will run, and why.
///
/// # Errors
/// As [`print`].
pub fn plan(plan: &Plan, json: bool) -> Result<()> {
    print(&if json { format!("{}\n", json::plan(plan)) } else { Paint::for_stdout().by_sign(&render::explain(plan)) })
}

/// Prints a diff as [`render::diff`] makes it.
///
/// # Errors
/// As [`print`].
pub fn diff(diff: &str) -> Result<()> {
    print(&Paint::for_stdout().by_sign(diff))
}

/// Prints what preflight found, each with its remedy.
///
/// # Errors
/// As [`print`].
pub fn findings(findings: &[Finding], json: bool) -> Result<()> {
    print(&if json { json::findings(findings) } else { table::findings(findings, Paint::for_stdout()) })
}

/// Prints the list of profiles.
///
/// # Errors
/// As [`print`].
pub fn profiles(listed: &[Listed], json: bool) -> Result<()> {
    print(&if json { format!("{}\n", json::profiles(listed)) } else { table::profiles(listed) })
}

/// Prints the hosts of a cluster as they are.
///
/// # Errors
/// As [`print`].
pub fn status(rows: &[StatusRow], json: bool) -> Result<()> {
    print(&if json { format!("{}\n", json::status(rows)) } else { table::status(rows) })
}

/// Prints what a cluster left on hosts. Long lists are folded on a terminal, unless `verbose`.
///
/// # Errors
/// As [`print`].
pub fn leftovers(found: &[Found<'_>], json: bool, verbose: bool) -> Result<()> {
    let fold = io::stdout().is_terminal() && !verbose;
    print(&if json { format!("{}\n", json::leftovers(found)) } else { leftovers::table(found, fold, Paint::for_stdout()) })
}

#[cfg(test)]
mod tests;
