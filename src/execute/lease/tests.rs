//! Leases by the real shell, in directories that stand for hosts.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::transport::{Exit, Line, fake::Fake};

/// A directory for each host of a test, gone when it ends.
struct Lab(PathBuf);

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Lab {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("slipway-lease-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn run_dir(&self, host: &str) -> PathBuf {
        self.0.join(host)
    }

    fn lease(&self, host: &str) -> Option<String> {
        fs::read_to_string(self.run_dir(host).join("lease")).ok()
    }

    fn hosts(&self, names: &[&str]) -> Hosts {
        let host = |name: &&str| {
            let run = self.run_dir(name);
            ((*name).to_owned(), Transport::Fake(Fake::new(Arc::new(move |program: &Program| Ok(sh(program, &run))))))
        };
        Arc::new(names.iter().map(host).collect())
    }

    /// A lease that somebody has, until so many seconds from now.
    fn plant(&self, host: &str, seconds: i64, token: &str) {
        let up = fs::read_to_string("/proc/uptime").expect("Linux");
        let now: i64 = up.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds");
        fs::create_dir_all(self.run_dir(host)).expect("a directory");
        let lease = format!("slipway-other {} {} {token}\n`slipway up` on elsewhere (process 7)\n", now + seconds, now - 130);
        fs::write(self.run_dir(host).join("lease"), lease).expect("written");
    }
}

fn sh(program: &Program, run: &Path) -> (Vec<Line>, Exit) {
    let text = program.text().replace("RUN=/run/slipway", &format!("RUN={}", run.display()));
    let output = Command::new("sh").args(["-c", &text]).stdin(Stdio::null()).output().expect("a shell");
    let line = |stderr| move |text: &str| Line { stderr, text: text.to_owned() };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines = out.lines().map(line(false)).chain(err.lines().map(line(true))).collect();
    (lines, Exit { status: output.status.code().expect("an exit code") })
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn take(hosts: &Hosts, wanted: &[&str]) -> Result<Leases> {
    let (events, _) = unbounded_channel();
    Leases::take(hosts, names(wanted), Holder::new("slipway up").expect("a holder"), &events).await
}

#[tokio::test]
async fn a_second_run_is_told_who_is_at_work_and_leaves_nothing() {
    let lab = Lab::new("second");
    let hosts = lab.hosts(&["a", "b", "c"]);
    let first = take(&hosts, &["c", "b"]).await.expect("nobody is there");
    let error = take(&hosts, &["a", "b"]).await.err().expect("b is held");
    assert_eq!(error.kind, Kind::Held);
    let said = error.to_string();
    assert!(said.starts_with("b: another slipway is at work there, for ") && said.contains("`slipway up` on "), "{said}");
    assert!(lab.lease("a").is_none(), "all or none");
    assert!(lab.lease("b").is_some());
    first.give_back().await;
    assert!(!lab.run_dir("b").exists() && !lab.run_dir("c").exists(), "what is empty goes");
    take(&hosts, &["a", "b"]).await.expect("it is free").give_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_come_at_once_one_gets_all() {
    let lab = Lab::new("many");
    let hosts = lab.hosts(&["a", "b", "c"]);
    for round in 0..10 {
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let hosts = Arc::clone(&hosts);
            tasks.spawn(async move { take(&hosts, &["a", "b", "c"]).await });
        }
        let mut won = Vec::new();
        while let Some(joined) = tasks.join_next().await {
            won.extend(joined.expect("no panic").ok());
        }
        assert_eq!(won.len(), 1, "round {round}");
        for leases in won {
            leases.give_back().await;
        }
    }
}

#[tokio::test]
async fn a_lease_of_the_dead_is_over() {
    let lab = Lab::new("dead");
    let hosts = lab.hosts(&["a"]);
    lab.plant("a", -1, "boot/ns/7/7");
    take(&hosts, &["a"]).await.expect("nobody has renewed it").give_back().await;

    let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
    let token = token(&child.id().to_string()).expect("it lives");
    lab.plant("a", 50, &token);
    let error = take(&hosts, &["a"]).await.err().expect("its holder lives");
    assert!(error.to_string().contains("for 2 minutes: `slipway up` on elsewhere (process 7)"), "{error}");
    child.kill().expect("ours");
    child.wait().expect("ended");
    take(&hosts, &["a"]).await.expect("its holder was killed").give_back().await;

    // Nobody here can tell whether that one lives.
    lab.plant("a", 50, "another-boot/pid:[1]/7/7");
    assert_eq!(take(&hosts, &["a"]).await.err().expect("it may live").kind, Kind::Held);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_and_its_loss_is_told() {
    let lab = Lab::new("renewed");
    let hosts = lab.hosts(&["a", "b"]);
    let (events, mut received) = unbounded_channel();
    let holder = Holder::new("slipway up").expect("a holder");
    let leases = Leases::take(&hosts, names(&["a", "b"]), holder, &events).await.expect("free");
    // A host that restarts forgets it.
    fs::remove_dir_all(lab.run_dir("a")).expect("ours");
    lab.plant("b", 50, "another-boot/pid:[1]/7/7");
    tokio::time::sleep(RENEWAL + Duration::from_secs(1)).await;
    assert!(lab.lease("a").is_some_and(|lease| lease.contains("slipway up")));
    match received.try_recv() {
        Ok(Event::Note { text }) => assert!(text.starts_with("b: it did not hear of this run"), "{text}"),
        other => panic!("{other:?}"),
    }
    leases.give_back().await;
    assert!(!lab.run_dir("a").exists());
    assert!(lab.lease("b").is_some_and(|lease| lease.starts_with("slipway-other")), "another's stays");
}
