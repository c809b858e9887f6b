//! Whoever reads what slipway prints goes away, or has no room for it.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::operator::{DIRECT, Operator, ends, text};

#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let mut cases = 0;
    for output in ["install", "install --verbose", "install --output json"] {
        for lines in [0, 1, 3] {
            for both in [false, true] {
                let case = format!("{output}, gone after {lines} lines{}", if both { ", errors too" } else { "" });
                let operator = Operator::new();
                operator.slow(DIRECT);
                let mut command = operator.command(output);
                let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                let mut out = BufReader::new(run.stdout.take().unwrap());
                let err = run.stderr.take().unwrap();
                let mut line = String::new();
                for _ in 0..lines {
                    out.read_line(&mut line).unwrap();
                }
                drop(out);
                let err = if both { None } else { Some(err) };
                operator.until(&case, || operator.names("began").contains(DIRECT));
                operator.release();
                assert_eq!(ends(&mut run, &case), Some(0), "{case}: {line}");
                drop(err);
                operator.is_done(&case);
                operator.nothing_runs(&case);
                cases += 1;
            }
        }
    }
    println!("a reader that goes away: {cases} cases, every run went to its end");
}

#[test]
fn a_full_disk_under_the_output_stops_no_run_and_is_an_error_of_what_only_prints() {
    let operator = Operator::new();
    let to_full = |line: &str| {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        operator.command(line).stdout(full).output().unwrap()
    };
    for line in ["plan", "plan --diff", "plan --output json", "render script", "render dot", "status"] {
        let ran = to_full(line);
        assert_eq!(ran.status.code(), Some(10), "{line}: {ran:?}");
        assert!(text(&ran).starts_with("error: standard output can not be written"), "{line}: {ran:?}");
    }
    let ran = to_full("install");
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    operator.is_done("output to a full disk");
    assert_eq!(to_full("install --output json").status.code(), Some(0));
}
