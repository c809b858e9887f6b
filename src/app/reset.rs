//! `slipway reset`: takes nodes out of the cluster and Kubernetes off the hosts.

use std::{fs, sync::Arc};

use super::{
    Run,
    aim::Aim,
    backup::Backup,
    build, kubeconfig,
    leftovers::{self, Looked},
    members::{self, Doubt, Judged},
    session::{Session, Wishes},
};
use crate::{
    cli,
    config::{Host, Role},
    error::{Error, Kind, Result},
    execute::{
        self, Mode, Options,
        survey::{self, Remember},
    },
    graph::{Graph, Selection},
    phase::reset::{self, Reset},
    plan::Plan,
    profile::{Knowledge, Profiles},
    ui::{self, Found, ResetPlan, Ui},
};

pub(super) async fn reset(run: &Run, wanted: cli::Reset) -> Result<u8> {
    take_down(run, wanted, |hosts| format!("Take Kubernetes off {hosts}?")).await
}

/// A reset, for whatever it is done: `question` is asked with the names of the hosts.
pub(super) async fn take_down(run: &Run, wanted: cli::Reset, question: fn(&str) -> String) -> Result<u8> {
    let mut aim = Aim::of(run, &wanted.whom)?;
    let typed = format!("{}{}", aim.typed, if wanted.purge { " --purge" } else { "" });
    if !wanted.yes && !ui::ask::is_possible() {
        return Err(Error::new(Kind::Usage, "a reset loses data, and there is no terminal to ask on")
            .hint(format!("add --yes: {typed} --yes")));
    }
    if let Some(dir) = &wanted.backup {
        Backup::into(dir, &aim.targets)?;
    }
    let profiles = Profiles::load(run.profiles.as_deref())?;
    let session = Session::start(run.ui(&aim.cluster, &typed)?, &run.begun);
    // Hosts that stay are asked too: they drain the others and take them off the list of nodes.
    let doubt = if wanted.force { Doubt::Goes } else { Doubt::Stops(&typed) };
    let known = session.unless_stopped(&typed, look(run, &session, &mut aim, &profiles, doubt)).await.flatten();
    let (mut ui, report) = ended(session).await?;
    let (mut looked, judged) = match known {
        Ok(known) => known,
        Err(error) => {
            ui.abandon();
            return Err(error);
        }
    };
    let errors = looked.surveyed.take_errors(&aim.targets);
    let found = looked.found(&aim, &errors, !wanted.purge);
    let consequences = consequences(&aim, &judged, &found, looked.whole);
    let plan = ResetPlan { found, purge: wanted.purge, consequences };
    ui.reset_plan(&plan);
    if !wanted.yes {
        ui = agreed(ui, question(&aim.targets.join(", "))).await?;
    }

    let session = Session::go_on(ui, report, &run.begun);
    let worked = work(run, &session, &aim, &looked, &judged, &profiles, &wanted).await;
    let (ui, report) = ended(session).await?;
    if let Err(error) = worked {
        ui.abandon();
        return Err(error);
    }
    ui.finish(&report);
    let code = report.kind().map_or(0, Kind::exit_code);
    if aim.is_whole() && run.only.is_empty() && run.skip.is_empty() && code == 0 && errors.is_empty() {
        // It opens nothing any more.
        let _ = fs::remove_file(kubeconfig::beside(&aim.cluster));
    }
    let (ended, beside) = outcome(report.kind(), errors.into_values());
    beside.iter().for_each(|error| run.tell(error));
    ended
}

/// How a reset ends, and which errors of hosts that did not answer are told beside that: what failed on the others outweighs them.
fn outcome(kind: Option<Kind>, silent: impl Iterator<Item = Error>) -> (Result<u8>, Vec<Error>) {
    let code = kind.map_or(0, Kind::exit_code);
    match kind {
        Some(Kind::Step | Kind::Leftovers) => (Ok(code), silent.collect()),
        _ => (leftovers::one(silent).map_or(Ok(code), Err), Vec::new()),
    }
}

/// Surveys the hosts, and judges whether the reset may begin; then lists what is there.
async fn look(run: &Run, session: &Session, aim: &mut Aim, profiles: &Profiles, doubt: Doubt<'_>) -> Result<(Looked, Judged)> {
    let hosts = aim.cluster.hosts.clone();
    let (hosts, surveyed) = leftovers::survey(run, session, aim, &hosts).await;
    let judged = members::judge(&aim.cluster, aim.bare, &surveyed.facts, &hosts, &aim.targets, Some(doubt)).await?;
    let looked = leftovers::look(session, aim, hosts, surveyed, profiles).await;
    Ok((looked, judged))
}

async fn ended(session: Session) -> Result<(Ui, crate::report::Report)> {
    session.end().await.ok_or_else(|| Error::new(Kind::Internal, "the user interface ended early"))
}

