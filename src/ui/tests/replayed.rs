//! A run that is shown again from its journal is what the terminal saw, byte for byte.

use std::fs;

use super::*;
use crate::{
    error::Kind,
    journal::{Brief, Header, Recorded, Store},
    secrets::Mask,
    ui::{leftovers::Found, replay::Stage},
};

type Kept = Arc<Mutex<Vec<u8>>>;

fn text(kept: &Kept) -> String {
    String::from_utf8(lock(kept).clone()).expect("UTF-8")
}

/// What happened, as whoever ran the command met it.
#[derive(PartialEq)]
enum Met {
    Event(u64, Event),
    ResetPlan,
    Answer(bool),
    Report,
    Error,
    Next,
}

fn error() -> Error {
    Error::new(Kind::Unreachable, "node3: no answer").hint("is it up?")
}

/// Runs it for real, with a journal, and gives what was printed and what the journal holds.
fn live(met: &[Met], verbose: bool) -> (String, Recorded) {
    let store = Store::at(std::env::temp_dir().join(format!("slipway-replay-{}-{verbose}-{}", std::process::id(), met.len())));
    let header = Header { cluster: "lab".into(), command: "up".into(), verbose, ..Header::default() };
    let journal = Journal::open(&store, &header, Mask::default()).expect("a journal");
    let (kept, listing) = (Kept::default(), once::listing(&["route|bridge|goes|a|b"], true));
    let ui = || {
        let face = Face::Lines(Arc::new(Mutex::new(lines::Lines::new(verbose))), None);
        let ui = Ui::with(face, verbose, Paint::OFF, Out::to(kept.clone())).with_command("slipway up -c x.toml");
        (ui.keeping(journal.clone()), Report::new())
    };
    let mut now = Some(ui());
    for met in met {
        match met {
            Met::Event(millis, event) => {
                let (view, report) = now.as_mut().expect("a user interface");
                let at = Duration::from_millis(*millis);
                // In between, the ticker came by, at no particular time.
                if let Face::Lines(lines, _) = &view.face {
                    let early = at.saturating_sub(Duration::from_millis(700));
                    view.out.print(&lock(lines).tick(early));
                }
                view.observe_at(std::slice::from_ref(event), at);
                report.observe(event, at);
            }
            Met::ResetPlan => {
                let error = error();
                let found = vec![
                    Found { host: "node1", listing: &listing, error: None, keep_packages: true },
                    Found { host: "node3", listing: &listing, error: Some(&error), keep_packages: true },
                ];
                now.as_mut().expect("a user interface").0.reset_plan(&ResetPlan {
                    found,
                    purge: false,
                    consequences: vec!["the cluster ends".into()],
                });
            }
            Met::Answer(answer) => {
                let (view, _) = now.as_mut().expect("a user interface");
                view.keep(|| json::question("Take Kubernetes off node1?", Some(*answer)));
                view.out.print(&format!("{}{}\n", ask::prompt("Take Kubernetes off node1?"), if *answer { "y" } else { "n" }));
            }
            Met::Report => {
                let (view, report) = now.take().expect("a user interface");
                view.finish(&report);
            }
            Met::Error => {
                keep_end(&journal, 20, Some(&error()));
                let error = error();
                lock(&kept).extend(summary::error(&error.to_string(), &error.hints, Paint::OFF).bytes());
            }
            Met::Next => now = Some(ui()),
        }
    }
    let kept_run = store.find("last").expect("it is there");
    let recorded = Recorded::read(kept_run.clone()).expect("readable");
    // What a list says of a run is the same, however little of its journal was read.
    let brief = Brief::read(kept_run).expect("readable");
    let is_over = met.ends_with(&[Met::Report, Met::Error]) && met.iter().filter(|met| **met == Met::Report).count() == 1;
    assert_eq!(matches!(brief, Brief::Reported { .. }), is_over);
    let row = |brief: Brief| runs::json(&[runs::Row::of(&brief)]);
    assert_eq!(row(brief), row(Brief::Whole(recorded.clone())));
    fs::remove_dir_all(store.root()).expect("removed");
    (text(&kept), recorded)
}

fn again(recorded: &Recorded, verbose: bool) -> String {
    let kept = Kept::default();
    let stage = Stage { on_terminal: false, paint: Paint::OFF, out: Out::to(kept.clone()), verbose };
    stage.replay(recorded, &mut |text| lock(&kept).extend(text.bytes()), Paint::OFF);
    text(&kept)
}

