//! Journals on a real disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    event::{Failure, HostState, Outcome, Planned},
    plan::Verdict,
    step::StepId,
};

/// A store that is gone at the end of the test.
struct Place(Store);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let parent = std::env::temp_dir().join(format!("slipway-journal-{}-{number}", std::process::id()));
        Self(Store::at(parent.join("slipway")))
    }

    fn run(&self, cluster: &str, seconds: u64) -> Journal {
        let header = Header { cluster: cluster.into(), command: "up".into(), ..Header::default() };
        Journal::open_at(&self.0, &header, Mask::default(), Duration::from_secs(seconds)).expect("a journal")
    }

    fn read(&self, wanted: &str) -> Recorded {
        Recorded::read(self.0.find(wanted).expect("it is there")).expect("readable")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.root().parent().expect("a parent"));
    }
}

const DAY: u64 = 86_400;

fn id() -> StepId {
    StepId::new("node1", "install", "swap")
}

/// An event in the journal.
fn tell(journal: &Journal, event: &Event, at: Duration) {
    journal.events([(event, at)]);
}

fn line(text: &str) -> Event {
    Event::Line { id: id(), text: text.into() }
}

fn end(code: u8) -> Value {
    json!({"event": "end", "exit_code": code})
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn events(recorded: &Recorded) -> Vec<Event> {
    let event = |record: &Record| match &record.entry {
        Entry::Event(event) => Some(event.clone()),
        Entry::Other(_) => None,
    };
    recorded.records.iter().filter_map(event).collect()
}

#[test]
fn a_journal_is_for_its_owner_alone() {
    let place = Place::new();
    // Somebody let others look in.
    fs::create_dir_all(place.0.root().join("lab")).expect("made");
    for dir in [place.0.root().to_owned(), place.0.root().join("lab")] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("set");
    }
    let journal = place.run("lab", 12);
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(journal.path().to_owned()), 0o600);
    assert_eq!((mode(place.0.root().to_owned()), mode(place.0.root().join("lab"))), (0o700, 0o700));
    assert_eq!(place.0.runs()[0].stamp, "19700101-000012");
}

