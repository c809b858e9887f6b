//! Follows what the program of a step says, and tells what came of it.

use std::{collections::VecDeque, mem};

use super::{Events, Options};
use crate::{
    error::{Error, Result},
    event::{Event, Failure, Outcome},
    lower::{self, Mark, Program},
    secrets::{Lines, Mask},
    step::{Op, Step},
    transport::Line,
};

/// How many of the last lines of a failed step a person is shown.
const TAIL: usize = 15;

/// Characters of what a host says in words that are shown.
const WORDS: usize = 400;

/// How often a host may tell in one attempt what it waits for, or what a person should know: hours of waiting are less.
const ASIDES: usize = 1000;

/// Of empty lines one after another, so many are handed on.
const BLANK: usize = 16;

/// Follows the output of one attempt.
pub(super) struct Watcher<'a> {
    step: &'a Step,
    program: &'a Program,
    options: &'a Options,
    events: &'a Events,
    lines: Lines,
    tail: VecDeque<String>,
    op: Option<usize>,
    failed: Option<i32>,
    cause: Option<String>,
    remedy: Option<String>,
    /// Whether the cause is one that does not pass by itself.
    is_final: bool,
    end: Option<i32>,
    asides: usize,
    /// Empty lines that came last, of its output and of its errors.
    blank: [usize; 2],
}

impl<'a> Watcher<'a> {
    pub(super) fn new(step: &'a Step, program: &'a Program, options: &'a Options, events: &'a Events) -> Self {
        Self {
            step,
            program,
            options,
            events,
            lines: options.mask.lines(),
            tail: VecDeque::new(),
            op: None,
            failed: None,
            cause: None,
            remedy: None,
            is_final: false,
            end: None,
            asides: 0,
            blank: [0; 2],
        }
    }

    pub(super) fn take(&mut self, line: Line) {
        let blank = &mut self.blank[usize::from(line.stderr)];
        if line.text.is_empty() {
            *blank = BLANK.min(*blank + 1);
            return;
        }
        let mark = Mark::parse(&line.text);
        // A mark comes with a line end in front of it, since what was printed before may have none.
        let blank = mem::take(blank).saturating_sub(usize::from(mark.is_some()));
        (0..blank).for_each(|_| self.print(""));
        match mark {
            // Each begins once, whatever a host says.
            Some(Mark::Op(index)) if self.op.is_some_and(|op| index <= op) => {}
            Some(Mark::Op(index)) => {
                self.ended(0);
                self.op = Some(index);
                self.command(None);
            }
            Some(Mark::Failed(status)) => {
                self.ended(status);
                self.failed = Some(status);
            }
            Some(Mark::End(status)) => {
                self.ended(0);
                self.end = Some(status);
            }
            Some(Mark::Wait(_) | Mark::Send(_) | Mark::Step(_) | Mark::Ended(_)) => {}
            Some(Mark::Waiting(_) | Mark::Note(_)) if self.asides == ASIDES => {}
            Some(Mark::Waiting(what)) => {
                self.asides += 1;
                let _ = self.events.send(Event::Waiting { id: self.step.id.clone(), what: self.words(what) });
            }
            Some(Mark::Note(text)) => {
                self.asides += 1;
                let _ = self.events.send(Event::Note { text: format!("{}: {}", self.step.id, self.words(text)) });
            }
            Some(Mark::Cause(cause)) => self.cause = Some(self.words(cause)),
            // Hints are slipway's own words: a host can only choose among those that it was sent.
            Some(Mark::Remedy(remedy)) => {
                let sent = format!("remedy={}", lower::quote(&remedy));
                self.remedy = Some(remedy).filter(|_| self.program.text().contains(&sent));
            }
            Some(Mark::Final) => self.is_final = true,
            None => self.print(&line.text),
        }
    }

    /// Hands on what a command printed.
    fn print(&mut self, line: &str) {
        let text = self.lines.mask(line);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(text.clone());
        let _ = self.events.send(Event::Line { id: self.step.id.clone(), text });
    }

    /// The command under way ended with this exit code, unless it did before.
    fn ended(&mut self, exit: i32) {
        if self.failed.is_none() && self.end.is_none() {
            self.command(Some(exit));
        }
    }

    /// Tells of the op under way: that it begins, or its exit code.
    fn command(&self, exit: Option<i32>) {
        if let Some(command) = self.described() {
            let _ = self.events.send(Event::Command { id: self.step.id.clone(), command, exit });
        }
    }

    /// The op under way as a command, without secrets.
    fn described(&self) -> Option<String> {
        Some(describe(self.step.apply.get(self.op?)?, &self.options.mask))
    }

    /// What a host says in a few words, without secrets.
    fn words(&self, text: String) -> String {
        let text = self.options.mask.text(&text);
        if text.chars().count() > WORDS { format!("{} …", text.chars().take(WORDS).collect::<String>()) } else { text }
    }

