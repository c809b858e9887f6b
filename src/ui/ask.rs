//! Asks a person. Nobody is asked where there is no terminal: then the answer is `None`. The only file that knows rpassword.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal, Write},
};

/// Asks for a password or passphrase, without echo. On the terminal itself, as ssh does, whatever standard input is.
#[must_use]
pub fn password(prompt: &str) -> Option<String> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    rpassword::prompt_password(prompt).ok()
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
