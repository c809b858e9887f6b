//! The commands that lay a cluster down: up, and its phases one by one.

use std::{fs, sync::Arc};

use super::{
    Run, kubeconfig,
    session::Session,
    site::{self, Known},
};
use crate::{
    error::{Error, Kind, Result},
    event::Event,
    execute::{
        self, Hosts, Mode, Options,
        lease::{Holder, Leases},
        survey::{self, Remember},
    },
    graph::Selection,
    lower::Asked,
    phase::{
        PHASES,
        preflight::{self, Finding},
    },
    plan::{Plan, Verdict},
    profile::Profiles,
    step::path_matches,
};

/// Opens the cluster and surveys its hosts. With hosts out of reach, says what the others said before it gives up.
pub(super) async fn open(run: &Run, session: &Session) -> Result<Known> {
    let cluster = run.cluster()?;
    let profiles = Profiles::load(run.profiles.as_deref())?;
    let proxy_password = site::proxy_password(&cluster, &session.ask).await?;
    let asking = async {
        let survey = site::survey(&cluster.hosts, Asked::FactsAndChecks, &session.ask, run.concurrency, &session.events);
        let mut surveyed = survey.await;
        if !surveyed.errors.is_empty() {
            for (host, facts) in &surveyed.facts {
                session.note(format!(
                    "{} answered: {}, {} CPUs, {} MiB, kernel {}",
                    host.name, facts.os.name, facts.cpus, facts.memory_mib, facts.kernel
                ));
            }
            let first = surveyed.errors.remove(0);
            return Err(Error { also: surveyed.errors, ..first });
        }
        // That asks once more: for the newest patch of a version.
        Known::conclude(cluster, profiles, surveyed, proxy_password).await
    };
    session.unless_stopped(&run.typed(), asking).await.flatten()
}

/// Splits `--only` and `--skip` into those for preflight findings, which are no steps, and those for the graph.
fn selections(run: &Run) -> (Vec<String>, Selection) {
    let of_preflight = |pattern: &String| pattern.split('/').nth(1) == Some("preflight");
    let (findings, skip): (Vec<String>, Vec<String>) = run.skip.iter().cloned().partition(of_preflight);
    (findings, Selection { only: run.only.clone(), skip })
}

/// What preflight has to say, without what the user wants skipped.
pub(super) fn findings(run: &Run, known: &Known) -> Result<Vec<Finding>> {
    let (skipped, _) = selections(run);
    let all = preflight::examine(&known.stage()?);
    Ok(all.into_iter().filter(|finding| !skipped.iter().any(|pattern| path_matches(pattern, &finding.id))).collect())
}

/// The plan of some phases.
pub(super) async fn plan(run: &Run, known: &Known, phases: &[&str], remember: Remember) -> Result<Plan> {
    let (_, selection) = selections(run);
    let graph = known.graph(phases)?.select(&selection)?;
    let verdicts = survey::verdicts(&graph, &known.hosts, &known.answered, remember).await?;
    Ok(Plan::new(graph, &verdicts))
}

/// Runs phases on a cluster. The exit code tells how it went.
pub(super) async fn build(run: &Run, phases: &[&str]) -> Result<u8> {
    build_within(run, phases, |_| Ok(())).await
}

/// The same, if what is known of the cluster by then is good enough for the caller.
pub(super) async fn build_within(run: &Run, phases: &[&str], bounds: fn(&Known) -> Result<()>) -> Result<u8> {
    let session = Session::start(run.ui(&run.cluster()?, &run.typed())?, &run.begun);
    let worked = work(run, &session, phases, bounds).await;
    let (ui, report) = session.end().await.ok_or_else(|| Error::new(Kind::Internal, "the user interface ended early"))?;
    match worked {
        Ok(Ran { settled }) => {
            ui.finish(&report);
            settled?;
            Ok(report.kind().map_or(0, Kind::exit_code))
        }
        Err(error) => {
            ui.abandon();
            Err(error)
        }
    }
}

struct Ran {
    /// Whether a last look at the hosts agrees that nothing is left to do.
    settled: Result<()>,
}

