//! What is asked before a node is taken down: whose cluster it is part of, and whether etcd keeps its quorum without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;

use super::kubeconfig;
use crate::{
    config::{API_PORT, Cluster, Host, Role},
    error::{Error, Kind, Result},
    execute::{Hosts, survey::ask_host},
    facts::Facts,
    phase::reset::{
        Staying,
        belonging::{Fleet, Seen},
        quorum::{self, Member, Place, Report, Verdict},
    },
};

/// How long one control plane may take to tell of etcd's members: a runtime may hang, and dead members cost seconds each.
const TELLS_WITHIN: Duration = Duration::from_secs(40);

const ETCD_PORT: u16 = 2379;

/// A reset that may begin.
pub(super) struct Judged {
    /// What a person should know before it does.
    pub(super) notes: Vec<String>,
    /// Hosts that are part of another cluster: they do not speak for this one.
    strangers: BTreeSet<String>,
    /// Hosts with a member of etcd that does not answer.
    silent: BTreeSet<String>,
    /// Why etcd can not change its list of members, if it can not.
    pub(super) lost: Option<String>,
    /// Members other than those of the targets answer.
    others_answer: bool,
    addresses: BTreeMap<String, Vec<IpAddr>>,
}

/// What becomes of a reset that would better not be: nothing at all; or it goes on, since a person has said `--force`.
#[derive(Clone, Copy)]
pub(super) enum Doubt<'a> {
    /// With this command, `--force` would go on.
    Stops(&'a str),
    Goes,
}

/// Judges the reset of `targets`, as a whole; `bare` says that they were named without a cluster file. A `doubt` of none stops it, and there is no way around.
///
/// # Errors
/// `Preflight`: a target is part of another cluster, or those that stay would lose their quorum.
pub(super) async fn judge(
    cluster: &Cluster,
    bare: bool,
    facts: &[(Host, Facts)],
    hosts: &Hosts,
    targets: &[String],
    doubt: Option<Doubt<'_>>,
) -> Result<Judged> {
    let is_target = |name: &str| targets.iter().any(|target| target == name);
    let seen: Vec<Seen<'_>> = facts
        .iter()
        .map(|(host, facts)| Seen { name: &host.name, is_control_plane: host.role == Role::ControlPlane, facts })
        .collect();
    let fleet = Fleet { hosts: &seen, kept: kubeconfig::kept_ca(cluster) };
    // Machines that were named without a cluster file may be of any cluster, each of another.
    let strangers: Vec<_> = seen.iter().filter(|_| !bare).filter_map(|host| fleet.stranger(host)).collect();
    let mut refusals: Vec<Error> = strangers
        .iter()
        .filter(|stranger| is_target(&stranger.host))
        .map(|stranger| Error::new(Kind::Preflight, format!("{} {}", stranger.host, stranger.what)))
        .collect();
    let strangers: BTreeSet<String> = strangers.into_iter().map(|stranger| stranger.host).collect();

    let addresses = addresses(cluster, facts);
    let members = members(cluster, facts, hosts, is_target, &strangers).await;
    let places: Vec<Place<'_>> = cluster
        .hosts
        .iter()
        .map(|host| Place {
            name: node_name(bare, host, facts),
            addresses: addresses.get(&host.name).map_or(&[], Vec::as_slice),
            goes: is_target(&host.name),
        })
        .collect();
    let mut judged = Judged {
        notes: Vec::new(),
        strangers,
        silent: places
            .iter()
            .zip(&cluster.hosts)
            .filter(|(place, _)| quorum::is_silent(&members, place))
            .map(|(_, host)| host.name.clone())
            .collect(),
        lost: None,
        others_answer: quorum::others_answer(&members, &places),
        addresses: addresses.clone(),
    };
    match quorum::judge(&members, &places) {
        Verdict::Keeps => {}
        Verdict::Lost(note) => judged.lost = Some(note),
        Verdict::Refused(error) => refusals.push(error),
    }
    judged.notes.extend(judged.lost.clone());
    if refusals.is_empty() {
        return Ok(judged);
    }
    let hint = match doubt {
        Some(Doubt::Goes) => {
            judged.notes.extend(refusals.into_iter().map(|error| format!("{}; going on all the same (--force)", error.what)));
            return Ok(judged);
        }
        Some(Doubt::Stops(typed)) => format!("nothing was changed; to go on all the same: {typed} --force"),
        None => "nothing was changed; `slipway reset`, and then `slipway up`, takes a repair apart".to_owned(),
    };
    let mut first = refusals.remove(0);
    if let Some((_, file)) = fleet.kept.filter(|_| targets.iter().any(|name| judged.strangers.contains(name))) {
        first = first.hint(format!("if {file} is of an earlier cluster, remove it"));
    }
    let mut first = first.hint(hint);
    first.also = refusals;
    Err(first)
}

