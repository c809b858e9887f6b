//! Whoever reads what slipway prints goes away.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::operator::{DIRECT, Operator, ends};

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
