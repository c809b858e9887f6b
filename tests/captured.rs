//! Captured facts: each directory of tests/captured is a case, made of data alone.
//!
//! * `cluster.toml`: a cluster file.
//! * `HOST.txt` for each of its hosts: what the probe printed there. The first line says where it comes from: `# captured: …` or
//!   `# written: …` (from the formats that the distribution documents, where no such host can be had). A second line
//!   `# real host: NAME…` names the scenarios in tests/scenarios that run on such a host.
//! * `steps.txt`: what follows. `UPDATE=1 cargo test --test captured` writes it anew; then read the difference.
//!
//! The README's table of systems is made of the profiles and of these; the same UPDATE=1 writes it.

#[path = "captured/expected.rs"]
mod expected;
#[path = "fixture/secrets.rs"]
mod no_secrets;
#[path = "captured/table.rs"]
mod table;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use no_secrets::secrets;
use slipway::{
    config::{self, Cluster, Version},
    facts::{self, Facts},
    graph::Graph,
    lower,
    phase::{install, preflight},
    profile::{Changes, Profiles},
    scene::{Site, Stage, address},
    secrets::Secrets,
    step::{Check, Op, Step, Undo},
};

const NONCE: &str = "n0nce";

/// A case as it is on the disk.
struct Case {
    name: String,
    dir: PathBuf,
    cluster: Cluster,
    /// By host.
    answers: BTreeMap<String, Answer>,
}

struct Answer {
    facts: Facts,
    /// `captured` or `written`.
    origin: String,
    scenarios: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases() -> Vec<Case> {
    let entries = fs::read_dir(root().join("tests/captured")).expect("tests/captured");
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    dirs.sort();
    dirs.into_iter().map(case).collect()
}

fn case(dir: PathBuf) -> Case {
    let name = dir.file_name().expect("a name").to_string_lossy().into_owned();
    let cluster = config::load(&dir.join("cluster.toml")).unwrap_or_else(|error| panic!("{name}: {error}"));
    let answer = |host: &config::Host| {
        let text = fs::read_to_string(dir.join(format!("{}.txt", host.name)))
            .unwrap_or_else(|error| panic!("{name}/{}.txt: {error}", host.name));
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let head = |key: &str| lines.iter().find_map(|line| line.strip_prefix(&format!("# {key}: ")));
        let origin = ["captured", "written"].into_iter().find(|origin| head(origin).is_some());
        let facts = facts::parse(&numbered(&lines), NONCE).unwrap_or_else(|error| panic!("{name}/{}: {error}", host.name));
        let answer = Answer {
            facts,
            origin: origin.unwrap_or_else(|| panic!("{name}/{} does not say where it comes from", host.name)).to_owned(),
            scenarios: head("real host").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        };
        (host.name.clone(), answer)
    };
    let answers = cluster.hosts.iter().map(answer).collect();
    Case { name, dir, cluster, answers }
}

/// With the last line that the probe would print, for answers that were written: nobody should have to count.
fn numbered(lines: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    if !lines.iter().any(|line| line.contains(" facts-end ")) {
        let facts = lines.iter().filter(|line| line.starts_with("n0nce fact ")).count();
        lines.push(format!("{NONCE} facts-end {facts}"));
    }
    lines
}

/// Findings and install steps of all hosts, or why there are none.
fn conclude(
    case: &Case,
    profiles: &Profiles,
    secrets: &Secrets,
) -> Result<(Vec<preflight::Finding>, Vec<Step>), slipway::error::Error> {
    let mut sites = Vec::new();
    let neighbours = address::Neighbours::of(case.cluster.hosts.iter().map(|host| &case.answers[&host.name].facts));
    for host in &case.cluster.hosts {
        let mut facts = case.answers[&host.name].facts.clone();
        // The operator's clock agrees.
        facts.clock_here = facts.clock;
        let profile = profiles.os(host.profile.as_deref(), &facts.os)?.clone();
        let runtime = profiles.runtime_of(case.cluster.runtime.as_deref(), &facts, case.cluster.kubernetes.minor)?.clone();
        let node_ip = address::node_ip(&case.cluster, host, &facts, &neighbours)?;
        sites.push(Site { host: host.clone(), facts, profile: profile.into(), runtime: runtime.into(), node_ip });
    }
    let wanted = case.cluster.kubernetes;
    let stage = Stage {
        cluster: &case.cluster,
        version: Version { major: wanted.major, minor: wanted.minor, patch: wanted.patch.unwrap_or(0) },
        sites: sites.into(),
        cni: None,
        changes: Changes::of(profiles),
        secrets,
        manifest: None,
        archives: Vec::new(),
        direct: Default::default(),
        first: Default::default(),
    };
    let mut steps = Vec::new();
    for scene in stage.scenes() {
        steps.extend((install::PHASE.steps)(&scene)?);
    }
    Ok((preflight::examine(&stage), steps))
}

#[test]
fn what_follows_from_captured_facts_is_what_is_expected() {
    let (profiles, secrets) = (Profiles::load(None).expect("the embedded profiles"), secrets());
    let mut wrong = Vec::new();
    for case in cases() {
        let text = match conclude(&case, &profiles, &secrets) {
            Ok((findings, steps)) => {
                readable(&case, &steps);
                expected::text(&findings, &steps)
            }
            Err(error) => {
                format!("refused: {error}\n{}", error.hints.iter().map(|hint| format!("hint: {hint}\n")).collect::<String>())
            }
        };
        let path = case.dir.join("steps.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &text).expect("written");
        }
        if fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(path.display().to_string());
        }
    }
    assert!(
        wrong.is_empty(),
        "what follows is not what these say; UPDATE=1 cargo test --test captured, then git diff: {wrong:#?}"
    );
}

