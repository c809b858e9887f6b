//! `slipway repair`: one node is reset and joins again, and all others stay as they are.

use super::{Run, build, inspect::no_such_host, members, reset, session::Session, site::Known};
use crate::{
    cli,
    config::{Host, Role, WantedCni},
    error::{Error, Kind, Result},
    facts::Facts,
    phase::PHASES,
    ui,
};

pub(super) async fn repair(run: &Run, wanted: cli::Repair) -> Result<u8> {
    let cluster = run.cluster()?;
    let names: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
    if !names.contains(&wanted.node.as_str()) {
        return Err(no_such_host(&wanted.node, &names));
    }
    if !run.only.is_empty() {
        return Err(Error::new(Kind::Usage, "a repair is whole, and takes no --only")
            .hint(format!("slipway reset {0}, and then slipway up --only …, takes it apart", wanted.node)));
    }
    if !wanted.yes && !ui::ask::is_possible() {
        return Err(Error::new(Kind::Usage, "a repair loses what pods keep on the node, and there is no terminal to ask on")
            .hint(format!("add --yes: {} {} --yes", run.typed(), wanted.node)));
    }
    may_begin(run, &wanted.node).await?;
    // One journal for both that follow.
    run.journal(&cluster)?;
    let of = |command, only: &[String]| Run { command, only: only.to_vec(), ..run.clone() };
    let taken = cli::Reset::of_one(&wanted.node, wanted.yes, wanted.backup);
    // Steps are left out of what builds, not of what takes down.
    let run_reset = Run { skip: Vec::new(), ..of("reset", &[]) };
    let code = reset::take_down(&run_reset, taken, |node| format!("Reset {node} and join it again?")).await?;
    if code != 0 {
        return Ok(code);
    }
    // Beside the node itself, only what a new node demands of the others: to be let in, a way to its pods, and the proof.
    let mut only = vec![wanted.node.clone(), "*/join/token".to_owned(), "*/join/stale-nodes".to_owned(), "*/verify".to_owned()];
    if cluster.cni != WantedCni::None {
        only.push("*/cni".to_owned());
    }
    let all: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    build::build_within(&of("up", &only), &all, holds_a_cluster).await
}

/// Refuses what would end badly, as long as nothing has been done.
async fn may_begin(run: &Run, node: &str) -> Result<()> {
    let session = Session::start(run.quiet_ui(), &run.begun);
    let judged = session.unless_stopped(&run.typed(), judge(run, &session, node)).await.flatten();
    if let Some((ui, _)) = session.end().await {
        ui.abandon();
    }
    judged
}

async fn judge(run: &Run, session: &Session, node: &str) -> Result<()> {
    let known = build::open(run, session).await?;
    let facts: Vec<(Host, Facts)> = known.sites.iter().map(|site| (site.host.clone(), site.facts.clone())).collect();
    let targets = [node.to_owned()];
    let judged = members::judge(&known.cluster, false, &facts, &known.hosts, &targets, None).await?;
    let staying = judged.staying(&facts, &targets);
    if !staying.iter().any(|host| host.speaks) {
        let leads = known.cluster.hosts.iter().any(|host| host.name == node && host.role == Role::ControlPlane);
        return Err(alone(node, leads));
    }
    if let Some(lost) = judged.lost {
        return Err(Error::new(Kind::Preflight, format!("nothing can join: {lost}"))
            .hint("a member comes back when its host and its kubelet run: `slipway status` shows them"));
    }
    let findings = build::findings(run, &known)?;
    let others: Vec<_> = findings.into_iter().filter(|finding| finding.fatal && finding.id.host != node).collect();
    if others.is_empty() {
        return Ok(());
    }
    let printed = ui::findings(&others, run.json);
    let mut error =
        Error::new(Kind::Preflight, format!("preflight found {} problem(s) on other hosts; nothing was changed", others.len()))
            .hint("mend them as said above, or leave one out with --skip HOST/preflight/NAME");
    error.also.extend(printed.err());
    Err(error)
}

/// No other control plane could let the node in again.
fn alone(node: &str, leads: bool) -> Error {
    if leads {
        return Error::new(
            Kind::Preflight,
            format!("{node} is the only control plane that speaks for the cluster: with it the cluster ends"),
        )
        .hint(format!(
            "bring another control plane back, or make the cluster anew: slipway reset --backup DIR && slipway up; \
                 `etcdutl snapshot restore` brings back its objects from DIR/{node}.etcd.db"
        ));
    }
    Error::new(Kind::Preflight, format!("no control plane speaks for the cluster: nobody could let {node} in again"))
        .hint("`slipway status` shows the control planes; bring one back first")
}

/// `up` would begin another cluster where there is none.
fn holds_a_cluster(known: &Known) -> Result<()> {
    if known.secrets.pki.is_none() {
        return Ok(());
    }
    Err(Error::new(Kind::Preflight, "no control plane holds the cluster any more, and a repair does not begin another one")
        .hint("`slipway status` shows what is left; `slipway up` makes a new cluster"))
}
