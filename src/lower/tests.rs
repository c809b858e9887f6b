//! The lowered programs, run for real by the shells that are here, in a directory of their own.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::*;
use crate::step::{Recipes, StepId};

mod lost;

/// A directory that takes the place of the host's root, gone when the test ends.
pub(super) struct Sandbox(PathBuf);

impl Sandbox {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("slipway-lower-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A program with the state directories inside the sandbox.
    pub(super) fn adapted(&self, program: &Program) -> String {
        program
            .text()
            .replace("STATE=/var/lib/slipway", &format!("STATE={}/state", self.0.display()))
            .replace("RUN=/run/slipway", &format!("RUN={}/run", self.0.display()))
    }

    /// Runs a program as a host would, with the state directories inside the sandbox.
    pub(super) fn run(&self, program: &Program, shell: &str) -> (i32, String) {
        let text = self.adapted(program);
        let mut child = Command::new(shell)
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a POSIX shell");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the shell reads");
        let output = child.wait_with_output().expect("the shell ends");
        let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().expect("an exit code"), all)
    }

    pub(super) fn ledger(&self) -> Vec<PathBuf> {
        let mut entries: Vec<PathBuf> = fs::read_dir(self.path("state/undo"))
            .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
            .unwrap_or_default();
        entries.sort();
        entries
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn owner() -> String {
    let id = |flag: &str| {
        let output = Command::new("id").arg(flag).output().expect("id(1)");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    format!("{}:{}", id("-un"), id("-gn"))
}

fn file_step(path: &Path, content: &str) -> Step {
    let mut file = File::new(path, content).mode(0o640);
    file.owner = owner();
    Step::files(StepId::new("node1", "install", "file"), "Write a file", "Because.", vec![file])
}

const AWKWARD: &str = "plain\n$HOME `id` \\ ' \" %s\nEND\nEND_\nEß\nA_ß\n\ttab\n";

#[test]
fn a_file_is_written_once_proved_and_undone() {
    for shell in ["dash", "bash"] {
        let sandbox = Sandbox::new(&format!("file-{shell}"));
        let path = sandbox.path("etc/new/file");
        let step = file_step(&path, AWKWARD);
        assert_eq!(sandbox.run(&lower(&step), shell).0, CHANGED);
        assert_eq!(fs::read_to_string(&path).expect("written"), AWKWARD);
        assert_eq!(sandbox.run(&lower(&step), shell).0, UNCHANGED);
        assert_eq!(sandbox.ledger().len(), 1);
        let undone = Command::new(shell).arg(&sandbox.ledger()[0]).status().expect("the undo runs");
        assert!(undone.success());
        assert!(!path.exists() && !sandbox.path("etc").exists(), "the directories that the step made are gone too");
    }
}

#[test]
fn a_file_that_was_there_is_put_back() {
    let sandbox = Sandbox::new("back");
    let path = sandbox.path("config");
    fs::write(&path, "mine\n").expect("a file");
    assert_eq!(sandbox.run(&lower(&file_step(&path, "first\n")), "sh").0, CHANGED);
    assert_eq!(sandbox.run(&lower(&file_step(&path, "second\n")), "sh").0, CHANGED);
    assert_eq!(sandbox.ledger().len(), 1, "the first entry knows how things were");
    Command::new("sh").arg(&sandbox.ledger()[0]).status().expect("the undo runs");
    assert_eq!(fs::read_to_string(&path).expect("still there"), "mine\n");
}

#[test]
fn a_link_that_was_there_is_put_back_wherever_it_leads() {
    let sandbox = Sandbox::new("link");
    let path = sandbox.path("config");
    std::os::unix::fs::symlink("../nowhere", &path).expect("a link");
    assert_eq!(sandbox.run(&lower(&file_step(&path, "ours\n")), "sh").0, CHANGED);
    assert!(!fs::symlink_metadata(&path).expect("written").is_symlink());
    undo_all(&sandbox);
    assert_eq!(fs::read_link(&path).expect("a link"), Path::new("../nowhere"));
}

/// What `reset --purge` does with the ledger.
fn undo_all(sandbox: &Sandbox) {
    for entry in sandbox.ledger().iter().rev() {
        assert!(Command::new("sh").arg(entry).status().expect("the undo runs").success());
        fs::remove_file(entry).expect("an entry");
    }
}

#[test]
fn what_is_undone_in_another_way_gets_an_entry_of_its_own() {
    for shell in ["dash", "bash"] {
        let sandbox = Sandbox::new(&format!("another-{shell}"));
        let (first, second) = (sandbox.path("containerd.toml"), sandbox.path("daemon.json"));
        fs::write(&first, "mine\n").expect("a file");
        // Another content alone is no other undo.
        for (path, content) in [(&first, "a\n"), (&second, "b\n"), (&first, "c\n")] {
            assert_eq!(sandbox.run(&lower(&file_step(path, content)), shell).0, CHANGED);
        }
        assert_eq!(sandbox.ledger().len(), 2);
        // That of an older slipway stands for itself.
        let name = sandbox.ledger()[0].file_name().expect("a name").to_string_lossy().into_owned();
        let old = sandbox.path("state/undo").join("0001-install.file.sh");
        fs::rename(sandbox.path("state/undo").join(name), old).expect("renamed");
        assert_eq!(sandbox.run(&lower(&file_step(&first, "d\n")), shell).0, CHANGED);
        assert_eq!(sandbox.ledger().len(), 3);
        undo_all(&sandbox);
        assert_eq!(fs::read_to_string(&first).expect("still there"), "mine\n");
        assert!(!second.exists());
    }
}

#[test]
fn a_file_that_two_steps_keep_is_as_before_the_first() {
    for shell in ["dash", "bash"] {
        let sandbox = Sandbox::new(&format!("twice-{shell}"));
        let path = sandbox.path("sources.list");
        let step = |name: &str, content: &str| Step { id: StepId::new("node1", "install", name), ..file_step(&path, content) };
        for before in ["mine\n", "changed since\n"] {
            fs::write(&path, before).expect("a file");
            assert_eq!(sandbox.run(&lower(&step("one", "first\n")), shell).0, CHANGED);
            assert_eq!(sandbox.run(&lower(&step("two", "second\n")), shell).0, CHANGED);
            // The copies stay, as after a reset without --purge: those of the first life must not win in the second.
            undo_all(&sandbox);
            assert_eq!(fs::read_to_string(&path).expect("still there"), before);
        }
    }
}

#[test]
fn a_failing_op_is_named_and_later_ops_do_not_run() {
    let sandbox = Sandbox::new("fail");
    let step = Step::new(StepId::new("node1", "install", "x"), "x", "y")
        .sh("say first")
        .sh("sh -c 'exit 7'\nsay unreachable")
        .sh("say never");
    let (status, output) = sandbox.run(&lower(&step), "dash");
    assert_eq!(status, 1);
    let marks: Vec<Mark> = output.lines().filter_map(Mark::parse).collect();
    assert_eq!(marks, [Mark::Op(0), Mark::Op(1), Mark::Failed(7), Mark::End(1)]);
    assert!(output.contains("first") && !output.contains("unreachable") && !output.contains("never"));
}

#[test]
fn acting_without_reaching_the_end_state_is_an_error() {
    let sandbox = Sandbox::new("converge");
    let step = Step::new(StepId::new("node1", "install", "x"), "x", "y").check(Check::Sh("false".into())).sh("true");
    assert_eq!(sandbox.run(&lower(&step), "dash").0, NOT_CONVERGED);
}

#[test]
fn a_step_without_a_check_is_proved_by_its_exit_code() {
    let sandbox = Sandbox::new("never");
    let step = Step::new(StepId::new("node1", "install", "x"), "x", "y").sh("true");
    assert_eq!(sandbox.run(&lower(&step), "dash").0, CHANGED);
}

#[test]
fn a_detached_step_tells_its_output_and_its_outcome() {
    for shell in ["dash", "bash"] {
        let sandbox = Sandbox::new(&format!("detached-{shell}"));
        let flag = sandbox.path("flag");
        let step = Step::new(StepId::new("node1", "install", "long"), "x", "y")
            .check(Check::Sh(format!("[ -e {} ]", quote(&flag.to_string_lossy()))))
            .sh(format!("for n in 1 2 3; do say line $n; sleep 0.1; done\n: >{}", quote(&flag.to_string_lossy())))
            .detached();
        let (status, output) = sandbox.run(&lower(&step), shell);
        assert_eq!(status, CHANGED, "{output}");
        assert!(output.contains("line 1\nline 2\nline 3\n"), "{output}");
        assert_eq!(sandbox.run(&lower(&step), shell).0, UNCHANGED);
        assert!(!sandbox.path("run/job.install.long/program").exists(), "the program, which may hold secrets, is gone");
    }
}

#[test]
fn what_runs_beside_others_is_ended_by_a_reset_alone() {
    let sandbox = Sandbox::new("beside");
    let step = |phase, name| Step::new(StepId::new("node1", phase, name), "x", "y");
    let begun = sandbox.path("begun");
    let long = step("install", "images").beside().detached();
    let long = lower(&long.sh(format!(": >{}; sleep 60", quote(&begun.to_string_lossy()))));
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| sandbox.run(&long, "dash"));
        while !begun.exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let (status, output) = sandbox.run(&lower(&step("install", "packages").sh("true")), "dash");
        assert!(status == CHANGED && !beside.is_finished(), "{output}");
        let (status, output) = sandbox.run(&lower(&step("reset", "files").sh("true")), "dash");
        assert!(status == CHANGED && output.contains("waiting install.images"), "{output}");
        let (status, output) = beside.join().expect("no panic");
        assert!(status != CHANGED && output.contains("ended from outside"), "{status}: {output}");
    });
}