impl Judged {
    /// The hosts that stay. The one that speaks for the cluster is, if there is a choice, one whose etcd answers and whose API server runs.
    pub(super) fn staying<'a>(&self, facts: &'a [(Host, Facts)], targets: &[String]) -> Vec<Staying<'a>> {
        let mut others: Vec<_> = facts.iter().filter(|(host, _)| !targets.contains(&host.name)).collect();
        others.sort_by_key(|(host, facts)| (self.silent.contains(&host.name), !facts.ports.contains_key(&API_PORT)));
        let speaks = |host: &Host, facts: &Facts| {
            host.role == Role::ControlPlane
                && facts.kubernetes.admin_conf
                && facts.kubernetes.attempt.is_none()
                && !self.strangers.contains(&host.name)
        };
        others.into_iter().map(|(host, facts)| Staying { name: &host.name, speaks: speaks(host, facts) }).collect()
    }

    /// The targets in the order in which they leave etcd: those that do not answer first, so that the others keep their quorum.
    pub(super) fn order<'a>(&self, targets: &'a [String]) -> Vec<&'a str> {
        let mut order: Vec<&str> = targets.iter().map(String::as_str).collect();
        order.sort_by_key(|name| !self.silent.contains(*name));
        order
    }

    /// Whether a target must say goodbye to etcd by itself: others answer, but none of the hosts that stay speaks for them.
    pub(super) fn leaves_alone(&self, staying: &[Staying<'_>]) -> bool {
        self.others_answer && !staying.iter().any(|host| host.speaks)
    }

    /// The addresses by which etcd would know a host, blanks between.
    pub(super) fn peers(&self) -> BTreeMap<String, String> {
        let text = |addresses: &Vec<IpAddr>| addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ");
        self.addresses.iter().map(|(host, addresses)| (host.clone(), text(addresses))).collect()
    }
}

/// The name that etcd has for a host. A machine that was named by its address goes by its host name there.
fn node_name<'a>(bare: bool, host: &'a Host, facts: &'a [(Host, Facts)]) -> &'a str {
    let known = facts.iter().find(|(other, _)| bare && other.name == host.name);
    known.map_or(&host.name, |(_, facts)| &facts.hostname)
}

/// The addresses of each host that no other one has.
fn addresses(cluster: &Cluster, facts: &[(Host, Facts)]) -> BTreeMap<String, Vec<IpAddr>> {
    let of = |host: &Host| -> BTreeSet<IpAddr> {
        let found = facts.iter().filter(|(other, _)| other.name == host.name);
        let found = found.flat_map(|(_, facts)| facts.addresses.iter().map(|address| address.ip));
        found.chain(host.node_ip).chain(host.address.parse().ok()).filter(|ip| !ip.is_loopback()).collect()
    };
    let all: Vec<(&str, BTreeSet<IpAddr>)> = cluster.hosts.iter().map(|host| (host.name.as_str(), of(host))).collect();
    let shared = |name: &str, ip: &IpAddr| all.iter().any(|(other, addresses)| *other != name && addresses.contains(ip));
    all.iter()
        .map(|(name, addresses)| ((*name).to_owned(), addresses.iter().filter(|ip| !shared(name, ip)).copied().collect()))
        .collect()
}

/// The members of the cluster's etcd, as its control planes tell; or as they look from outside, where none of them can.
async fn members(
    cluster: &Cluster,
    facts: &[(Host, Facts)],
    hosts: &Hosts,
    is_target: impl Fn(&str) -> bool,
    strangers: &BTreeSet<String>,
) -> Vec<Member> {
    let has_etcd = |facts: &Facts| facts.kubernetes.manifests.iter().any(|name| name == "etcd.yaml");
    // Those that stay are asked first, so to speak: their list counts.
    let mut speakers: Vec<&(Host, Facts)> =
        facts.iter().filter(|(host, facts)| has_etcd(facts) && !strangers.contains(&host.name)).collect();
    speakers.sort_by_key(|(host, _)| is_target(&host.name));
    let mut asked = JoinSet::new();
    for (index, (host, _)) in speakers.iter().enumerate() {
        let (hosts, name) = (Arc::clone(hosts), host.name.clone());
        asked.spawn(async move {
            let program = quorum::program();
            let answer = match hosts.get(&name) {
                Some(transport) => tokio::time::timeout(TELLS_WITHIN, ask_host(transport, &program)).await,
                None => return (index, Report::default()),
            };
            (index, answer.ok().and_then(Result::ok).map(|lines| Report::parse(&lines)).unwrap_or_default())
        });
    }
    let mut reports = Vec::new();
    while let Some(joined) = asked.join_next().await {
        reports.extend(joined);
    }
    reports.sort_by_key(|(index, _)| *index);
    let reports: Vec<Report> = reports.into_iter().map(|(_, report)| report).collect();
    let told = quorum::members(&reports);
    if !told.is_empty() || speakers.is_empty() {
        return told;
    }
    let guessed: Vec<(&str, bool)> = cluster
        .hosts
        .iter()
        .filter(|host| host.role == Role::ControlPlane)
        .filter_map(|host| match facts.iter().find(|(other, _)| other.name == host.name) {
            Some((_, facts)) => has_etcd(facts).then(|| (host.name.as_str(), facts.ports.contains_key(&ETCD_PORT))),
            None => Some((host.name.as_str(), false)),
        })
        .collect();
    quorum::guess(&guessed)
}
