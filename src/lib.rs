//! slipway lays down Kubernetes clusters on plain Linux hosts with the real kubeadm, and hauls them out again.
//!
//! Data flows one way:
//!
//! ```text
//! config + profiles + facts + secrets -> Scene -> phases -> Graph -> Plan -> execute -> Event* -> ui, Report, journal
//!                                                                                     journal -> Event* -> ui, Report
//!                                                                    Plan -> render (script, dot, mermaid, explain)
//! ```
//!
//! Three ideas carry the rest. A [`step::Step`] is a record: a check, what to do when the check fails, and how to undo it.
//! [`lower`] turns a step into one POSIX shell [`lower::Program`]; every backend only carries, prints or draws it.
//! A check is also the proof: check, apply, check again.
//!
//! A module knows only those listed below it here; `tests/architecture.rs` keeps that true.

pub mod app;
pub mod cli;
pub mod ui;

pub mod execute;
pub mod render;

pub mod journal;
pub mod report;

pub mod event;
pub mod plan;

pub mod graph;
pub mod phase;

pub mod kubeadm;
pub mod scene;

pub mod profile;
pub mod transport;

pub mod lower;

pub mod facts;
pub mod leftover;
pub mod secrets;
pub mod yaml;

pub mod config;
pub mod step;

pub mod error;
