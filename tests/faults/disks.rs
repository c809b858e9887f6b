//! A disk that is full at each write, or can not be written to from each op on: real file systems in memory, in a mount namespace of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    process::Command,
    sync::Arc,
};

use slipway::{
    event::{Event, Failure, Outcome},
    execute::{self, Mode, Options, survey},
    graph::Graph,
    lower::Asked,
    plan::Plan,
    report::Report,
    step::{Check, File, Op, Step, StepId, Undo},
};
use tokio::sync::{mpsc::unbounded_channel, watch};

use crate::{OWNER, clock_that_waits, connect, host::Host, hosts};

/// Set in the process that has mounts of its own.
const OWN_MOUNTS: &str = "SLIPWAY_OWN_MOUNTS";

/// Of this many pages each file is: a disk that is full in the middle of one would tear it.
const PAGES: usize = 3;

/// Enough for everything, in pages and in files.
const PLENTY: usize = 4000;

fn text(of: &str) -> String {
    format!("{of}\n").repeat(PAGES * 4096 / (of.len() + 1))
}

/// A file that replaces another, two new ones, shell that writes one, and a step that runs detached.
fn steps(host: &Host) -> Vec<Step> {
    let root = host.dir.join("root");
    let file = |name: &str| File { owner: OWNER.clone(), ..File::new(root.join(name), text(name)) };
    let named = |name: &str| StepId::new("a", "install", name);
    let shell = |name: &str| {
        let path = root.join(name);
        let path = path.display();
        Step::new(named(name), name, "")
            .check(Check::Sh(format!("[ -s '{path}' ]\n")))
            .sh(format!("echo {name} >'{path}.part' && mv '{path}.part' '{path}' || {{ rm -f '{path}.part'; exit 1; }}\n"))
            .undo(Undo::Sh(format!("rm -f '{path}'")))
    };
    vec![
        Step::files(named("replaced"), "", "", vec![file("replaced")]),
        Step::files(named("two"), "", "", vec![file("deep/first"), file("deep/second")]).needs(named("replaced")),
        shell("shell").needs(named("two")),
        shell("detached").needs(named("shell")).detached(),
    ]
}

fn command(line: &[&str]) {
    let ran = Command::new(line[0]).args(&line[1..]).output().unwrap();
    assert!(ran.status.success(), "{line:?}: {ran:?}");
}

/// The disk of the host, with `root` and `state` on it, or that of `run`.
struct Disk {
    host: Arc<Host>,
    mounts: Vec<String>,
}

