//! A run in brief: what a list of runs says of it, from the first line of its journal and the last ones.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
};

use serde_json::Value;

use super::{Header, Kept, Recorded, read};
use crate::error::Result;

/// How much of the end of a journal is read at first: the report of a few hosts and what is behind it. More is read where that is not all.
const TAIL: u64 = 16 << 10;

/// A run as far as a list needs it.
#[derive(Clone, Debug)]
pub enum Brief {
    /// One that came to its end, with what it then said of itself (`report`).
    Reported { kept: Kept, header: Header, report: Value, exit_code: u8 },
    /// One that goes on, did not get that far, or has several reports: only all that happened tells what it came to.
    Whole(Recorded),
}

impl Brief {
    /// Reads as little of a journal as will do.
    ///
    /// # Errors
    /// `NoFile` when it can not be read.
    pub fn read(kept: Kept) -> Result<Self> {
        // A repair is a reset and an up, each with its report.
        if let Ok(Some((header, report, exit_code))) = ends(&kept)
            && header.command != "repair"
        {
            return Ok(Self::Reported { kept, header, report, exit_code });
        }
        Recorded::read(kept).map(Self::Whole)
    }
}

/// The header of a journal, its report and its exit code, if the last line is the end and errors alone are between that and the report.
fn ends(kept: &Kept) -> io::Result<Option<(Header, Value, u8)>> {
    let mut file = File::open(&kept.path)?;
    let size = file.metadata()?.len();
    let mut first = String::new();
    BufReader::new(&file).read_line(&mut first)?;
    let Some(header) = parse(&first).filter(|line| line["event"] == "run").map(|line| read::header_of(&line)) else {
        return Ok(None);
    };
    let mut length = TAIL;
    loop {
        let length_now = length.min(size);
        file.seek(SeekFrom::Start(size - length_now))?;
        let mut tail = Vec::new();
        (&mut file).take(length_now).read_to_end(&mut tail)?;
        match last(&tail) {
            Last::Cut if length_now < size => length *= 8,
            Last::Cut | Last::Otherwise => return Ok(None),
            Last::Reported(report, exit_code) => return Ok(Some((header, report, exit_code))),
        }
    }
}

/// What the last lines of a journal are.
enum Last {
    Reported(Value, u8),
    /// They begin before what was read.
    Cut,
    Otherwise,
}

fn last(tail: &[u8]) -> Last {
    let Some(whole) = tail.strip_suffix(b"\n") else { return Last::Otherwise };
    let mut exit_code = None;
    let mut lines = whole.rsplit(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        // The first of them may be the rest of a longer one.
        if lines.peek().is_none() {
            return Last::Cut;
        }
        let Some(line) = std::str::from_utf8(line).ok().and_then(parse) else { return Last::Otherwise };
        match (line["event"].as_str(), exit_code) {
            (Some("end"), None) => exit_code = line["exit_code"].as_u64().and_then(|code| code.try_into().ok()),
            (Some("error"), Some(_)) => {}
            (Some("report"), Some(exit_code)) => return Last::Reported(line, exit_code),
            _ => return Last::Otherwise,
        }
    }
    Last::Otherwise
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(tail: &str) -> &'static str {
        match last(tail.as_bytes()) {
            Last::Reported(report, 20) if report["event"] == "report" => "reported",
            Last::Reported(..) => "another",
            Last::Cut => "cut",
            Last::Otherwise => "otherwise",
        }
    }

    #[test]
    fn a_report_is_found_behind_which_there_are_errors_and_the_end() {
        let (before, report) = ("rest\"}\n", "{\"event\":\"report\"}\n");
        let (error, end) = ("{\"event\":\"error\"}\n", "{\"event\":\"end\",\"exit_code\":20}\n");
        for (tail, expected) in [
            (format!("{before}{report}{end}"), "reported"),
            (format!("{before}{report}{error}{error}{end}"), "reported"),
            (format!("{report}{error}{end}"), "cut"),
            (format!("{before}{report}{error}"), "otherwise"),
            (format!("{before}{report}{{\"event\":\"note\"}}\n{end}"), "otherwise"),
            (format!("{before}{report}{end}{{\"ev"), "otherwise"),
            (format!("{before}{report}{{torn\n{end}"), "otherwise"),
            (String::new(), "otherwise"),
        ] {
            assert_eq!(what(&tail), expected, "{tail}");
        }
    }
}