async fn work(run: &Run, session: &Session, phases: &[&str], bounds: fn(&Known) -> Result<()>) -> Result<Ran> {
    let known = open(run, session).await?;
    bounds(&known)?;
    let findings = findings(run, &known)?;
    let fatal = findings.iter().filter(|finding| finding.fatal).count();
    if !findings.is_empty() {
        let _ = session.events.send(Event::Findings { findings });
    }
    if fatal > 0 {
        return Err(Error::new(Kind::Preflight, format!("preflight found {fatal} problem(s); nothing was changed on any host"))
            .hint("mend them as said above, or leave one out with --skip HOST/preflight/NAME"));
    }
    let all: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    let whole = phases == all && run.only.is_empty() && run.skip.is_empty();
    let remember = if whole { Remember::All } else { Remember::More };
    let mut plan = session.unless_stopped(&run.typed(), plan(run, &known, phases, remember)).await??;
    if phases == ["verify"] {
        plan = Plan::all_due(plan.graph);
    }
    let had_work = !plan.is_done();
    let leases = hold(session, &known.hosts, &plan, run.command).await?;
    if had_work {
        session.begins();
    }
    if known.secrets.pki.is_some() && plan.graph.steps().any(|step| step.id.phase == "init" && step.id.name == "kubeadm") {
        // A new cluster begins: the kubeconfig of an earlier one opens nothing any more, and must not be taken for this one's.
        let _ = fs::remove_file(kubeconfig::path(&known));
    }
    known.secret_words().into_iter().for_each(|word| run.mask.hide(word));
    let options = Options {
        mode: Mode::StopAtFailure,
        concurrency: run.concurrency,
        mask: run.mask.clone(),
        run: Some(leases.run().to_owned()),
    };
    let good = execute::execute(plan, Arc::clone(&known.hosts), options, session.events.clone(), session.stop.clone()).await;
    let settled = match (good, whole && had_work) {
        (false, _) => Ok(()),
        (true, true) => settle(run, session, known, phases).await,
        (true, false) => keep_kubeconfig(session, &known).await,
    };
    leases.give_back().await;
    Ok(Ran { settled })
}

/// The hosts that a plan has work on, for this run alone. What has nothing to do holds nobody up.
pub(super) async fn hold(session: &Session, hosts: &Hosts, plan: &Plan, command: &str) -> Result<Leases> {
    let mut names: Vec<String> =
        plan.graph.steps().filter(|step| plan.verdict(&step.id) != Verdict::Done).map(|step| step.id.host.clone()).collect();
    names.sort();
    names.dedup();
    Leases::take(hosts, names, Holder::new(&format!("slipway {command}"))?, &session.events, session.asked.clone()).await
}

/// After a run that changed something: asks the hosts again, and expects that nothing is left to do.
/// That is the proof of the run, and it leaves the hosts with the checks that the next run will want.
async fn settle(run: &Run, session: &Session, known: Known, phases: &[&str]) -> Result<()> {
    let known = known.again().await?;
    let plan = plan(run, &known, phases, Remember::All).await?;
    let open: Vec<String> =
        plan.graph.steps().filter(|step| plan.verdict(&step.id) == Verdict::Run).map(|step| step.id.to_string()).collect();
    keep_kubeconfig(session, &known).await?;
    if open.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Step, format!("a last look at the hosts finds steps that are not done: {}", open.join(", ")))
        .hint("run `slipway up` again; if it says the same, something on the host undoes them"))
}

/// Keeps the operator's copy of the administrator's kubeconfig up to date.
async fn keep_kubeconfig(session: &Session, known: &Known) -> Result<()> {
    if !known.first()?.0.facts.kubernetes.admin_conf || kubeconfig::is_current(known) {
        return Ok(());
    }
    let path = kubeconfig::path(known);
    kubeconfig::write_private(&path, &kubeconfig::fetch(known).await?)?;
    session.note(format!("the administrator's kubeconfig is {}; try: kubectl --kubeconfig {0} get nodes", path.display()));
    Ok(())
}
