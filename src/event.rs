//! What happened, as plain data: the only thing that the executor says, and all that a user interface may know.

pub mod json;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{phase::preflight::Finding, plan::Verdict, step::StepId};

/// A step as a plan announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub id: StepId,
    pub title: String,
    pub verdict: Verdict,
    /// What the step needs, for the critical path.
    pub needs: Vec<StepId>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its check was already true.
    Unchanged,
    /// It acted, and its check is true now.
    Changed,
    Failed(Failure),
    /// It never started, because `by` failed.
    Blocked {
        by: StepId,
    },
    /// It never started, because the run was stopped.
    Cancelled,
}

/// Everything that a person needs to know about a step that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One line: the cause that the program named, or "it ended with exit code 100", "the connection was lost".
    pub what: String,
    /// The command that failed, where one is known.
    pub command: Option<String>,
    /// Its exit code, where there is one.
    pub exit: Option<i32>,
    /// The last lines that it printed.
    pub tail: Vec<String>,
    /// The remedy that the program named, or the hint of the step, or of the error.
    pub hint: Option<String>,
}

/// What a host is doing before its first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    Connecting,
    /// The probe and the checks are running.
    Probing,
    /// Facts and verdicts are in; `Event::Host` carries how long it took.
    Ready,
    Failed,
}

/// Something that happened. Events are sent in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The state of a host before the plan exists.
    Host {
        host: String,
        state: HostState,
        took: Duration,
        execs: usize,
    },
    /// All steps of the run, in the order in which they were planned; sent once, before the first `Started`.
    Planned {
        steps: Vec<Planned>,
    },
    Started {
        id: StepId,
        attempt: u32,
    },
    /// A command of a step begins, or has ended with this exit code.
    Command {
        id: StepId,
        command: String,
        exit: Option<i32>,
    },
    /// A step is waiting for something on its host, until its next line or its end. Free of control characters, as lines are.
    Waiting {
        id: StepId,
        what: String,
    },
    /// A line that the step printed. Already free of control characters.
    Line {
        id: StepId,
        text: String,
    },
    /// A step failed but will be tried again, because of the step's own reason.
    Retrying {
        id: StepId,
        attempt: u32,
        because: String,
        pause: Duration,
    },
    Finished {
        id: StepId,
        outcome: Outcome,
        took: Duration,
    },
    /// Something that a person should know and that belongs to no step.
    Note {
        text: String,
    },
    /// What preflight found, if anything.
    Findings {
        findings: Vec<Finding>,
    },
    /// Ctrl-C was pressed: steps under way are finished, no new one starts.
    Stopping,
}

impl Event {
    /// The same with its times in whole milliseconds: what is shown, what is counted and what is kept are the same figures then.
    #[must_use]
    pub fn in_millis(mut self) -> Self {
        if let Self::Host { took: time, .. } | Self::Retrying { pause: time, .. } | Self::Finished { took: time, .. } = &mut self
        {
            *time = Duration::from_millis(u64::try_from((*time + Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX));
        }
        self
    }
}
