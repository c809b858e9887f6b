//! The journal of a run: a file of JSON lines with everything that happened, each with its time.
//!
//! It holds what `--output json` prints (`ui::json` documents that), and beside it:
//!
//! | event | fields |
//! |---|---|
//! | `run` | first: `run` (its id), `cluster`, `command` (`up`), `arguments` (of the command line), `hosts`, `slipway` (its version), `verbose` |
//! | `begin` | `command` as a person would type it again: a user interface begins, and its `at` with it (a repair has two: a reset and an up) |
//! | `question` | `text`, `answer`: a person was asked, and said yes (true) or no |
//! | `truncated` | lines that steps print are left out from here on: there are as many as a journal takes |
//! | `end` | last: `exit_code`; a run without it was killed, or goes on |
//!
//! Each line has `time`, when it was written (UTC). Lines are written one by one and whole: what kills slipway costs no line that was
//! there, and a reader passes over one that is torn. While the run lives it holds a lock on its journal, which ends with the process.
//! Secrets are masked in all texts.

mod brief;
mod date;
mod read;
mod store;

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

pub use self::{
    brief::Brief,
    date::{human, line_stamp},
    read::{Ending, Entry, Record, Recorded},
    store::{Kept, Store},
};
use crate::{
    error::{Error, Kind, Result},
    event::{self, Event},
    secrets::Mask,
};

/// Bytes of the lines of output in a journal, at most: a step may print without end. Of all else there is so much for each step and host
/// and no more: what a host says beside its output, the executor bounds.
const ROOM: u64 = 32 << 20;

/// Values that name things, by which a reader puts a run together again: no text of a tool is among them.
const NAMES: &[&str] =
    &["event", "host", "step", "needs", "by", "state", "outcome", "verdict", "kind", "run", "cluster", "hosts"];

/// What a journal says of its run in the first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub cluster: String,
    /// The subcommand.
    pub command: String,
    /// The command line, without the name of the program.
    pub arguments: Vec<String>,
    pub hosts: Vec<String>,
    /// Each line that a step printed was shown.
    pub verbose: bool,
}

/// The journal of a run under way. Clones write the same one.
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

struct Shared {
    id: String,
    path: PathBuf,
    mask: Mask,
    writer: Mutex<Writer>,
}

struct Writer {
    file: File,
    /// Bytes of lines of output.
    output: u64,
    /// The last line did not get there whole: the next one begins on a line of its own.
    torn: bool,
    truncated: bool,
}

impl Journal {
    /// Begins the journal of a run that begins now. Old journals of any cluster expire here.
    ///
    /// # Errors
    /// `NoFile` when the file can not be made.
    pub fn open(store: &Store, header: &Header, mask: Mask) -> Result<Self> {
        Self::open_at(store, header, mask, now()).map_err(|error| {
            Error::new(Kind::NoFile, format!("can not write a journal in {}", store.root().display()))
                .because(error)
                .hint("set XDG_STATE_HOME to a directory that you may write to")
        })
    }

    fn open_at(store: &Store, header: &Header, mask: Mask, now: Duration) -> std::io::Result<Self> {
        let (kept, file) = store.create(&header.cluster, now)?;
        // Some file systems have no locks; without one, a run that goes on looks like one that was killed.
        let _ = file.try_lock();
        // A comfort: an odd directory is no reason not to run.
        store.expire(now);
        let writer = Writer { file, output: 0, torn: false, truncated: false };
        let journal = Self(Arc::new(Shared { id: kept.id, path: kept.path, mask, writer: Mutex::new(writer) }));
        let Header { cluster, command, arguments, hosts, verbose } = header;
        journal.write(json!({
            "event": "run", "run": journal.id(), "cluster": cluster, "command": command, "arguments": arguments, "hosts": hosts,
            "slipway": env!("CARGO_PKG_VERSION"), "verbose": verbose,
        }));
        Ok(journal)
    }

    /// What `slipway runs show` knows the run by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Writes events with the times after the start at which they happened, in one go.
    pub fn events<'a>(&self, events: impl IntoIterator<Item = (&'a Event, Duration)>) {
        self.write_all(events.into_iter().flat_map(|(event, at)| event::json::lines(event, at)));
    }

    /// Writes a line, with the time and without secrets.
    pub fn write(&self, line: Value) {
        self.write_all([line]);
    }

    fn write_all(&self, lines: impl IntoIterator<Item = Value>) {
        let time = line_stamp(now());
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for mut line in lines {
            mask(&mut line, &self.0.mask);
            line["time"] = time.as_str().into();
            writer.take(&line, &mut text);
        }
        writer.put(&text);
    }
}

impl Writer {
    /// Adds a line to a text, if there is room for it.
    fn take(&mut self, line: &Value, text: &mut String) {
        let whole = format!("{line}\n");
        if line["event"] == "line" {
            if self.output >= ROOM {
                if !self.truncated {
                    self.truncated = true;
                    text.push_str(&format!("{}\n", json!({"event": "truncated", "time": line["time"]})));
                }
                return;
            }
            self.output += whole.len() as u64;
        }
        text.push_str(&whole);
    }

    /// A disk that fills up during a run must not end it: what can not be written is lost.
    fn put(&mut self, text: &str) {
        let text = if self.torn { format!("\n{text}") } else { text.to_owned() };
        self.torn = self.file.write_all(text.as_bytes()).is_err();
    }
}

/// Masks every text in a line, save for names.
fn mask(value: &mut Value, by: &Mask) {
    match value {
        Value::String(text) => *text = by.text(text),
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, by)),
        Value::Object(fields) => {
            // In a report, hosts are more than names.
            let named = |name: &str, value: &Value| {
                NAMES.contains(&name) && !value.as_array().is_some_and(|all| all.iter().any(Value::is_object))
            };
            fields.iter_mut().filter(|(name, value)| !named(name, value)).for_each(|(_, value)| mask(value, by));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests;
