//! How a root shell is started, and how the words of a program are told from those of login shells, banners and sudo.
//!
//! The program is fed to `sh -s` behind one line that prints a random marker to both streams. What comes before the marker is
//! noise and is dropped; an end without a marker means that no shell of ours has run, whatever the exit status says.

use std::collections::VecDeque;

use super::{
    Exit, Line,
    lines::{Lines, clean},
};
use crate::{
    error::{Error, Kind, Result},
    lower::{Program, quote},
};

/// Lines of standard error that are kept from before the marker: what sudo or a login shell says when it refuses.
const NOISE: usize = 20;

/// Whose shell it is, in the words of messages.
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    /// `vagrant@192.168.77.11`, or `vagrant on this machine`.
    pub(super) who: &'a str,
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

/// Both streams of one program, on their way to `on_line`.
pub(super) struct Output<'a> {
    marker: &'a str,
    stdout: Lines,
    stderr: Lines,
    told: Told<'a>,
}

/// What has come out so far.
struct Told<'a> {
    on_line: &'a mut (dyn FnMut(Line) + Send),
    started: bool,
    stderr_started: bool,
    noise: VecDeque<String>,
}

impl<'a> Output<'a> {
    pub(super) fn new(marker: &'a Marker, on_line: &'a mut (dyn FnMut(Line) + Send)) -> Self {
        let told = Told { on_line, started: false, stderr_started: false, noise: VecDeque::new() };
        Self { marker: &marker.0, stdout: Lines::default(), stderr: Lines::default(), told }
    }

    pub(super) fn stdout(&mut self, bytes: &[u8]) {
        self.stdout.push(bytes, |text| self.told.stdout(self.marker, text));
    }

    pub(super) fn stderr(&mut self, bytes: &[u8]) {
        self.stderr.push(bytes, |text| self.told.stderr(self.marker, text));
    }

    /// Delivers the lines that did not end, and judges how the shell of `login` ended.
    ///
    /// # Errors
    /// `Privilege`, when the shell never ran.
    pub(super) fn finish(mut self, status: i32, login: &Login<'_>) -> Result<Exit> {
        self.stdout.finish(|text| self.told.stdout(self.marker, text));
        self.stderr.finish(|text| self.told.stderr(self.marker, text));
        if !self.told.started {
            return Err(refused(status, self.told.noise.make_contiguous(), login));
        }
        if !self.told.stderr_started {
            let held = std::mem::take(&mut self.told.noise);
            held.into_iter().for_each(|text| (self.told.on_line)(Line { stderr: true, text }));
        }
        Ok(Exit { status })
    }
}

impl Told<'_> {
    fn stdout(&mut self, marker: &str, text: String) {
        if self.started {
            (self.on_line)(Line { stderr: false, text });
        } else {
            // Noise that did not end its line stands before the marker.
            self.started = text.ends_with(marker);
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

/// Why a shell that ended with `status` never ran a program, from what was said on standard error (`man sudo`, `man nologin`).
fn refused(status: i32, said: &[String], login: &Login<'_>) -> Error {
    let Login { user, who } = login;
    let sudo = said.iter().rev().find(|line| line.to_lowercase().contains("sudo"));
    let rule = format!("{user} ALL=(ALL) NOPASSWD: ALL");
    let as_root = format!("as root on that host: echo {} > /etc/sudoers.d/slipway", quote(&rule));
    if let Some(line) = sudo {
        let error = Error::new(Kind::Privilege, format!("{who} can not become root: {}", clean(line)));
        return if line.contains("tty") {
            let rule = format!("Defaults:{user} !requiretty");
            error.hint(format!("as root on that host: echo {} > /etc/sudoers.d/slipway-tty", quote(&rule)))
        } else if line.contains("not found") || line.contains("Unknown command") {
            error.hint("install sudo on that host, or log in as root: `user = \"root\"` under [ssh]")
        } else {
            error.hint(format!("{as_root}; or log in as root: `user = \"root\"` under [ssh]"))
        };
    }
    let last = said.iter().rev().find(|line| !line.trim().is_empty());
    let because = last.map_or_else(String::new, |line| format!(": {line}"));
    Error::new(Kind::Privilege, format!("the login shell of {who} started no program (exit status {status}){because}"))
        .hint(format!("look at its shell on that host: getent passwd {}; it must not be nologin or a menu", quote(user)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Login<'static> = Login { user: "vagrant", who: "vagrant@10.0.0.1" };

    fn output(status: i32, say: impl FnOnce(&mut Output<'_>, &str)) -> (Vec<Line>, Result<Exit>) {
        let marker = Marker::new().unwrap();
        let mut lines = Vec::new();
        let mut on_line = |line| lines.push(line);
        let mut output = Output::new(&marker, &mut on_line);
        say(&mut output, &marker.0);
        let exit = output.finish(status, &LOGIN);
        (lines, exit)
    }

    fn line(stderr: bool, text: &str) -> Line {
        Line { stderr, text: text.into() }
    }

    #[test]
    fn noise_before_the_marker_is_dropped_and_all_after_it_is_kept() {
        let (lines, exit) = output(3, |output, marker| {
            output.stdout(b"Welcome to this host\nno line end");
            output.stderr(b"stdin: is not a tty\n");
            output.stdout(format!("{marker}\none\n").as_bytes());
            output.stderr(format!("{marker}\noops").as_bytes());
            output.stdout(b"two");
        });
        assert_eq!(exit.unwrap(), Exit { status: 3 });
        assert_eq!(lines, [line(false, "one"), line(false, "two"), line(true, "oops")]);
    }

    #[test]
    fn an_end_without_the_marker_is_never_a_success() {
        let (lines, exit) = output(0, |output, _| output.stdout(b"This service allows sftp connections only.\n"));
        assert_eq!(lines, []);
        assert_eq!(exit.unwrap_err().kind, Kind::Privilege);
    }

    #[test]
    fn each_way_of_sudo_to_say_no_has_its_remedy() {
        for (said, remedy) in [
            ("sudo: a password is required", "NOPASSWD"),
            ("vagrant is not in the sudoers file.  This incident will be reported.", "NOPASSWD"),
            ("Sorry, user vagrant is not allowed to execute '/bin/sh -s' as root on node1. (sudo)", "NOPASSWD"),
            ("sudo: sorry, you must have a tty to run sudo", "!requiretty"),
            ("sh: 1: exec: sudo: not found", "install sudo"),
            ("bash: line 1: exec: sudo: not found", "install sudo"),
            ("fish: Unknown command: sudo", "install sudo"),
        ] {
            let (_, exit) = output(1, |output, _| output.stderr(format!("motd\n{said}\n").as_bytes()));
            let error = exit.unwrap_err();
            assert_eq!(error.kind, Kind::Privilege, "{said}");
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.hints[0].contains(remedy), "{said}: {:?}", error.hints);
        }
    }

    #[test]
    fn a_login_shell_that_says_no_is_named() {
        let (_, exit) = output(1, |output, _| output.stdout(b"This account is currently not available.\n"));
        let error = exit.unwrap_err();
        assert!(error.to_string().contains("login shell of vagrant@10.0.0.1"), "{error}");
        assert!(error.hints[0].contains("getent passwd 'vagrant'"));
    }

    #[test]
    fn a_program_stands_behind_the_marker_untouched() {
        let marker = Marker::new().unwrap();
        let text = String::from_utf8(marker.precede(&Program::new("{ true; }\n"))).unwrap();
        assert_eq!(text, format!("echo {0}; echo {0} >&2\n{{ true; }}\n", marker.0));
        assert_ne!(marker.0, Marker::new().unwrap().0);
    }
}