    /// The outcome of a program that ended with `status`; or its failure, and whether a second try may end otherwise.
    pub(super) fn judge(&mut self, status: i32) -> Result<Outcome, (Failure, bool)> {
        let passes = !self.is_final;
        match (self.end, status) {
            (Some(lower::UNCHANGED), lower::UNCHANGED) => Ok(Outcome::Unchanged),
            (Some(lower::CHANGED), lower::CHANGED) => Ok(Outcome::Changed),
            (Some(lower::NOT_CONVERGED), _) => {
                let what = "it ran without an error, but its check still says that the work is not done".to_owned();
                Err((self.failure(what, None), passes))
            }
            (Some(_), _) => {
                let exit = self.failed;
                let what = self.cause.clone().unwrap_or_else(|| {
                    exit.map_or_else(|| "it failed".to_owned(), |exit| format!("it ended with exit code {exit}"))
                });
                Err((self.failure(what, exit), passes))
            }
            // Without the last mark the program did not get to its end: a shell that was killed, a full disk, a missing tool.
            (None, _) => {
                let what = self.cause.clone().unwrap_or_else(|| format!("its program ended early, with exit code {status}"));
                Err((self.failure(what, Some(status)), passes))
            }
        }
    }

    pub(super) fn undecided(&mut self, error: &Error) -> Failure {
        let hint = error.hints.first().cloned();
        let failure = self.failure(error.to_string(), None);
        Failure { hint: hint.or(failure.hint), ..failure }
    }

    fn failure(&mut self, what: String, exit: Option<i32>) -> Failure {
        let disk = disk_trouble(self.tail.iter().rev()).filter(|_| self.cause.is_none());
        let (what, remedy) = match disk {
            Some((trouble, line, remedy)) => (format!("{trouble}: {line}"), Some(remedy.to_owned())),
            None => (what, self.remedy.clone()),
        };
        Failure {
            what,
            command: self.described(),
            exit,
            tail: mem::take(&mut self.tail).into(),
            hint: remedy.or_else(|| self.step.hint.clone()),
        }
    }
}

/// What is wrong with a disk, if one of these lines says so: in words, that line, and what to do. Any command of any step may meet it.
fn disk_trouble<'a>(mut lines: impl Iterator<Item = &'a String>) -> Option<(&'static str, &'a str, &'static str)> {
    lines.find_map(|line| {
        let (trouble, remedy) = match line {
            line if line.contains("No space left on device") => {
                ("a disk of this host is full", "make room there: `df -h` and `df -i` show how full each file system is")
            }
            line if line.contains("Disk quota exceeded") => {
                ("root's share of a disk of this host is used up", "make room there, or raise the quota: `repquota -a` shows it")
            }
            // In containers, some settings of the kernel are just that.
            line if line.contains("Read-only file system") && !line.starts_with("sysctl:") => (
                "a file system of this host can not be written to",
                "`findmnt -O ro` there lists them and `dmesg` tells why; `mount -o remount,rw` makes one writable again",
            ),
            // All that dash says of what it writes itself.
            line if ["printf: I/O error", "echo: I/O error"].iter().any(|said| line.ends_with(said)) => (
                "a disk of this host is full, or fails",
                "`df -h` and `df -i` there show how full each file system is, and `dmesg` which disk fails",
            ),
            _ => return None,
        };
        Some((trouble, line.as_str(), remedy))
    })
}

/// The commands of a script, without what stands before them: values, which may be long, and functions.
fn commands(shell: &str) -> String {
    let mut kept = Vec::new();
    let (mut in_value, mut in_function) = (false, false);
    for line in shell.lines() {
        let odd_quotes = line.matches('\'').count() % 2 == 1;
        let assigns = line.split_once('=').is_some_and(|(name, value)| {
            value.starts_with('\'') && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        });
        if in_value {
            in_value = !odd_quotes;
        } else if in_function {
            in_function = line != "}";
        } else if assigns {
            in_value = odd_quotes;
        } else if line.ends_with("() {") {
            in_function = true;
        } else if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            kept.push(line.trim());
        }
    }
    kept.join("; ")
}

/// An op as a person would type it, in one line of bearable length, without secrets.
fn describe(op: &Op, mask: &Mask) -> String {
    let text = match op {
        Op::Sh(shell) => commands(shell),
        Op::Write(file) => format!("write {}", file.path.display()),
        Op::Remove(path) => format!("remove {}", path.display()),
        Op::Upload(upload) => format!("upload {} to {}", upload.from.display(), upload.to.display()),
    };
    let text = mask.text(&text);
    if text.chars().count() > 200 { format!("{} …", text.chars().take(200).collect::<String>()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_commands_and_not_what_prepares_them() {
        let shell = "ca='MIIB\nx=y\nEND'\nrole='worker'\n# why\nhelp() {\n    say no\n}\nkubeadm join --config \"$config\"\n";
        assert_eq!(describe(&Op::Sh(shell.into()), &Mask::default()), "kubeadm join --config \"$config\"");
    }
}