#[test]
fn a_job_that_was_killed_or_has_ended_long_ago_is_not_adopted() {
    let sandbox = Sandbox::new("wedge");
    let count = sandbox.path("count");
    let step = Step::new(StepId::new("node1", "install", "long"), "x", "y")
        .sh(format!("echo ran >>{}", quote(&count.to_string_lossy())))
        .detached();
    for _ in 0..2 {
        assert_eq!(sandbox.run(&lower(&step), "dash").0, CHANGED);
    }
    // As if the host's own job had been killed: a program, no result, nobody holding the lock.
    let job = sandbox.path("run/job.install.long");
    fs::remove_file(job.join("rc")).expect("a result");
    fs::write(job.join("program"), "exit 1\n").expect("a program");
    assert_eq!(sandbox.run(&lower(&step), "dash").0, CHANGED);
    assert_eq!(fs::read_to_string(&count).expect("it ran"), "ran\nran\nran\n");
}

#[test]
fn two_connections_may_follow_one_job() {
    let sandbox = Sandbox::new("adopt");
    let count = sandbox.path("count");
    let step = Step::new(StepId::new("node1", "install", "long"), "x", "y")
        .sh(format!("echo ran >>{}; sleep 1", quote(&count.to_string_lossy())))
        .detached();
    let program = lower(&step);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| sandbox.run(&program, "dash"));
        std::thread::sleep(std::time::Duration::from_millis(400));
        let (status, output) = sandbox.run(&program, "dash");
        assert_eq!(status, CHANGED, "{output}");
        assert!(output.contains("attaching"), "{output}");
        assert_eq!(first.join().expect("no panic").0, CHANGED);
    });
    assert_eq!(fs::read_to_string(&count).expect("it ran"), "ran\n");
}

