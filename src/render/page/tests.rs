//! Pages of made-up runs.

use std::path::PathBuf;

use super::*;
use crate::{
    event::{Event, Failure, HostState, Outcome, Planned, json::lines},
    journal::Kept,
    plan::Verdict,
    step::StepId,
};

/// Text that would be markup, a quote's end, a comment, a style, or unseen.
const HOSTILE: &str = "</title></style><script>alert(1)</script><img src=x onerror='a' \"b\"--><!-- \u{202e}\u{1b}[31m]]>";

fn kept() -> Kept {
    Kept { id: "3f9a1c2b".into(), stamp: "20260131-235959".into(), cluster: "lab".into(), path: PathBuf::new() }
}

fn id(host: &str, name: &str) -> StepId {
    StepId::new(host, "install", name)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a journal of these events and other lines holds.
fn recorded(events: &[(u64, Event)], others: &[serde_json::Value], cluster: &str) -> Recorded {
    let run = serde_json::json!({
        "event": "run", "cluster": cluster, "command": "up", "arguments": ["up", "-c", cluster], "hosts": [],
    });
    let told = events.iter().flat_map(|(at, event)| lines(event, millis(*at)));
    let text: String = std::iter::once(run).chain(told).chain(others.iter().cloned()).map(|line| format!("{line}\n")).collect();
    Recorded::parse(kept(), &text, false)
}

/// Hosts with as many steps each, some of them short; the last one of the last host fails.
fn many(hosts: usize, steps: usize) -> Vec<(u64, Event)> {
    let name = |number: usize| format!("node{number}");
    let mut events: Vec<(u64, Event)> = (1..=hosts)
        .map(|host| {
            (900, Event::Host { host: name(host), state: HostState::Ready, took: millis(300 + 70 * host as u64), execs: 1 })
        })
        .collect();
    let of = |host: usize, step: usize| id(&name(host), &format!("step-number-{step}"));
    let planned = |id: StepId| Planned { title: format!("Do {id}"), verdict: Verdict::Run, needs: Vec::new(), id };
    let all = (1..=hosts).flat_map(|host| (0..steps).map(move |step| (host, step)));
    events.push((1000, Event::Planned { steps: all.clone().map(|(host, step)| planned(of(host, step))).collect() }));
    let mut clocks = vec![1000; hosts + 1];
    for (host, step) in all {
        let took = [40, 2500, 120, 15, 700, 30, 30, 9000, 60, 350][(step + host) % 10];
        let (began, ended) = (clocks[host], clocks[host] + took);
        clocks[host] = ended;
        let failure = Failure { what: "it broke".into(), command: None, exit: Some(1), tail: vec!["boom".into()], hint: None };
        let outcome = match (host == hosts && step + 1 == steps, step % 3) {
            (true, _) => Outcome::Failed(failure),
            (_, 0) => Outcome::Unchanged,
            _ => Outcome::Changed,
        };
        events.push((began, Event::Started { id: of(host, step), attempt: 1 }));
        events.push((ended, Event::Finished { id: of(host, step), outcome, took: millis(took) }));
    }
    events
}

/// The values of an attribute of all tags of a kind, in the order in which they stand there.
fn attributes(page: &str, tag: &str, name: &str) -> Vec<f64> {
    let tags = page.split('<').filter(|part| part.starts_with(&format!("{tag} ")));
    tags.filter_map(|part| part.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next()?.parse().ok()))
        .collect()
}

/// Rectangles that texts take, roughly: x from and to, and the baseline.
fn labels(page: &str) -> Vec<(f64, f64, f64)> {
    let texts = page.split("<text class=\"").filter(|part| part.starts_with("by\"") || part.starts_with("in\""));
    texts
        .map(|part| {
            let number = |name: &str| {
                let rest = part.split_once(&format!(" {name}=\"")).expect("the attribute").1;
                rest.split('"').next().and_then(|number| number.parse::<f64>().ok()).expect("a number")
            };
            let text = part.split_once('>').and_then(|(_, rest)| rest.split_once('<')).expect("text").0;
            (number("x"), number("x") + text.chars().count() as f64 * 6.6, number("y"))
        })
        .collect()
}

