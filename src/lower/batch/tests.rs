//! Several steps in one program, run for real by the shells that are here.

use std::{fs, thread, time::Duration};

use super::*;
use crate::{
    lower::{CHANGED, UNCHANGED, lower, tests::Sandbox},
    step::{Check, StepId},
};

const SHELLS: [&str; 2] = ["dash", "bash"];

/// A step that makes a file of its name after some shell.
fn makes(sandbox: &Sandbox, name: &str, shell: &str) -> Step {
    let file = quote(&sandbox.path(name).to_string_lossy());
    Step::new(StepId::new("node1", "install", name), "x", "y")
        .check(Check::Sh(format!("[ -e {file} ]")))
        .sh(format!("{shell}\n: >{file}"))
}

fn of(steps: &[Step]) -> Batch {
    batch(&steps.iter().collect::<Vec<_>>(), "1f")
}

/// The lines that say which step began and how it ended.
fn turns(output: &str) -> Vec<&str> {
    let turn = |line: &'_ str| line.starts_with("step ") || line.starts_with("ended ");
    output.lines().filter_map(|line| line.strip_prefix("::slipway ")).filter(|line| turn(line)).collect()
}

#[test]
fn each_step_lives_as_it_does_alone() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("batch-{shell}"));
        let helps = "help() {\n    say \"$1 helps\"\n}";
        let limited = makes(&sandbox, "two", "help two; value=of-two").prepare(helps).limit(Duration::from_secs(60));
        let steps = [
            makes(&sandbox, "one", "help one; value=of-one; exit 0").prepare(helps),
            limited,
            makes(&sandbox, "three", "say \"it was ${value-never set}\"").undo(crate::step::Undo::Sh("true".to_owned())),
            makes(&sandbox, "four", "say far away").detached(),
        ];
        let (status, output) = sandbox.run(&of(&steps).program, shell);
        assert_eq!(status, 20, "one said that it was done too soon: {output}");
        assert_eq!(turns(&output), ["step 0", "ended 20"], "{output}");
        let steps = [makes(&sandbox, "one", "help one").prepare(helps), steps[1].clone(), steps[2].clone(), steps[3].clone()];
        let (status, output) = sandbox.run(&of(&steps).program, shell);
        assert_eq!(status, 0, "{output}");
        let ended = "step 0,ended 10,step 1,ended 10,step 2,ended 10,step 3,ended 10";
        assert_eq!(turns(&output).join(","), ended, "{output}");
        for said in ["one helps", "two helps", "it was never set", "far away"] {
            assert!(output.contains(&format!("\n{said}\n")), "{said}: {output}");
        }
        assert_eq!(sandbox.ledger().len(), 1);
        let (status, output) = sandbox.run(&of(&steps).program, shell);
        assert_eq!((status, turns(&output).join(",")), (0, ended.replace("10", &UNCHANGED.to_string())), "{output}");
    }
}

#[test]
fn what_a_step_says_of_its_failure_comes_before_its_end_and_no_other_step_has_a_turn() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("batch-failure-{shell}"));
        let fails = makes(&sandbox, "two", "echo apart >&2\nsaid=$(give_up 'no space' remedy='make room') || exit 7");
        let steps = [makes(&sandbox, "one", ":"), fails, makes(&sandbox, "three", ":")];
        let (status, output) = sandbox.run(&of(&steps).program, shell);
        assert_eq!(status, 1, "{output}");
        let output = output.replace("\n\n", "\n");
        assert!(output.ends_with("::slipway cause no space\n::slipway remedy make room\n::slipway final 1\n::slipway failed 7\n::slipway end 1\n::slipway ended 1\n"), "{output}");
        assert!(output.contains("\napart\n") && !sandbox.path("three").exists(), "{output}");
    }
}

#[test]
fn nobody_else_has_the_host_between_two_of_them() {
    let sandbox = Sandbox::new("batch-lock");
    let order = sandbox.path("order");
    let says =
        |name: &str, shell: &str| makes(&sandbox, name, &format!("{shell}\necho {name} >>{}", quote(&order.to_string_lossy())));
    let steps: Vec<Step> = (0..8).map(|number| says(&format!("s{number}"), "sleep 0.1")).collect();
    let together = of(&steps);
    let other = lower(&says("other", ":"));
    thread::scope(|scope| {
        let several = scope.spawn(|| sandbox.run(&together.program, "dash"));
        while !sandbox.path("s0").exists() {
            thread::sleep(Duration::from_millis(5));
        }
        let (status, output) = sandbox.run(&other, "dash");
        assert_eq!(status, CHANGED, "{output}");
        assert_eq!(several.join().expect("no panic").0, 0);
    });
    assert_eq!(fs::read_to_string(&order).expect("they ran"), "s0\ns1\ns2\ns3\ns4\ns5\ns6\ns7\nother\n");
}

