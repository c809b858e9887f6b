//! How a root shell is started, and how the words of a program are told from those of login shells, banners and sudo.
//!
//! The program is fed to `sh -s` behind one line that prints a random marker to both streams. What comes before the marker is
//! noise and is dropped; an end without a marker means that no shell of ours has run, whatever the exit status says.

use std::collections::VecDeque;

use super::{
    Exit, Line,
    input::{Door, Stands},
    lines::Lines,
    refusal::refused,
    root::{PROMPT, READY},
};
use crate::{
    config::Become,
    error::{Error, Kind, Result},
    lower::Program,
};

/// Lines of standard error that are kept from before the marker: what sudo or a login shell says when it refuses.
const NOISE: usize = 20;

/// Whose shell it is, in the words of messages.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    /// `vagrant@192.168.77.11`, or `vagrant on this machine`.
    pub(super) who: &'a str,
    /// What it was to become root by.
    pub(super) becomes: Become,
    /// Whether it is on this machine.
    pub(super) is_here: bool,
}

/// The random line that one program's output begins with.
pub(super) struct Marker(String);

impl Marker {
    /// # Errors
    /// `Internal`, when the operating system gives no random bytes.
    pub(super) fn new() -> Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Error::new(Kind::Internal, "no random bytes").because(error.to_string()))?;
        Ok(Self(bytes.iter().fold("slipway-".into(), |text, byte| format!("{text}{byte:02x}"))))
    }

    /// What is fed to `sh -s`.
    pub(super) fn precede(&self, program: &Program) -> Vec<u8> {
        format!("echo {0}; echo {0} >&2\n{1}", self.0, program.text()).into_bytes()
    }
}

/// How a root shell that was asked for ended.
pub(super) enum Ended {
    Exit(Exit),
    /// It never ran. `wants_password` is whether sudo wants a password, or another one.
    Refused {
        error: Error,
        wants_password: bool,
    },
}

/// Both streams of one program, on their way to `on_line`.
pub(super) struct Output<'a> {
    marker: &'a str,
    stdout: Lines,
    stderr: Lines,
    questions: Questions,
    told: Told<'a>,
}

/// Counts sudo's questions, which end in no line end.
#[derive(Default)]
struct Questions {
    count: usize,
    tail: Vec<u8>,
}

/// What has come out so far.
struct Told<'a> {
    on_line: &'a mut (dyn FnMut(Line) + Send),
    door: Option<Door>,
    started: bool,
    stderr_started: bool,
    noise: VecDeque<String>,
}

impl<'a> Output<'a> {
    pub(super) fn new(marker: &'a Marker, door: Option<Door>, on_line: &'a mut (dyn FnMut(Line) + Send)) -> Self {
        let told = Told { on_line, door, started: false, stderr_started: false, noise: VecDeque::new() };
        Self { marker: &marker.0, stdout: Lines::default(), stderr: Lines::default(), questions: Questions::default(), told }
    }

    pub(super) fn stdout(&mut self, bytes: &[u8]) {
        self.stdout.push(bytes, |text| self.told.stdout(self.marker, text));
    }

    pub(super) fn stderr(&mut self, bytes: &[u8]) {
        if let Some(door) = self.told.door.as_ref().filter(|_| !self.told.stderr_started) {
            // A second question means that the answer to the first was wrong.
            if self.questions.count(bytes) > 1 {
                door.set(Stands::Shut);
            }
        }
        self.stderr.push(bytes, |text| self.told.stderr(self.marker, text));
    }

    /// Whether root's shell has said a word.
    pub(super) fn has_begun(&self) -> bool {
        self.told.started || self.told.stderr_started
    }

    /// Delivers the lines that did not end, and judges how the shell of `login` ended.
    pub(super) fn finish(mut self, status: i32, login: &Login<'_>) -> Ended {
        self.stdout.finish(|text| self.told.stdout(self.marker, text));
        self.stderr.finish(|text| self.told.stderr(self.marker, text));
        if !self.told.started {
            let gave_password = self.told.door.is_some();
            return refused(status, self.told.noise.make_contiguous(), gave_password, login);
        }
        if !self.told.stderr_started {
            let held = std::mem::take(&mut self.told.noise);
            held.into_iter().for_each(|text| (self.told.on_line)(Line { stderr: true, text }));
        }
        Ended::Exit(Exit { status })
    }
}

impl Questions {
    fn count(&mut self, bytes: &[u8]) -> usize {
        self.tail.extend_from_slice(bytes);
        while let Some(at) = self.tail.windows(PROMPT.len()).position(|window| window == PROMPT.as_bytes()) {
            self.count += 1;
            self.tail.drain(..at + PROMPT.len());
        }
        let keep = self.tail.len().saturating_sub(PROMPT.len());
        self.tail.drain(..keep);
        self.count
    }
}

impl Told<'_> {
    fn stdout(&mut self, marker: &str, text: String) {
        if self.started {
            (self.on_line)(Line { stderr: false, text });
        } else {
            // Noise that did not end its line stands before the marker.
            self.started = text.ends_with(marker);
            if let Some(door) = self.door.as_ref().filter(|door| text.ends_with(READY) && door.stands() == Stands::Unknown) {
                door.set(Stands::Open);
            }
        }
    }

    fn stderr(&mut self, marker: &str, text: String) {
        if self.stderr_started {
            (self.on_line)(Line { stderr: true, text });
        } else if text.ends_with(marker) {
            self.stderr_started = true;
            self.noise.clear();
        } else {
            if self.noise.len() == NOISE {
                self.noise.pop_front();
            }
            self.noise.push_back(text);
        }
    }
}

#[cfg(test)]
#[path = "shell/tests.rs"]
mod tests;
