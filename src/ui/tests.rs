//! Whole outputs, from fixed events.

mod once;
mod replayed;
mod screen;

use indicatif::ProgressDrawTarget;
use screen::Screen;

use super::{bars::SPINNER, lines::Lines, *};
use crate::{
    event::{Failure, HostState, Outcome, Planned},
    plan::Verdict,
    step::StepId,
};

fn id(host: &str, phase: &'static str, name: &str) -> StepId {
    StepId::new(host, phase, name)
}

fn planned(id: StepId, title: &str, verdict: Verdict, needs: &[&StepId]) -> Planned {
    Planned { id, title: title.into(), verdict, needs: needs.iter().copied().cloned().collect() }
}

fn host(host: &str, state: HostState, millis: u64) -> Event {
    Event::Host { host: host.into(), state, took: Duration::from_millis(millis), execs: 1 }
}

fn started(id: &StepId) -> Event {
    Event::Started { id: id.clone(), attempt: 1 }
}

fn finished(id: &StepId, outcome: Outcome, millis: u64) -> Event {
    Event::Finished { id: id.clone(), outcome, took: Duration::from_millis(millis) }
}

fn failure() -> Failure {
    Failure {
        what: "kubeadm exited with 1".into(),
        command: Some("kubeadm join --config /run/slipway/join.yaml".into()),
        exit: Some(1),
        tail: (1..=20).map(|line| format!("output {line}")).collect(),
        hint: Some("journalctl -u kubelet".into()),
    }
}

/// A run of two hosts: the second one joins, or fails to. With the second at which each event happens.
fn run(join: Outcome) -> Vec<(u64, Event)> {
    let swap = id("node1", "install", "swap");
    let install = id("node1", "install", "containerd");
    let init = id("node1", "init", "kubeadm");
    let joined = id("node2", "join", "kubeadm");
    let last = id("node2", "verify", "nodes");
    let failed = matches!(join, Outcome::Failed(_));
    let end = if failed { Outcome::Blocked { by: joined.clone() } } else { Outcome::Changed };
    vec![
        (0, host("node1", HostState::Connecting, 0)),
        (0, host("node2", HostState::Connecting, 0)),
        (1, host("node1", HostState::Ready, 400)),
        (1, host("node2", HostState::Ready, 600)),
        (
            1,
            Event::Planned {
                steps: vec![
                    planned(swap.clone(), "Turn swap off", Verdict::Done, &[]),
                    planned(install.clone(), "Install the container runtime", Verdict::Run, &[]),
                    planned(init.clone(), "Initialise the first control plane", Verdict::Run, &[&install]),
                    planned(joined.clone(), "Join the cluster", Verdict::Run, &[&init]),
                    planned(last.clone(), "Look at all nodes", Verdict::Run, &[&joined]),
                ],
            },
        ),
        (1, finished(&swap, Outcome::Unchanged, 0)),
        (1, started(&install)),
        (4, Event::Line { id: install.clone(), text: "Unpacking containerd".into() }),
        (4, finished(&install, Outcome::Changed, 3200)),
        (4, started(&init)),
        (48, finished(&init, Outcome::Changed, 43_500)),
        (48, started(&joined)),
        (52, finished(&joined, join, 4000)),
        (52, finished(&last, end, if failed { 0 } else { 700 })),
    ]
}

fn report(events: &[(u64, Event)]) -> Report {
    let mut report = Report::new();
    for (at, event) in events {
        report.observe(event, Duration::from_secs(*at));
    }
    report
}

/// What the lines say, with a tick every second.
fn lines(verbose: bool, events: &[(u64, Event)]) -> String {
    let mut lines = Lines::new(verbose);
    let mut text = String::new();
    let mut clock = 0;
    for (at, event) in events {
        while clock < *at {
            clock += 1;
            text += &lines.tick(Duration::from_secs(clock));
        }
        text += &lines.observe(event, Duration::from_secs(*at));
    }
    text
}

#[test]
fn lines_tell_what_changed_and_what_takes_long() {
    assert_eq!(
        lines(false, &run(Outcome::Changed)),
        "\
4 of 5 steps to see to
node1  install/containerd  changed      3.2s  Install the container runtime
node1  init/kubeadm  still running, 10s
node1  init/kubeadm  still running, 40s
node1  init/kubeadm        changed     43.5s  Initialise the first control plane
node2  join/kubeadm        changed      4.0s  Join the cluster
node2  verify/nodes        changed      0.7s  Look at all nodes
"
    );
}

#[test]
fn verbose_lines_carry_output_and_failures_say_why() {
    let text = lines(true, &run(Outcome::Failed(failure())));
    assert!(text.contains("node1/install/containerd: Unpacking containerd\n"), "{text}");
    assert!(text.ends_with(
        "\
node2  join/kubeadm        failed       4.0s  Join the cluster: kubeadm exited with 1
node2  verify/nodes        blocked      0.0s  Look at all nodes, by node2/join/kubeadm
"
    ));
}

#[test]
fn the_summary_shows_hosts_and_where_the_time_went() {
    assert_eq!(
        summary::text(&report(&run(Outcome::Changed)), None, "slipway up", Paint::OFF),
        "
host   state    changed  unchanged  failed  not run
node1  changed  2        1          0       0
node2  changed  2        0          0       0

longest steps
   43.5s  node1/init/kubeadm
    4.0s  node2/join/kubeadm
    3.2s  node1/install/containerd
    0.7s  node2/verify/nodes

critical path
  node1/install/containerd 3.2s → node1/init/kubeadm 43.5s → node2/join/kubeadm 4.0s → 2 shorter steps 1.1s; 51.8 s of 52.0 s, ratio 1.00

done in 52.0s: 4 changed, 1 unchanged, 5 steps on 2 hosts
"
    );
}

