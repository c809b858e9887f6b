//! What is broken on purpose, over a host in this process: every case says what it did, and how many of them there were.

#![allow(clippy::unwrap_used, reason = "a test that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "the counts are for people: cargo test -- --nocapture")]

#[path = "faults/cuts.rs"]
mod cuts;
#[path = "faults/disks.rs"]
mod disks;
#[path = "faults/host.rs"]
mod host;
#[path = "faults/prefixes.rs"]
mod prefixes;
#[path = "faults/round_trips.rs"]
mod round_trips;
#[path = "faults/wire.rs"]
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use slipway::{
    error::Result,
    event::{Event, Outcome},
    execute::{
        self, Hosts, Mode, Options,
        survey::{self, Remember},
    },
    graph::Graph,
    lower::Asked,
    plan::Plan,
    step::{Check, File, Step, StepId},
    transport::{Ask, Transport, ssh::Ssh},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc::unbounded_channel, watch},
};

use host::Host;
use wire::Manner;

/// A runtime whose clock jumps to the next thing that is waited for, as soon as nobody has anything to do.
fn clock_that_waits() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A connection over wires with these manners, the first first.
async fn connect(host: &Arc<Host>, manners: &[Manner]) -> Result<Transport> {
    let nobody = Ask::new(|prompt| panic!("asked: {prompt}"));
    Ok(Transport::Ssh(Box::new(Ssh::connect_over(host.streams(manners), "a", &host.reach(), nobody).await?)))
}

fn id(what: &str) -> String {
    String::from_utf8(Command::new("id").arg(what).output().unwrap().stdout).unwrap().trim().to_owned()
}

static OWNER: LazyLock<String> = LazyLock::new(|| format!("{}:{}", id("-un"), id("-gn")));

/// A run in small: a file, two files together, and something that must not be done twice.
fn steps(host: &Host) -> Vec<Step> {
    let root = host.dir.join("root");
    let file = |name: &str, content: &str| File { owner: OWNER.clone(), ..File::new(root.join(name), content) };
    let named = |name: &str| StepId::new("a", "install", name);
    let once = root.join("once");
    let once = once.display();
    vec![
        Step::files(named("one"), "one file", "", vec![file("one", "one\n")]),
        Step::files(named("two"), "two files", "", vec![file("deep/two", "two\n"), file("deep/three", "three\n")])
            .needs(named("one")),
        Step::new(named("once"), "done once", "")
            .check(Check::Sh(format!("[ -s '{once}' ]\n")))
            .sh(format!("echo done >>'{once}'\n"))
            .needs(named("two")),
    ]
}

/// What came of a run.
struct Ended {
    good: bool,
    /// Whether there was nothing to do.
    was_done: bool,
}

fn hosts(transport: Transport) -> Hosts {
    Arc::new(BTreeMap::from([("a".to_owned(), transport)]))
}

/// How much of a run is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    /// As `up` makes it: asks what is there, does what is not, and leaves the checks for the next run, which asks for them or not.
    Whole(Asked),
    /// One step, for which nobody asks anything before.
    OneStep,
}

async fn run(host: &Host, hosts: &Hosts, size: Size) -> Result<Ended> {
    let plan = match size {
        Size::Whole(asked) => {
            let (_, checks) = survey::again(&hosts["a"], &[], asked).await?;
            let graph = Graph::new(steps(host)).unwrap();
            let answered = BTreeMap::from([("a".to_owned(), checks)]);
            Plan::new(graph.clone(), &survey::verdicts(&graph, hosts, &answered, Remember::All).await?)
        }
        Size::OneStep => {
            let step = Step { needs: Vec::new(), ..steps(host).remove(1) };
            Plan::all_due(Graph::new(vec![step]).unwrap())
        }
    };
    let (events, mut said) = unbounded_channel();
    let (_stop, asked) = watch::channel(0);
    let options = Options { mode: Mode::StopAtFailure, concurrency: 4, mask: slipway::secrets::Mask::default(), run: None };
    let good = execute::execute(plan, Arc::clone(hosts), options, events, asked).await;
    let mut was_done = true;
    while let Ok(event) = said.try_recv() {
        was_done &= !matches!(event, Event::Finished { outcome: Outcome::Changed, .. });
    }
    Ok(Ended { good, was_done })
}

/// Numbers below `total` for a test to try: `usual` ones, or `long` ones where the environment has SLIPWAY_FAULTS=long, or as many as
/// it has there; picked by a seed that is new each time and printed, and that the environment can give again.
fn slice(what: &str, total: usize, usual: usize, long: usize) -> Vec<usize> {
    let given = |name: &str| std::env::var(name).ok();
    let cases = match given("SLIPWAY_FAULTS").as_deref() {
        Some("long") => long,
        Some(number) => number.parse().unwrap(),
        None => usual,
    };
    if cases >= total {
        println!("{what}: all {total} cases");
        return (0..total).collect();
    }
    let seed = given("SLIPWAY_FAULT_SEED").map_or_else(rand_seed, |seed| seed.parse().unwrap());
    println!("{what}: {cases} of {total} cases, SLIPWAY_FAULTS={cases} SLIPWAY_FAULT_SEED={seed}");
    let (mut picked, mut state) = (BTreeSet::new(), seed);
    while picked.len() < cases {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        picked.insert(usize::try_from((mixed ^ (mixed >> 31)) % total as u64).unwrap());
    }
    picked.into_iter().collect()
}

fn rand_seed() -> u64 {
    u64::from(getrandom::u32().unwrap())
}

/// Does each case once, on as many threads as there are processors; `new` makes what one thread works with.
fn on_all_processors<T>(cases: &[usize], new: impl Fn() -> T + Sync, each: impl Fn(&T, usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let own = new();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    each(&own, *case);
                }
            });
        }
    });
}
