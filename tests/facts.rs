//! The probe and its parser against what real hosts printed: each `tests/facts/NAME.txt` is a captured answer, and the
//! `NAME.toml` beside it says what must be read from it. And against the machine that runs the tests.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use slipway::{
    error::Kind,
    facts::{self, Facts},
};

/// The nonce of every captured answer.
const NONCE: &str = "n0nce";

struct Capture {
    name: String,
    lines: Vec<String>,
    expected: toml::Table,
}

fn captures() -> Vec<Capture> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).expect("tests/facts").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let answers = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    answers
        .map(|path| Capture {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            lines: fs::read_to_string(path).expect("an answer").lines().map(str::to_owned).collect(),
            expected: fs::read_to_string(path.with_extension("toml")).expect("what is expected").parse().expect("TOML"),
        })
        .collect()
}

/// Every difference between what is expected (which may leave things out) and what was read.
fn differences(path: &str, expected: &toml::Value, found: Option<&serde_json::Value>) -> Vec<String> {
    match (expected, found) {
        (toml::Value::Table(expected), Some(serde_json::Value::Object(found))) => {
            expected.iter().flat_map(|(key, value)| differences(&format!("{path}.{key}"), value, found.get(key))).collect()
        }
        // What should not be there is written as "".
        (toml::Value::String(text), None | Some(serde_json::Value::Null)) if text.is_empty() => Vec::new(),
        (expected, found) => {
            let expected = serde_json::to_value(expected).expect("JSON");
            if Some(&expected) == found { Vec::new() } else { vec![format!("{path}: expected {expected}, found {found:?}")] }
        }
    }
}

#[test]
fn captured_answers_are_read_as_they_should_be() {
    let captures = captures();
    assert!(captures.len() >= 4, "only {} captured answers", captures.len());
    for Capture { name, lines, expected } in captures {
        let facts = facts::parse(&lines, NONCE).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = serde_json::to_value(&facts).expect("JSON");
        let wrong = differences(&name, &toml::Value::Table(expected), Some(&found));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_lost() {
    for Capture { name, lines, .. } in captures() {
        let end = lines.iter().position(|line| line.contains("facts-end")).expect("an end");
        for length in 0..=end {
            let error = facts::parse(&lines[..length], NONCE).expect_err(&name);
            assert_eq!(error.kind, Kind::Lost, "{name}, cut after {length} lines");
            // A line that is lost on the way is as bad.
            let mut gap = lines.clone();
            gap.remove(length);
            if lines[length].starts_with(NONCE) {
                assert!(facts::parse(&gap, NONCE).is_err(), "{name} without line {length}");
            }
        }
        for cut in 0..lines[end].len() {
            let mut short = lines[..=end].to_vec();
            short[end].truncate(cut);
            assert!(facts::parse(&short, NONCE).is_err(), "{name}, cut in its last line after {cut} bytes");
        }
        assert_eq!(facts::parse(&lines, "other").expect_err("another nonce").kind, Kind::Lost);
    }
}

#[test]
fn noise_between_the_lines_changes_nothing() {
    for Capture { name, lines, .. } in captures() {
        let noise = ["Welcome to node1!", "", "n0nce", "n0ncefact cpus 0-99", "fact cpus 0-99", "facts-end 1"];
        let noisy: Vec<String> =
            lines.iter().flat_map(|line| noise.map(str::to_owned).into_iter().chain([line.clone()])).collect();
        let (clean, noisy) = (facts::parse(&lines, NONCE), facts::parse(&noisy, NONCE));
        let json = |facts: Facts| serde_json::to_value(facts).expect("JSON");
        assert_eq!(clean.map(json).expect(&name), noisy.map(json).expect(&name), "{name}");
    }
}

#[test]
fn a_hostile_host_can_not_upset_the_parser() {
    let spoil: &[fn(&str) -> String] = &[
        |value| value.replace(|letter: char| letter.is_ascii_digit(), "99999999999999999999"),
        |value| value.replace(|letter: char| letter.is_ascii_digit(), "-"),
        |value| value.replace(' ', ""),
        |value| value.replace(['=', ':', '/', '"', '%'], "ü"),
        |value| value.chars().rev().collect(),
        |value| value.repeat(3),
        |value| value.chars().take(value.chars().count() / 2).collect(),
        |value| value.chars().skip(1).collect(),
        |_| "\"".to_owned(),
        |_| "\u{fffd}".to_owned(),
        |_| String::new(),
    ];
    for Capture { name, lines, .. } in captures() {
        for spoil in spoil {
            let spoiled = |line: &String| match line.strip_prefix("n0nce fact ").and_then(|fact| fact.split_once(' ')) {
                Some((key, value)) => format!("n0nce fact {key} {}", spoil(value)),
                None => line.clone(),
            };
            let lines: Vec<String> = lines.iter().map(spoiled).collect();
            assert!(facts::parse(&lines, NONCE).is_ok(), "{name}");
        }
    }
}

/// Runs the probe on this machine, by one of its shells, as the survey would: with `set -eu`, on standard input.
fn probe_here(shell: &str) -> Option<Vec<String>> {
    let mut child = Command::new(shell)
        .args(if shell == "busybox" { &["sh", "-s"][..] } else { &["-s"] })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let program = format!(
        "{{\nset -eu\nexport LC_ALL=C\nNONCE={NONCE} PEERS='127.0.0.1 ::1 no-such-host.invalid' STATE=/nonexistent\n{}probe\necho after\n}} </dev/null\n",
        facts::PROBE
    );
    child.stdin.take().expect("a pipe").write_all(program.as_bytes()).expect("the program is read");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{shell}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}");
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// What the probe finds on this machine, without what moves between two looks at a busy one.
fn found_here(shell: &str) -> Option<serde_json::Value> {
    let lines = probe_here(shell)?;
    // Nothing of the probe leaks into what follows it: no option, no end of the shell.
    assert_eq!(lines.last().map(String::as_str), Some("after"), "{shell}");
    let mut facts = facts::parse(&lines, NONCE).unwrap_or_else(|error| panic!("{shell}: {error}"));
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").expect("a hostname");
    assert_eq!(facts.hostname, hostname.trim(), "{shell}");
    assert!(facts.cpus > 0 && facts.memory_mib > 0 && facts.disk_free_mib > 0 && facts.clock > 1.6e9, "{shell}: {facts:?}");
    assert_eq!(facts.arch, std::env::consts::ARCH, "{shell}");
    (facts.clock, facts.disk_free_mib) = (0.0, 0);
    facts.ports.clear();
    Some(serde_json::to_value(&facts).expect("JSON"))
}

#[test]
fn every_shell_here_runs_the_probe_and_finds_the_same() {
    for shell in ["dash", "bash", "busybox"] {
        // Somebody may plug in a network meanwhile: it counts when the machine was the same before and after.
        let same = (0..10).find_map(|_| {
            let before = found_here("sh").expect("a shell");
            let Some(found) = found_here(shell) else { return Some(true) };
            (found_here("sh").expect("a shell") == before).then(|| {
                assert_eq!(found, before, "{shell}");
                true
            })
        });
        assert!(same.is_some(), "this machine never stood still");
    }
}