/// The steps have an order, and each program of them is one that a shell can read.
fn readable(case: &Case, steps: &[Step]) {
    let graph = Graph::new(steps.to_vec()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("captured-{}.sh", case.name));
    let mut text = lower::script(&graph.steps().collect::<Vec<_>>());
    for undo in steps.iter().flat_map(|step| &step.undo) {
        let (Undo::Sh(shell) | Undo::Record(shell)) = undo;
        text.push_str(&format!("\n(\n{shell}\n)\n"));
    }
    fs::write(&path, text).expect("written");
    let output = Command::new("sh").arg("-n").arg(&path).output().expect("sh runs");
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_supported_version_of_every_system_has_a_case() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let cases = cases();
    for profile in &profiles.os {
        let found = cases.iter().flat_map(|case| case.answers.values()).any(|answer| profile.suits(&answer.facts.os));
        let versions = profile.matches.as_ref().map(|matches| matches.versions.join(", ")).unwrap_or_default();
        assert!(found, "no case in tests/captured has a host for the profile {} {versions}", profile.name);
    }
}

#[test]
fn the_table_in_the_readme_is_true() {
    let text = table::table(&Profiles::load(None).expect("the embedded profiles"), &cases());
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).expect("the README");
    let (before, rest) = readme.split_once(table::BEGIN).expect("the README has the table's beginning");
    let (_, after) = rest.split_once(table::END).expect("the README has the table's end");
    let whole = format!("{before}{}\n{text}{}{after}", table::BEGIN, table::END);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &whole).expect("written");
    }
    assert!(
        readme == whole || std::env::var_os("UPDATE").is_some(),
        "UPDATE=1 cargo test --test captured writes the README's table anew"
    );
}

/// Both sides of an op, for the expectations.
fn shells(step: &Step) -> Vec<&str> {
    let check = match &step.check {
        Check::Sh(shell) | Check::SameAnd(_, shell) => Some(shell.as_str()),
        _ => None,
    };
    let ops = step.apply.iter().filter_map(|op| if let Op::Sh(shell) = op { Some(shell.as_str()) } else { None });
    check.into_iter().chain(ops).collect()
}
