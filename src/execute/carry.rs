//! Takes one step to its host and brings its outcome back.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{Events, Options, Stop};
use crate::{
    error::{Error, Kind, Result},
    event::{Event, Failure, Outcome},
    lower::{self, Mark, Program},
    secrets::{Lines, Mask},
    step::{Op, Retry, Step},
    transport::{Exit, Line, Transport},
};

/// How many of the last lines of a failed step a person is shown.
const TAIL: usize = 15;

/// How often a connection may be lost in one step: something on the host or on the way there cuts each of them.
const LOSSES: u32 = 5;

/// How long a host that was there and is gone is waited for: it may be restarting, and large machines take minutes over that.
const ABSENCE: Duration = Duration::from_secs(300);

/// The pause between two tries to reach it, beside the time that a try takes.
const PAUSE: Duration = Duration::from_secs(2);

/// Characters of what a host says in words that are shown.
const WORDS: usize = 400;

/// How often the progress of an upload is told.
const PROGRESS: Duration = Duration::from_secs(5);

/// `absence` is how long the host may be gone; none once it has stayed away for that long.
pub(super) async fn carry(
    step: &Step,
    transport: &Transport,
    options: &Options,
    events: &Events,
    stop: &mut Stop,
    absence: &mut Absence,
) -> Outcome {
    #[cfg(debug_assertions)]
    let step = &*super::deaths::doomed(step);
    let program = lower::lower(step);
    let (tries, pause, because) = match step.retry {
        Retry::No => (1, Duration::ZERO, ""),
        Retry::Times { tries, pause, because } => (tries, pause, because),
    };
    let mut attempt = 1;
    let mut lost = 0;
    let mut gone: Option<Instant> = None;
    let mut told = None;
    loop {
        if gone.is_none() {
            let _ = events.send(Event::Started { id: step.id.clone(), attempt: attempt + lost });
        }
        let mut watcher = Watcher::new(step, &program, options, events);
        let mut take = |line| {
            #[cfg(debug_assertions)]
            super::deaths::heard(step, &line);
            watcher.take(line);
        };
        let ended = tokio::select! {
            ended = send(step, &program, transport, events, &mut take) => ended,
            () = out_of_patience(stop) => return Outcome::Cancelled,
        };
        let (failure, again) = match ended {
            Ok(exit) => {
                absence.ended();
                match watcher.judge(exit.status) {
                    Ok(outcome) => return outcome,
                    Err((failure, passes)) => (failure, passes && attempt < tries),
                }
            }
            // The program may have run, or may still be running: only asking again can tell, and every step bears that.
            Err(error) if error.kind == Kind::Lost && lost < LOSSES => {
                lost += 1;
                absence.ended();
                let pause = Duration::from_secs(u64::from(lost));
                let because = format!("the connection was lost ({error}); a step that runs detached goes on meanwhile");
                let _ = events.send(Event::Retrying { id: step.id.clone(), attempt: attempt + lost, because, pause });
                tokio::time::sleep(pause).await;
                gone = None;
                continue;
            }
            Err(error)
                if error.kind == Kind::Unreachable
                    && *stop.borrow() == 0
                    && absence.bears(*gone.get_or_insert_with(Instant::now)) =>
            {
                let what = format!("the host to come back, {} minutes at most: {error}", ABSENCE.as_secs() / 60);
                if told.as_ref() != Some(&what) {
                    let _ = events.send(Event::Waiting { id: step.id.clone(), what: what.clone() });
                    told = Some(what);
                }
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    Ok(()) = stop.changed() => {}
                }
                if *stop.borrow() > 0 && lost == 0 && attempt == 1 {
                    return Outcome::Cancelled;
                }
                continue;
            }
            Err(error) => (watcher.undecided(&error), false),
        };
        if !again || *stop.borrow() > 0 {
            return Outcome::Failed(failure);
        }
        attempt += 1;
        gone = None;
        let _ = events.send(Event::Retrying { id: step.id.clone(), attempt: attempt + lost, because: because.to_owned(), pause });
        tokio::time::sleep(pause).await;
    }
}

