//! Bars: a line a host on a terminal, drawn over and over. The only file that knows indicatif.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    board::{Board, Row},
    paint::{Paint, count, seconds},
    summary, table,
};
use crate::event::{Event, HostState, Outcome};

/// How often the time of a running step is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// With more hosts than this a line is drawn when something happens on its own host, and not by a thread of its own.
const FEW: usize = 100;

/// What shows that something is going on; the last one is for when nothing is.
pub(super) const SPINNER: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏⠿";

/// The lines of all hosts.
pub(super) struct Bars {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
    board: Board,
    paint: Paint,
    /// Whether bars are drawn anew by themselves; tests draw only when something happens.
    steady: bool,
}

/// A way to keep the bars still while something else uses the terminal.
#[derive(Clone)]
pub(super) struct Handle(MultiProgress);

impl Handle {
    pub(super) fn suspend<T>(&self, during: impl FnOnce() -> T) -> T {
        self.0.suspend(during)
    }
}

impl Bars {
    pub(super) fn on_stdout(paint: Paint) -> Self {
        Self { steady: true, ..Self::on(ProgressDrawTarget::stdout(), paint) }
    }

    /// Bars on any target, drawn only when something happens.
    pub(super) fn on(target: ProgressDrawTarget, paint: Paint) -> Self {
        let all = MultiProgress::with_draw_target(target);
        Self { all, bars: BTreeMap::new(), board: Board::default(), paint, steady: false }
    }

    pub(super) fn handle(&self) -> Handle {
        Handle(self.all.clone())
    }

    pub(super) fn observe(&mut self, event: &Event, at: Duration, verbose: bool) {
        let waited = matches!(event, Event::Line { id, .. } if self.board.is_waiting(id));
        self.board.observe(event);
        match event {
            Event::Line { id, text } if verbose => self.above(&format!("{id}: {text}")),
            Event::Note { text } => self.above(text),
            Event::Findings { findings } => self.above(table::findings(findings, self.paint).trim_end()),
            Event::Stopping => self.above("stopping: steps under way are finished, no new one starts"),
            Event::Retrying { id, attempt, because, pause } => {
                self.above(&format!("{id}: try {attempt} failed, next in {}: {because}", seconds(*pause)));
            }
            Event::Finished { id, outcome: Outcome::Failed(failure), .. } => {
                self.above(&summary::failure_in_passing(id, self.board.title(id), failure, self.paint));
            }
            _ => {}
        }
        match event {
            // A row says what its step waits for until there is something else to say.
            Event::Waiting { id, .. } => self.draw(|row| row.host == id.host, at),
            Event::Line { id, .. } if waited => self.draw(|row| row.host == id.host, at),
            Event::Command { .. } | Event::Line { .. } | Event::Note { .. } | Event::Findings { .. } | Event::Stopping => {}
            Event::Retrying { .. } => {}
            Event::Planned { .. } => self.draw(|_| true, at),
            Event::Host { host, .. } => self.draw(|row| row.host == *host, at),
            // Another host may have been waiting for this step, and its line says so.
            Event::Started { id, .. } | Event::Finished { id, .. } => {
                let few = self.board.rows.len() <= FEW;
                self.draw(|row| row.host == id.host || few && row.current.is_empty(), at)
            }
        }
    }

    /// Prints lines above the bars.
    fn above(&self, text: &str) {
        let _ = self.all.println(text);
    }

    fn draw(&mut self, which: impl Fn(&Row) -> bool, at: Duration) {
        let few = self.board.rows.len() <= FEW;
        let width = self.board.rows.iter().map(|row| row.host.chars().count()).max().unwrap_or(0);
        for row in self.board.rows.iter().filter(|row| which(row)) {
            let bar = self.bars.entry(row.host.clone()).or_insert_with(|| {
                let bar = self.all.add(ProgressBar::new(0).with_style(arriving()));
                if self.steady && few {
                    bar.enable_steady_tick(TICK);
                }
                bar
            });
            if bar.is_finished() {
                continue;
            }
            let (ended, all) = self.board.progress(row);
            bar.set_prefix(format!("{:width$}", row.host));
            if bar.length() == Some(0) && all > 0 {
                bar.set_style(running());
            }
            bar.set_length(all as u64);
            bar.set_position(ended as u64);
            let unreached = row.state == HostState::Failed;
            if self.board.is_over(row) || unreached {
                let good = !unreached && row.failed == 0 && row.left == 0;
                let sign = if good { self.paint.green("✓") } else { self.paint.red("✗") };
                bar.set_style(over());
                bar.set_prefix(format!("{sign} {:width$}", row.host));
                bar.abandon_with_message(if unreached { self.board.doing(row) } else { result(row, all, at) });
                continue;
            }
            let doing = self.board.doing(row);
            if bar.message() != doing {
                bar.reset_elapsed();
                bar.set_message(doing);
            }
        }
    }

    /// Takes the bars away: the report says it all again.
    pub(super) fn finish(self) {
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
        let _ = self.all.clear();
    }
}

/// `34 steps, 12 changed, 1 failed  61.2s`: the time is that since the start of the run.
fn result(row: &Row, all: usize, at: Duration) -> String {
    let mut text = format!("{}, {} changed", count(all, "step"), row.changed);
    for (number, word) in [(row.failed, "failed"), (row.left, "not run")] {
        if number > 0 {
            text += &format!(", {number} {word}");
        }
    }
    format!("{text}  {}", seconds(at))
}

/// The line of a host whose steps are not known yet.
fn arriving() -> ProgressStyle {
    template("{spinner} {prefix}  {wide_msg} {elapsed:>5}").tick_chars(SPINNER)
}

/// The line of a host with steps to go: name, phase and step, how many of how many, and for how long.
fn running() -> ProgressStyle {
    template("{spinner} {prefix}  {wide_msg} {pos:>3}/{len:3} {elapsed:>5}").tick_chars(SPINNER)
}

/// The line of a host that is done.
fn over() -> ProgressStyle {
    template("{prefix}  {wide_msg}")
}

fn template(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
