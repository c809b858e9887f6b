//! The functions of the fuzz targets (fuzz/), without a fuzzer: real input, changed at random, a seed at a time.

#![allow(clippy::unwrap_used, reason = "a test that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "the counts are for people: cargo test -- --nocapture")]

#[allow(unreachable_pub, reason = "it is the library of the fuzz targets, which are no part of this package")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

fn files(directory: &str, extension: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Cuts, repeats, moves and replaces bytes, here with those of another input.
fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    const ODD: [&[u8]; 10] =
        [b"\0", b"\n", b"\"", b"'", b"\x1b[31m", b"\xff\xfe", b"99999999999999999999", b"-1", "\u{202e}é".as_bytes(), b"]]"];
    for _ in 0..=random.below(6) {
        let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 200));
        match random.below(6) {
            0 => bytes.truncate(from),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let piece = bytes[from..to].to_vec();
                let at = random.below(bytes.len());
                bytes.splice(at..at, piece);
            }
            3 if !bytes.is_empty() => bytes[from] = u8::try_from(random.below(256)).unwrap(),
            4 => {
                let other = &others[random.below(others.len())];
                let start = random.below(other.len());
                let piece = other[start..other.len().min(start + 100)].to_vec();
                bytes.splice(from..to, piece);
            }
            _ => {
                let odd = ODD[random.below(ODD.len())];
                bytes.splice(from..from, odd.iter().copied());
            }
        }
    }
}

/// Changes these inputs as often as is usual, or as the environment says; a seed that fails is printed, and can be given again.
fn fuzz(what: &str, inputs: &[Vec<u8>], usual: u64, target: fn(&[u8])) {
    let given = |name: &str| std::env::var(name).ok();
    let cases = match given("SLIPWAY_FAULTS").as_deref() {
        Some("long") => usual * 100,
        Some(number) => number.parse().unwrap(),
        None => usual,
    };
    let seed = given("SLIPWAY_FAULT_SEED").map_or_else(|| u64::from(getrandom::u32().unwrap()), |seed| seed.parse().unwrap());
    for case in 0..cases {
        let mut random = Random(seed.wrapping_add(case).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut bytes = inputs[random.below(inputs.len())].clone();
        if case > 0 {
            change(&mut bytes, inputs, &mut random);
        }
        if catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
            panic!(
                "{what}: SLIPWAY_FAULTS=2 SLIPWAY_FAULT_SEED={}\n{}",
                seed.wrapping_add(case).wrapping_sub(1),
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    println!("fuzzed: {what}, {cases} changed inputs of {} real ones, SLIPWAY_FAULT_SEED={seed}", inputs.len());
}

#[test]
fn a_cluster_file_is_read_or_refused() {
    let inputs = [files("tests/config/good", "toml"), files("tests/config/bad", "toml")].concat();
    fuzz("cluster file", &inputs, 10_000, targets::cluster_file);
}

#[test]
fn the_answer_of_a_probe_is_read_or_called_cut() {
    let mut inputs = files("tests/facts", "txt");
    inputs.push(format!("{0} check abc 1\n{0} survey-end\n", targets::NONCE).into_bytes());
    fuzz("probe", &inputs, 10_000, targets::probe);
}

#[test]
fn a_line_of_a_program_is_a_frame_or_is_not() {
    let marks = "::slipway op 1\n::slipway end 10\n::slipway remedy do this\n::slipway failed -1\n::slipway wait 300\n";
    let frames = format!("{0} file etcd.db\nZm9vYmFy\nZg==\n{0} end etcd.db 6 abc\n", targets::NONCE);
    fuzz("frames", &[marks.into(), frames.into()], 30_000, targets::frame);
}
