//! `slipway runs` and `slipway report`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `slipway runs`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway runs
  slipway runs show last                    what the terminal saw
  slipway runs show 3f9a --verbose          and each line that a step printed
  slipway runs show 3f9a --output json      the journal itself: all of it, with times

Whatever may change hosts is kept: up, install, init, join, cni, verify, reset, repair. A journal is a file that only you may read, in
~/.local/state/slipway (or $XDG_STATE_HOME/slipway), with secrets masked. Of each cluster the last 50 runs are kept, for 90 days; the newest
stays however old it is. A run that was killed is there up to where it was.")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Runs {
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum RunsCommand {
    /// Show a run again, as the terminal saw it
    Show {
        /// The run: its id, the beginning of it, or `last`
        #[arg(value_name = "RUN", default_value = "last")]
        run: String,
    },
}

/// `slipway report`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway report --to report.html           of the last run
  slipway report 3f9a >report.html          of another; `slipway runs` lists them

The page is one file that needs no network and runs no script. What stands in it has secrets masked.")]
pub struct Report {
    /// The run: its id, the beginning of it, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,

    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}
