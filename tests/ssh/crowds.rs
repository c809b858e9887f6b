//! More hosts than connections may stand at once, in a process of its own: how many may is known once and for all.

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use slipway::{error::Kind, transport};

use crate::{
    connect,
    odd_host::{Act::Close, Door, OddHost},
    run,
};

/// Set in the process that may open few files.
const FEW_FILES: &str = "SLIPWAY_FEW_FILES";

/// Files that it may open, and hosts: each connection counts for four.
const FILES: usize = 80;
const HOSTS: usize = 30;

async fn with_few_files() {
    transport::expect(HOSTS);
    let host = OddHost { door: Door::NoExec, ..OddHost::new(&[Close]) }.serve("root").await;
    let mut met = Vec::new();
    for number in 0..HOSTS {
        let ssh = tokio::time::timeout(Duration::from_secs(20), connect(&host)).await;
        let ssh = ssh.unwrap_or_else(|_| panic!("host {number} gets no place: those that failed keep theirs")).unwrap();
        assert_eq!(run(&ssh, "true").await.1.unwrap_err().kind, Kind::Privilege);
        met.push(ssh);
    }
}

#[tokio::test]
async fn who_could_do_nothing_keeps_no_place_from_others() {
    if env::var_os(FEW_FILES).is_some() {
        return with_few_files().await;
    }
    let limited = format!("ulimit -n {FILES} && exec \"$0\" --exact crowds::who_could_do_nothing_keeps_no_place_from_others");
    let mut child = Command::new("sh");
    child.args(["-c", &limited]).arg(env::current_exe().unwrap()).env(FEW_FILES, "yes").stdin(Stdio::null());
    let ran = child.output().unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
}
