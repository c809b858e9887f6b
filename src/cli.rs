//! The command line: clap's only file. Doc comments are the help.
