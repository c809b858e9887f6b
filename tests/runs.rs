//! `slipway runs` and `slipway report`, through the command itself: runs against hosts that do not answer, and one that is killed.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// An operator with a home of their own.
struct Operator {
    home: PathBuf,
}

impl Operator {
    fn new(name: &str) -> Self {
        let home = env::temp_dir().join(format!("slipway-runs-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).expect("a home");
        Self { home }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(line.split_whitespace()).current_dir(&self.home).env_clear().env("HOME", &self.home).stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("slipway runs")
    }

    /// The cluster file of one host at this port of this machine.
    fn cluster(&self, port: u16) {
        let made = self.run(&format!("new --host cp1=127.0.0.1:{port} --name lab"));
        assert!(made.status.success(), "{made:?}");
    }

    fn list(&self) -> Vec<Value> {
        let listed = self.run("runs --output json");
        assert!(listed.status.success(), "{listed:?}");
        let line: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        assert_eq!(line["event"], "runs");
        line["runs"].as_array().expect("runs").clone()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// A port that nobody listens on: it was somebody's a moment ago.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

#[test]
fn a_run_is_kept_and_shown_again_as_it_was() {
    let operator = Operator::new("kept");
    assert_eq!(text(&operator.run("runs").stdout), "run  began, UTC  cluster  command  ended  hosts  changed  failed  took\n");
    operator.cluster(closed_port());
    let seen = operator.run("up");
    assert_eq!(seen.status.code(), Some(20), "{seen:?}");
    assert!(text(&seen.stdout).contains("cp1  can not be reached") && text(&seen.stderr).starts_with("error: "), "{seen:?}");
    // What changes nothing is not kept.
    assert_eq!(operator.run("plan").status.code(), Some(20));

    let runs = operator.list();
    assert_eq!(runs.len(), 1, "{runs:?}");
    let run = &runs[0];
    assert_eq!((&run["cluster"], &run["command"], &run["ended"]), (&"lab".into(), &"up".into(), &"failed".into()));
    assert_eq!((&run["exit_code"], &run["hosts"], &run["arguments"]), (&20.into(), &1.into(), &serde_json::json!(["up"])));
    let id = run["run"].as_str().unwrap();

    for wanted in ["last", id, &id[..3]] {
        let again = operator.run(&format!("runs show {wanted}"));
        assert_eq!((text(&again.stdout), text(&again.stderr)), (text(&seen.stdout), text(&seen.stderr)));
        assert_eq!(again.status.code(), Some(0));
    }
    let file = PathBuf::from(run["log"].as_str().unwrap());
    assert!(file.starts_with(operator.home.join(".local/state/slipway/lab")), "{file:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(operator.run(&format!("runs show {id} --output json")).stdout, fs::read(&file).unwrap());

    let page = operator.run(&format!("report {id}"));
    assert!(text(&page.stdout).starts_with("<!DOCTYPE html>") && text(&page.stdout).contains("slipway up, lab"));
    let written = operator.run("report --to report.html");
    assert_eq!((text(&written.stdout), written.status.code()), ("wrote report.html\n", Some(0)));
    assert_eq!(fs::read(operator.home.join("report.html")).unwrap(), page.stdout);

    let wrong = operator.run("runs show lats");
    assert_eq!(wrong.status.code(), Some(18));
    assert_eq!(text(&wrong.stderr), "error: no run is called \"lats\"\nhint: did you mean last? `slipway runs` lists them all\n");
}

#[test]
fn a_run_that_is_killed_is_there_as_far_as_it_came() {
    let operator = Operator::new("killed");
    // A host that takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    operator.cluster(silent.local_addr().expect("an address").port());
    let mut up = operator.command("up").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let journal = loop {
        assert!(began.elapsed() < Duration::from_secs(60), "the run does not begin");
        thread::sleep(Duration::from_millis(20));
        let journal = operator.run("runs show last --output json");
        if text(&journal.stdout).contains("\"connecting\"") {
            break journal;
        }
    };
    assert_eq!(operator.list()[0]["ended"], "running");
    assert!(text(&operator.run("runs show last").stderr).starts_with("(the run goes on; this is what happened"), "{journal:?}");
    // Kill -9, and the lock that tells of a run that lives is gone with it.
    up.kill().unwrap();
    up.wait().unwrap();
    let runs = operator.list();
    assert_eq!((&runs[0]["ended"], &runs[0]["exit_code"]), (&"killed".into(), &Value::Null));
    let shown = operator.run("runs show last");
    assert!(text(&shown.stderr).starts_with("(slipway was ended from outside: nothing is known after "), "{shown:?}");
    for line in text(&operator.run("runs show last --output json").stdout).lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(value["event"].is_string() && value["time"].is_string(), "{line}");
    }
}

#[test]
fn output_that_is_the_product_is_whole_or_an_error() {
    let operator = Operator::new("full");
    operator.cluster(closed_port());
    let to = |line: &str, out: Stdio| operator.command(line).stdout(out).output().expect("slipway runs");
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").expect("a disk that is full"));
    let gone = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    // A run goes on to its own end.
    assert_eq!(to("up", full()).status.code(), Some(20));
    let products = [
        "runs",
        "runs --output json",
        "runs show last",
        "runs show last --output json",
        "report last",
        "profiles",
        "profiles --output json",
        "profiles show containerd",
        "completions bash",
        "render reset-script",
        "new --host cp1=192.0.2.1 -c -",
    ];
    for line in products {
        assert_eq!(operator.run(line).status.code(), Some(0), "{line}");
        let ran = to(line, full());
        assert_eq!(ran.status.code(), Some(10), "{line}: {ran:?}");
        let said = text(&ran.stderr);
        assert!(said.contains("error: standard output can not be written") && said.contains("No space left"), "{line}: {said}");
        assert!(said.contains("\nhint: send it where there is room"), "{line}: {said}");
        let ran = to(line, gone());
        assert_eq!(ran.status.code(), Some(0), "{line}, with a reader that has gone away: {ran:?}");
    }
    // Who did what was asked of them has done it, said or not; and an error that is told as JSON is told somewhere.
    assert_eq!(to("report --to report.html", full()).status.code(), Some(0));
    let wrong = to("runs show lats --output json", full());
    assert!(wrong.status.code() == Some(18) && text(&wrong.stderr).starts_with("error: no run is called"), "{wrong:?}");
}

#[test]
fn a_place_that_can_not_be_written_to_is_named() {
    let operator = Operator::new("unwritable");
    operator.cluster(closed_port());
    fs::write(operator.home.join("state"), "a file").unwrap();
    let up = operator.command("up").env("XDG_STATE_HOME", operator.home.join("state")).output().expect("slipway runs");
    assert_eq!(up.status.code(), Some(10), "{up:?}");
    let said = text(&up.stderr);
    assert!(said.contains("can not write a journal in ") && said.contains("hint: set XDG_STATE_HOME"), "{said}");
}
