//! What a run that has nothing to do costs, in round trips. They are counted, not timed: the wire takes half a second of a clock that
//! moves only when nobody can go on without an answer.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use slipway::{
    execute::survey::{self, Remember},
    graph::Graph,
    lower::Asked,
    plan::Plan,
};
use tokio::time::Instant;

use crate::{Size, clock_that_waits, connect, host::Host, hosts, run, steps, wire::Manner};

#[test]
fn a_run_that_has_nothing_to_do_takes_eight_round_trips_and_one_exec() {
    let host = Host::new();
    // The run before: it does the work, and leaves its checks for the next one.
    clock_that_waits().block_on(async {
        let transport = connect(&host, &[]).await.unwrap();
        assert!(run(&host, &hosts(transport), Size::Whole(Asked::FactsAndChecks)).await.unwrap().good);
    });
    let execs = host.execs.load(Ordering::SeqCst);
    let delay = Duration::from_millis(500);
    let (took, done) = clock_that_waits().block_on(async {
        let begun = Instant::now();
        let transport = connect(&host, &[Manner { delay, ..Manner::default() }]).await.unwrap();
        let (_, checks) = survey::again(&transport, &[], Asked::FactsAndChecks).await.unwrap();
        let graph = Graph::new(steps(&host)).unwrap();
        let hosts = hosts(transport);
        let verdicts =
            survey::verdicts(&graph, &hosts, &BTreeMap::from([("a".to_owned(), checks)]), Remember::All).await.unwrap();
        let took = begun.elapsed();
        (took, Plan::new(graph, &verdicts).is_done())
    });
    assert!(done, "the verdict is that nothing is to be done");
    let trips = took.as_millis().div_ceil((delay * 2).as_millis());
    let execs = host.execs.load(Ordering::SeqCst) - execs;
    let [up, down] = host.wires.lock().unwrap().last().unwrap().sent();
    println!("round trips of a run that has nothing to do: {trips}, with {execs} exec ({up} bytes up, {down} down)");
    assert!(trips <= 8, "{trips} round trips");
    assert_eq!(execs, 1);
}
