//! The list of runs.

use std::io::{self, IsTerminal};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    paint::{Paint, seconds},
    print, table,
};
use crate::{
    error::Result,
    journal::{Brief, Ending, Header, Kept, human},
};

/// One run in `slipway runs`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    run: String,
    /// When it began (UTC), as RFC 3339 has it.
    time: String,
    cluster: String,
    command: String,
    arguments: Vec<String>,
    #[serde(skip)]
    ending: Ending,
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
    pub(super) fn of(run: &Brief) -> Self {
        match run {
            Brief::Reported { kept, header, report, exit_code } => {
                let hosts: Vec<&Value> = report["hosts"].as_array().into_iter().flatten().collect();
                let count = |names: &[&str]| {
                    let counts = hosts.iter().flat_map(|host| names.iter().filter_map(|name| host[*name].as_u64()));
                    usize::try_from(counts.sum::<u64>()).unwrap_or(usize::MAX)
                };
                Self {
                    hosts: hosts.len(),
                    changed: count(&["changed"]),
                    unchanged: count(&["unchanged"]),
                    failed: count(&["failed"]),
                    not_run: count(&["blocked", "cancelled"]),
                    seconds: report["seconds"].as_f64().unwrap_or_default(),
                    ..Self::began(kept, header, Ending::of(*exit_code), Some(*exit_code))
                }
            }
            Brief::Whole(recorded) => {
                let report = recorded.report();
                let totals = report.totals();
                Self {
                    hosts: report.hosts().len(),
                    changed: totals.changed,
                    unchanged: totals.unchanged,
                    failed: totals.failed,
                    not_run: totals.blocked + totals.cancelled,
                    seconds: crate::event::json::seconds(report.wall()),
                    ..Self::began(&recorded.kept, &recorded.header, recorded.ending(), recorded.exit_code())
                }
            }
        }
    }

    /// All but what the run came to.
    fn began(kept: &Kept, header: &Header, ending: Ending, exit_code: Option<u8>) -> Self {
        Self {
            run: kept.id.clone(),
            time: human(&kept.stamp).replace(' ', "T") + "Z",
            cluster: header.cluster.clone(),
            command: header.command.clone(),
            arguments: header.arguments.clone(),
            ending,
            ended: ending.name(),
            exit_code,
            hosts: 0,
            changed: 0,
            unchanged: 0,
            failed: 0,
            not_run: 0,
            seconds: 0.0,
            log: kept.path.display().to_string(),
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
///
/// # Errors
/// As [`print`].
pub fn runs(runs: impl Iterator<Item = Brief>, as_json: bool) -> Result<()> {
    let rows: Vec<Row> = runs.map(|run| Row::of(&run)).collect();
    if as_json {
        print(&format!("{}\n", json(&rows)))
    } else if rows.is_empty() && io::stdout().is_terminal() {
        print("no runs yet: slipway up, reset and repair are kept\n")
    } else {
        print(&text(&rows, Paint::for_stdout()))
    }
}

/// Runs for programs.
pub(super) fn json(rows: &[Row]) -> Value {
    json!({"event": "runs", "runs": rows})
}

/// Runs for people.
pub(super) fn text(rows: &[Row], paint: Paint) -> String {
    let head = ["run", "began, UTC", "cluster", "command", "ended", "hosts", "changed", "failed", "took"].map(str::to_owned);
    let cells: Vec<Vec<String>> = std::iter::once(head.to_vec()).chain(rows.iter().map(Row::cells)).collect();
    let lines = table::aligned(&cells);
    let endings = std::iter::once(None).chain(rows.iter().map(|row| Some(row.ending)));
    let colour = |(line, ending): (&str, Option<Ending>)| match ending {
        None => paint.bold(line),
        Some(Ending::Done) => line.to_owned(),
        Some(Ending::Running) => paint.green(line),
        Some(Ending::Failed) => paint.red(line),
        Some(Ending::Interrupted | Ending::Killed) => paint.yellow(line),
    };
    lines.lines().zip(endings).map(|pair| colour(pair) + "\n").collect()
}
