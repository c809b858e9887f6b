//! Whether etcd keeps its quorum when control planes are reset: arithmetic on its list of members.
//!
//! Each member has a vote, and more than half of all votes must answer. A member that is gone for good goes on counting until it is taken
//! off the list, and only a cluster that has its quorum can do that.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    error::{Error, Kind},
    lower::Program,
    phase::script::script,
};

const SURVIVOR: &str = include_str!("survivor.sh");
const QUORUM: &str = include_str!("quorum.sh");

/// Prints what the etcd of a control plane says of its members: [`Report::parse`] reads it.
#[must_use]
pub fn program() -> Program {
    Program::of(&script(&[("node", ""), ("member", ""), ("peers", "")], &format!("{SURVIVOR}{QUORUM}")))
}

/// One member, as one control plane told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    /// The node's name; empty for one that was announced and has never started.
    pub name: String,
    /// Addresses by which the others reach it.
    pub peers: Vec<IpAddr>,
    /// It has no vote yet.
    pub learner: bool,
    pub answers: bool,
    clients: Vec<String>,
}

/// What one control plane said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    members: Vec<Member>,
    /// URLs of members that answered.
    answered: BTreeSet<String>,
    /// Why its etcd told nothing.
    pub silent: Option<String>,
}

impl Report {
    /// Reads the lines of [`program`].
    #[must_use]
    pub fn parse(lines: &[String]) -> Self {
        let mut report = Self::default();
        for line in lines {
            match line.split_once(' ') {
                Some(("member", rest)) => report.members.extend(member(rest)),
                Some(("status", rest)) => {
                    report.answered.extend(rest.split(", ").next().map(str::to_owned));
                }
                Some(("silent", why)) => report.silent = Some(why.trim().to_owned()),
                _ => {}
            }
        }
        report
    }
}

/// A line of `etcdctl member list -w simple`: id, status, name, peer URLs, client URLs, whether it is a learner.
fn member(line: &str) -> Option<Member> {
    let fields: Vec<&str> = line.split(", ").map(str::trim).collect();
    let [id, _, name, peers, clients, rest @ ..] = fields.as_slice() else { return None };
    let urls = |text: &str| -> Vec<String> { text.split(',').filter(|url| !url.is_empty()).map(str::to_owned).collect() };
    Some(Member {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        peers: urls(peers).iter().filter_map(|url| address(url)).collect(),
        learner: rest.first() == Some(&"true"),
        answers: false,
        clients: urls(clients),
    })
}

/// The address in `https://192.0.2.1:2380` or `https://[2001:db8::1]:2380`.
fn address(url: &str) -> Option<IpAddr> {
    let (_, rest) = url.split_once("://")?;
    let (host, _) = rest.rsplit_once(':')?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// The members of a cluster: the list of the first report that has one, and whoever answered anybody.
#[must_use]
pub fn members(reports: &[Report]) -> Vec<Member> {
    let Some(first) = reports.iter().find(|report| !report.members.is_empty()) else { return Vec::new() };
    let answers = |member: &Member| {
        let urls = || member.clients.iter();
        reports.iter().any(|report| urls().any(|url| report.answered.contains(url)))
    };
    first.members.iter().map(|member| Member { answers: answers(member), ..member.clone() }).collect()
}

/// The members as they look from outside, where no list is to be had: that takes a quorum since etcd 3.5. Control planes by name, and
/// whether something listens there on etcd's port.
#[must_use]
pub fn guess(control_planes: &[(&str, bool)]) -> Vec<Member> {
    let member = |&(name, answers): &(&str, bool)| Member { name: name.to_owned(), answers, ..Member::default() };
    control_planes.iter().map(member).collect()
}

/// A host of the cluster file, as far as etcd is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub name: &'a str,
    /// Addresses that no other host has.
    pub addresses: &'a [IpAddr],
    /// It is to be reset.
    pub goes: bool,
}

impl Member {
    /// The host that it is on. One that has never started has no name yet, but an address.
    fn place<'a>(&self, places: &'a [Place<'a>]) -> Option<&'a Place<'a>> {
        places.iter().find(|place| {
            // A host that was named by its address may call itself otherwise than its node.
            self.name == place.name || self.peers.iter().any(|peer| place.addresses.contains(peer))
        })
    }
}

/// Whether a host has a member, and that does not answer.
#[must_use]
pub fn is_silent(members: &[Member], place: &Place<'_>) -> bool {
    let mut own = members.iter().filter(|member| member.place(std::slice::from_ref(place)).is_some()).peekable();
    own.peek().is_some() && !own.any(|member| member.answers)
}