/// The shells that hosts have.
const SHELLS: [&str; 2] = ["dash", "bash"];

#[test]
fn a_step_that_takes_too_long_is_ended_with_all_that_it_started_and_says_what_it_was_doing() {
    for (shell, carry) in SHELLS.into_iter().zip([Carry::Detached, Carry::Direct]) {
        let sandbox = Sandbox::new(&format!("limit-{shell}"));
        let pid = quote(&sandbox.path("pid").to_string_lossy());
        // Its own timeout(1) puts itself out of the group, and it does not hear SIGTERM: as bad as it gets without a kernel that hangs.
        let stubborn = format!("timeout 300 sh -c 'trap : TERM; echo $$ >{pid}; while :; do sleep 77.5; done'\n");
        let mut step = Step::new(StepId::new("node1", "reset", "slow"), "x", "y").sh(stubborn).limit(Duration::from_secs(2));
        step.carry = carry;
        let began = std::time::Instant::now();
        let (status, output) = sandbox.run(&lower(&step), shell);
        assert!(began.elapsed() < Duration::from_secs(200), "{:?}", began.elapsed());
        let marks: Vec<Mark> = output.lines().filter_map(Mark::parse).collect();
        let [Mark::Op(0), Mark::Cause(cause), Mark::End(1)] = marks.as_slice() else { panic!("{output}") };
        assert_eq!(status, 1);
        assert_eq!(cause, "it did not end within 2 seconds, and was given up; under way: sleep 77.5");
        let pid = fs::read_to_string(sandbox.path("pid")).expect("it ran");
        let pid = pid.trim();
        for process in fs::read_dir("/proc").expect("processes").flatten() {
            let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            let words: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
            let [state, parent, ..] = words[..] else { continue };
            assert!(state == "Z" || (process.file_name() != pid && parent != pid), "it still runs: {stat}");
        }
        // Nothing is held that the next step waits for.
        let mut quick = step.clone().sh("true");
        quick.limit = None;
        quick.apply.remove(0);
        assert_eq!(sandbox.run(&lower(&quick), shell).0, CHANGED);
    }
}

