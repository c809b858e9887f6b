//! The connection is cut at every byte, in both directions, in every way; and whoever reads a program's output goes away at every byte.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use slipway::{error::Kind, lower::Asked};

use crate::{
    clock_that_waits, connect,
    host::Host,
    hosts, on_all_processors, run, slice,
    wire::{HOWS, How, Manner, To},
};

/// How many connections are cut without being asked for more.
const USUAL: usize = 240;

/// A run that nobody disturbs: what it makes, how many bytes it sends each way, and how many its programs print.
fn undisturbed(host: &Arc<Host>) -> (BTreeMap<String, String>, [usize; 2]) {
    clock_that_waits().block_on(async {
        let ways = hosts(connect(host, &[]).await.unwrap());
        assert!(run(host, &ways, Asked::Facts).await.unwrap().good);
        let sent = host.wires.lock().unwrap()[0].sent();
        (host.made(), sent)
    })
}

/// What was made is what an undisturbed run makes, or not there: never half of it.
fn nothing_is_torn(host: &Host, wanted: &BTreeMap<String, String>, case: &str) {
    for (path, content) in host.made() {
        // A file that has not got its name yet is nobody's.
        if !path.contains("/.slipway.") && !path.ends_with(".new") {
            assert_eq!(wanted.get(&path), Some(&content), "{case}: {path}");
        }
    }
}

/// What each kind of an end came to.
#[derive(Default)]
struct Ends {
    good: AtomicUsize,
    unreachable: AtomicUsize,
    lost: AtomicUsize,
    failed: AtomicUsize,
}

/// One run that is disturbed, one that is not, and one that finds nothing to do.
fn converges(host: &Arc<Host>, manner: Manner, wanted: &BTreeMap<String, String>, ends: &Ends, case: &str) {
    clock_that_waits().block_on(async {
        let disturbed = async {
            let ways = hosts(connect(host, &[manner]).await?);
            run(host, &ways, Asked::Facts).await
        };
        let end = match disturbed.await {
            Ok(ended) if ended.good => {
                assert_eq!(host.made(), *wanted, "{case}: it says that all is well");
                &ends.good
            }
            Ok(_) => &ends.failed,
            Err(error) if error.kind == Kind::Unreachable => &ends.unreachable,
            Err(error) if error.kind == Kind::Lost => &ends.lost,
            Err(error) => panic!("{case}: {error} ({:?})", error.kind),
        };
        end.fetch_add(1, Ordering::SeqCst);
        nothing_is_torn(host, wanted, case);
        let ways = hosts(connect(host, &[]).await.unwrap());
        assert!(run(host, &ways, Asked::Facts).await.unwrap().good, "{case}: the second run");
        assert_eq!(host.made(), *wanted, "{case}: the second run");
        assert!(run(host, &ways, Asked::Facts).await.unwrap().was_done, "{case}: the third run");
        assert_eq!(host.made(), *wanted, "{case}: the third run");
    });
}

#[test]
fn a_connection_that_is_cut_at_any_byte_leaves_nothing_that_the_next_run_does_not_mend() {
    let begun = Instant::now();
    let (_, sent) = undisturbed(&Host::new());
    let cuts = sent[0] + sent[1];
    let cases = slice("cut", cuts * HOWS.len(), USUAL);
    let (ends, met) = (Ends::default(), AtomicUsize::new(0));
    let new = || {
        let host = Host::new();
        let wanted = undisturbed(&host).0;
        (host, wanted)
    };
    on_all_processors(&cases, new, |(host, wanted), case| {
        let how = HOWS[case % HOWS.len()];
        let at = case / HOWS.len();
        let (to, at) = if at < sent[0] { (To::Host, at) } else { (To::Us, at - sent[0]) };
        host.wipe();
        let manner = Manner { cut: Some((to, at, how)), ..Manner::default() };
        converges(host, manner, wanted, &ends, &format!("{how:?} after {at} bytes to {to:?} (case {case})"));
        met.fetch_add(usize::from(host.wires.lock().unwrap()[0].is_broken()), Ordering::SeqCst);
    });
    println!(
        "cut: {} cases ({} bytes up and {} down of a run, as {:?}), all converged in {:.0} s; the cut run itself ended well in {}, \
         unreachable in {}, lost in {}, failed in {}; {} were cut before their end",
        cases.len(),
        sent[0],
        sent[1],
        [How::Fin, How::Rst, How::Stall],
        begun.elapsed().as_secs_f64(),
        ends.good.load(Ordering::SeqCst),
        ends.unreachable.load(Ordering::SeqCst),
        ends.lost.load(Ordering::SeqCst),
        ends.failed.load(Ordering::SeqCst),
        met.load(Ordering::SeqCst),
    );
}
