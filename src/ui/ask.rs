//! Asks a person. Nobody is asked where there is no terminal: then the answer is `None`. The only file that knows rpassword.

use std::{
    env,
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal, Write},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How the terminal was set before the question that is open there, which sets it otherwise.
static BEFORE: Mutex<Option<String>> = Mutex::new(None);

/// Asks for a password or passphrase, without echo. On the terminal itself, as ssh does, whatever standard input is.
#[must_use]
pub fn password(prompt: &str) -> Option<String> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    let before = stty("-g").map(|settings| settings.trim().to_owned());
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = before;
    let answer = rpassword::prompt_password(prompt);
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = None;
    // It has sent this very process the signal of Ctrl-C, which is to be heard before it looks as if there were no password.
    if answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
        thread::sleep(Duration::from_millis(200));
    }
    answer.ok()
}

/// Sets the terminal as it was before a question that nobody has answered, for whoever is about to end; says whether there was one.
pub fn leave_terminal() -> bool {
    let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() else { return false };
    let _ = stty(&before);
    // What is said next does not stand behind the question.
    if let Ok(mut terminal) = OpenOptions::new().write(true).open("/dev/tty") {
        let _ = terminal.write_all(b"\n");
    }
    true
}

/// What stty(1) says of the terminal; none where it can not.
fn stty(argument: &str) -> Option<String> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    // No child inherits what the environment may hold of passwords.
    let path = env::var_os("PATH").map(|path| ("PATH", path));
    let said = Command::new("stty").env_clear().envs(path).arg(argument).stdin(terminal).stderr(Stdio::null()).output().ok()?;
    said.status.success().then(|| String::from_utf8(said.stdout).ok())?
}

/// Whether there is anybody to ask.
#[must_use]
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question whose answer is yes or no; anything but a yes is a no.
#[must_use]
pub fn confirm(question: &str) -> Option<bool> {
    if !is_possible() {
        return None;
    }
    // Nobody else who has something to say (an error, after Ctrl-C) waits for the answer: the lock is not kept.
    let mut out = io::stderr();
    write!(out, "{}", prompt(question)).and_then(|()| out.flush()).ok()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    Some(is_yes(&answer))
}

/// A question as it stands on the terminal.
pub(super) fn prompt(question: &str) -> String {
    format!("{question} [y/N] ")
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(is_yes("y\n") && is_yes(" YES "));
        assert!(!is_yes("\n") && !is_yes("no") && !is_yes("yep, maybe"));
    }
}