/// Whether members answer that are on none of the hosts that go.
#[must_use]
pub fn others_answer(members: &[Member], places: &[Place<'_>]) -> bool {
    members.iter().any(|member| member.answers && !member.place(places).is_some_and(|place| place.goes))
}

/// What a reset means for etcd.
#[derive(Debug)]
pub enum Verdict {
    /// Those that stay keep their quorum, or nobody stays.
    Keeps,
    /// It has none now: who goes can not be taken off the list. The reset goes on; this is for the person who asked for it.
    Lost(String),
    /// Those that stay would lose it.
    Refused(Error),
}

/// Judges a reset as a whole: those that do not answer leave first, then the others one after another.
#[must_use]
pub fn judge(members: &[Member], places: &[Place<'_>]) -> Verdict {
    let voters: Vec<&Member> = members.iter().filter(|member| !member.learner).collect();
    let goes = |member: &&&Member| member.place(places).is_some_and(|place| place.goes);
    // Nobody owns up to a dead member whose host is in no cluster file: with all hosts of that going, it holds up nothing.
    let stays = |member: &&&Member| !goes(member) && (member.answers || places.iter().any(|place| !place.goes));
    let going: Vec<&Member> = voters.iter().filter(goes).copied().collect();
    let staying: Vec<&Member> = voters.iter().filter(stays).copied().collect();
    if going.is_empty() || staying.is_empty() {
        return Verdict::Keeps;
    }
    let alive = |members: &[&Member]| members.iter().filter(|member| member.answers).count();
    let dead: Vec<&Member> = voters.iter().filter(|member| !member.answers).copied().collect();
    if alive(&voters) < quorum(voters.len()) {
        return lost(&voters, &going, &staying, places);
    }
    if alive(&staying) >= quorum(staying.len()) {
        return Verdict::Keeps;
    }
    let staying_dead: Vec<&Member> = staying.iter().filter(|member| !member.answers).copied().collect();
    let left = match alive(&staying) {
        0 => "nobody that answers would be left".to_owned(),
        alive => format!(
            "{} of the {} that stay would be left, and {} are needed",
            number(alive),
            number(staying.len()),
            number(quorum(staying.len()))
        ),
    };
    let what = format!(
        "etcd has {} members, and {} {} not answer: without {}, {left}",
        voters.len(),
        names(&dead, places),
        if dead.len() == 1 { "does" } else { "do" },
        names(&going, places),
    );
    let dead = names(&staying_dead, places);
    let first =
        staying_dead.iter().filter_map(|member| member.place(places)).map(|place| place.name).collect::<Vec<_>>().join(" ");
    let error = Error::new(Kind::Preflight, what);
    Verdict::Refused(if first.is_empty() {
        error.hint(format!("bring {dead} back first, or take it off the list: `etcdctl member remove`"))
    } else {
        let them = if staying_dead.len() == 1 { "it" } else { "them" };
        error.hint(format!("bring {dead} back first, or take {them} out for good: slipway reset {first}"))
    })
}

fn lost(voters: &[&Member], going: &[&Member], staying: &[&Member], places: &[Place<'_>]) -> Verdict {
    let alive: Vec<&Member> = voters.iter().filter(|member| member.answers).copied().collect();
    let state = format!(
        "etcd has lost its quorum: {} of {} members {}",
        number(alive.len()),
        number(voters.len()),
        if alive.len() == 1 { "answers" } else { "answer" }
    );
    if !alive.is_empty() && !staying.iter().any(|member| member.answers) {
        let what = format!("{state}, and without {} none would: the data there may be all that is left", names(&alive, places));
        return Verdict::Refused(
            Error::new(Kind::Preflight, what)
                .hint(format!("bring {} back first, or keep a copy: --backup DIR --force", names(staying, places))),
        );
    }
    let waited: Vec<&Member> = staying.iter().filter(|member| !member.answers).copied().collect();
    let missing = quorum(voters.len()).saturating_sub(alive.iter().filter(|member| staying.contains(member)).count());
    let then = match waited.len() {
        // What those that stay have left of the cluster is a case for etcd's own manual.
        waiting if waiting < missing => {
            format!(
                "those that stay can not have it again by themselves: see `etcd --force-new-cluster` on {}",
                names(staying, places)
            )
        }
        1 => format!("when {} answers, run the same reset again", names(&waited, places)),
        waiting if waiting == missing => format!("when {} answer, run the same reset again", names(&waited, places)),
        _ => format!("when {} more of {} answer, run the same reset again", number(missing), names(&waited, places)),
    };
    Verdict::Lost(format!("{state}, so {} can not be taken off its list; {then}", names(going, places)))
}

/// How many of so many members must answer.
const fn quorum(members: usize) -> usize {
    members / 2 + 1
}

/// Members by the names of their hosts, as a person would list them.
fn names(members: &[&Member], places: &[Place<'_>]) -> String {
    let name = |member: &&Member| match (member.place(places), member.name.as_str()) {
        (Some(place), _) => place.name.to_owned(),
        (None, "") => format!("member {}", member.id),
        (None, name) => name.to_owned(),
    };
    let mut members = members.to_vec();
    members.sort_by_key(|member| places.iter().position(|place| member.place(std::slice::from_ref(place)).is_some()));
    let names: Vec<String> = members.iter().map(name).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn number(count: usize) -> String {
    const WORDS: [&str; 10] = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
#[path = "quorum/tests.rs"]
mod tests;
