//! `slipway reset`: takes nodes out of the cluster and Kubernetes off the hosts.

use std::{fs, sync::Arc};

use super::{
    Run,
    backup::Backup,
    inspect::no_such_host,
    kubeconfig,
    members::{self, Doubt},
    session::Session,
    site,
};
use crate::{
    cli,
    config::{Cluster, Host, Role},
    error::{Error, Kind, Result},
    execute::{self, Mode, Options, survey},
    graph::{Graph, Selection},
    phase::reset::{self, Reset},
    plan::Plan,
    profile::{Knowledge, Profiles},
    ui,
};

pub(super) async fn reset(run: &Run, wanted: cli::Reset) -> Result<u8> {
    let cluster = run.cluster()?;
    let names: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
    if let Some(unknown) = wanted.nodes.iter().find(|node| !names.contains(&node.as_str())) {
        return Err(no_such_host(unknown, &names));
    }
    let whole = wanted.nodes.is_empty() || names.iter().all(|name| wanted.nodes.iter().any(|node| node == name));
    let targets: Vec<String> = if whole { names.iter().map(|name| (*name).to_owned()).collect() } else { wanted.nodes.clone() };
    if let Some(dir) = &wanted.backup {
        Backup::into(dir, &targets)?;
    }
    confirm(run, &wanted, &targets, whole)?;

    let session = Session::start(run.ui(&cluster)?);
    let worked = work(run, &session, &cluster, &targets, &wanted).await;
    let (ui, report) = session.end().await.ok_or_else(|| Error::new(Kind::Internal, "the user interface ended early"))?;
    match worked {
        Ok(unreachable) => {
            ui.finish(&report);
            let code = report.kind().map_or(0, Kind::exit_code);
            if whole && run.only.is_empty() && run.skip.is_empty() && code == 0 && unreachable.is_none() {
                // It opens nothing any more.
                let _ = fs::remove_file(kubeconfig::beside(&cluster));
            }
            unreachable.map_or(Ok(code), Err)
        }
        Err(error) => {
            ui.abandon();
            Err(error)
        }
    }
}

/// Asks before anything is lost.
fn confirm(run: &Run, wanted: &cli::Reset, targets: &[String], whole: bool) -> Result<()> {
    if wanted.yes {
        return Ok(());
    }
    let what = if whole { "the whole cluster".to_owned() } else { targets.join(", ") };
    let packages = if wanted.purge { ", and what install put there" } else { "" };
    match ui::ask::confirm(&format!(
        "Take Kubernetes off {what} ({}){packages}? Workloads and their data there are lost.",
        targets.join(", ")
    )) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::new(Kind::Interrupted, "nothing was changed")),
        None => Err(Error::new(Kind::Usage, "a reset loses data, and there is no terminal to ask on").hint(format!(
            "add --yes: {} {} --yes",
            run.typed(),
            wanted.nodes.join(" ")
        ))),
    }
}

/// Resets the targets that answer. Comes back with the errors of those that do not.
async fn work(run: &Run, session: &Session, cluster: &Cluster, targets: &[String], wanted: &cli::Reset) -> Result<Option<Error>> {
    let profiles = Profiles::load(run.profiles.as_deref())?;
    // Hosts that stay are asked too: they drain the others and take them off the list of nodes.
    let mut surveyed = site::survey(&cluster.hosts, &session.ask, run.concurrency, &session.events).await;
    let hosts = Arc::new(surveyed.hosts);
    let typed = format!("{} {}", run.typed(), wanted.nodes.join(" "));
    let doubt = if wanted.force { Doubt::Goes } else { Doubt::Stops(typed.trim_end()) };
    let judged = members::judge(cluster, &surveyed.facts, &hosts, targets, Some(doubt)).await?;
    judged.notes.iter().for_each(|note| session.note(note));
    if let Some(dir) = &wanted.backup {
        Backup::into(dir, targets)?.take(session, &hosts, wanted.force).await?;
    }
    let staying = judged.staying(&surveyed.facts, targets);
    let is_target = |host: &Host| targets.contains(&host.name);
    let names = judged.order(targets);
    let control_planes: Vec<&str> = cluster
        .hosts
        .iter()
        .filter(|host| host.role == Role::ControlPlane && is_target(host))
        .map(|host| host.name.as_str())
        .collect();
    let steps = reset::steps(&Reset {
        hosts: &names,
        control_planes: &control_planes,
        staying: &staying,
        peers: &judged.peers(),
        leaves_alone: judged.leaves_alone(&staying),
        purge: wanted.purge,
        knowledge: &Knowledge::of(&profiles),
    });
    // What the others do for a host that is out of reach is done all the same.
    let graph = Graph::new(steps)?
        .on_hosts(|host| hosts.contains_key(host))
        .select(&Selection { only: run.only.clone(), skip: run.skip.clone() })?;
    let verdicts = survey::verdicts(&graph, &hosts, &surveyed.answered, false).await?;
    let plan = Plan::new(graph, &verdicts);
    let options = Options { mode: Mode::Continue, concurrency: run.concurrency, redact: Vec::new() };
    execute::execute(plan, hosts, options, session.events.clone(), session.stop.clone()).await;
    let lost: Vec<&Host> = cluster
        .hosts
        .iter()
        .filter(|host| is_target(host) && !surveyed.facts.iter().any(|(other, _)| other.name == host.name))
        .collect();
    if lost.is_empty() {
        return Ok(None);
    }
    surveyed.errors.retain(|error| lost.iter().any(|host| error.what.contains(&host.name)));
    let first = if surveyed.errors.is_empty() { return Ok(None) } else { surveyed.errors.remove(0) };
    Ok(Some(Error { also: surveyed.errors, ..first }))
}