#[test]
fn no_text_becomes_markup() {
    let step = StepId::new(HOSTILE, "install", HOSTILE);
    let failure = Failure {
        what: HOSTILE.into(),
        command: Some(HOSTILE.into()),
        exit: Some(1),
        tail: vec![HOSTILE.into()],
        hint: Some(HOSTILE.into()),
    };
    // A path has slashes of its own: the host of a step can have none.
    let host = HOSTILE.replace('/', "|");
    let step = StepId { host: host.clone(), ..step };
    let events = [
        (1, Event::Host { host, state: HostState::Ready, took: millis(1), execs: 1 }),
        (
            1,
            Event::Planned {
                steps: vec![Planned { id: step.clone(), title: HOSTILE.into(), verdict: Verdict::Run, needs: vec![] }],
            },
        ),
        (1, Event::Started { id: step.clone(), attempt: 1 }),
        (9000, Event::Finished { id: step, outcome: Outcome::Failed(failure), took: millis(8999) }),
    ];
    let error = serde_json::json!({"event": "error", "message": HOSTILE, "hints": []});
    let page = report(&recorded(&events, &[error], HOSTILE));
    for bad in ["<script", "<img", "<!--", "-->", "\u{202e}", "\u{1b}", "'a'", "\"b\""] {
        assert!(!page.contains(bad), "{bad} is in the page");
    }
    let count = |text: &str| page.matches(text).count();
    assert_eq!((count("</title>\n<style>"), count("</style>"), count("<title>slipway")), (1, 1, 1));
    assert!(count("&lt;script&gt;alert(1)") >= 8, "it is there as text: {}", count("&lt;script&gt;"));
    // What is open is closed: each tag as often as its end.
    for tag in ["html", "body", "svg", "g", "text", "table", "tr", "td", "details", "p", "h2", "code", "pre", "div", "title"] {
        assert_eq!(count(&format!("<{tag}>")) + count(&format!("<{tag} ")), count(&format!("</{tag}>")), "{tag}");
    }
}

#[test]
fn a_page_asks_for_nothing_from_elsewhere() {
    let page = report(&recorded(&many(3, 30), &[], "lab"));
    for word in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link", "javascript"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn every_step_that_ran_has_its_bar_and_no_name_stands_on_another() {
    for (hosts, steps) in [(3, 30), (8, 30), (1, 1), (8, 4)] {
        let page = report(&recorded(&many(hosts, steps), &[], "lab"));
        let rects = attributes(&page, "rect", "x");
        assert_eq!(rects.len(), hosts * (steps + 1), "the steps, and a connection a host");
        let widths = attributes(&page, "rect", "width");
        for (x, width) in rects.iter().zip(&widths) {
            assert!(*x >= 129.9 && x + width <= 1162.1 && *width >= 2.0, "{x} {width}");
        }
        let labels = labels(&page);
        assert!(labels.len() >= hosts, "{} names for {hosts} hosts", labels.len());
        for (place, a) in labels.iter().enumerate() {
            assert!(a.0 >= 129.0 && a.1 <= 1165.0, "{a:?} leaves the drawing");
            for b in &labels[place + 1..] {
                let apart = a.1 <= b.0 + 0.1 || b.1 <= a.0 + 0.1 || (a.2 - b.2).abs() > 14.0;
                assert!(apart, "{a:?} and {b:?}, {hosts} hosts with {steps} steps");
            }
        }
        assert_eq!(page.matches("<tr class=\"total\">").count(), 1);
    }
}

#[test]
fn the_critical_path_is_marked_and_figures_add_up() {
    let page = report(&recorded(&many(2, 10), &[serde_json::json!({"event": "end", "exit_code": 40})], "lab"));
    assert!(page.contains("<b class=\"bad\">failed (exit code 40)</b> after 13.8s: "), "{page}");
    // All steps of the host that took longest, and its connection.
    assert_eq!(page.matches(" critical\">").count(), 11);
    assert_eq!(page.matches("<path class=\"path\"").count(), 10);
    assert!(page.contains(
        "<tr class=\"total\"><td>all</td><td class=\"number\"></td><td class=\"number\">2</td><td class=\"number\">25.7s</td>"
    ));
    assert!(page.contains("<h2 class=\"bad\">failed: node2/install/step-number-9</h2>") && page.contains("<pre>boom</pre>"));
}

#[test]
fn a_run_that_came_to_nothing_has_a_page_too() {
    let error = serde_json::json!({"event": "error", "message": "node1: no answer", "hints": []});
    let page = report(&recorded(&[], &[error], "lab"));
    assert!(page.contains("<p class=\"bad\">error: node1: no answer</p>") && !page.contains("<svg"));
    let cut = [(5, Event::Started { id: id("a", "x"), attempt: 1 }), (9000, Event::Note { text: "x".into() })];
    let page = report(&recorded(&cut, &[], "lab"));
    assert!(page.contains("class=\"bar unfinished\"") && page.contains("killed"), "{page}");
}
