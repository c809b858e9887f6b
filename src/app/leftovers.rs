//! `slipway leftovers`: what a cluster left on hosts; and the same look before a reset.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Run,
    aim::Aim,
    session::Session,
    site::{self, Surveyed},
};
use crate::{
    cli,
    config::{API_PORT, Host, Role},
    error::{Error, Kind, Result},
    execute::{
        Hosts,
        audit::{self, Audit},
    },
    facts::Facts,
    leftover::{Fate, Leftover},
    lower::Asked,
    phase::reset,
    profile::{Knowledge, Profiles},
    ui::{self, Found},
};

/// What is known of hosts after one look at them.
pub(super) struct Looked {
    pub(super) hosts: Hosts,
    pub(super) surveyed: Surveyed,
    /// Whether no control plane stays of the targets' cluster: it goes with them, as far as one can know.
    pub(super) whole: bool,
    /// Of each target that answered, and of those that did not if the API side has something of theirs.
    pub(super) audits: BTreeMap<String, Audit>,
}

pub(super) async fn leftovers(run: &Run, wanted: cli::Leftovers) -> Result<u8> {
    let mut aim = Aim::of(run, &wanted.whom)?;
    let profiles = Profiles::load(run.profiles.as_deref())?;
    let session = Session::start(run.quiet_ui().with_command(&aim.typed), &run.begun);
    // Beside the targets, those that may speak for the cluster.
    let concerned = |host: &&Host| aim.is_target(&host.name) || host.role == Role::ControlPlane;
    let hosts: Vec<Host> = aim.cluster.hosts.iter().filter(concerned).cloned().collect();
    let typed = aim.typed.clone();
    let looked = session.unless_stopped(&typed, async {
        let (hosts, surveyed) = survey(run, &session, &mut aim, &hosts).await;
        look(&session, &aim, hosts, surveyed, &profiles).await
    });
    let looked = looked.await;
    if let Some((ui, _)) = session.end().await {
        ui.abandon();
    }
    let mut looked = looked?;
    let errors = looked.surveyed.take_errors(&aim.targets);
    let printed = ui::leftovers(&looked.found(&aim, &errors, wanted.keep_packages), run.json, run.verbose);
    let clean = aim.targets.iter().filter_map(|name| looked.audits.get(name)).all(|audit| {
        // What could not be listed is an error, and has an exit code of its own.
        let counts = audit.listing.counts();
        counts.goes == 0 && (wanted.keep_packages || counts.purge == 0)
    });
    let incomplete = std::mem::take(&mut looked.audits).into_values().filter_map(|audit| audit.error);
    match one(errors.into_values().chain(incomplete).chain(printed.err())) {
        Some(error) => Err(error),
        None if clean => Ok(0),
        None => Ok(Kind::Leftovers.exit_code()),
    }
}

/// Surveys these hosts. What is a control plane by what lies there is one, whatever its role in the cluster file.
pub(super) async fn survey(run: &Run, session: &Session, aim: &mut Aim, hosts: &[Host]) -> (Hosts, Surveyed) {
    let mut surveyed = site::survey(hosts, Asked::Facts, &session.ask, run.concurrency, &session.events).await;
    for (host, _) in surveyed.facts.iter_mut().filter(|(_, facts)| facts.kubernetes.is_control_plane()) {
        host.role = Role::ControlPlane;
        let wanted = aim.cluster.hosts.iter_mut().filter(|wanted| wanted.name == host.name);
        wanted.for_each(|wanted| wanted.role = Role::ControlPlane);
    }
    (Arc::new(std::mem::take(&mut surveyed.hosts)), surveyed)
}

/// Lists what is on the targets.
pub(super) async fn look(session: &Session, aim: &Aim, hosts: Hosts, surveyed: Surveyed, profiles: &Profiles) -> Looked {
    let members = members(session, aim, &hosts, &surveyed.facts).await;
    let whole = is_whole(aim, &surveyed.facts, &members);
    let mut audits = audit::audit(&hosts, &aim.targets, &reset::listing(&Knowledge::of(profiles), whole)).await;
    for (name, leftover) in outlived(aim, &surveyed.facts, &members) {
        audits.entry(name).or_default().listing.add(leftover);
    }
    Looked { hosts, surveyed, whole, audits }
}

