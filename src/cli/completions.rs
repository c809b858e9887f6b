//! Completions, made from the same definitions as the help.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// The script that teaches a shell to complete slipway's command line.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "slipway", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