#[test]
fn what_was_written_is_read_back_with_its_times() {
    let place = Place::new();
    let journal = place.run("../odd name", 12);
    let told = [line("swapoff -a"), Event::Finished { id: id(), outcome: Outcome::Changed, took: at(1) }];
    for (second, event) in (3..).zip(&told) {
        tell(&journal, event, at(second));
    }
    journal.write(end(0));
    let text = fs::read_to_string(journal.path()).expect("readable");
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert!(value["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
    let recorded = place.read(journal.id());
    assert_eq!((recorded.header.cluster.as_str(), recorded.header.command.as_str()), ("../odd name", "up"));
    assert_eq!(events(&recorded), told);
    assert_eq!(recorded.records.iter().map(|record| record.at).collect::<Vec<_>>(), [at(3), at(4), at(0)]);
    assert_eq!(recorded.torn, 0);
}

#[test]
fn a_torn_line_costs_no_other() {
    let place = Place::new();
    let journal = place.run("lab", 12);
    for text in ["one", "two", "three"] {
        tell(&journal, &line(text), at(1));
    }
    let whole = fs::read(journal.path()).expect("readable");
    let lines = whole.iter().filter(|byte| **byte == b'\n').count();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("a line before the last") + 1;
    // Wherever the last line is cut, those before it are all there.
    for cut in last..whole.len() {
        fs::write(journal.path(), &whole[..cut]).expect("written");
        let recorded = place.read("last");
        assert_eq!((events(&recorded).len(), recorded.torn), (lines - 2, 0), "cut at {cut} of {}", whole.len());
        assert!(!Recorded::text(&recorded.kept).expect("readable").contains("three"));
    }
    // One that is torn in the middle, as a full disk leaves it, is counted.
    let torn = [&whole[..last - 9], b"\n", &whole[last..]].concat();
    fs::write(journal.path(), torn).expect("written");
    let recorded = place.read("last");
    assert_eq!((events(&recorded), recorded.torn), (vec![line("one"), line("three")], 1));
}

#[test]
fn secrets_do_not_get_into_a_journal() {
    let place = Place::new();
    let mask = Mask::default();
    let header = Header { cluster: "lab".into(), arguments: vec!["--x=abcdef.0123456789abcdef".into()], ..Header::default() };
    let journal = Journal::open(&place.0, &header, mask.clone()).expect("a journal");
    mask.hide("hunter2");
    mask.hide("node1");
    let failure = Failure {
        what: "no hunter2".into(),
        command: Some("say hunter2".into()),
        exit: Some(1),
        tail: vec!["it said hunter2".into()],
        hint: Some("try hunter2".into()),
    };
    let told = [
        line("password hunter2 for node1"),
        Event::Command { id: id(), command: "x hunter2".into(), exit: None },
        Event::Note { text: "hunter2".into() },
        Event::Finished { id: id(), outcome: Outcome::Failed(failure), took: at(1) },
    ];
    told.iter().for_each(|event| tell(&journal, event, at(1)));
    journal.write(json!({"event": "error", "message": "hunter2", "hints": ["hunter2"]}));
    journal.write(json!({"event": "leftovers", "hosts": [{"host": "node1", "leftovers": [{"what": "cmd hunter2"}]}]}));
    let text = fs::read_to_string(journal.path()).expect("readable");
    assert!(!text.contains("hunter2") && !text.contains("0123456789abcdef"), "{text}");
    assert!(text.matches("(secret)").count() >= 12, "{text}");
    // What a reader goes by stays: the step is still the step.
    assert!(
        matches!(&events(&place.read("last"))[0], Event::Line { id: step, text } if *step == id() && text == "password (secret) for (secret)")
    );
}

#[test]
fn old_ones_go_by_number_and_by_age_and_the_newest_stays() {
    let place = Place::new();
    let ids = |cluster: &str| {
        let stamps = place.0.runs().into_iter().filter(|run| run.cluster == cluster).map(|run| run.stamp);
        stamps.collect::<Vec<String>>()
    };
    for second in 0..60 {
        drop(place.run("busy", 1000 + second));
    }
    assert_eq!(ids("busy").len(), store::MOST);
    assert_eq!(ids("busy").last().map(String::as_str), Some("19700101-001650"), "the oldest of those that are left");
    drop(place.run("quiet", 500));
    drop(place.run("quiet", 600));
    let foreign = place.0.root().join("quiet/notes.txt");
    fs::write(&foreign, "mine").expect("written");
    // One that goes on is not taken away from its writer.
    let alive = place.run("busy", 2000);
    drop(place.run("busy", 3000));
    assert_eq!(ids("quiet").len(), 2);
    drop(place.run("busy", 2000 + store::DAYS * DAY + 1));
    assert_eq!(ids("quiet"), ["19700101-001000"], "the newest stays however old it is");
    assert_eq!(ids("busy").len(), 3, "the new one, the one that goes on, and the one that is not quite old enough");
    assert!(foreign.exists() && alive.path().exists());
    drop(alive);
    drop(place.run("busy", 3000 + store::DAYS * DAY + 1));
    assert_eq!(ids("busy").len(), 2);
}

#[test]
fn how_a_run_ended_is_known() {
    let place = Place::new();
    let ending = |code: Option<u8>, stopped: bool| {
        let journal = place.run("lab", 1);
        let id = journal.id().to_owned();
        if stopped {
            tell(&journal, &Event::Stopping, at(1));
        }
        let before = place.read(&id).ending();
        if let Some(code) = code {
            journal.write(end(code));
        }
        drop(journal);
        (before, place.read(&id).ending())
    };
    assert_eq!(ending(Some(0), false), (Ending::Running, Ending::Done));
    assert_eq!(ending(Some(40), false).1, Ending::Failed);
    assert_eq!(ending(Some(130), true), (Ending::Running, Ending::Interrupted));
    assert_eq!(ending(None, true).1, Ending::Interrupted);
    assert_eq!(ending(None, false).1, Ending::Killed);
}

#[test]
fn output_without_end_does_not_fill_the_disk() {
    let place = Place::new();
    let journal = place.run("lab", 1);
    // However much there is of all else, it takes nothing from the output.
    let title = "x".repeat(ROOM as usize);
    let planned = Planned { id: id(), title, verdict: Verdict::Run, needs: Vec::new() };
    tell(&journal, &Event::Planned { steps: vec![planned] }, at(0));
    tell(&journal, &line("some"), at(1));
    assert_eq!(events(&place.read("last"))[1..], [line("some")]);
    fs::write(journal.path(), "").expect("emptied");
    tell(&journal, &line(&"y".repeat(ROOM as usize)), at(1));
    fs::write(journal.path(), "").expect("emptied");
    for _ in 0..3 {
        tell(&journal, &line("more"), at(1));
    }
    tell(&journal, &Event::Stopping, at(2));
    let text = fs::read_to_string(journal.path()).expect("readable");
    assert_eq!((text.matches("truncated").count(), text.matches("more").count()), (1, 0), "{text}");
    assert_eq!(events(&place.read("last")), [Event::Stopping]);
}

#[test]
fn a_full_disk_ends_neither_the_run_nor_what_comes_after() {
    let place = Place::new();
    let journal = place.run("lab", 1);
    let swap = |file: File| std::mem::replace(&mut journal.0.writer.lock().expect("whole").file, file);
    tell(&journal, &line("one"), at(1));
    let real = swap(File::options().write(true).open("/dev/full").expect("a disk that is full"));
    tell(&journal, &line("lost"), at(2));
    // What a full disk leaves of a line.
    fs::write(journal.path(), fs::read_to_string(journal.path()).expect("readable") + "{\"event\":\"li").expect("written");
    swap(real);
    tell(&journal, &line("two"), at(3));
    let recorded = place.read("last");
    assert_eq!((events(&recorded), recorded.torn), (vec![line("one"), line("two")], 1));
}

#[test]
fn a_run_is_found_by_what_a_person_types() {
    let place = Place::new();
    assert!(place.0.find("last").expect_err("none").to_string().contains("no runs are kept"));
    let dir = place.0.root().join("lab");
    fs::create_dir_all(&dir).expect("made");
    for name in ["20260101-000000-3f9a1c2b", "20260102-000000-3f9b0000", "20260103-000000-c0ffee00"] {
        fs::write(dir.join(format!("{name}.jsonl")), "").expect("written");
    }
    let found = |wanted: &str| place.0.find(wanted).map(|kept| kept.id).map_err(|error| (error.what, error.hints.join("; ")));
    assert_eq!(found("last").as_deref(), Ok("c0ffee00"));
    assert_eq!((found("3f9a").as_deref(), found("C").as_deref()), (Ok("3f9a1c2b"), Ok("c0ffee00")));
    assert_eq!(found("3f9"), Err(("2 runs begin with \"3f9\"".into(), "type more of it: 3f9b0000, 3f9a1c2b".into())));
    assert_eq!(
        found("c0fee00"),
        Err(("no run is called \"c0fee00\"".into(), "did you mean c0ffee00? `slipway runs` lists them all".into()))
    );
    assert_eq!(found("lst").expect_err("none").1, "did you mean last? `slipway runs` lists them all");
    assert!(found("").is_err() && found("zebra").expect_err("none").1.starts_with("`slipway runs` lists them"));
    // A journal that never got its first line is there all the same.
    let recorded = place.read("last");
    assert_eq!((recorded.header.cluster.as_str(), recorded.ending()), ("lab", Ending::Killed));
}

#[test]
fn where_the_clock_begins_anew_the_report_goes_on() {
    let place = Place::new();
    let journal = place.run("lab", 1);
    let reset = StepId::new("node1", "reset", "services");
    for (id, seconds) in [(reset, 5), (id(), 7)] {
        journal.write(json!({"event": "begin", "command": "x", "at": 0.0}));
        let host = Event::Host { host: "node1".into(), state: HostState::Ready, took: at(1), execs: 1 };
        tell(&journal, &host, at(1));
        tell(&journal, &Event::Started { id: id.clone(), attempt: 1 }, at(2));
        tell(&journal, &Event::Finished { id, outcome: Outcome::Changed, took: at(seconds - 2) }, at(seconds));
    }
    let report = place.read("last").report();
    let lanes = report.lanes();
    let spans: Vec<(u64, u64)> = lanes[0].bars.iter().map(|bar| (bar.began.as_secs(), bar.ended.as_secs())).collect();
    assert_eq!((report.wall(), spans), (at(12), vec![(2, 5), (7, 12)]));
}