#[test]
fn a_limit_that_is_not_reached_changes_nothing() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("in-time-{shell}"));
        let step = Step::new(StepId::new("node1", "reset", "x"), "x", "y").limit(Duration::from_secs(60));
        let began = std::time::Instant::now();
        assert_eq!(sandbox.run(&lower(&step.clone().sh("say done")), shell).0, CHANGED);
        // Nor does the watch that sleeps hold anything that the next step would have to wait for.
        let (status, output) = sandbox.run(&lower(&step.clone().sh("sh -c 'exit 7'").detached()), shell);
        assert!(status == 1 && output.contains("failed 7") && !output.contains("waiting"), "{output}");
        assert_eq!(sandbox.run(&lower(&step.check(Check::Sh("true".into()))), shell).0, UNCHANGED);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[test]
fn who_follows_a_job_does_not_wait_for_what_it_left_behind() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(&format!("behind-{shell}"));
        let step = Step::new(StepId::new("node1", "reset", "x"), "x", "y").sh("sleep 20 &\necho left $!").detached();
        let began = std::time::Instant::now();
        let (status, output) = sandbox.run(&lower(&step), shell);
        assert_eq!(status, CHANGED, "{output}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let left = output.lines().find_map(|line| line.strip_prefix("left ")).expect("it said so");
        assert!(Command::new("kill").arg(left).status().expect("kill(1)").success());
    }
}

#[test]
fn a_step_without_an_undo_leaves_the_disk_alone() {
    let sandbox = Sandbox::new("diskless");
    fs::write(sandbox.path("state"), "in the way of a directory").expect("a file");
    let step = Step::new(StepId::new("node1", "reset", "x"), "x", "y").sh("true");
    assert_eq!(sandbox.run(&lower(&step), "dash").0, CHANGED);
    let (status, output) = sandbox.run(&lower(&step.undo(Undo::Sh("true".into()))), "dash");
    assert!(status == 1 && output.contains("nothing was done"), "{output}");
}

