//! What was measured, for people and for programs.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::measure::Measured;

/// Some runs of the same kind, as medians.
pub(crate) struct Row {
    what: String,
    hosts: usize,
    rounds: usize,
    wall: Duration,
    /// Of slipway alone, on the processor.
    cpu: Duration,
    /// Beyond what slipway needs for one host.
    kib_a_host: Option<f64>,
    /// When half of the hosts had answered.
    half: Option<Duration>,
    /// When the last that answered at all had.
    last: Option<Duration>,
}

fn median<T: Ord + Copy>(numbers: impl Iterator<Item = T>) -> Option<T> {
    let mut all: Vec<T> = numbers.collect();
    all.sort();
    all.get(all.len().saturating_sub(1) / 2).copied()
}

impl Row {
    /// `base` has runs with one host.
    pub(crate) fn new(what: &str, runs: &[Measured], base: Option<&[Measured]>) -> Self {
        let hosts = runs[0].hosts;
        let peak = |runs: &[Measured]| median(runs.iter().map(|run| run.peak_kib)).unwrap();
        Self {
            what: what.to_owned(),
            hosts,
            rounds: runs.len(),
            wall: median(runs.iter().map(|run| run.wall)).unwrap(),
            cpu: median(runs.iter().map(|run| run.cpu)).unwrap(),
            kib_a_host: base.filter(|_| hosts > 1).map(|base| (peak(runs) as f64 - peak(base) as f64) / (hosts - 1) as f64),
            half: median(runs.iter().filter_map(|run| median(run.answered.iter().copied()))),
            last: median(runs.iter().filter_map(|run| run.answered.iter().copied().max())),
        }
    }

    fn milliseconds_a_host(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.hosts as f64
    }

    pub(crate) fn line(&self) -> String {
        let shown =
            |number: Option<f64>, digits: usize| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"));
        format!(
            "{:24} {:>6} {:>9.2} {:>12} {:>12} {:>10} {:>10}",
            self.what,
            self.hosts,
            self.wall.as_secs_f64(),
            shown(Some(self.milliseconds_a_host()).filter(|_| !self.cpu.is_zero()), 2),
            shown(self.kib_a_host, 0),
            shown(self.half.map(|time| time.as_secs_f64()), 2),
            shown(self.last.map(|time| time.as_secs_f64()), 2),
        )
    }

    fn json(&self) -> Value {
        let seconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        json!({
            "what": self.what,
            "hosts": self.hosts,
            "rounds": self.rounds,
            "seconds": seconds(self.wall),
            "cpu_ms_a_host": Some(rounded(self.milliseconds_a_host())).filter(|_| !self.cpu.is_zero()),
            "kib_a_host": self.kib_a_host.map(rounded),
            "half_answered_seconds": self.half.map(seconds),
            "all_answered_seconds": self.last.map(seconds),
        })
    }
}

pub(crate) const HEAD: &str = "what                      hosts   seconds  CPU ms/host   KiB/host   half after  all after";

pub(crate) fn print(rows: &[Row]) {
    println!("\n{HEAD}");
    rows.iter().for_each(|row| println!("{}", row.line()));
    // From each fleet to the next larger one, for each host: what is the same for each, however many there are, has grown by 1.
    let no_op: Vec<&Row> = rows.iter().filter(|row| row.what == "no-op" && row.hosts > 1).collect();
    for pair in no_op.windows(2) {
        let growth = |of: fn(&Row) -> Option<f64>| {
            let growth = of(pair[1]).zip(of(pair[0])).map(|(large, small)| large / small);
            growth.map_or_else(|| "-".to_owned(), |growth| format!("{growth:.2}"))
        };
        println!(
            "growth from {} to {} hosts, for each of them: time {}, CPU {}, memory {} (1 is linear)",
            pair[0].hosts,
            pair[1].hosts,
            growth(|row| Some(row.wall.as_secs_f64() / row.hosts as f64)),
            growth(|row| Some(row.milliseconds_a_host())),
            growth(|row| row.kib_a_host),
        );
    }
}

/// Writes target/bench/fleet.json.
pub(crate) fn write(rows: &[Row]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&dir).unwrap();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let memory = read("/proc/meminfo", "MemTotal").split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default();
    let machine =
        json!({ "cores": cpus, "processor": read("/proc/cpuinfo", "model name"), "memory_gib": (memory + (1 << 19)) >> 20 });
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    let text = serde_json::to_string_pretty(&json!({ "machine": machine, "rows": rows })).unwrap();
    fs::write(dir.join("fleet.json"), text + "\n").unwrap();
}
