//! Shell with values: assignments in front, each quoted, and then a script that stands in a file of its own.

use crate::lower::quote;

/// `text` with these shell variables set. Nothing is put into the text itself, so it reads and lints as plain shell.
pub(super) fn script(values: &[(&str, &str)], text: &str) -> String {
    let mut script: String = values.iter().map(|(name, value)| format!("{name}={}\n", quote(value))).collect();
    // A step keeps it for as long as its run lasts.
    script.reserve_exact(text.len());
    script.push_str(text);
    script
}
