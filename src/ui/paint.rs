//! Colours, on a terminal whose owner did not decline them.

use std::{
    env,
    io::{self, IsTerminal},
    time::Duration,
};

/// Puts colour on text, or leaves it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// No colours at all.
    pub(super) const OFF: Self = Self { on: false };

    /// Colours, whatever the terminal is.
    #[cfg(test)]
    pub(super) const ON: Self = Self { on: true };

    pub(super) fn for_stdout() -> Self {
        Self { on: io::stdout().is_terminal() && wanted() }
    }

    pub(super) fn for_stderr() -> Self {
        Self { on: io::stderr().is_terminal() && wanted() }
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Colours each line of a plan or a diff by the sign that it begins with.
    pub(super) fn by_sign(self, text: &str) -> String {
        let line = |line: &str| match line.trim_start().chars().next() {
            Some('+') => self.green(line),
            Some('-') => self.red(line),
            Some('~') => self.yellow(line),
            Some('=') => self.dim(line),
            _ => line.to_owned(),
        };
        text.lines().map(|text| line(text) + "\n").collect()
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// NO_COLOR set to anything means no: <https://no-color.org>.
fn wanted() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// `3.2s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
