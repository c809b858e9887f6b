//! What is fuzzed: each takes any bytes, and panics where slipway does what it never may.

use std::path::Path;

use slipway::{
    config, facts,
    lower::{Frame, Mark, Survey},
};

/// The word that begins the lines of a probe that is fuzzed.
pub const NONCE: &str = "n0nce";

/// A cluster file is read, or refused with words that are safe to show.
pub fn cluster_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match config::parse(text, Path::new("./cluster.toml")) {
        Ok(cluster) => assert!(!cluster.hosts.is_empty() && !cluster.name.contains(char::is_control)),
        Err(error) => {
            let said = format!("{error}{}", error.hints.concat());
            assert!(!said.is_empty() && !said.chars().any(|letter| letter.is_control() && letter != '\n'), "{said:?}");
        }
    }
}

/// A host's answer to the probe is read, or called cut short; one that lacks its last line is never taken for whole.
pub fn probe(bytes: &[u8]) {
    let lines: Vec<String> = String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect();
    let is_whole = facts::parse(&lines, NONCE).is_ok();
    let ends = lines.iter().any(|line| line.starts_with(&format!("{NONCE} facts-end ")));
    assert!(ends || !is_whole, "an end that nobody has written");
    let mut survey = Survey::default();
    lines.iter().for_each(|line| survey.take(NONCE, line));
    assert!(!survey.complete || lines.iter().any(|line| line == &format!("{NONCE} survey-end")));
}

/// Lines of a program are marks, frames of a file, or neither; what is no frame of this run is no frame.
pub fn frame(bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        let _ = Mark::parse(line);
        match Frame::parse(NONCE, line) {
            Frame::File(_) | Frame::End { .. } => assert!(line.starts_with(NONCE)),
            Frame::Data(data) => assert!(data.len() <= line.len()),
            Frame::Other => {}
        }
    }
}