#[test]
fn a_program_cut_anywhere_runs_nothing() {
    let sandbox = Sandbox::new("cut");
    let path = sandbox.path("touched");
    let program = lower(&file_step(&path, "x\n"));
    let text = program.text();
    // Every line end is a place where a shell that reads line by line could have started to act.
    for (at, _) in text.match_indices('\n').filter(|(at, _)| at + 1 < text.len()) {
        sandbox.run(&Program::new(&text[..=at]), "dash");
        assert!(!path.exists() && !sandbox.path("state").exists(), "cut at byte {at} acted");
    }
}

#[test]
fn undo_is_recorded_before_the_step_acts() {
    let sandbox = Sandbox::new("record");
    let mark = sandbox.path("mark");
    let shown = quote(&mark.to_string_lossy());
    let step = Step::new(StepId::new("node1", "install", "x"), "x", "y")
        .check(Check::Sh(format!("[ -e {shown} ]")))
        .sh(format!("ls \"$STATE/undo\" >{shown}"))
        .undo(Undo::Record(format!("[ -e {shown} ] || printf 'rm -f %s\\n' {shown}")))
        .undo(Undo::Sh("echo second".into()));
    assert_eq!(sandbox.run(&lower(&step), "dash").0, CHANGED);
    let entry = fs::read_to_string(&mark).expect("written");
    let digest = entry.trim().strip_prefix("0001-install.x.").and_then(|rest| rest.strip_suffix(".sh")).expect("the entry");
    assert!(digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{entry}");
    let undo = fs::read_to_string(&sandbox.ledger()[0]).expect("the ledger");
    assert_eq!(undo, format!("echo second\nrm -f {}\n", mark.display()), "the last op is undone first");
}

#[test]
fn fingerprints_are_those_that_gpg_would_print() {
    let sandbox = Sandbox::new("keys");
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/two-keys.asc");
    // There is no place for a file of its own.
    let body = format!("mktemp() {{ die 'a file is made'; }}\nopenpgp_fingerprints {}\n", quote(key));
    let expected = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/two-keys.txt")).expect("the fixture");
    for shell in ["dash", "bash"] {
        assert_eq!(sandbox.run(&Program::of(&body), shell), (0, expected.clone()));
    }
    // One that is cut, one that is of another version, one that is no key at all.
    let armoured = fs::read_to_string(key).expect("the fixture");
    let (head, body) = armoured.split_once("\n\n").expect("armour");
    let cut = format!("{head}\n\n{}\n-----END PGP PUBLIC KEY BLOCK-----\n", body.lines().next().expect("base64"));
    // One with another key behind it, which gpg sees and base64(1) does not.
    let hidden = format!("{armoured}\n{head}\n\n!{body}");
    for (name, content) in
        [("cut", cut.as_bytes()), ("hidden", hidden.as_bytes()), ("old", &[0x98, 3, 3, 1, 1]), ("page", b"<html>")]
    {
        let file = sandbox.path(name);
        fs::write(&file, content).expect("written");
        let body = format!("openpgp_fingerprints {}\n", quote(&file.to_string_lossy()));
        for shell in ["dash", "bash"] {
            let (status, said) = sandbox.run(&Program::of(&body), shell);
            assert!(status == 1 && said.ends_with("is not an OpenPGP key file that can be checked\n"), "{name}: {status} {said}");
        }
    }
}

/// Made with gpg and a faked clock: good until 2021; the same key, made to last until 2090 later on; and one that never expires.
#[test]
fn a_key_has_expired_when_gpg_would_say_so() {
    let sandbox = Sandbox::new("expiry");
    for (name, expired) in [("expired", true), ("extended", false), ("forever", false), ("two-keys", false), ("nowhere", false)] {
        let key = format!("{}/tests/keys/{name}.asc", env!("CARGO_MANIFEST_DIR"));
        let body = format!("if openpgp_expired {}; then say expired; fi\n", quote(&key));
        for shell in ["dash", "bash"] {
            let said = if expired { "expired\n" } else { "" };
            assert_eq!(sandbox.run(&Program::of(&body), shell), (0, said.to_owned()), "{name}");
        }
    }
}

#[test]
fn remembered_checks_answer_by_digest() {
    let sandbox = Sandbox::new("survey");
    let yes = Step::new(StepId::new("node1", "install", "yes"), "x", "y").check(Check::Sh("exit 0".into()));
    let no = Step::new(StepId::new("node1", "install", "no"), "x", "y").check(Check::Sh("exit 1".into()));
    let (status, output) = sandbox.run(&checks_program("n0nce", [&yes, &no].into_iter(), true), "dash");
    assert_eq!(status, 0, "{output}");
    let mut survey = Survey::default();
    output.lines().for_each(|line| survey.take("n0nce", line));
    assert!(survey.complete);
    assert_eq!(survey.checks.get(&check_digest(&yes)), Some(&true));
    assert_eq!(survey.checks.get(&check_digest(&no)), Some(&false));
    assert!(sandbox.path("state/checks").exists());
}

/// Hosts remember them: another digest is another question.
#[test]
fn the_digest_of_a_check_is_that_of_its_path_and_its_text_whoever_shares_it() {
    let (mut recipes, mut digests) = (Recipes::default(), Digests::default());
    let step = |host: &str, check: &str| Step::new(StepId::new(host, "install", "x"), "x", "y").check(Check::Sh(check.into()));
    let mut seen = BTreeSet::new();
    for (host, check) in [("a", "have dpkg"), ("b", "have dpkg"), ("c", "have dpkg"), ("d", "exit 1"), ("d", "exit 2")] {
        let alone = step(host, check);
        let shared = recipes.share(alone.clone());
        let expected = sha256(&format!("{host}/install/x\n{}{check}\n", library::prelude(check)))[..32].to_owned();
        assert_eq!([digests.of(&alone), digests.of(&shared), check_digest(&shared)], [&expected; 3].map(String::clone));
        assert!(seen.insert(expected), "{host}: {check}");
    }
}

#[test]
fn a_step_that_needs_an_upload_says_which_file_goes_where() {
    let sandbox = Sandbox::new("upload");
    let to = sandbox.path("it's here");
    let upload = Upload { from: "/srv/images.tar".into(), to: to.clone(), sha256: sha256("bytes") };
    let step = Step::new(StepId::new("node1", "install", "x"), "x", "y").upload(upload).sh("say loaded");
    let (status, output) = sandbox.run(&lower(&step), "dash");
    assert_eq!(status, 1);
    assert!(output.contains(&format!("error: copy /srv/images.tar to {} on this host", to.display())), "{output}");
    fs::write(&to, "other bytes").expect("written");
    assert_eq!(sandbox.run(&lower(&step), "dash").0, 1, "another file does not do");
    fs::write(&to, "bytes").expect("written");
    let (status, output) = sandbox.run(&lower(&step), "dash");
    assert!(status == CHANGED && output.contains("loaded"), "{output}");
    assert!(Command::new("sh").arg(&sandbox.ledger()[0]).status().expect("the undo runs").success());
    assert!(!to.exists());
}

#[test]
fn nothing_is_taken_for_a_step_that_is_done_and_nothing_is_kept_of_nothing() {
    for shell in ["dash", "bash"] {
        let sandbox = Sandbox::new(&format!("taken-{shell}"));
        let upload = Upload { from: "/srv/images.tar".into(), to: sandbox.path("archives/file"), sha256: sha256("bytes") };
        let step = Step::new(StepId::new("node1", "install", "x"), "x", "y");
        let (status, output) = sandbox.run(&upload_program(&step, &upload), shell);
        assert!(status == 1 && output.lines().any(|line| Mark::parse(line) == Some(Mark::Send(0))), "{output}");
        assert_eq!(fs::read_dir(sandbox.path("archives")).expect("the directory").count(), 0);
        let done = step.check(Check::Sh("true".into()));
        assert_eq!(sandbox.run(&upload_program(&done, &upload), shell), (UNCHANGED, String::new()));
    }
}
