//! How events are shown, by what standard output is.

use std::io::{self, IsTerminal};

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line a host that is drawn over and over: for a terminal.
    Bars,
    /// A line for each step that changed or failed: for a pipe or a file.
    Lines,
    /// A JSON object for each event: for a program.
    Json,
    /// Nothing on standard output, which is for what the command was asked for; notes go to standard error.
    Quiet,
}

impl Style {
    /// The style for standard output.
    #[must_use]
    pub fn choose(json: bool, is_terminal: bool) -> Self {
        match (json, is_terminal) {
            (true, _) => Self::Json,
            (false, true) => Self::Bars,
            (false, false) => Self::Lines,
        }
    }

    /// The style for a command that only looks, and prints what it found: nothing may stand between that and a pipe.
    #[must_use]
    pub fn for_looking(json: bool) -> Self {
        match Self::detect(json) {
            Self::Bars => Self::Bars,
            Self::Lines | Self::Json | Self::Quiet => Self::Quiet,
        }
    }

    /// The style for standard output as it is.
    #[must_use]
    pub fn detect(json: bool) -> Self {
        Self::choose(json, io::stdout().is_terminal())
    }
}