#[test]
fn who_asks_to_stop_waits_for_the_step_under_way_and_nothing_stays() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("batch-halt-{shell}"));
        let steps =
            [makes(&sandbox, "one", ":"), makes(&sandbox, "two", ": >\"$RUN/begun\"; sleep 1"), makes(&sandbox, "three", ":")];
        let together = of(&steps);
        thread::scope(|scope| {
            let several = scope.spawn(|| sandbox.run(&together.program, shell));
            while !sandbox.path("run/begun").exists() {
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(sandbox.run(&together.halt, shell).0, CHANGED);
            let (status, output) = several.join().expect("no panic");
            assert_eq!((status, turns(&output).join(",")), (0, "step 0,ended 10,step 1,ended 10".to_owned()), "{output}");
        });
        assert!(!sandbox.path("run/halt.1f").exists());
        // One that comes too late, or to the last, leaves nothing for the next.
        assert_eq!(sandbox.run(&together.halt, shell).0, 0);
        for name in ["two", "run/begun"] {
            fs::remove_file(sandbox.path(name)).expect("it was there");
        }
        let two = of(&steps[..2]);
        thread::scope(|scope| {
            let several = scope.spawn(|| sandbox.run(&two.program, shell));
            while !sandbox.path("run/begun").exists() {
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(sandbox.run(&two.halt, shell).0, CHANGED);
            assert!(sandbox.path("run/halt.1f").exists());
            assert_eq!(several.join().expect("no panic").0, 0);
        });
        assert!(!sandbox.path("run/halt.1f").exists());
        assert_eq!(sandbox.run(&together.program, shell).0, 0);
        assert!(sandbox.path("three").exists());
    }
}

#[test]
fn a_run_that_has_lost_the_host_begins_nothing_further() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("batch-lease-{shell}"));
        let lease = |run: &str, until: &str| format!("printf '%s %s 0 token\\nwords\\n' {run} {until} >\"$RUN/lease\"\n");
        for (becomes, goes_on) in
            [(lease("mine", "99999999"), true), (lease("other", "99999999"), false), (lease("mine", "1"), false)]
        {
            let steps = [makes(&sandbox, "one", &becomes), makes(&sandbox, "two", ":")];
            fs::create_dir_all(sandbox.path("run")).expect("a directory");
            fs::write(sandbox.path("run/lease"), "mine 99999999 0 token\nwords\n").expect("a lease");
            let (status, output) = sandbox.run(&of(&steps).program, shell);
            assert_eq!((status, sandbox.path("two").exists()), (0, goes_on), "{shell}: {becomes}: {output}");
            for name in ["one", "two"] {
                let _ = fs::remove_file(sandbox.path(name));
            }
        }
    }
}

#[test]
fn a_mark_has_a_line_of_its_own() {
    let sandbox = Sandbox::new("batch-line");
    let (status, output) =
        sandbox.run(&of(&[makes(&sandbox, "one", "printf 'half a line' >&2"), makes(&sandbox, "two", ":")]).program, "dash");
    assert_eq!((status, turns(&output).len()), (0, 4), "{output}");
    assert!(output.contains("half a line\n::slipway end 10\n"), "{output}");
}

#[test]
fn nothing_further_begins_when_nobody_listens() {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        process::{Command, Stdio},
    };
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("batch-deaf-{shell}"));
        let steps = [makes(&sandbox, "one", "sleep 0.3"), makes(&sandbox, "two", ":")];
        let text = sandbox.adapted(&of(&steps).program);
        let mut child = Command::new(shell)
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the shell reads");
        let mut first = String::new();
        let mut output = BufReader::with_capacity(1, child.stdout.take().expect("a pipe"));
        for _ in 0..2 {
            output.read_line(&mut first).expect("a line");
        }
        assert_eq!(first, "\n::slipway step 0\n");
        drop(output);
        // The connection is gone.
        child.wait().expect("it ends");
        assert!(!sandbox.path("two").exists(), "{shell}");
    }
}