impl Disk {
    fn new(host: &Arc<Host>, pages: usize, files: usize) -> Self {
        let at = |name: &str| host.dir.join(name).display().to_string();
        let options = format!("size={},nr_inodes={files}", pages * 4096);
        let disk = at("disk");
        fs::create_dir_all(&disk).unwrap();
        command(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs", &disk]);
        let mut mounts = vec![disk.clone()];
        for name in ["root", "state"] {
            fs::create_dir_all(at(name)).unwrap();
            let inner = format!("{disk}/{name}");
            fs::create_dir(&inner).unwrap();
            command(&["mount", "--bind", &inner, &at(name)]);
            mounts.push(at(name));
        }
        fs::write(host.dir.join("root/replaced"), text("old")).unwrap();
        Self { host: Arc::clone(host), mounts }
    }

    fn remount(&self, options: &str) {
        command(&["mount", "-o", &format!("remount,{options}"), &self.mounts[0]]);
    }

    /// How many pages and files are in use.
    fn used(&self) -> (usize, usize) {
        let ask = |what: &str| {
            let ran = Command::new("df").args([&format!("--output={what}"), "-B4096", &self.mounts[0]]).output().unwrap();
            String::from_utf8(ran.stdout).unwrap().lines().nth(1).unwrap().trim().parse::<usize>().unwrap()
        };
        (ask("used"), ask("iused"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for mount in self.mounts.iter().rev() {
            let _ = Command::new("umount").arg("-l").arg(mount).status();
        }
        let _ = fs::remove_dir_all(self.host.dir.join("run"));
    }
}

/// What came of a run: the failures, and whether something was changed.
struct Ran {
    failures: Vec<(StepId, Failure)>,
    good: bool,
    changed: bool,
    code: u8,
}

fn run(host: &Arc<Host>, steps: Vec<Step>) -> Ran {
    clock_that_waits().block_on(async {
        let ways = hosts(connect(host, &[]).await.unwrap());
        let graph = Graph::new(steps).unwrap();
        let (_, checks) = survey::again(&ways["a"], &[], Asked::FactsAndChecks).await.unwrap();
        let answered = BTreeMap::from([("a".to_owned(), checks)]);
        let plan = Plan::new(graph.clone(), &survey::verdicts(&graph, &ways, &answered, survey::Remember::All).await.unwrap());
        let (events, mut said) = unbounded_channel();
        let (_stop, asked) = watch::channel(0);
        let options = Options { mode: Mode::StopAtFailure, concurrency: 4, mask: slipway::secrets::Mask::default(), run: None };
        let good = execute::execute(plan, ways, options, events, asked).await;
        let mut ran = Ran { failures: Vec::new(), good, changed: false, code: 0 };
        let mut report = Report::new();
        while let Ok(event) = said.try_recv() {
            report.observe(&event, std::time::Duration::ZERO);
            match event {
                Event::Finished { id, outcome: Outcome::Failed(failure), .. } => ran.failures.push((id, failure)),
                Event::Finished { outcome: Outcome::Changed, .. } => ran.changed = true,
                _ => {}
            }
        }
        ran.code = report.kind().map_or(0, slipway::error::Kind::exit_code);
        ran
    })
}

/// A failed run says what is wrong, and leaves whole files alone; with room again, the next one makes what an undisturbed one makes.
/// Gives where it failed.
fn judge(disk: &Disk, ran: &Ran, wanted: &BTreeMap<String, String>, trouble: &str, mends: &str, case: &str) -> Option<String> {
    let host = &disk.host;
    let mut place = None;
    if !ran.good {
        assert_eq!(ran.code, 40, "{case}: the exit code of a step that failed");
        let [(id, failure)] = &ran.failures[..] else { panic!("{case}: {} failures", ran.failures.len()) };
        assert!(failure.what.starts_with(trouble), "{case}: {id}: {failure:?}");
        assert!(
            failure.hint.as_ref().is_some_and(|hint| hint.contains("df -h") || hint.contains("findmnt")),
            "{case}: {failure:?}"
        );
        let said = format!("{} {} {:?}", failure.what, failure.command.as_deref().unwrap_or_default(), failure.tail);
        let names = [host.dir.display().to_string(), "/run/".to_owned()];
        assert!(names.iter().any(|name| said.contains(name.as_str())), "{case}: no file is named: {failure:?}");
        place = Some(format!("{id}: {}", failure.what.replace(|letter: char| letter.is_ascii_digit(), "")));
    }
    for (path, content) in host.made() {
        if path.starts_with("root/") {
            assert!(content == text("old") || wanted.get(&path) == Some(&content), "{case}: {path} is torn");
        }
        assert!(!path.contains(".slipway") && !path.ends_with(".new") && !path.ends_with(".part"), "{case}: {path} is left over");
    }
    disk.remount(mends);
    assert!(run(host, steps(host)).good, "{case}: the second run");
    assert_eq!(host.made(), *wanted, "{case}: the second run");
    let third = run(host, steps(host));
    assert!(third.good && !third.changed, "{case}: the third run");
    place
}

fn with_own_mounts() {
    let host = Host::new();
    let (wanted, (pages, files)) = {
        let disk = Disk::new(&host, PLENTY, PLENTY);
        assert!(run(&host, steps(&host)).good);
        (host.made(), disk.used())
    };
    let mends = format!("size={},nr_inodes={PLENTY}", PLENTY * 4096);
    let (least_pages, least_files) = {
        let disk = Disk::new(&host, PLENTY, PLENTY);
        disk.used()
    };
    let full = "a disk of this host is full";
    let (mut places, mut cases, mut failed) = (BTreeSet::new(), 0, 0);
    // Copies stand beside what they replace for a moment: a little more is needed than is there at the end.
    for (what, least, most) in [("pages", least_pages, pages + 2 * PAGES), ("files", least_files, files + 4)] {
        for room in least..=most {
            let case = format!("{room} {what}");
            let (pages, files) = if what == "pages" { (room, PLENTY) } else { (PLENTY, room) };
            let disk = Disk::new(&host, pages, files);
            let ran = run(&host, steps(&host));
            failed += usize::from(!ran.good);
            places.extend(judge(&disk, &ran, &wanted, full, &mends, &case));
            cases += 1;
        }
    }
    assert!(failed > 20 && places.len() > 8, "{failed} failed, at {places:?}");
    println!(
        "ENOSPC: {cases} cases, all sizes of a disk from one page or file too few for anything to enough: {failed} runs failed, at {} different places; all converged",
        places.len()
    );
    let (mut places, mut cases) = (BTreeSet::new(), 0);
    let all = steps(&host);
    for (number, step) in all.iter().enumerate() {
        for at in 0..=step.apply.len() {
            let disk = Disk::new(&host, PLENTY, PLENTY);
            let mut steps = steps(&host);
            let ends = Op::Sh(format!("mount -o remount,ro '{}'", disk.mounts[0]));
            steps[number].apply.insert(at, ends);
            let case = format!("EROFS before op {at} of {}", step.id);
            let ran = run(&host, steps);
            assert!(!ran.good || (number, at) == (all.len() - 1, 1), "{case}: nothing noticed");
            places.extend(judge(&disk, &ran, &wanted, "a file system of this host can not be written to", "rw", &case));
            cases += 1;
        }
    }
    println!("EROFS: {cases} cases, from each op of a run on, at {} different places; all converged", places.len());
}

#[test]
fn a_disk_that_is_full_or_can_not_be_written_to_tears_nothing_and_is_named() {
    if env::var_os(OWN_MOUNTS).is_some() {
        return with_own_mounts();
    }
    let unshare = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(if OWNER.starts_with("root:") { &["-m"][..] } else { &["-rm"][..] }).args(arguments);
        command
    };
    if !unshare(&["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status().is_ok_and(|status| status.success()) {
        let why = "this system lets nobody but root mount anything";
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}, and what judges changes leaves nothing out");
        println!("LEFT OUT: {why}");
        return;
    }
    let own = env::current_exe().unwrap();
    let name = "disks::a_disk_that_is_full_or_can_not_be_written_to_tears_nothing_and_is_named";
    let ran = unshare(&[own.to_str().unwrap(), "--exact", name, "--nocapture"]).env(OWN_MOUNTS, "yes").output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
    // A name that no test has would end well, too.
    for trouble in ["ENOSPC: ", "EROFS: "] {
        let line = said.lines().find(|line| line.starts_with(trouble));
        println!("{}", line.unwrap_or_else(|| panic!("{trouble}was not tried: {said}")));
    }
}
