//! What is printed in one go (errors, findings, status, plans), and the names in JSON.

use super::*;
use crate::{error::Kind, graph::Graph, leftover::Listing, step::Step};

#[test]
fn json_events_have_stable_names() {
    let at = Duration::from_millis(2500);
    let step = id("node1", "install", "x");
    let line = |event: Event| json::event(&event, at).trim_end().to_owned();
    assert_eq!(
        line(finished(&step, Outcome::Changed, 1234)),
        r#"{"at":2.5,"event":"finished","host":"node1","outcome":"changed","seconds":1.234,"step":"node1/install/x"}"#
    );
    assert_eq!(
        line(finished(&step, Outcome::Blocked { by: id("node2", "init", "y") }, 0)),
        r#"{"at":2.5,"by":"node2/init/y","event":"finished","host":"node1","outcome":"blocked","seconds":0.0,"step":"node1/install/x"}"#
    );
    let short = Failure { tail: vec!["a".into()], command: None, ..failure() };
    assert_eq!(
        line(finished(&step, Outcome::Failed(short), 1)),
        r#"{"at":2.5,"event":"finished","failure":{"command":null,"exit":1,"hint":"journalctl -u kubelet","tail":["a"],"what":"kubeadm exited with 1"},"host":"node1","outcome":"failed","seconds":0.001,"step":"node1/install/x"}"#
    );
    assert_eq!(
        line(host("node1", HostState::Probing, 50)),
        r#"{"at":2.5,"event":"host","execs":1,"host":"node1","seconds":0.05,"state":"probing"}"#
    );
    assert_eq!(
        line(Event::Planned { steps: vec![planned(step.clone(), "X", Verdict::Maybe, &[&id("a", "init", "b")])] }),
        r#"{"at":2.5,"event":"planned","steps":[{"needs":["a/init/b"],"step":"node1/install/x","title":"X","verdict":"maybe"}]}"#
    );
    assert_eq!(line(Event::Stopping), r#"{"at":2.5,"event":"stopping"}"#);
}

#[test]
fn json_report_adds_up() {
    let value = json::report(&report(&run(Outcome::Failed(failure()))), Some("3f9a1c2b"), Some("/logs/1.jsonl".as_ref()));
    assert_eq!((&value["success"], &value["nothing_changed"]), (&false.into(), &false.into()));
    assert_eq!(value["hosts"][1]["blocked"], 1);
    assert_eq!(value["failures"][0]["step"], "node2/join/kubeadm");
    assert_eq!(value["critical_path"][1]["what"], "node1/install/containerd");
    assert_eq!((&value["critical_seconds"], &value["ratio"]), (&51.1.into(), &1.018.into()));
    assert_eq!((&value["run"], &value["log"]), (&"3f9a1c2b".into(), &"/logs/1.jsonl".into()));
}

#[test]
fn errors_have_one_line_and_their_hints() {
    let error = Error::new(Kind::NoControlPlane, "no host is a control plane").hint("give one host role = \"control-plane\"");
    assert_eq!(
        summary::error(&error.to_string(), &error.hints, Paint::OFF),
        "error: no host is a control plane\nhint: give one host role = \"control-plane\"\n"
    );
    assert_eq!(summary::error("x", &[], Paint::ON), "\x1b[31merror\x1b[0m: x\n");
    assert_eq!(
        json::error(&error).to_string(),
        r#"{"event":"error","exit_code":14,"hints":["give one host role = \"control-plane\""],"kind":"no-control-plane","message":"no host is a control plane"}"#
    );
}

#[test]
fn findings_stand_by_host_with_their_remedies() {
    let finding = |host: &str, name: &str, fatal| Finding {
        id: id(host, "preflight", name),
        what: format!("{name} is wrong"),
        remedy: format!("mend {name}"),
        fatal,
    };
    let found = [finding("node1", "memory", true), finding("node2", "clock", false), finding("node1", "ports", true)];
    assert_eq!(
        table::findings(&found, Paint::OFF),
        "\
node1
  ✗ preflight/memory: memory is wrong
      mend memory
  ✗ preflight/ports: ports is wrong
      mend ports
node2
  ! preflight/clock: clock is wrong
      mend clock
2 problems, 1 warning
"
    );
    assert_eq!(table::findings(&[], Paint::OFF), "");
    assert_eq!(
        json::findings(&found[..1]),
        "{\"event\":\"finding\",\"fatal\":true,\"host\":\"node1\",\"remedy\":\"mend memory\",\"step\":\"node1/preflight/memory\",\"what\":\"memory is wrong\"}\n"
    );
}

#[test]
fn status_is_a_table_with_notes_only_where_there_are_some() {
    let row = |host: &str, kubelet: &str, note: &str| StatusRow {
        host: host.into(),
        address: "10.0.0.1".into(),
        role: "worker".into(),
        os: "Debian 12".into(),
        kubelet: kubelet.into(),
        runtime: "containerd 1.6.20".into(),
        state: "Ready".into(),
        note: note.into(),
    };
    assert_eq!(
        table::status(&[row("cp1", "1.34.2", ""), row("node22", "", "")]),
        "\
host    address   role    os         kubelet  runtime            state
cp1     10.0.0.1  worker  Debian 12  1.34.2   containerd 1.6.20  Ready
node22  10.0.0.1  worker  Debian 12  -        containerd 1.6.20  Ready
"
    );
    assert!(table::status(&[row("cp1", "", "kubelet is down")]).ends_with("Ready  kubelet is down\n"));
}

#[test]
fn json_plan_has_the_why_of_each_step() {
    let graph = Graph::new(vec![Step::new(id("node1", "install", "x"), "Do x", "Because.")]).expect("a graph");
    assert_eq!(
        json::plan(&Plan::all_due(graph)).to_string(),
        r#"{"event":"plan","nothing_to_do":false,"steps":[{"needs":[],"step":"node1/install/x","title":"Do x","verdict":"run","why":"Because."}]}"#
    );
}

/// What a host listed, by lines without their nonce.
pub(super) fn listing(lines: &[&str], complete: bool) -> Listing {
    let mut listing = Listing::default();
    lines.iter().for_each(|line| listing.take("n", &format!("n left\t{}", line.replace('|', "\t"))));
    if complete {
        listing.take("n", "n left-end");
    }
    listing
}

fn found<'a>(host: &'a str, listing: &'a Listing, error: Option<&'a Error>) -> Found<'a> {
    Found { host, listing, error, keep_packages: false }
}

