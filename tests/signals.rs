//! Ctrl-C once, twice and three times, SIGTERM, SIGHUP, a reader that goes away and a terminal that does: the built command over a real sshd.
//! The host behind it runs slipway's programs, but for what steps do (`tests/signals/host.sh`).

#![allow(clippy::unwrap_used, reason = "a test that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "the counts are for people: cargo test -- --nocapture")]
#![allow(dead_code, reason = "sshd.rs has what other tests need")]

#[path = "ssh/sshd.rs"]
mod sshd;

#[path = "signals/operator.rs"]
mod operator;
#[path = "signals/pipes.rs"]
mod pipes;
#[path = "signals/stops.rs"]
mod stops;
#[path = "signals/terminals.rs"]
mod terminals;
