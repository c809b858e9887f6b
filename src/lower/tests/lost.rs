//! Programs of a run that another one has taken the host from.

use std::{os::unix::process::CommandExt as _, process::Child, thread::sleep, time::Duration};

use super::*;

/// A lease that a run has for so many seconds more.
fn lease(sandbox: &Sandbox, run: &str, seconds: i64) {
    let uptime = fs::read_to_string("/proc/uptime").expect("Linux");
    let up: i64 = uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds");
    fs::create_dir_all(sandbox.path("run")).expect("a directory");
    // Whole or not at all, as the real one.
    fs::write(sandbox.path("run/lease.new"), format!("{run} {} 0 token\nwords\n", up + seconds)).expect("written");
    fs::rename(sandbox.path("run/lease.new"), sandbox.path("run/lease")).expect("in its place");
}

#[test]
fn it_does_nothing_there() {
    for (shell, detached) in [("dash", false), ("dash", true), ("bash", false), ("bash", true)] {
        let sandbox = Sandbox::new(&format!("lost-{shell}-{detached}"));
        let path = sandbox.path("file");
        let step = file_step(&path, "new\n");
        let program = lower(&if detached { step.detached() } else { step }).of_run(Some("ours"));
        lease(&sandbox, "theirs", 50);
        let (exit, output) = sandbox.run(&program, shell);
        assert_eq!(exit, 1, "{output}");
        assert!(output.contains("\n::slipway cause another slipway has this host now"), "{output}");
        assert!(!path.exists() && sandbox.ledger().is_empty());
        // One that is over is nobody's.
        lease(&sandbox, "theirs", 0);
        assert_eq!(sandbox.run(&program, shell).0, CHANGED);
        lease(&sandbox, "ours", 50);
        assert_eq!(sandbox.run(&program, shell).0, UNCHANGED);
    }
}

fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("it took longer than 10 s");
}

fn follower(text: &str) -> Child {
    let mut shell = Command::new("sh").arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    shell.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the shell reads");
    shell
}

#[test]
fn a_job_that_waits_for_its_turn_gives_up_and_whoever_follows_it_begins_anew() {
    for is_followed in [false, true] {
        let sandbox = Sandbox::new(&format!("gives-up-{is_followed}"));
        let path = sandbox.path("file");
        let text = sandbox.adapted(&lower(&file_step(&path, "new\n").detached()).of_run(Some("first")));
        lease(&sandbox, "first", 50);
        let mut holder =
            Command::new("flock").arg(sandbox.path("run/lock")).args(["sleep", "30"]).process_group(0).spawn().expect("flock(1)");
        until(|| sandbox.path("run/lock").exists());
        let mut first = follower(&text);
        let job = sandbox.path("run/job.install.file");
        until(|| fs::read_to_string(job.join("out")).unwrap_or_default().contains("::slipway waiting"));
        let process = Path::new("/proc").join(fs::read_to_string(job.join("pid")).expect("a job").trim());
        // Its connection is cut: nobody tells the shell, which finds nobody to tell.
        drop(first.stdout.take());
        let next = is_followed.then(|| {
            // The next run takes the host over, and attaches to what waits there.
            lease(&sandbox, "next", 50);
            follower(&text.replace("SLIPWAY_RUN='first'", "SLIPWAY_RUN='next'"))
        });
        if !is_followed {
            fs::remove_file(sandbox.path("run/lease")).expect("given back");
        }
        until(|| !process.exists());
        let group = format!("-{}", holder.id());
        assert!(Command::new("kill").args(["-s", "KILL", "--", &group]).status().expect("kill(1)").success());
        holder.wait().expect("ended");
        first.wait().expect("it has nothing to do any more");
        if let Some(next) = next {
            let output = next.wait_with_output().expect("it ends");
            assert_eq!(output.status.code(), Some(CHANGED), "{}", String::from_utf8_lossy(&output.stdout));
        }
        sleep(Duration::from_millis(500));
        assert_eq!(path.exists(), is_followed);
    }
}