/// How long the host of a lane may be out of reach: once it has been for [`ABSENCE`], no step waits for it any more until it is back.
#[derive(Debug, Default)]
pub(super) struct Absence {
    given_up: bool,
}

impl Absence {
    fn bears(&mut self, since: Instant) -> bool {
        self.given_up |= since.elapsed() >= ABSENCE;
        !self.given_up
    }

    fn ended(&mut self) {
        self.given_up = false;
    }
}

/// Brings the host the files that the step needs, and runs its program. A file that did not get there ends it, with that exit.
async fn send(
    step: &Step,
    program: &Program,
    transport: &Transport,
    events: &Events,
    take: &mut (dyn FnMut(Line) + Send),
) -> Result<Exit> {
    for op in &step.apply {
        let Op::Upload(upload) = op else { continue };
        let mut said = Instant::now();
        let mut progress = |sent: u64, size: u64| {
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                let text = format!("uploaded {} of {} MiB", sent >> 20, size >> 20);
                let _ = events.send(Event::Line { id: step.id.clone(), text });
            }
        };
        let exit = transport.upload(&lower::upload_program(step, upload), &upload.from, take, &mut progress).await?;
        if exit.status != lower::UNCHANGED && exit.status != lower::CHANGED {
            take(Line { stderr: true, text: format!("{} could not be uploaded", upload.from.display()) });
            return Ok(exit);
        }
    }
    transport.run(program, take).await
}

/// Returns when a person has asked a second time to stop; a run that nobody can stop never does.
async fn out_of_patience(stop: &mut Stop) {
    if stop.wait_for(|asked| *asked >= 2).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Follows the output of one attempt.
struct Watcher<'a> {
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
}

impl<'a> Watcher<'a> {
    fn new(step: &'a Step, program: &'a Program, options: &'a Options, events: &'a Events) -> Self {
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
        }
    }

    fn take(&mut self, line: Line) {
        match Mark::parse(&line.text) {
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
            Some(Mark::Wait(_) | Mark::Send(_)) => {}
            Some(Mark::Waiting(what)) => {
                let _ = self.events.send(Event::Waiting { id: self.step.id.clone(), what: self.words(what) });
            }
            Some(Mark::Note(text)) => {
                let _ = self.events.send(Event::Note { text: format!("{}: {}", self.step.id, self.words(text)) });
            }
            Some(Mark::Cause(cause)) => self.cause = Some(self.words(cause)),
            // Hints are slipway's own words: a host can only choose among those that it was sent.
            Some(Mark::Remedy(remedy)) => {
                let sent = format!("remedy={}", lower::quote(&remedy));
                self.remedy = Some(remedy).filter(|_| self.program.text().contains(&sent));
            }
            Some(Mark::Final) => self.is_final = true,
            None => {
                let text = self.lines.mask(&line.text);
                if self.tail.len() == TAIL {
                    self.tail.pop_front();
                }
                self.tail.push_back(text.clone());
                let _ = self.events.send(Event::Line { id: self.step.id.clone(), text });
            }
        }
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
    fn judge(self, status: i32) -> Result<Outcome, (Failure, bool)> {
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

    fn undecided(self, error: &Error) -> Failure {
        let hint = error.hints.first().cloned();
        let failure = self.failure(error.to_string(), None);
        Failure { hint: hint.or(failure.hint), ..failure }
    }

    fn failure(self, what: String, exit: Option<i32>) -> Failure {
        let disk = disk_trouble(self.tail.iter().rev()).filter(|_| self.cause.is_none());
        let (what, remedy) = match disk {
            Some((trouble, line, remedy)) => (format!("{trouble}: {line}"), Some(remedy.to_owned())),
            None => (what, self.remedy.clone()),
        };
        Failure { what, command: self.described(), exit, tail: self.tail.into(), hint: remedy.or_else(|| self.step.hint.clone()) }
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
