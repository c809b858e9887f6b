//! On a terminal, which script(1) gives: Ctrl-C as a key, a terminal that is closed, and how the terminal is left.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::operator::{DETACHED, DIRECT, ONLY, Operator, ends, signal};

/// Starts a shell line on a new terminal; what is shown goes to `typescript`.
fn on_terminal(operator: &Operator, line: &str) -> Child {
    assert!(
        Path::new("/usr/bin/script").exists(),
        "script(1) is missing, and these tests need a terminal: apt-get install bsdutils"
    );
    let mut command = Command::new("/usr/bin/script");
    command.args(["-q", "-e", "-f", "-c", line, "typescript"]).current_dir(&operator.home);
    command.env_clear().env("HOME", &operator.home).env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("SHELL", "/bin/sh");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn shown(operator: &Operator) -> String {
    String::from_utf8_lossy(&fs::read(operator.home.join("typescript")).unwrap_or_default()).into_owned()
}

/// slipway, between two looks at how the terminal is set.
fn line(what: &str) -> String {
    format!(
        "trap : INT HUP TERM; stty -g >before; {} {what} -c cluster.toml {} '{}'; echo $? >code; stty -g >after",
        env!("CARGO_BIN_EXE_slipway"),
        ONLY[0],
        ONLY[1]
    )
}

fn read(operator: &Operator, name: &str) -> String {
    fs::read_to_string(operator.home.join(name)).unwrap_or_default().trim().to_owned()
}

fn terminal_is_as_it_was(operator: &Operator, case: &str) {
    operator.until(case, || !read(operator, "after").is_empty());
    assert_eq!(read(operator, "before"), read(operator, "after"), "{case}: how the terminal is set");
    let shown = shown(operator);
    let last = |code: &str| shown.rfind(code).map_or(-1, |at| i64::try_from(at).unwrap());
    assert!(last("\u{1b}[?25h") >= last("\u{1b}[?25l"), "{case}: the cursor is hidden");
}

#[test]
fn ctrl_c_on_a_terminal_stops_a_run_and_leaves_the_terminal_as_it_was() {
    let mut cases = 0;
    for step in [DIRECT, DETACHED] {
        for times in 1..=3 {
            let case = format!("Ctrl-C {times} times in {step}, on a terminal");
            let operator = Operator::new();
            operator.slow(step);
            let mut run = on_terminal(&operator, &line("install"));
            operator.until(&case, || operator.names("began").contains(step));
            let mut keys = run.stdin.take().unwrap();
            for time in 0..times {
                if time > 0 {
                    operator.until(&case, || shown(&operator).contains(["stopping", "leaving what is under way"][time - 1]));
                }
                keys.write_all(b"\x03").unwrap();
            }
            if times == 1 {
                operator.until(&case, || shown(&operator).contains("stopping"));
                operator.release();
            }
            operator.until(&case, || !read(&operator, "code").is_empty());
            assert_eq!(read(&operator, "code"), "130", "{case}: {}", shown(&operator));
            terminal_is_as_it_was(&operator, &case);
            drop(keys);
            ends(&mut run, &case);
            operator.converges(&case);
            cases += 1;
        }
    }
    println!("Ctrl-C on a terminal: {cases} cases, the terminal was left as it was");
}

#[test]
fn whoever_is_asked_for_a_passphrase_may_go_away() {
    let mut cases = 0;
    for (how, output) in [("INT", "text"), ("TERM", "text"), ("HUP", "json"), ("key", "text"), ("key", "json")] {
        let case = format!("{how} at the question for a passphrase, for {output}");
        let operator = Operator::new();
        operator.sshd.keygen("client", "ed25519", "secret");
        operator.sshd.authorize(&["client"]);
        let mut run = on_terminal(&operator, &line(&format!("install --output {output}")));
        operator.until(&case, || shown(&operator).contains("assphrase"));
        let mut keys = run.stdin.take().unwrap();
        if how == "key" {
            keys.write_all(b"\x03").unwrap();
        } else {
            let children = Command::new("pgrep").args(["-x", "slipway"]).output().unwrap();
            let pids = String::from_utf8(children.stdout).unwrap();
            let own = |pid: &&str| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == operator.home);
            let pid = pids.lines().find(own).expect("slipway runs").to_owned();
            Command::new("kill").args(["-s", how, &pid]).status().unwrap();
        }
        operator.until(&case, || !read(&operator, "code").is_empty());
        assert_eq!(read(&operator, "code"), "130", "{case}: {}", shown(&operator));
        terminal_is_as_it_was(&operator, &case);
        drop(keys);
        ends(&mut run, &case);
        assert!(operator.names("began").is_empty(), "{case}");
        let is_event = shown(&operator).contains("{\"event\":\"error\",");
        assert_eq!(is_event, output == "json", "{case}: {}", shown(&operator));
        let runs = operator.command("runs --output json").output().unwrap();
        let kept = String::from_utf8_lossy(&runs.stdout).into_owned();
        assert!(kept.contains("\"ended\":\"interrupted\"") && kept.contains("\"exit_code\":130"), "{case}: {kept}");
        cases += 1;
    }
    println!("at a question: {cases} cases, the terminal was left as it was");
}

#[test]
fn a_terminal_that_is_closed_stops_a_run_as_its_signal_says() {
    let mut cases = 0;
    for step in [DIRECT, DETACHED] {
        let case = format!("the terminal is closed in {step}");
        let operator = Operator::new();
        operator.slow(step);
        let mut run = on_terminal(
            &operator,
            &format!("exec {} install -c cluster.toml {} '{}'", env!("CARGO_BIN_EXE_slipway"), ONLY[0], ONLY[1]),
        );
        operator.until(&case, || operator.names("began").contains(step));
        // Its end of the terminal goes with it.
        signal(&run, "KILL");
        ends(&mut run, &case);
        operator.release();
        operator.until(&case, || operator.names("made").contains(step));
        operator.nothing_runs(&case);
        // Nobody is told when slipway itself is gone: it gives its hosts back after the last of its steps.
        let runs = || operator.command("runs --output json").output().unwrap().stdout;
        operator.until(&case, || !String::from_utf8_lossy(&runs()).contains("\"ended\":\"running\""));
        let runs = String::from_utf8_lossy(&runs()).into_owned();
        assert!(runs.contains("\"exit_code\":130"), "{case}: {runs}");
        operator.converges(&case);
        cases += 1;
    }
    println!("a terminal that is closed: {cases} cases, all converged");
}