#[test]
fn the_summary_of_a_failure_has_all_that_a_person_needs() {
    let text = summary::text(&report(&run(Outcome::Failed(failure()))), Some("3f9a1c2b"), "slipway up -c x.toml", Paint::OFF);
    let (table, rest) = text.split_once("\nfailed ").expect("a block");
    assert!(table.contains("\nnode2  failed   0        0          1       1\n"), "{table}");
    let tail: String = (6..=20).map(|line| format!("  | output {line}\n")).collect();
    let block = "\
node2/join/kubeadm  Join the cluster
  host: node2
  what: kubeadm exited with 1
  command: kubeadm join --config /run/slipway/join.yaml
  exit code: 1
";
    let end = "  hint: journalctl -u kubelet
  all of it: slipway runs show 3f9a1c2b --verbose

failed after 52.0s: 2 changed, 1 unchanged, 1 failed, 1 not run, 5 steps on 2 hosts
next: slipway up -c x.toml    (what is done stays done)
";
    assert_eq!(rest, format!("{block}{tail}{end}"));
}

#[test]
fn nothing_to_do_is_one_line() {
    let steps = (0..34)
        .map(|number| planned(id(&format!("node{}", number % 3 + 1), "install", &number.to_string()), "", Verdict::Done, &[]))
        .collect();
    let events = [(0, host("node1", HostState::Ready, 500)), (0, Event::Planned { steps })];
    let mut report = report(&events);
    report.observe(&Event::Note { text: String::new() }, Duration::from_millis(600));
    assert_eq!(
        summary::text(&report, None, "slipway up", Paint::ON),
        "nothing to do: 34 steps on 3 hosts are as they should be (0.6 s)\n"
    );
    assert_eq!(lines(false, &events), "");
}

/// What stands on a terminal after the first `count` events, drawn without colours; a `*` for the spinner, and without the
/// time at the end of its line, since both depend on how fast the machine is.
fn bars(events: &[(u64, Event)], count: usize) -> String {
    let screen = Screen::new(70);
    let mut bars = Bars::on(ProgressDrawTarget::term_like(Box::new(screen.clone())), Paint::OFF);
    for (at, event) in &events[..count] {
        bars.observe(event, Duration::from_secs(*at), false);
    }
    let timeless = |line: &str| match line.strip_prefix(|letter| SPINNER.contains(letter)) {
        Some(rest) => format!("*{}\n", rest.rsplit_once(' ').map_or(rest, |(rest, _)| rest.trim_end())),
        None => format!("{line}\n"),
    };
    screen.text().lines().map(timeless).collect()
}

#[test]
fn bars_show_a_line_a_host_and_print_failures_above() {
    let events = run(Outcome::Failed(failure()));
    assert_eq!(
        bars(&events, 2),
        "\
* node1  connecting
* node2  connecting
"
    );
    assert_eq!(
        bars(&events, 10),
        "\
* node1  init  Initialise the first control plane          2/3
* node2  waiting for node1/init/kubeadm                    0/2
"
    );
    assert_eq!(
        bars(&events, 14),
        "\
failed node2/join/kubeadm  Join the cluster: kubeadm exited with 1
  | output 16
  | output 17
  | output 18
  | output 19
  | output 20
✓ node1  3 steps, 2 changed  48.0s
✗ node2  2 steps, 0 changed, 1 failed, 1 not run  52.0s
"
    );
}

#[test]
fn what_a_step_waits_for_is_shown_everywhere() {
    let events = run(Outcome::Changed);
    let install = id("node1", "install", "containerd");
    let waiting = Event::Waiting { id: install.clone(), what: "apt-get (process 7), which holds the lock".into() };
    let mut begun = events[..7].to_vec();
    begun.push((2, waiting.clone()));
    assert!(lines(false, &begun).ends_with("node1  install/containerd  waiting for apt-get (process 7), which holds the lock\n"));
    let shown = |events: &[(u64, Event)]| bars(events, events.len());
    assert!(shown(&begun).starts_with("* node1  install  waiting for apt-get (process 7), which"), "{}", shown(&begun));
    // Until there is something else to say.
    begun.push((3, Event::Line { id: install, text: "Unpacking".into() }));
    assert!(shown(&begun).starts_with("* node1  install  Install the container runtime"), "{}", shown(&begun));
    assert_eq!(
        json::event(&waiting, Duration::ZERO),
        "{\"at\":0.0,\"event\":\"waiting\",\"host\":\"node1\",\"step\":\"node1/install/containerd\",\"what\":\"apt-get (process 7), which holds the lock\"}\n"
    );
}

#[test]
fn a_style_is_chosen_by_what_standard_output_is() {
    assert_eq!(Style::choose(true, true), Style::Json);
    assert_eq!(Style::choose(false, true), Style::Bars);
    assert_eq!(Style::choose(false, false), Style::Lines);
}

#[test]
fn signs_get_colours() {
    assert_eq!(Paint::ON.by_sign("node1\n  + a\n"), "node1\n\x1b[32m  + a\x1b[0m\n");
    assert_eq!(Paint::OFF.by_sign("  + a\n"), "  + a\n");
}