fn events(join: Outcome) -> Vec<Met> {
    let mut met: Vec<Met> = run(join).into_iter().map(|(at, event)| Met::Event(at * 1000 + 7, event)).collect();
    let (swap, init) = (id("node1", "install", "swap"), id("node1", "init", "kubeadm"));
    let finding = Finding { id: id("node1", "preflight", "clock"), what: "w".into(), remedy: "r".into(), fatal: false };
    let findings = Event::Findings { findings: vec![finding.clone(), Finding { fatal: true, ..finding }] };
    let pause = Duration::from_millis(1500);
    for (place, at, event) in [
        (4, 1007, findings),
        (12, 5000, Event::Command { id: init.clone(), command: "kubeadm init".into(), exit: None }),
        (13, 5001, Event::Waiting { id: init.clone(), what: "a lock".into() }),
        (14, 20_000, Event::Line { id: init.clone(), text: "[init] \"quoted\" \\ ünder".into() }),
        (15, 20_349, Event::Retrying { id: init, attempt: 1, because: "it passes".into(), pause }),
        (16, 20_350, Event::Note { text: "two\nlines".into() }),
        (17, 20_351, Event::Stopping),
        (18, 20_352, host("node3", HostState::Failed, 15_049)),
        (19, 20_353, Event::Line { id: swap, text: String::new() }),
    ] {
        met.insert(place, Met::Event(at, event));
    }
    met
}

#[test]
fn a_run_is_shown_again_byte_for_byte() {
    for verbose in [false, true] {
        let mut met = events(Outcome::Failed(failure()));
        met.push(Met::Report);
        met.push(Met::Error);
        let (seen, recorded) = live(&met, verbose);
        for part in
            ["still running, 10s", "still running, 40s", "all of it: slipway runs show", "1 problem, 1 warning", "hint: is it"]
        {
            assert!(seen.contains(part), "{part} in {seen}");
        }
        assert_eq!(seen.contains("ünder"), verbose);
        assert_eq!(again(&recorded, verbose), seen);
        assert_eq!((recorded.exit_code(), recorded.torn), (Some(20), 0));
    }
}

#[test]
fn a_reset_and_what_was_asked_and_a_second_part_are_shown_again() {
    let mut met = vec![Met::ResetPlan, Met::Answer(true)];
    met.extend(events(Outcome::Changed));
    met.extend([Met::Report, Met::Next]);
    met.extend(events(Outcome::Changed));
    met.push(Met::Report);
    let (seen, recorded) = live(&met, false);
    for part in ["goes   1 route (bridge)", "not known:  node3: no answer", "! the cluster ends", "off node1? [y/N] y\n"] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    assert_eq!(seen.matches("critical path").count(), 2);
    assert_eq!(again(&recorded, false), seen);
}

#[test]
fn a_run_that_was_cut_short_is_shown_as_far_as_it_came() {
    let met = events(Outcome::Changed);
    let (seen, recorded) = live(&met, false);
    assert!(!seen.is_empty());
    assert_eq!(again(&recorded, false), seen);
}

#[test]
fn bars_end_as_they_ended() {
    let met = events(Outcome::Failed(failure()));
    let happened: Vec<(Duration, Event)> = met
        .iter()
        .filter_map(|met| if let Met::Event(at, event) = met { Some((Duration::from_millis(*at), event.clone())) } else { None })
        .collect();
    let (_, recorded) = live(&met, false);
    let read: Vec<(Duration, Event)> =
        recorded
            .records
            .iter()
            .filter_map(|record| {
                if let crate::journal::Entry::Event(event) = &record.entry { Some((record.at, event.clone())) } else { None }
            })
            .collect();
    let screen = |events: &[(Duration, Event)]| {
        let screen = Screen::new(70);
        let mut bars = Bars::on(ProgressDrawTarget::term_like(Box::new(screen.clone())), Paint::OFF);
        events.iter().for_each(|(at, event)| bars.observe(event, *at, true));
        screen.text()
    };
    assert!(screen(&happened).contains("✓ node1"), "{}", screen(&happened));
    assert_eq!(screen(&read), screen(&happened));
}

#[test]
fn runs_are_a_table() {
    let mut met = events(Outcome::Changed);
    met.push(Met::Error);
    let (_, mut recorded) = live(&met, false);
    recorded.kept.id = "3f9a1c2b".into();
    recorded.kept.stamp = "20260131-235959".into();
    assert_eq!(
        runs::text(&[runs::Row::of(&Brief::Whole(recorded.clone()))], Paint::OFF),
        "\
run       began, UTC           cluster  command  ended        hosts  changed  failed  took
3f9a1c2b  2026-01-31 23:59:59  lab      up       failed (20)  3      4        0       52.0s
"
    );
    let value = runs::json(&[runs::Row::of(&Brief::Whole(recorded))]);
    let run = &value["runs"][0];
    assert_eq!((&value["event"], &run["time"], &run["exit_code"]), (&"runs".into(), &"2026-01-31T23:59:59Z".into(), &20.into()));
    assert_eq!((&run["ended"], &run["changed"], &run["seconds"]), (&"failed".into(), &4.into(), &52.007.into()));
}
