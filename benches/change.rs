//! The part of slipway in `scripts/bench change`: brings files, kernel settings and packages to hosts by the library's own steps.
//!
//!     change CLUSTER.toml CHANGES.json
//!
//! prints a JSON line: how many steps changed something, how many had nothing to do, and the most programs that a host was sent. The
//! program `slipway` has no such command, since it knows only steps that make clusters; these are carried as those are.
#![allow(clippy::print_stdout, reason = "a line says what came of it")]

use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc};

use serde::Deserialize;
use slipway::{
    config,
    error::{Error, Kind, Result},
    event::{Event, Outcome},
    execute::{self, Mode, Options, survey},
    graph::Graph,
    lower::{Asked, quote},
    plan::Plan,
    secrets::Mask,
    step::{Check, File, Step, StepId, Undo},
    transport::Ask,
};
use tokio::sync::{mpsc::unbounded_channel, watch};

/// What all hosts are to have. The other tools of the benchmark read the same file.
#[derive(Deserialize)]
struct Changes {
    files: Vec<Content>,
    settings: BTreeMap<String, String>,
    packages: Vec<String>,
}

#[derive(Deserialize)]
struct Content {
    path: String,
    content: String,
}

impl Changes {
    /// A step for all files, one for all settings, one for all packages, as the phases have them.
    fn steps(&self, host: &str) -> Vec<Step> {
        let files = self.files.iter().map(|file| File::new(&file.path, &file.content)).collect();
        let lines: String = self.settings.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        let kept = File::new("/etc/sysctl.d/98-bench.conf", lines);
        let apply = format!("sysctl -q -p {} >/dev/null\n", quote(&kept.path.to_string_lossy()));
        let set: Vec<String> = self
            .settings
            .iter()
            .map(|(name, value)| {
                let knob = format!("/proc/sys/{}", name.replace('.', "/"));
                // Not by the shell's own `read`, which takes a byte at a time: the kernel gives the first alone.
                format!("[ \"$(cat {})\" = {} ]", quote(&knob), quote(value))
            })
            .collect();
        let packages = self.packages.iter().map(|name| quote(name)).collect::<Vec<_>>().join(" ");
        let installed = format!(
            "states=$(dpkg-query -W -f='${{db:Status-Status}}\\n' {packages}) && ! printf '%s\\n' \"$states\" | grep -qvx installed\n"
        );
        let id = |name| StepId::new(host, "bench", name);
        let settings = Step::new(id("settings"), "Set kernel settings", "")
            .check(Check::SameAnd(vec![kept.clone()], format!("{}\n", set.join(" && "))))
            .write(kept)
            .sh(apply);
        let packages = Step::new(id("packages"), "Install packages", "")
            .check(Check::Sh(installed))
            .sh(format!("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages}\n"))
            .undo(Undo::Sh(format!("apt-get purge -y -qq {packages}\n")));
        vec![Step::files(id("files"), "Write files", "", files), settings, packages.detached()]
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(cluster), Some(changes)) = (arguments.next(), arguments.next()) else {
        return Err(Error::new(Kind::Usage, "change CLUSTER.toml CHANGES.json"));
    };
    let read = |error: std::io::Error| Error::new(Kind::NoFile, "the changes can not be read").because(error);
    let changes: Changes = serde_json::from_str(&fs::read_to_string(changes).map_err(read)?)
        .map_err(|error| Error::new(Kind::Syntax, "the changes are not what they should be").because(error))?;
    let cluster = config::load(Path::new(&cluster))?;

    let (events, mut happened) = unbounded_channel();
    let nobody = Ask::new(|_| None);
    let (mut hosts, mut steps) = (BTreeMap::new(), Vec::new());
    // What the host remembers are the checks of other steps: each of these checks for itself first.
    for (host, answer) in survey::survey(&cluster.hosts, Asked::Facts, &nobody, 32, &events).await {
        steps.extend(changes.steps(&host.name));
        hosts.insert(host.name, answer?.transport);
    }
    let hosts = Arc::new(hosts);
    let plan = Plan::all_due(Graph::new(steps)?);
    let (_stop, stop) = watch::channel(0);
    let options = Options { mode: Mode::StopAtFailure, concurrency: 32, mask: Mask::default(), run: None };
    let good = execute::execute(plan, Arc::clone(&hosts), options, events, stop).await;

    let (mut changed, mut unchanged, mut failed) = (0, 0, Vec::new());
    while let Ok(event) = happened.try_recv() {
        match event {
            Event::Finished { outcome: Outcome::Changed, .. } => changed += 1,
            Event::Finished { outcome: Outcome::Unchanged, .. } => unchanged += 1,
            Event::Finished { id, outcome, .. } => failed.push(format!("{id}: {outcome:?}")),
            _ => {}
        }
    }
    let execs = hosts.values().map(|transport| transport.execs()).max();
    println!("{}", serde_json::json!({ "changed": changed, "unchanged": unchanged, "execs": execs }));
    if good { Ok(()) } else { Err(Error::new(Kind::Step, failed.join("; "))) }
}
