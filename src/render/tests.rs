use std::collections::BTreeMap;

use super::*;
use crate::{
    plan::Plan,
    step::{Check, File, Step, StepId},
};

/// Two hosts, three steps: the second host's join waits for the first host's init.
fn graph() -> Graph {
    let swap = Step::new(StepId::new("node1", "install", "swap"), "Turn swap off", "The kubelet refuses to start with swap on.");
    let init =
        Step::new(StepId::new("node1", "init", "kubeadm"), "Initialise the \"first\" control plane", "It makes a cluster.")
            .after("install", "swap");
    let join = Step::new(StepId::new("node2", "join", "kubeadm"), "Join <the> cluster & wait", "A worker works.")
        .needs(StepId::new("node1", "init", "kubeadm"));
    Graph::new(vec![swap, init, join]).expect("a graph")
}

fn plan(done: &[(&str, &'static str, &str)]) -> Plan {
    let checks: BTreeMap<StepId, bool> = done.iter().map(|(host, phase, name)| (StepId::new(host, phase, *name), true)).collect();
    Plan::new(graph(), &checks)
}

#[test]
fn a_plan_says_what_will_run_and_why() {
    let text = explain(&plan(&[("node1", "install", "swap"), ("node2", "join", "kubeadm")]));
    assert_eq!(
        text,
        "\
= node1/install/swap  Turn swap off
+ node1/init/kubeadm  Initialise the \"first\" control plane
                      It makes a cluster.

~ node2/join/kubeadm  Join <the> cluster & wait
                      A worker works.

1 will run, 1 may run, 1 done: 3 steps on 2 hosts
"
    );
}

#[test]
fn a_plan_with_nothing_to_do_is_one_line() {
    let text = explain(&plan(&[("node1", "install", "swap"), ("node1", "init", "kubeadm"), ("node2", "join", "kubeadm")]));
    assert_eq!(text, "nothing to do: 3 steps on 2 hosts are as they should be\n");
}

#[test]
fn dot_draws_a_box_a_host() {
    assert_eq!(
        dot(&graph()),
        r#"digraph slipway {
  rankdir=LR;
  node [shape=box, style=rounded];
  subgraph "cluster_node1" {
    label="node1";
    "node1/install/swap" [label="install/swap\nTurn swap off"];
    "node1/init/kubeadm" [label="init/kubeadm\nInitialise the \"first\" control plane"];
  }
  subgraph "cluster_node2" {
    label="node2";
    "node2/join/kubeadm" [label="join/kubeadm\nJoin <the> cluster & wait"];
  }
  "node1/install/swap" -> "node1/init/kubeadm";
  "node1/init/kubeadm" -> "node2/join/kubeadm" [style=bold];
}
"#
    );
}

#[test]
fn mermaid_draws_a_box_a_host_and_escapes_labels() {
    assert_eq!(
        mermaid(&graph()),
        r#"flowchart LR
  subgraph h0["node1"]
    s0["install/swap<br/>Turn swap off"]
    s1["init/kubeadm<br/>Initialise the #quot;first#quot; control plane"]
  end
  subgraph h1["node2"]
    s2["join/kubeadm<br/>Join #lt;the#gt; cluster #amp; wait"]
  end
  s0 --> s1
  s1 ==> s2
"#
    );
}

#[test]
fn a_script_lists_its_steps_and_names_what_other_hosts_must_do_first() {
    let text = script(&graph(), "node2");
    assert!(text.starts_with("#!/bin/sh\n# What slipway would do on node2: 1 step.\n"), "{text}");
    assert!(
        text.contains("#   join/kubeadm                        Join <the> cluster & wait\n#     only after node1/init/kubeadm\n")
    );
    assert!(!text.contains("install/swap"), "steps of other hosts have no place here");
    assert!(!text.contains("holds secrets"));
}

#[test]
fn a_script_warns_of_secrets_and_no_title_ends_its_comment() {
    let step = Step::files(StepId::new("node1", "init", "pki"), "Place\nrm -rf /", "", vec![File::secret("/k", "KEY")])
        .check(Check::Never);
    let text = script(&Graph::new(vec![step]).expect("a graph"), "node1");
    assert!(text.contains("holds secrets"));
    let (header, _) = text.split_once("\n\n").expect("a header");
    assert!(header.contains("Place rm -rf /") && header.lines().all(|line| line.starts_with('#')), "{header}");
}

#[test]
fn a_diff_shows_changes_with_what_is_around_them() {
    let old: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    let new = old.replace("line 3\n", "line three\n").replace("line 18\n", "");
    assert_eq!(
        diff(&File::new("/etc/x", new), Some(&old)),
        "\
--- /etc/x
+++ /etc/x
@@ -1,6 +1,6 @@
 line 1
 line 2
-line 3
+line three
 line 4
 line 5
 line 6
@@ -15,6 +15,5 @@
 line 15
 line 16
 line 17
-line 18
 line 19
 line 20
"
    );
}

#[test]
fn a_new_file_is_all_additions_and_a_missing_last_newline_is_told() {
    assert_eq!(
        diff(&File::new("/etc/x", "a\nb"), None),
        "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"
    );
    assert_eq!(diff(&File::new("/etc/x", "a\n"), Some("a\n")), "");
}

#[test]
fn a_secret_is_never_shown() {
    let text = diff(&File::secret("/etc/key", "NEW SECRET\n"), Some("OLD SECRET\n"));
    assert_eq!(text, "--- /etc/key\n+++ /etc/key\n(secret, not shown)\n");
}

/// Applying a diff to the old text must give the new one: for this, every line of both has to appear in it exactly once.
#[test]
fn a_diff_keeps_every_line_of_both_sides() {
    let words = ["a\n", "b\n", "c\n"];
    let texts: Vec<String> =
        (0..81).map(|number: usize| (0..4).map(|digit| words[number / 3_usize.pow(digit) % 3]).collect()).collect();
    for (old, new) in texts.iter().flat_map(|old| texts.iter().map(move |new| (old, new))) {
        let text = diff(&File::new("/x", new.as_str()), Some(old));
        if old == new {
            assert_eq!(text, "");
            continue;
        }
        let side = |signs: [char; 2]| -> String {
            text.lines().skip(3).filter(|line| line.starts_with(signs)).map(|line| format!("{}\n", &line[1..])).collect()
        };
        assert_eq!((side([' ', '-']), side([' ', '+'])), (old.clone(), new.clone()), "{text}");
    }
}

#[test]
fn a_reset_script_goes_on_after_failures_and_ends_with_what_is_left() {
    let step = |name: &str, shell: &str| Step::new(StepId::new("here", "reset", name), name, "why").sh(shell);
    let run = |bad: &str, left: &str, purge: bool| {
        let graph = Graph::new(vec![step("first", bad), step("second", "say second ran")]).expect("a graph");
        let listing = format!("printf '%s left\\t%s\\n' \"$NONCE\" \"{left}\"\nprintf '%s left-end\\n' \"$NONCE\"");
        let listing = if left.is_empty() { "printf '%s left-end\\n' \"$NONCE\"".to_owned() } else { listing };
        let dir = std::env::temp_dir().join(format!("slipway-reset-script-{}", std::process::id()));
        let text = reset_script(&graph, &listing, purge)
            .replace("STATE=/var/lib/slipway RUN=/run/slipway", &format!("STATE={0}/state RUN={0}/run", dir.display()))
            .replace("$(id -u)", "0");
        let mut all = Vec::new();
        for shell in ["dash", "bash"] {
            let output = std::process::Command::new(shell).args(["-c", &text]).output().expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("second ran\n"), "{shell}: {said}");
            all.push((output.status.code().expect("an exit code"), said));
        }
        std::fs::remove_dir_all(&dir).expect("its own");
        assert_eq!(all[0].0, all[1].0, "{all:?}");
        all.remove(0)
    };
    let (code, said) = run("true", "", false);
    assert!(code == 0 && said.ends_with("\nclean\n"), "{said}");
    let (code, said) = run("die 'out of luck'", "", false);
    assert!(code == 40 && said.contains("error: out of luck") && said.ends_with("clean\nfailed: reset/first\n"), "{said}");
    let link = "link\tcalico\tgoes\tname cali*\tcali\u{1b}[31m1";
    let (code, said) = run("true", link, false);
    assert!(code == 42 && said.contains("\nleft   link cali[31m1 (calico; name cali*)\nleft: 1. Run this again"), "{said}");
    let package = "package\tslipway's install\tpurge\tits name\tkubeadm";
    let (code, said) = run("true", package, false);
    assert!(code == 0 && said.contains("\nkept   package kubeadm (slipway's install; its name)\n"), "{said}");
    assert_eq!(run("true", package, true).0, 42);
    assert_eq!(run("true", "file\tx\tstays\ty\tz", true).0, 0);
}
