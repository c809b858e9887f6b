//! Why no root shell came about, and what to do: from what sudo, doas or a login shell says (`man sudo`, `man doas`, `man nologin`).

use std::time::Duration;

use super::{
    lines::words,
    root::PROMPT,
    shell::{Ended, Login},
};
use crate::{
    config::Become,
    error::{Error, Kind},
    lower::quote,
};

impl Login<'_> {
    fn place(&self) -> &'static str {
        if self.is_here { "this machine" } else { "that host" }
    }

    /// How to do without sudo and doas.
    fn as_root(&self) -> &'static str {
        if self.is_here { "run slipway as root" } else { "log in as root: `user = \"root\"` under [ssh]" }
    }
}

/// Judges a shell that ended with `status` and never ran a program. `said` is what stood on standard error;
/// `gave_password` is whether sudo was given one.
pub(super) fn refused(status: i32, said: &[String], gave_password: bool, login: &Login<'_>) -> Ended {
    let said: Vec<String> = said.iter().map(|line| words(line).replace(PROMPT, "")).collect();
    let last_with = |words: &[&str]| {
        said.iter().rev().find(|line| words.iter().any(|word| line.to_lowercase().contains(word))).map(String::as_str)
    };
    if let Some(line) = last_with(&["doas"]) {
        return Ended::Refused { error: by_doas(line, login), wants_password: false };
    }
    // sudo says some things without its name.
    if let Some(line) = last_with(&["sudo", "sorry, user", "sorry, try again", "sorry, a password is required"]) {
        return by_sudo(line, gave_password, login);
    }
    let Login { user, who, .. } = login;
    let last = said.iter().rev().find(|line| !line.trim().is_empty());
    let because = last.map_or_else(String::new, |line| format!(": {line}"));
    let what = format!("the login shell of {who} started no program (exit status {status}){because}");
    let hint = format!("look at its shell on that host: getent passwd {}; it must not be nologin or a menu", quote(user));
    Ended::Refused { error: Error::new(Kind::Privilege, what).hint(hint), wants_password: false }
}

/// Of a shell that is still not there after `limit`.
pub(super) fn no_shell(limit: Duration, is_root: bool, login: &Login<'_>) -> Error {
    let Login { user, who, .. } = login;
    let (what, command) = match (is_root, login.becomes) {
        (true, _) => ("the login shell", format!("getent passwd {}", quote(user))),
        (false, Become::Doas) => ("doas", "time doas -n true".into()),
        (false, Become::Either | Become::Sudo) => ("sudo", "time sudo -n true".into()),
    };
    let what = format!("{what} of {who} gave no root shell within {} s", limit.as_secs());
    let hint = format!("it may wait for a directory server or for DNS; on {}: {command}", login.place());
    Error::new(Kind::Privilege, what).hint(hint)
}

fn by_sudo(line: &str, gave_password: bool, login: &Login<'_>) -> Ended {
    let Login { user, who, .. } = login;
    let error = Error::new(Kind::Privilege, format!("{who} can not become root: {line}"));
    let rule = format!("{user} ALL=(ALL) NOPASSWD: ALL");
    let as_root = format!("as root on {}: echo {} > /etc/sudoers.d/slipway", login.place(), quote(&rule));
    let lower = line.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["have a tty"]) {
        let rule = format!("Defaults:{user} !requiretty");
        let hint = format!("as root on {}: echo {} > /etc/sudoers.d/slipway-tty", login.place(), quote(&rule));
        return Ended::Refused { error: error.hint(hint), wants_password: false };
    }
    if has(&["not found", "unknown command", "no such file"]) {
        let hint = format!("install sudo on {}, or {}", login.place(), login.as_root());
        return Ended::Refused { error: error.hint(hint), wants_password: false };
    }
    let wrong = gave_password && has(&["incorrect password", "no password was provided", "try again"]);
    if wrong {
        let what = format!("{who} can not become root: sudo does not take the password that it was given");
        let hint = "try it on that host: sudo -k; sudo true; then put the right one into sudo_password_file under [ssh], or into \
                    SLIPWAY_SUDO_PASSWORD";
        return Ended::Refused { error: Error::new(Kind::Privilege, what).hint(hint), wants_password: true };
    }
    if has(&["password is required"]) {
        let hint = format!(
            "run slipway at a terminal to be asked for it, or give sudo_password_file under [ssh], or SLIPWAY_SUDO_PASSWORD; or \
             {as_root}"
        );
        return Ended::Refused { error: error.hint(hint), wants_password: true };
    }
    let hint = format!("{as_root}; or {}", login.as_root());
    Ended::Refused { error: error.hint(hint), wants_password: false }
}

fn by_doas(line: &str, login: &Login<'_>) -> Error {
    let Login { user, who, .. } = login;
    if line.contains("not found") || line.contains("Unknown command") {
        let (lacks, remedy) = match login.becomes {
            Become::Doas => {
                ("no doas, which `become = \"doas\"` asks for", "install it there, or leave `become` out: sudo will do")
            }
            Become::Either | Become::Sudo => ("neither sudo nor doas", "install sudo there"),
        };
        let host = if login.is_here { "it" } else { "that host" };
        let what = format!("{who} can not become root: {host} has {lacks}");
        return Error::new(Kind::Privilege, what).hint(format!("{remedy}, or {}", login.as_root()));
    }
    // doas reads a password from a terminal and from nowhere else.
    let hint = format!("as root on {}: echo {} >> /etc/doas.conf", login.place(), quote(&format!("permit nopass {user}")));
    Error::new(Kind::Privilege, format!("{who} can not become root: {line}")).hint(hint)
}
