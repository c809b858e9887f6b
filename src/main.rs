//! Parses the command line, runs it, prints one error, exits with its code.

fn main() {}
