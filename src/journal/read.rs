//! Reads a journal back: what happened, and how it ended.

use std::{fs, time::Duration};

use serde_json::Value;

use super::{Header, Kept};
use crate::{
    error::{Error, Kind, Result},
    event::{self, Event},
    report::Report,
};

/// A journal that was read.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub kept: Kept,
    pub header: Header,
    pub records: Vec<Record>,
    /// Lines that are not whole, or not understood.
    pub torn: usize,
    /// The run goes on, or did when the journal was read.
    pub running: bool,
}

/// What stands in one line.
#[derive(Clone, Debug)]
pub struct Record {
    /// How long after the start; zero where the line does not say.
    pub at: Duration,
    pub entry: Entry,
}

#[derive(Clone, Debug)]
pub enum Entry {
    Event(Event),
    /// What is no event of a run, such as `begin` or `report`: whoever wrote it can read it.
    Other(Value),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    Failed,
    /// A person, or the system, asked it to stop.
    Interrupted,
    /// It never got to its end.
    Killed,
    /// It has not ended.
    Running,
}

impl Ending {
    /// How a run ended that had this exit code.
    #[must_use]
    pub fn of(exit_code: u8) -> Self {
        match exit_code {
            0 => Self::Done,
            code if code == Kind::Interrupted.exit_code() => Self::Interrupted,
            _ => Self::Failed,
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Killed => "killed",
            Self::Running => "running",
        }
    }
}

impl Recorded {
    /// Reads a journal.
    ///
    /// # Errors
    /// `NoFile` when it can not be read.
    pub fn read(kept: Kept) -> Result<Self> {
        // Before the text is read: a run that ends in between has all its lines.
        let running = kept.is_running();
        let text = Self::text(&kept)?;
        Ok(Self::parse(kept, &text, running))
    }

    /// The lines of a journal, as they are; only a last one that is not whole is left out.
    ///
    /// # Errors
    /// `NoFile` when it can not be read.
    pub fn text(kept: &Kept) -> Result<String> {
        let bytes = fs::read(&kept.path).map_err(|error| {
            Error::new(Kind::NoFile, format!("the journal {} can not be read", kept.path.display())).because(error)
        })?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        Ok(text)
    }

    /// Reads the text of a journal.
    #[must_use]
    pub fn parse(kept: Kept, text: &str, running: bool) -> Self {
        let header = Header { cluster: kept.cluster.clone(), ..Header::default() };
        let mut recorded = Self { kept, header, records: Vec::new(), torn: 0, running };
        // Findings of one look come in lines of their own.
        let mut in_findings = false;
        for line in text.lines().filter(|line| !line.is_empty()) {
            let Some(value) = serde_json::from_str::<Value>(line).ok().filter(Value::is_object) else {
                recorded.torn += 1;
                continue;
            };
            let at = value["at"].as_f64().and_then(event::json::time).unwrap_or_default();
            let is_finding = value["event"] == "finding";
            match event::json::read(&value) {
                Some(Event::Findings { findings: more }) if in_findings => {
                    if let Some(Record { entry: Entry::Event(Event::Findings { findings }), .. }) = recorded.records.last_mut() {
                        findings.extend(more);
                    }
                }
                Some(event) => recorded.records.push(Record { at, entry: Entry::Event(event) }),
                None if value["event"] == "run" => recorded.header = header_of(&value),
                None => recorded.records.push(Record { at, entry: Entry::Other(value) }),
            }
            in_findings = is_finding;
        }
        recorded
    }

    fn others(&self, event: &str) -> impl DoubleEndedIterator<Item = &Value> {
        self.records.iter().filter_map(move |record| match &record.entry {
            Entry::Other(value) if value["event"] == event => Some(value),
            _ => None,
        })
    }

    /// The exit code; none if there was no end.
    #[must_use]
    pub fn exit_code(&self) -> Option<u8> {
        self.others("end").next_back()?["exit_code"].as_u64()?.try_into().ok()
    }

    #[must_use]
    pub fn ending(&self) -> Ending {
        let stopped = || self.records.iter().any(|record| matches!(record.entry, Entry::Event(Event::Stopping)));
        match self.exit_code() {
            Some(code) => Ending::of(code),
            None if self.running => Ending::Running,
            None if stopped() => Ending::Interrupted,
            None => Ending::Killed,
        }
    }

    /// The errors that the command ended with, as they were printed.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        self.others("error").filter_map(|value| value["message"].as_str())
    }

    /// Everything that happened as one fold, from the first thing to the last. Where the clock began anew (a repair is a reset and
    /// an up), it goes on from what was before.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report::new();
        let mut offset = Duration::ZERO;
        for record in &self.records {
            match &record.entry {
                Entry::Event(event) => report.observe(event, offset + record.at),
                Entry::Other(value) if value["event"] == "begin" => offset = report.wall(),
                Entry::Other(_) => {}
            }
        }
        report
    }
}

pub(super) fn header_of(value: &Value) -> Header {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let list = |name: &str| {
        let all = value[name].as_array().into_iter().flatten();
        all.filter_map(|each| each.as_str().map(str::to_owned)).collect()
    };
    Header {
        cluster: text("cluster"),
        command: text("command"),
        arguments: list("arguments"),
        hosts: list("hosts"),
        verbose: value["verbose"] == true,
    }
}