#[test]
fn leftovers_stand_by_kind_and_owner_and_long_lists_are_folded() {
    let mut lines = vec!["package|slipway's install|purge|name kubeadm|kubeadm 1.34.2".to_owned()];
    lines.extend((1..=9).map(|number| format!("rule|kube-proxy|goes|chain KUBE-*|nat KUBE-SVC-{number}")));
    lines.insert(5, "rule|calico|goes|comment cali:*|filter FORWARD -j ACCEPT".to_owned());
    lines.push("file|nobody known|stays|in a directory of kubeadm|/etc/kubernetes/audit.yaml".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (full, bare) = (listing(&lines, true), listing(&[], true));
    let hosts = [found("cp1", &full, None), found("node22", &bare, None)];
    assert_eq!(
        leftovers::table(&hosts, true, Paint::OFF),
        "\
cp1: 10 go with a reset, 1 goes with `reset --purge` alone, 1 stays
  kind     owner              fate   recognised by              what
  rule     calico             goes   comment cali:*             filter FORWARD -j ACCEPT
  rule     kube-proxy         goes   chain KUBE-*               nat KUBE-SVC-1
  rule     kube-proxy         goes   chain KUBE-*               nat KUBE-SVC-2
  rule     kube-proxy         goes   chain KUBE-*               nat KUBE-SVC-3
  rule     kube-proxy         goes   chain KUBE-*               … and 6 more (-v shows them)
  file     nobody known       stays  in a directory of kubeadm  /etc/kubernetes/audit.yaml
  package  slipway's install  purge  name kubeadm               kubeadm 1.34.2

node22: clean
"
    );
    let whole = leftovers::table(&hosts, false, Paint::OFF);
    assert!(whole.contains("KUBE-SVC-9\n") && !whole.contains("more"), "{whole}");
}

#[test]
fn what_is_not_known_is_never_called_clean() {
    let error = Error::new(Kind::Unreachable, "node1: no answer");
    let (cut, none) = (listing(&["link|flannel|goes|name cni0|cni0"], false), Listing::default());
    let text = leftovers::table(&[found("node1", &cut, Some(&error)), found("node2", &none, Some(&error))], true, Paint::OFF);
    assert!(text.starts_with("node1: 1 goes with a reset; there may be more\n"), "{text}");
    assert!(text.ends_with("\nnode2: not known\n"), "{text}");
    let value = json::leftovers(&[found("node2", &none, Some(&error))]);
    assert_eq!(
        value.to_string(),
        r#"{"event":"leftovers","hosts":[{"clean":false,"complete":false,"error":"node1: no answer","goes":0,"host":"node2","leftovers":[],"purge":0,"stays":0}]}"#
    );
    let stays = listing(&["link|flannel|stays|name x|x"], true);
    let value = json::leftovers(&[found("node3", &stays, None)]);
    assert_eq!(
        value["hosts"][0]["leftovers"].to_string(),
        r#"[{"fate":"stays","kind":"link","owner":"flannel","sign":"name x","what":"x"}]"#
    );
    assert_eq!((&value["hosts"][0]["clean"], &value["hosts"][0]["stays"]), (&true.into(), &1.into()));
}

#[test]
fn the_plan_of_a_reset_says_what_goes_what_is_kept_and_what_ends() {
    let lines = [
        "process|kubelet|goes|its name|kubelet, process 8",
        "process|containerd|goes|its name|pause, process 9",
        "route|bridge|goes|protocol 115|10.244.1.0/24",
        "repository|slipway's install|purge|its name|kubernetes.list",
        "repository|slipway's install|purge|its name|docker.list",
        "file|nobody known|stays|in a directory of kubeadm|/etc/kubernetes/audit.yaml",
    ];
    let (full, bare) = (listing(&lines, true), listing(&[], true));
    let error = Error::new(Kind::Unreachable, "node3: no answer");
    let none = Listing::default();
    let mut plan = ResetPlan {
        found: vec![found("cp1", &full, None), found("node2", &bare, None), found("node3", &none, Some(&error))],
        purge: false,
        consequences: vec!["the cluster ends".to_owned()],
    };
    assert_eq!(
        leftovers::plan(&plan, Paint::OFF),
        "\
cp1
  goes   2 processes (kubelet, containerd), 1 route (bridge)
  kept   2 repositories (slipway's install); --purge takes them too
  stays  file /etc/kubernetes/audit.yaml (in a directory of kubeadm)
node2
  goes   nothing: it is clean
node3
  not known:  node3: no answer
! the cluster ends
"
    );
    plan.purge = true;
    let text = leftovers::plan(&plan, Paint::OFF);
    assert!(text.contains("1 route (bridge), 2 repositories (slipway's install)\n") && !text.contains("kept"), "{text}");
}
