//! Cluster files as data. A file of tests/config/bad must give exactly what its .out says; a file of tests/config/good must mean
//! exactly what its .out says. `BLESS=1 cargo test --test config` writes the .out files anew: read the difference.

use std::{env, fs, path::Path};

use slipway::{
    config,
    error::{Error, Kind},
};

/// What the command prints for an error, with its exit code ahead.
fn report(error: &Error) -> String {
    let hints: String = error.hints.iter().map(|hint| format!("hint: {hint}\n")).collect();
    format!("exit {} ({:?})\nerror: {error}\n{hints}", error.kind.exit_code(), error.kind)
}

/// Compares each `*.toml` of a directory with its `.out`.
fn compare_all(dir: &str, outcome: impl Fn(&Path) -> String) -> usize {
    let mut files: Vec<_> =
        fs::read_dir(dir).expect("the test data is there").map(|file| file.expect("readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        let (got, golden) = (outcome(file), file.with_extension("out"));
        if env::var_os("BLESS").is_some() {
            fs::write(&golden, &got).expect("the golden file can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if got != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- got\n{got}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    files.len()
}

#[test]
fn a_bad_file_gives_one_line_one_hint_and_its_own_exit_code() {
    let count = compare_all("tests/config/bad", |file| {
        let error = config::load(file).expect_err(&format!("{} is accepted", file.display()));
        let said = report(&error);
        assert_eq!(said.lines().count(), 3, "not one line and one hint: {said}");
        assert!(!said.chars().any(|letter| letter.is_control() && letter != '\n'), "{said:?}");
        said
    });
    assert!(count >= 60, "{count} files");
}

#[test]
fn a_good_file_means_what_it_says() {
    let home = env::home_dir().expect("tests run with a home").display().to_string();
    let count = compare_all("tests/config/good", |file| match config::load(file) {
        Ok(cluster) => format!("{cluster:#?}\n").replace(&format!("\"{home}/.ssh"), "\"~/.ssh"),
        Err(error) => report(&error),
    });
    assert_eq!(count, 2);
}

#[test]
fn a_file_that_is_not_there_or_no_file_is_said_to_be_so() {
    let error = config::load(Path::new("tests/config/nowhere.toml")).expect_err("there is none");
    let expected = "exit 10 (NoFile)\nerror: tests/config/nowhere.toml: there is no such file\n\
                    hint: write one with `slipway new --host cp1=ADDRESS`, or name yours with `-c FILE`\n";
    assert_eq!(report(&error), expected);
    let error = config::load(Path::new("tests/config")).expect_err("it is a directory");
    assert_eq!(error.kind, Kind::NoFile);
}
