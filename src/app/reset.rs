//! `slipway reset`: takes nodes out of the cluster and Kubernetes off the hosts.

use std::{fs, sync::Arc};

use super::{
    Run,
    aim::Aim,
    kubeconfig,
    leftovers::{self, Looked},
    session::Session,
};
use crate::{
    cli,
    config::{API_PORT, Host, Role},
    error::{Error, Kind, Result},
    execute::{self, Mode, Options, survey},
    facts::Facts,
    graph::{Graph, Selection},
    phase::reset::{self, Reset, Staying},
    plan::Plan,
    profile::{Knowledge, Profiles},
    ui::{self, ResetPlan, Ui},
};

pub(super) async fn reset(run: &Run, wanted: cli::Reset) -> Result<u8> {
    let aim = Aim::of(run, &wanted.whom)?;
    let typed = format!("{}{}", aim.typed, if wanted.purge { " --purge" } else { "" });
    if !wanted.yes && !ui::ask::is_possible() {
        return Err(Error::new(Kind::Usage, "a reset loses data, and there is no terminal to ask on")
            .hint(format!("add --yes: {typed} --yes")));
    }
    let profiles = Profiles::load(run.profiles.as_deref())?;
    let session = Session::start(run.ui(&aim.cluster)?.with_command(typed));
    // Hosts that stay are asked too: they drain the others and take them off the list of nodes.
    let mut looked = leftovers::look(run, &session, &aim, &aim.cluster.hosts, &profiles).await;
    let (mut ui, report) = ended(session).await?;
    let errors = looked.surveyed.take_errors(&aim.targets);
    let found = looked.found(&aim, &errors, !wanted.purge);
    let plan = ResetPlan { found, purge: wanted.purge, consequences: consequences(&aim, &looked, wanted.purge) };
    ui.aside(|| ui::reset_plan(&plan, run.json));
    if !wanted.yes {
        ui = agreed(ui, &aim).await?;
    }

    let session = Session::go_on(ui, report);
    let worked = work(run, &session, &aim, &looked, &profiles, wanted.purge).await;
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
    leftovers::one(errors.into_values()).map_or(Ok(code), Err)
}

async fn ended(session: Session) -> Result<(Ui, crate::report::Report)> {
    session.end().await.ok_or_else(|| Error::new(Kind::Internal, "the user interface ended early"))
}

/// Asks before anything is lost. Ctrl-C is a no: a process that has once listened for it does not end by it.
async fn agreed(mut ui: Ui, aim: &Aim) -> Result<Ui> {
    let question = format!("Take Kubernetes off {}?", aim.targets.join(", "));
    let asked = tokio::task::spawn_blocking(move || {
        let answer = ui.aside(|| ui::ask::confirm(&question));
        (ui, answer)
    });
    let no = || Error::new(Kind::Interrupted, "nothing was changed");
    tokio::select! {
        asked = asked => match asked.map_err(|error| Error::new(Kind::Internal, "nobody could be asked").because(error))? {
            (ui, Some(true)) => Ok(ui),
            (ui, _) => {
                ui.abandon();
                Err(no())
            }
        },
        _ = tokio::signal::ctrl_c() => Err(no()),
    }
}

/// Whether a host is a control plane: by its role, or by what lies there, whatever the cluster file says.
fn is_control_plane(host: &Host, facts: Option<&Facts>) -> bool {
    host.role == Role::ControlPlane || facts.is_some_and(|facts| facts.kubernetes.is_control_plane())
}

/// What a person should know before this begins: what is lost, and what ends.
fn consequences(aim: &Aim, looked: &Looked, purge: bool) -> Vec<String> {
    let facts_of = |host: &Host| looked.surveyed.facts.iter().find(|(other, _)| other.name == host.name).map(|(_, facts)| facts);
    let leads = |host: &&Host| is_control_plane(host, facts_of(host));
    let (going, staying): (Vec<&Host>, Vec<&Host>) = aim.cluster.hosts.iter().partition(|host| aim.is_target(&host.name));
    let mut all = vec![
        "pods and the data that they keep on these hosts are lost; disks that are mounted there stay, with what is on them"
            .to_owned(),
    ];
    let going: Vec<&str> = going.into_iter().filter(leads).map(|host| host.name.as_str()).collect();
    if going.is_empty() {
        // Workers alone.
    } else if aim.bare && !looked.whole {
        let (name, is) = (going.join(", "), if going.len() == 1 { "is a control plane" } else { "are control planes" });
        all.push(format!("{name} {is}: with the last one of a cluster go all its objects and its certificates, for good"));
    } else if !staying.iter().any(leads) {
        all.push(format!("the cluster ends: all its objects (etcd) and its certificates go with {}, for good", going.join(", ")));
        if !staying.is_empty() {
            let names: Vec<&str> = staying.iter().map(|host| host.name.as_str()).collect();
            let stay = if names.len() == 1 { "stays, a node" } else { "stay, nodes" };
            all.push(format!("{} {stay} of a cluster that is gone: reset that too", names.join(", ")));
        }
    }
    if aim.bare {
        all.push(
            "without a cluster file, nobody takes the nodes off their cluster's list: `kubectl delete node NAME` there does"
                .to_owned(),
        );
    }
    if purge {
        all.push("packages that slipway brought go, and settings come back as they were".to_owned());
    }
    all
}

/// Resets the targets that answered.
async fn work(run: &Run, session: &Session, aim: &Aim, looked: &Looked, profiles: &Profiles, purge: bool) -> Result<()> {
    let facts_of = |host: &Host| looked.surveyed.facts.iter().find(|(other, _)| other.name == host.name).map(|(_, facts)| facts);
    let mut others: Vec<_> = looked.surveyed.facts.iter().filter(|(host, _)| !aim.is_target(&host.name)).collect();
    // The one that speaks for the cluster is, if there is a choice, one whose API server runs.
    others.sort_by_key(|(_, facts)| !facts.ports.contains_key(&API_PORT));
    let staying: Vec<Staying<'_>> =
        others.into_iter().map(|(host, facts)| Staying { name: &host.name, speaks: leftovers::speaks(facts) }).collect();
    let names: Vec<&str> = aim.targets.iter().map(String::as_str).collect();
    let leads = |host: &&Host| aim.is_target(&host.name) && is_control_plane(host, facts_of(host));
    let control_planes: Vec<&str> = aim.cluster.hosts.iter().filter(leads).map(|host| host.name.as_str()).collect();
    let steps = reset::steps(&Reset {
        hosts: &names,
        control_planes: &control_planes,
        staying: &staying,
        alone: aim.bare && !looked.whole,
        purge,
        knowledge: &Knowledge::of(&profiles),
    });
    // What the others do for a host that is out of reach is done all the same.
    let graph = Graph::new(steps)?
        .on_hosts(|host| looked.hosts.contains_key(host))
        .select(&Selection { only: run.only.clone(), skip: run.skip.clone() })?;
    let verdicts = survey::verdicts(&graph, &looked.hosts, &looked.surveyed.answered, false).await?;
    let plan = Plan::new(graph, &verdicts);
    let options = Options { mode: Mode::Continue, concurrency: run.concurrency, redact: Vec::new() };
    execute::execute(plan, Arc::clone(&looked.hosts), options, session.events.clone(), session.stop.clone()).await;
    Ok(())
}
