//! The connection is cut at every byte, in both directions, in every way; and whoever reads a program's output goes away at every byte.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use slipway::{error::Kind, lower::Asked};

use crate::{
    Size, clock_that_waits, connect,
    host::Host,
    hosts, on_all_processors, run, slice,
    wire::{HOWS, How, Manner, To},
};

/// How many connections are cut without being asked for more.
const USUAL: usize = 60;

/// How many of those of a whole run are cut in a long test; of one step, all are.
const LONG: usize = 2000;

/// How many programs are left alone without being asked for more.
const USUAL_DEAF: usize = 40;

const WHOLE: Size = Size::Whole(Asked::Facts);

/// A run that nobody disturbs: what it makes, how many bytes it sends each way, and how many its programs print.
fn undisturbed(host: &Arc<Host>, size: Size) -> (BTreeMap<String, String>, [usize; 2]) {
    clock_that_waits().block_on(async {
        let ways = hosts(connect(host, &[]).await.unwrap());
        assert!(run(host, &ways, size).await.unwrap().good);
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
fn converges(host: &Arc<Host>, size: Size, manners: &[Manner], wanted: &BTreeMap<String, String>, ends: &Ends, case: &str) {
    clock_that_waits().block_on(async {
        let disturbed = async {
            let ways = hosts(connect(host, manners).await?);
            run(host, &ways, size).await
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
        assert!(run(host, &ways, size).await.unwrap().good, "{case}: the second run");
        assert_eq!(host.made(), *wanted, "{case}: the second run");
        assert!(run(host, &ways, size).await.unwrap().was_done, "{case}: the third run");
        assert_eq!(host.made(), *wanted, "{case}: the third run");
    });
}

/// Cuts the connection of a run of this size at some bytes, or at all.
fn cut(what: &str, size: Size, long: impl Fn(usize) -> usize) {
    let begun = Instant::now();
    let (_, sent) = undisturbed(&Host::new(), size);
    let total = (sent[0] + sent[1]) * HOWS.len();
    let cases = slice(what, total, USUAL, long(total));
    let (ends, met) = (Ends::default(), AtomicUsize::new(0));
    let new = || {
        let host = Host::new();
        let (wanted, sent) = undisturbed(&host, size);
        (host, wanted, sent)
    };
    on_all_processors(&cases, new, |(host, wanted, own), case| {
        let how = HOWS[case % HOWS.len()];
        let at = case / HOWS.len();
        let (to, at) = if at < sent[0] { (To::Host, at) } else { (To::Us, at - sent[0]) };
        host.wipe();
        let manner = Manner { cut: Some((to, at, how)), ..Manner::default() };
        converges(host, size, &[manner], wanted, &ends, &format!("{how:?} after {at} bytes to {to:?} (case {case})"));
        // The first wire is that of the disturbed run. What the probe says may differ by some bytes from host to host.
        let is_cut = host.wires.lock().unwrap()[0].is_broken();
        assert!(is_cut || at > own[to as usize], "{how:?} after {at} bytes to {to:?} (case {case}): nothing was cut");
        met.fetch_add(usize::from(is_cut), Ordering::SeqCst);
    });
    println!(
        "{what}: {} cases of {total} ({} bytes up, {} down, as {HOWS:?}), {} of them cut, all converged in {:.0} s; the cut run itself \
         ended well in {}, unreachable in {}, lost in {}, failed in {}",
        cases.len(),
        sent[0],
        sent[1],
        met.load(Ordering::SeqCst),
        begun.elapsed().as_secs_f64(),
        ends.good.load(Ordering::SeqCst),
        ends.unreachable.load(Ordering::SeqCst),
        ends.lost.load(Ordering::SeqCst),
        ends.failed.load(Ordering::SeqCst),
    );
}

#[test]
fn a_run_that_is_cut_at_any_byte_leaves_nothing_that_the_next_run_does_not_mend() {
    cut("cut run", WHOLE, |_| LONG);
}

#[test]
fn a_step_that_is_cut_at_any_byte_leaves_nothing_that_the_next_run_does_not_mend() {
    cut("cut step", Size::OneStep, |total| total);
}

#[test]
fn a_program_whose_output_nobody_reads_any_more_leaves_nothing_that_the_next_run_does_not_mend() {
    let begun = Instant::now();
    let printed = {
        let host = Host::new();
        host.listens.store(1 << 40, Ordering::SeqCst);
        undisturbed(&host, WHOLE);
        (1 << 40) - host.listens.load(Ordering::SeqCst)
    };
    let cases = slice("deaf", printed, USUAL_DEAF, LONG);
    let ends = Ends::default();
    let new = || {
        let host = Host::new();
        let wanted = undisturbed(&host, WHOLE).0;
        (host, wanted)
    };
    on_all_processors(&cases, new, |(host, wanted), case| {
        host.wipe();
        host.listens.store(case + 1, Ordering::SeqCst);
        converges(host, WHOLE, &[], wanted, &ends, &format!("nobody listens after {} bytes", case + 1));
        assert_eq!(host.listens.load(Ordering::SeqCst), usize::MAX, "case {case} disturbed nothing");
    });
    println!(
        "deaf: {} cases of {printed} bytes of output, all converged in {:.0} s; the run itself ended well in {}",
        cases.len(),
        begun.elapsed().as_secs_f64(),
        ends.good.load(Ordering::SeqCst)
    );
}

#[test]
fn a_wire_that_slices_or_delays_and_a_host_that_always_wants_new_keys_change_nothing() {
    let second = Duration::from_secs(1);
    let mut shown = Vec::new();
    for (what, rekeys, manner) in [
        ("1 byte at a time", 0, Manner { slice: Some(1), ..Manner::default() }),
        ("7 bytes at a time", 0, Manner { slice: Some(7), ..Manner::default() }),
        ("2 s each way", 0, Manner { delay: 2 * second, ..Manner::default() }),
        ("new keys every 1 KiB", 1 << 10, Manner::default()),
        ("new keys every 16 KiB", 16 << 10, Manner::default()),
        ("new keys every 1 KiB, 13 bytes at a time", 1 << 10, Manner { slice: Some(13), ..Manner::default() }),
        ("new keys every 4 KiB, 1 s each way", 4 << 10, Manner { delay: second, ..Manner::default() }),
    ] {
        let host = Host::that_rekeys(rekeys);
        let (wanted, sent) = undisturbed(&host, WHOLE);
        host.wipe();
        let ends = Ends::default();
        converges(&host, WHOLE, &[manner; 3], &wanted, &ends, what);
        assert_eq!(ends.good.load(Ordering::SeqCst), 1, "{what}");
        shown.push((what, sent));
    }
    println!("strange wires: {} cases, all ended well: {shown:?}", shown.len());
}

#[test]
fn a_host_that_drops_connections_at_its_door_is_asked_again() {
    let host = Host::new();
    let wanted = undisturbed(&host, WHOLE).0;
    let mut count = 0;
    for drops in 1..=3 {
        // Before a word, in the middle of its greeting, right after it, and in the exchange of keys (as the last one may be).
        for at in [0, 1, 12, 20] {
            for how in [How::Fin, How::Rst] {
                host.wipe();
                let ends = Ends::default();
                let manner = Manner { cut: Some((To::Us, at, how)), ..Manner::default() };
                converges(&host, WHOLE, &vec![manner; drops], &wanted, &ends, &format!("{drops} drops as {how:?} at {at}"));
                assert_eq!(ends.good.load(Ordering::SeqCst), 1, "{drops} drops as {how:?} at {at}");
                count += 1;
            }
        }
    }
    println!("drops at the door (MaxStartups): {count} cases, all got in");
}
