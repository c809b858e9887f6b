//! Whoever asks a run to stop: once, twice, three times, by each signal, in each kind of step, and before there is any.

use std::{fs, thread::sleep, time::Duration};

use crate::operator::{DETACHED, DIRECT, ONLY, Operator, ends, goes_on, signal};

/// The documented exit code of a run that was asked to stop.
const INTERRUPTED: Option<i32> = Some(130);

const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];

/// Nothing but the step that was under way has begun since.
fn starts_nothing_new(operator: &Operator, step: &str, case: &str) {
    let began = operator.names("began");
    let made = operator.names("made");
    let unfinished: Vec<_> = began.difference(&made).collect();
    assert!(unfinished.is_empty() || unfinished == [step], "{case}: {unfinished:?}");
}

#[test]
fn a_run_that_is_asked_to_stop_in_a_step_stops_as_it_says() {
    let mut cases = 0;
    for step in [DIRECT, DETACHED] {
        for name in SIGNALS {
            for times in 1..=3 {
                let output = if cases % 3 == 2 { "json" } else { "text" };
                let case = format!("{name} {times} times in {step}, {output}");
                let operator = Operator::new();
                let line = if output == "json" { "install --output json" } else { "install" };
                let mut run = operator.held_in(step, line);
                for time in 0..times {
                    if time > 0 {
                        // Two signals of one kind that are not yet taken are one.
                        operator.until(&case, || operator.said().contains(["stopping", "leaving what is under way"][time - 1]));
                    }
                    signal(&run, name);
                }
                if times == 1 {
                    goes_on(&mut run, &case);
                    operator.release();
                }
                assert_eq!(ends(&mut run, &case), INTERRUPTED, "{case}: {}", operator.said());
                let said = operator.said();
                if times < 3 && output == "text" {
                    assert!(said.contains("\nnext: slipway install -c cluster.toml"), "{case}: {said}");
                }
                if times > 1 {
                    assert!(said.contains("run the same command again to pick them up"), "{case}: {said}");
                }
                starts_nothing_new(&operator, step, &case);
                assert_eq!(operator.names("made").contains(step), times == 1, "{case}");
                if times < 3 {
                    assert!(!operator.names("run").contains("lease"), "{case}: it still holds the host");
                }
                if times > 1 && step == DETACHED {
                    assert!(operator.has_a_job(), "{case}: what runs detached goes on");
                }
                operator.converges(&case);
                cases += 1;
            }
        }
    }
    println!("asked to stop in a step: {cases} cases, all ended with 130 and converged");
}

#[test]
fn a_run_that_is_asked_to_stop_before_any_step_changes_nothing() {
    let mut cases = 0;
    for command in ["install", "plan", "status"] {
        for name in SIGNALS {
            if command != "install" && name == "TERM" {
                continue;
            }
            let case = format!("{name} while a host is asked, {command}");
            let operator = Operator::new();
            fs::write(operator.sshd.dir.join("mute"), "").unwrap();
            let out = fs::File::create(operator.home.join("out")).unwrap();
            let mut run = operator.command(command).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
            operator.until(&case, || operator.sshd.dir.join("asked").exists());
            signal(&run, name);
            assert_eq!(ends(&mut run, &case), INTERRUPTED, "{case}: {}", operator.said());
            let said = operator.said();
            assert!(said.contains("error: stopped before anything was changed"), "{case}: {said}");
            assert!(said.contains(&format!("slipway {command} -c cluster.toml")), "{case}: {said}");
            assert!(operator.names("began").is_empty(), "{case}");
            fs::remove_file(operator.sshd.dir.join("mute")).unwrap();
            operator.converges(&case);
            cases += 1;
        }
    }
    println!("asked to stop before any step: {cases} cases, nothing was changed");
}

#[test]
fn a_command_that_asks_a_host_more_than_what_is_there_still_hears_that_it_is_to_stop() {
    let questions = [
        ("plan --diff", "sed 's/^/"),
        ("plan", "/Packages "),
        ("status", "kube get nodes"),
        ("kubeconfig", "cat /etc/kubernetes/admin.conf"),
    ];
    for (command, question) in questions {
        let operator = Operator::new();
        let (facts, cluster) = (operator.sshd.dir.join("facts"), operator.home.join("cluster.toml"));
        match command {
            "plan" => {
                let text = fs::read_to_string(&cluster).unwrap();
                fs::write(&cluster, text.replace("\"1.20.2\"", "\"1.20\"")).unwrap();
            }
            "status" => {
                let text = fs::read_to_string(&facts).unwrap();
                fs::write(&facts, text.replace("n0nce facts-end 41", "n0nce fact admin-conf yes\nn0nce facts-end 42")).unwrap();
            }
            _ => {}
        }
        fs::write(operator.sshd.dir.join("mute-to"), format!("{question}\n")).unwrap();
        let out = fs::File::create(operator.home.join("out")).unwrap();
        let mut run = operator.command(command).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        operator.until(command, || operator.sshd.dir.join("asked").exists());
        signal(&run, "INT");
        assert_eq!(ends(&mut run, command), INTERRUPTED, "{command}: {}", operator.said());
        let said = operator.said();
        assert!(said.contains("error: stopped before anything was changed"), "{command}: {said}");
    }
    println!("asked to stop while a host is asked for more: {} cases, all ended with 130", questions.len());
}

#[test]
fn a_run_that_is_not_to_hear_of_its_terminal_does_not() {
    let operator = Operator::new();
    operator.slow(DIRECT);
    let out = fs::File::create(operator.home.join("out")).unwrap();
    let mut line = std::process::Command::new("nohup");
    line.arg(env!("CARGO_BIN_EXE_slipway")).args(["install", "-c", "cluster.toml"]).args(ONLY).current_dir(&operator.home);
    line.env_clear().env("HOME", &operator.home).env("PATH", "/usr/bin:/bin").stdin(std::process::Stdio::null());
    let mut run = line.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    operator.until("it begins", || operator.names("began").contains(DIRECT));
    signal(&run, "HUP");
    sleep(Duration::from_millis(300));
    operator.release();
    assert_eq!(ends(&mut run, "nohup"), Some(0), "{}", operator.said());
    operator.is_done("nohup");
}
