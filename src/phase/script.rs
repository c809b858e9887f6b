//! Shell with values: assignments in front, each quoted, and then a script that stands in a file of its own.

use std::fmt::Write as _;

use crate::lower::quote;

/// `text` with these shell variables set. Nothing is put into the text itself, so it reads and lints as plain shell.
pub(super) fn script(values: &[(&str, &str)], text: &str) -> String {
    let mut script = String::new();
    for (name, value) in values {
        let _ = writeln!(script, "{name}={}", quote(value));
    }
    script.push_str(text);
    script
}
