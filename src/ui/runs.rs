//! The list of runs.

use std::io::{self, IsTerminal};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    paint::{Paint, seconds},
    print, table,
};
use crate::journal::{Ending, Recorded, human};

/// One run in `slipway runs`.
#[derive(Clone, Debug, Serialize)]
struct Row {
    run: String,
    /// When it began (UTC), as RFC 3339 has it.
    time: String,
    cluster: String,
    command: String,
    arguments: Vec<String>,
    ended: &'static str,
    exit_code: Option<u8>,
    hosts: usize,
    changed: usize,
    unchanged: usize,
    failed: usize,
    not_run: usize,
    seconds: f64,
    log: String,
}

impl Row {
    fn of(recorded: &Recorded) -> Self {
        let (report, header) = (recorded.report(), &recorded.header);
        let totals = report.totals();
        Self {
            run: recorded.kept.id.clone(),
            time: human(&recorded.kept.stamp).replace(' ', "T") + "Z",
            cluster: header.cluster.clone(),
            command: header.command.clone(),
            arguments: header.arguments.clone(),
            ended: recorded.ending().name(),
            exit_code: recorded.exit_code(),
            hosts: report.hosts().len(),
            changed: totals.changed,
            unchanged: totals.unchanged,
            failed: totals.failed,
            not_run: totals.blocked + totals.cancelled,
            seconds: crate::event::json::seconds(report.wall()),
            log: recorded.kept.path.display().to_string(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let ended = match self.exit_code {
            Some(code) if code != 0 => format!("{} ({code})", self.ended),
            _ => self.ended.to_owned(),
        };
        let took = seconds(std::time::Duration::try_from_secs_f64(self.seconds).unwrap_or_default());
        let numbers = [self.hosts, self.changed, self.failed].map(|number| number.to_string());
        let mut cells = vec![
            self.run.clone(),
            self.time.replace('T', " ").replace('Z', ""),
            self.cluster.clone(),
            self.command.clone(),
            ended,
        ];
        cells.extend(numbers);
        cells.push(took);
        cells
    }
}

/// Prints runs, a line each.
pub fn runs(runs: &[Recorded], as_json: bool) {
    if as_json {
        print(&format!("{}\n", json(runs)));
    } else if runs.is_empty() && io::stdout().is_terminal() {
        print("no runs yet: slipway up, reset and repair are kept\n");
    } else {
        print(&text(runs, Paint::for_stdout()));
    }
}

/// Runs for programs.
pub(super) fn json(runs: &[Recorded]) -> Value {
    json!({"event": "runs", "runs": runs.iter().map(Row::of).collect::<Vec<_>>()})
}

/// Runs for people.
pub(super) fn text(runs: &[Recorded], paint: Paint) -> String {
    let head = ["run", "began, UTC", "cluster", "command", "ended", "hosts", "changed", "failed", "took"].map(str::to_owned);
    let cells: Vec<Vec<String>> = std::iter::once(head.to_vec()).chain(runs.iter().map(|run| Row::of(run).cells())).collect();
    let lines = table::aligned(&cells);
    let endings = std::iter::once(None).chain(runs.iter().map(|run| Some(run.ending())));
    let colour = |(line, ending): (&str, Option<Ending>)| match ending {
        None => paint.bold(line),
        Some(Ending::Done) => line.to_owned(),
        Some(Ending::Running) => paint.green(line),
        Some(Ending::Failed) => paint.red(line),
        Some(Ending::Interrupted | Ending::Killed) => paint.yellow(line),
    };
    lines.lines().zip(endings).map(|pair| colour(pair) + "\n").collect()
}