/// Of machines without a cluster file, their own control planes must say that they are all there are.
fn is_whole(aim: &Aim, facts: &[(Host, Facts)], members: &[Member]) -> bool {
    if !aim.bare {
        // A control plane that is only out of reach keeps the cluster.
        let stays = |host: &Host| host.role == Role::ControlPlane && !aim.is_target(&host.name);
        return !aim.cluster.hosts.iter().any(stays)
            && !facts.iter().any(|(host, facts)| !aim.is_target(&host.name) && speaks(facts));
    }
    let ours: Vec<&str> = facts.iter().map(|(host, facts)| aim.node_name(&host.name, Some(facts))).collect();
    let mut leading = facts.iter().filter(|(_, facts)| facts.kubernetes.is_control_plane()).peekable();
    leading.peek().is_some()
        && leading.all(|(host, _)| {
            let mut counted =
                members.iter().filter(|member| member.speaker == host.name && member.kind == "etcd-member").peekable();
            counted.peek().is_some() && counted.all(|member| ours.contains(&member.name.as_str()))
        })
}

impl Looked {
    /// Whether a reset has something to take from this host, as far as was listed.
    pub(super) fn has_something(&self, host: &str, purge: bool) -> bool {
        self.audits.get(host).is_some_and(|audit| {
            let counts = audit.listing.counts();
            counts.goes > 0 || purge && counts.purge > 0
        })
    }

    /// For people and programs, in the order of the hosts. `errors` are those of hosts that did not answer.
    pub(super) fn found<'a>(&'a self, aim: &'a Aim, errors: &'a BTreeMap<String, Error>, keep_packages: bool) -> Vec<Found<'a>> {
        static NOTHING: std::sync::LazyLock<Audit> = std::sync::LazyLock::new(Audit::default);
        let found = |host: &'a String| {
            let audit = self.audits.get(host).unwrap_or(&NOTHING);
            Found { host, listing: &audit.listing, error: errors.get(host).or(audit.error.as_ref()), keep_packages }
        };
        aim.targets.iter().map(found).collect()
    }
}

/// One error with the others behind it.
pub(super) fn one(errors: impl Iterator<Item = Error>) -> Option<Error> {
    errors.reduce(|mut first, next| {
        first.also.push(next);
        first
    })
}

/// Whether a host can speak for the cluster: a whole control plane. The one whose API server runs goes first.
fn speaks(facts: &Facts) -> bool {
    facts.kubernetes.admin_conf && facts.kubernetes.is_control_plane() && facts.kubernetes.attempt.is_none()
}

/// One whom a control plane counts.
struct Member {
    /// `node` or `etcd-member`.
    kind: String,
    name: String,
    speaker: String,
}

/// Those who the cluster counts, says the first control plane that answers; machines without a cluster file may be of several clusters.
async fn members(session: &Session, aim: &Aim, hosts: &Hosts, facts: &[(Host, Facts)]) -> Vec<Member> {
    let mut speakers: Vec<_> = facts.iter().filter(|(_, facts)| speaks(facts)).collect();
    speakers.sort_by_key(|(_, facts)| !facts.ports.contains_key(&API_PORT));
    let mut all = Vec::new();
    for (host, _) in speakers {
        let Some(transport) = hosts.get(&host.name) else { continue };
        match audit::members(transport, &reset::counted()).await {
            Ok(members) => {
                all.extend(members.into_iter().map(|(kind, name)| Member { kind, name, speaker: host.name.clone() }));
            }
            Err(error) => session.note(format!("{} does not say who is in the cluster: {error}", host.name)),
        }
        if !aim.bare && !all.is_empty() {
            break;
        }
    }
    all
}

/// What the API side has of targets that are no members any more, or do not answer.
fn outlived(aim: &Aim, facts: &[(Host, Facts)], members: &[Member]) -> Vec<(String, Leftover)> {
    let mut outlived = Vec::new();
    for target in &aim.targets {
        let known = facts.iter().find(|(host, _)| host.name == *target).map(|(_, facts)| facts);
        let name = aim.node_name(target, known);
        for Member { kind, speaker, .. } in members.iter().filter(|member| member.name == name) {
            let (there, owner) = match kind.as_str() {
                "node" => (known.map(|facts| facts.kubernetes.kubelet_conf), "kubelet"),
                _ => (known.map(|facts| facts.kubernetes.etcd_data), "kubeadm"),
            };
            let why = match there {
                Some(true) => continue,
                Some(false) => "the host is none any more",
                None => "the host does not answer",
            };
            let sign = format!("{speaker} counts it, and {why}");
            let (kind, what) = (kind.clone(), name.to_owned());
            outlived.push((target.clone(), Leftover { kind, owner: owner.to_owned(), fate: Fate::Goes, sign, what }));
        }
    }
    outlived
}
