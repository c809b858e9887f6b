//! A program that is cut on its way to a shell runs nothing: every prefix of one is given to the shells that are here.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use slipway::lower::{self, Asked, Batch, Program};

use crate::{host::Host, on_all_processors, slice, steps};

/// How many prefixes are tried without being asked for more.
const USUAL: usize = 400;

fn programs(host: &Host) -> Vec<Program> {
    let mut steps = steps(host);
    let detached = steps[2].clone().detached();
    steps.push(detached);
    let mut programs: Vec<Program> = steps.iter().map(lower::lower).collect();
    programs.push(lower::checks_program("slipway-0", steps.iter(), true));
    programs.push(lower::survey_program("slipway-0", &["192.0.2.11".to_owned()], Asked::FactsAndChecks));
    // The detached one comes last, as it does in a run.
    let Batch { program, halt } = lower::batch(&steps.iter().collect::<Vec<_>>(), "0");
    programs.extend([program, halt]);
    programs
}

/// What a shell printed, and whether it has made anything.
fn feed(shell: &[&str], host: &Host, program: &str) -> (String, bool) {
    let own = |name: &str| host.dir.join(name).display().to_string();
    let text = program
        .replace("STATE=/var/lib/slipway", &format!("STATE={}", own("state")))
        .replace("RUN=/run/slipway", &format!("RUN={}", own("run")));
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .current_dir(host.dir.join("root"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let made = !host.made().is_empty() || host.dir.join("run").exists();
    (String::from_utf8_lossy(&output.stdout).into_owned(), made)
}

#[test]
fn no_prefix_of_a_program_runs_any_of_it() {
    let begun = Instant::now();
    let all: [&[&str]; 4] = [&["sh"], &["dash"], &["bash"], &["busybox", "sh"]];
    let is_here = |shell: &&[&str]| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|directory| directory.join(shell[0]).exists())
    };
    let shells: Vec<&[&str]> = all.into_iter().filter(is_here).collect();
    assert!(Path::new("/bin/sh").exists() && !shells.is_empty());
    // How long they are does not depend on where a host keeps its files, where all names are of one length.
    let lengths: Vec<usize> = programs(&Host::new()).iter().map(|program| program.text().len()).collect();
    let total = lengths.iter().sum::<usize>() * shells.len();
    let cases = slice("prefixes", total, USUAL, total);
    let whole = AtomicUsize::new(0);
    on_all_processors(&cases, Host::new, |host, case| {
        let (shell, mut at) = (shells[case % shells.len()], case / shells.len());
        let programs = programs(host);
        let mut nth = 0;
        while at >= programs[nth].text().len() {
            at -= programs[nth].text().len();
            nth = (nth + 1) % programs.len();
        }
        let text = programs[nth].text();
        let (printed, made) = feed(shell, host, &text[..at]);
        if text[at..].len() <= " </dev/null\n".len() {
            // Only the end of the last line is missing: that is the whole program.
            whole.fetch_add(1, Ordering::SeqCst);
            host.wipe();
        } else {
            assert!(printed.is_empty() && !made, "{shell:?} and {at} bytes of program {nth} (case {case}): {printed}");
        }
        let _ = fs::remove_dir_all(host.dir.join("run"));
    });
    println!(
        "prefixes: {} cases ({} programs, {shells:?}), nothing was run in {:.0} s; {} lacked but the end of their last line",
        cases.len(),
        lengths.len(),
        begun.elapsed().as_secs_f64(),
        whole.load(Ordering::SeqCst),
    );
}