/// Asks before anything is lost. Ctrl-C and its like are a no.
async fn agreed(mut ui: Ui, question: String) -> Result<Ui> {
    let asked = tokio::task::spawn_blocking(move || {
        let answer = ui.confirm(&question);
        (ui, answer)
    });
    let stops = async {
        match Wishes::new() {
            Some(mut wishes) => wishes.next().await,
            None => std::future::pending().await,
        }
    };
    let no = || Error::new(Kind::Interrupted, "nothing was changed");
    tokio::select! {
        asked = asked => match asked.map_err(|error| Error::new(Kind::Internal, "nobody could be asked").because(error))? {
            (ui, Some(true)) => Ok(ui),
            (ui, _) => {
                ui.abandon();
                Err(no())
            }
        },
        () = stops => Err(no()),
    }
}

/// What a person should know before this begins: what is lost, and what ends. Of hosts that are clean there is nothing to say.
fn consequences(aim: &Aim, judged: &Judged, found: &[Found<'_>], whole: bool) -> Vec<String> {
    let leads = |host: &&Host| host.role == Role::ControlPlane;
    let has_something =
        |name: &str| found.iter().any(|found| found.host == name && (found.error.is_some() || found.listing.counts().goes > 0));
    let (going, staying): (Vec<&Host>, Vec<&Host>) = aim.cluster.hosts.iter().partition(|host| aim.is_target(&host.name));
    let going: Vec<&Host> = going.into_iter().filter(|host| has_something(&host.name)).collect();
    let names = |hosts: &[&Host]| hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ");
    let leaders: Vec<&Host> = going.iter().copied().filter(leads).collect();
    let mut all = Vec::new();
    if !going.is_empty() {
        let lost = "pods are lost, with the data that they keep on these hosts; what is mounted from elsewhere stays whole";
        all.push(lost.to_owned());
    }
    if !leaders.is_empty() && whole && !staying.iter().any(leads) {
        let ends = "the cluster ends: all its objects (etcd) and its certificates go for good, with";
        all.push(format!("{ends} {}", names(&leaders)));
        if !staying.is_empty() {
            let stay = if staying.len() == 1 { "stays, a node" } else { "stay, nodes" };
            all.push(format!("{} {stay} of a cluster that is gone", names(&staying)));
        }
    } else if aim.bare && !going.is_empty() {
        let counted =
            "the cluster goes on counting these nodes: `kubectl delete node NAME` on a control plane that stays ends that";
        all.push(counted.to_owned());
    }
    all.extend(judged.notes.iter().cloned());
    all
}

/// Resets the targets that answered.
async fn work(
    run: &Run,
    session: &Session,
    aim: &Aim,
    looked: &Looked,
    judged: &Judged,
    profiles: &Profiles,
    wanted: &cli::Reset,
) -> Result<()> {
    if let Some(dir) = &wanted.backup {
        Backup::into(dir, &aim.targets)?.take(session, &looked.hosts, wanted.force).await?;
    }
    let staying = judged.staying(&looked.surveyed.facts, &aim.targets);
    let names = judged.order(&aim.targets);
    let leads = |host: &&Host| host.role == Role::ControlPlane && aim.is_target(&host.name);
    let control_planes: Vec<&str> = aim.cluster.hosts.iter().filter(leads).map(|host| host.name.as_str()).collect();
    let steps = reset::steps(&Reset {
        hosts: &names,
        control_planes: &control_planes,
        staying: &staying,
        peers: &judged.peers(),
        leaves_alone: judged.leaves_alone(&staying),
        ends: looked.whole,
        purge: wanted.purge,
        knowledge: &Knowledge::of(profiles),
    });
    // What the others do for a host that is out of reach is done all the same.
    let graph = Graph::new(steps)?
        .on_hosts(|host| looked.hosts.contains_key(host))
        .select(&Selection { only: run.only.clone(), skip: run.skip.clone() })?;
    // What was listed is to be taken away: each step looks itself when its turn comes.
    let checked = graph.clone().on_hosts(|host| !looked.has_something(host, wanted.purge));
    let verdicts = survey::verdicts(&checked, &looked.hosts, &looked.surveyed.answered, Remember::Nothing).await?;
    let plan = Plan::new(graph, &verdicts);
    let leases = build::hold(session, &looked.hosts, &plan, run.command).await?;
    let options = Options {
        mode: Mode::Continue,
        concurrency: run.concurrency,
        mask: run.mask.clone(),
        run: Some(leases.run().to_owned()),
    };
    if !plan.is_done() {
        session.begins();
    }
    execute::execute(plan, Arc::clone(&looked.hosts), options, session.events.clone(), session.stop.clone()).await;
    leases.give_back().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_outweighs_who_did_not_answer() {
        let ends = |kind, silent: &[Kind]| {
            let (ended, beside) = outcome(kind, silent.iter().map(|kind| Error::new(*kind, "out of reach")));
            let code = ended.unwrap_or_else(|error| error.kind.exit_code());
            (code, beside.iter().map(|error| error.kind).collect::<Vec<_>>())
        };
        let silent = [Kind::HostKey, Kind::Unreachable];
        assert_eq!(ends(None, &[]), (0, vec![]));
        assert_eq!(ends(Some(Kind::Step), &[]), (40, vec![]));
        assert_eq!(ends(Some(Kind::Unreachable), &silent), (22, vec![]), "the error knows better than the report");
        assert_eq!(ends(Some(Kind::Step), &silent), (40, silent.to_vec()));
        assert_eq!(ends(Some(Kind::Leftovers), &silent), (42, silent.to_vec()));
    }
}
