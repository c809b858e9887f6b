//! The SSH transport against a real sshd on loopback, and against a host in memory that does what no real one would.

#![allow(clippy::unwrap_used, reason = "a test that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "the counts are for people: cargo test -- --nocapture")]

#[path = "ssh/odd_host.rs"]
mod odd_host;
#[path = "ssh/sshd.rs"]
mod sshd;

#[path = "ssh/certificates.rs"]
mod certificates;
#[path = "ssh/crowds.rs"]
mod crowds;
#[path = "ssh/downloads.rs"]
mod downloads;
#[path = "ssh/floods.rs"]
mod floods;
#[path = "ssh/host_keys.rs"]
mod host_keys;
#[path = "ssh/jumps.rs"]
mod jumps;
#[path = "ssh/logins.rs"]
mod logins;
#[path = "ssh/losses.rs"]
mod losses;
#[path = "ssh/oddities.rs"]
mod oddities;
#[path = "ssh/programs.rs"]
mod programs;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use slipway::{
    config,
    error::{Error, Result},
    lower::Program,
    transport::{Ask, Exit, Line, ssh::Ssh},
};

/// Nobody is there to answer, and being asked is an error of the test.
fn nobody() -> Ask {
    Ask::new(|prompt| panic!("asked: {prompt}"))
}

/// Someone who gives these answers in turn; counts the questions.
fn person(answers: &'static [&'static str]) -> (Ask, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    (Ask::new(move |_| answers.get(count.fetch_add(1, Ordering::SeqCst)).map(|answer| (*answer).to_owned())), asked)
}

async fn connect(ssh: &config::Ssh) -> Result<Ssh> {
    Ssh::connect("127.0.0.1", ssh, nobody()).await
}

/// The error of a connection that must not come about.
async fn refused(ssh: &config::Ssh) -> Error {
    connect(ssh).await.err().expect("the connection should have been refused")
}

async fn run(ssh: &Ssh, text: &str) -> (Vec<Line>, Result<Exit>) {
    let mut lines = Vec::new();
    let exit = ssh.run(&Program::new(text), &mut |line| lines.push(line)).await;
    (lines, exit)
}

/// The standard output of a program that must succeed.
async fn stdout(ssh: &Ssh, text: &str) -> Vec<String> {
    let (lines, exit) = run(ssh, text).await;
    assert_eq!(exit.unwrap().status, 0, "{lines:?}");
    lines.into_iter().filter(|line| !line.stderr).map(|line| line.text).collect()
}
