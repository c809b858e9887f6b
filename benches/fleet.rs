//! What a run that has nothing to do costs with a hundred, a thousand and five thousand hosts: `cargo bench --bench fleet [-- COUNT...]`.
//!
//! The hosts are SSH servers of this machine's loopback in a process of their own, so that the client's time on the processor and its
//! memory are slipway's alone. The client is the real `slipway up`: it connects, checks host keys against a file with a hashed line
//! for each, logs in, asks everything in one exec, draws its conclusions for all steps of all hosts, and says that nothing is to do.
//! Both share the processors, so the wall time is that of the client and of all hosts together.

#![allow(clippy::unwrap_used, reason = "a benchmark that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "the table is for people")]

#[path = "fleet/cluster.rs"]
mod cluster;
#[path = "fleet/hosts.rs"]
mod hosts;
#[path = "fleet/measure.rs"]
mod measure;
#[path = "fleet/table.rs"]
mod table;
#[path = "../tests/faults/wire.rs"]
#[allow(dead_code, reason = "the tests of faults break wires; here they only delay")]
mod wire;

use std::{env, time::Duration};

use cluster::Cluster;
use hosts::Fleet;
use measure::{Client, Measured};
use table::Row;

/// From one end to the other and back.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// How many hosts, and how often they are asked.
const SIZES: [(usize, usize); 3] = [(100, 5), (1000, 3), (5000, 3)];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [hosts::MODE, count, keys] => hosts::serve(count.parse().unwrap(), keys),
        [measure::MODE, report, ref command @ ..] => measure::run(report, command),
        _ => bench(&words),
    }
}

fn bench(words: &[&str]) {
    let sizes: Vec<(usize, usize)> = match words {
        [] => SIZES.to_vec(),
        counts => counts.iter().map(|count| (count.parse().unwrap(), 3)).collect(),
    };
    let base = runs(1, 3, Client::default());
    let mut rows = vec![Row::new("no-op", &base, None)];
    for (count, rounds) in &sizes {
        rows.push(Row::new("no-op", &runs(*count, *rounds, Client::default()), Some(&base)));
        println!("{}", rows.last().unwrap().line());
    }
    if words.is_empty() {
        let agent = Client { agent: true, ..Client::default() };
        rows.push(Row::new("key in ssh-agent", &runs(1000, 3, agent), Some(&base)));
        let few_files = Client { files: Some(256), ..Client::default() };
        rows.push(Row::new("ulimit -n 256", &runs(1000, 3, few_files), Some(&base)));
        rows.extend(with_a_silent_one(1000, 3));
    }
    table::print(&rows);
    table::write(&rows);
    let _ = std::fs::remove_dir_all(&*cluster::KEYS);
}

/// Asks so many hosts so often.
fn runs(count: usize, rounds: usize, client: Client) -> Vec<Measured> {
    let fleet = Ready::new(count, client);
    (0..rounds).map(|_| fleet.run(&[])).collect()
}

/// The same with all of them, with one that never says a word, and with one that stops in the survey: turn about, so that a busy moment
/// of the machine hits all three.
fn with_a_silent_one(count: usize, rounds: usize) -> [Row; 3] {
    let fleet = Ready::new(count, Client { watched: true, ..Client::default() });
    let cases =
        [("all answer", vec![]), ("one never speaks", vec![("mute", 7)]), ("one stops in the survey", vec![("stuck", 7)])];
    let mut runs = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (case, runs) in cases.iter().zip(&mut runs) {
            runs.push(fleet.run(&case.1));
        }
    }
    [0, 1, 2].map(|case| Row::new(cases[case].0, &runs[case], None))
}

/// A fleet on which nothing is left to do.
struct Ready {
    cluster: Cluster,
    fleet: Fleet,
    client: Client,
}

impl Ready {
    /// The first run leaves the hosts with their checks, and does not count.
    fn new(count: usize, client: Client) -> Self {
        let (cluster, fleet) = (Cluster::new(count), Fleet::start(count));
        cluster.write(fleet.port, client.agent);
        let ready = Self { cluster, fleet, client };
        ready.run(&[]);
        ready
    }

    fn run(&self, silent: &[(&str, usize)]) -> Measured {
        self.fleet.silence(silent);
        let run = self.client.up(&self.cluster, silent.len());
        assert!(run.good, "{} hosts: {}", self.cluster.count, run.said);
        run
    }
}
