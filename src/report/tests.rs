use super::*;
use crate::event::Planned;

fn id(path: &str) -> StepId {
    let parts: Vec<&str> = path.split('/').collect();
    let phase = ["install", "init", "join", "verify", "reset"].into_iter().find(|phase| *phase == parts[1]);
    StepId::new(parts[0], phase.expect("a known phase"), parts[2])
}

fn planned(path: &str, verdict: Verdict, needs: &[&str]) -> Planned {
    Planned { id: id(path), title: format!("Do {path}"), verdict, needs: needs.iter().map(|path| id(path)).collect() }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn finished(path: &str, outcome: Outcome, took: u64) -> Event {
    Event::Finished { id: id(path), outcome, took: millis(took) }
}

fn failed() -> Outcome {
    Outcome::Failed(Failure { what: "sh exited with 1".into(), command: None, exit: Some(1), tail: vec![], hint: None })
}

fn host(host: &str, state: HostState, took: u64) -> Event {
    Event::Host { host: host.into(), state, took: millis(took), execs: 1 }
}

fn report(events: &[Event]) -> Report {
    let mut report = Report::new();
    for (index, event) in events.iter().enumerate() {
        report.observe(event, millis(1000 * (index as u64 + 1)));
    }
    report
}

fn path(report: &Report) -> Vec<String> {
    report.critical_path().iter().map(|link| format!("{} {}", link.what, link.took.as_millis())).collect()
}

#[test]
fn the_critical_path_follows_lanes_and_needs_across_hosts() {
    let plan = Event::Planned {
        steps: vec![
            planned("a/install/kubernetes", Verdict::Run, &[]),
            planned("b/install/kubernetes", Verdict::Run, &[]),
            planned("a/install/images", Verdict::Run, &[]),
            planned("a/init/kubeadm", Verdict::Run, &["a/install/kubernetes"]),
            planned("b/join/kubeadm", Verdict::Run, &["a/init/kubeadm", "b/install/kubernetes"]),
        ],
    };
    let report = report(&[
        host("a", HostState::Ready, 300),
        host("b", HostState::Ready, 900),
        plan,
        finished("a/install/kubernetes", Outcome::Changed, 4000),
        // init does not need the images, but its lane had to get past them.
        finished("a/install/images", Outcome::Changed, 500),
        finished("b/install/kubernetes", Outcome::Changed, 5000),
        finished("a/init/kubeadm", Outcome::Changed, 6000),
        finished("b/join/kubeadm", Outcome::Changed, 2000),
    ]);
    assert_eq!(
        path(&report),
        ["a connect 300", "a/install/kubernetes 4000", "a/install/images 500", "a/init/kubeadm 6000", "b/join/kubeadm 2000"]
    );
    assert_eq!(report.critical(), millis(12_800));
    assert_eq!(report.wall(), millis(8000));
    assert!((report.ratio().expect("took time") - 0.625).abs() < 1e-9);
    assert_eq!(
        report.longest(2).iter().map(|link| link.what.as_str()).collect::<Vec<_>>(),
        ["a/init/kubeadm", "b/install/kubernetes"]
    );
}

#[test]
fn what_runs_beside_others_lengthens_no_path_but_its_own() {
    let started = |path: &str| Event::Started { id: id(path), attempt: 1 };
    let mut report = Report::new();
    let plan = Event::Planned {
        steps: vec![
            planned("a/install/packages", Verdict::Run, &[]),
            planned("a/install/images", Verdict::Run, &[]),
            planned("a/init/kubeadm", Verdict::Run, &["a/install/packages", "a/install/images"]),
        ],
    };
    for (at, event) in [
        (0, host("a", HostState::Ready, 0)),
        (0, plan),
        (0, started("a/install/packages")),
        (0, started("a/install/images")),
        (4000, finished("a/install/packages", Outcome::Changed, 4000)),
        (7000, finished("a/install/images", Outcome::Changed, 7000)),
        (7000, started("a/init/kubeadm")),
        (9000, finished("a/init/kubeadm", Outcome::Changed, 2000)),
    ] {
        report.observe(&event, millis(at));
    }
    assert_eq!(path(&report), ["a/install/images 7000", "a/init/kubeadm 2000"]);
}

#[test]
fn a_slow_connection_is_part_of_the_path() {
    let report = report(&[
        host("a", HostState::Ready, 5000),
        host("b", HostState::Ready, 100),
        finished("a/install/x", Outcome::Changed, 1000),
        finished("b/install/x", Outcome::Changed, 2000),
    ]);
    assert_eq!(path(&report), ["a connect 5000", "a/install/x 1000"]);
}

#[test]
fn hosts_are_counted_apart_and_done_steps_need_no_event() {
    let report = report(&[
        host("b", HostState::Ready, 10),
        host("a", HostState::Ready, 10),
        Event::Planned {
            steps: vec![
                planned("a/install/swap", Verdict::Done, &[]),
                planned("a/install/x", Verdict::Run, &[]),
                planned("b/install/x", Verdict::Run, &[]),
                planned("b/join/x", Verdict::Run, &["b/install/x"]),
                planned("b/join/y", Verdict::Run, &[]),
            ],
        },
        finished("a/install/x", Outcome::Changed, 10),
        finished("b/install/x", failed(), 10),
        finished("b/join/x", Outcome::Blocked { by: id("b/install/x") }, 0),
    ]);
    let hosts = report.hosts();
    assert_eq!(hosts.iter().map(|host| host.host.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(hosts[0].counts, Counts { failed: 1, blocked: 1, cancelled: 1, ..Counts::default() });
    assert_eq!(hosts[1].counts, Counts { unchanged: 1, changed: 1, ..Counts::default() });
    assert_eq!(report.failures().len(), 1);
    assert_eq!(report.failures()[0].title, "Do b/install/x");
    assert!(!report.nothing_changed());
}

#[test]
fn nothing_changed_means_just_that() {
    let plan = Event::Planned { steps: vec![planned("a/install/x", Verdict::Done, &[])] };
    assert!(report(std::slice::from_ref(&plan)).nothing_changed());
    assert!(!report(&[plan.clone(), finished("a/install/x", Outcome::Changed, 1)]).nothing_changed());
    assert!(!report(&[plan, host("b", HostState::Failed, 1)]).nothing_changed());
    assert!(!report(&[]).nothing_changed(), "no steps at all is not the same as all of them done");
}

#[test]
fn the_kind_of_the_error_comes_from_what_failed() {
    let cases = [
        (vec![finished("a/install/x", Outcome::Changed, 1)], None),
        (vec![finished("a/install/x", failed(), 1), finished("a/verify/x", failed(), 1)], Some(Kind::Step)),
        (vec![finished("a/verify/x", failed(), 1)], Some(Kind::Verify)),
        (vec![finished("a/reset/audit", failed(), 1)], Some(Kind::Leftovers)),
        (vec![finished("a/reset/kubeadm", failed(), 1)], Some(Kind::Step)),
        (vec![finished("a/install/x", Outcome::Cancelled, 0)], Some(Kind::Interrupted)),
        (vec![finished("a/install/x", failed(), 1), finished("a/join/x", Outcome::Cancelled, 0)], Some(Kind::Step)),
        (vec![host("a", HostState::Failed, 1)], Some(Kind::Unreachable)),
    ];
    for (events, kind) in cases {
        let report = report(&events);
        assert_eq!(report.kind(), kind, "{events:?}");
        assert_eq!(report.is_success(), kind.is_none());
    }
}

#[test]
fn the_lanes_of_thousands_of_hosts_are_made_at_once() {
    let mut report = Report::new();
    for host in 0..5000 {
        for step in ["x", "y", "z"] {
            let path = format!("h{host}/install/{step}");
            report.observe(&Event::Started { id: id(&path), attempt: 1 }, millis(host));
            report.observe(&finished(&path, Outcome::Changed, 1), millis(host + 1));
        }
    }
    let began = std::time::Instant::now();
    let lanes = report.lanes();
    assert_eq!((lanes.len(), lanes.iter().map(|lane| lane.bars.len()).sum::<usize>()), (5000, 15_000));
    // Each host among the steps of all would take 75 million looks.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
