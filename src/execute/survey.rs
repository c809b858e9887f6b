//! Asks hosts what is there: facts, and which steps are done already.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{Events, Hosts};
use crate::{
    config::{Host, Role},
    error::{Error, Kind, Result},
    event::{Event, HostState},
    facts::{self, Facts},
    graph::Graph,
    lower::{self, Asked, Digests, Program, Survey},
    step::{Check, Step, StepId},
    transport::{self, Ask, Line, Transport},
};

/// How long a host may take to say what it is. Nothing in it takes more than seconds, but for a disk or a mount that never answers.
const PROBE_LIMIT: Duration = Duration::from_secs(300);

/// Bytes that a host may answer: the longest list of a real host is a few MiB.
const ANSWER_AT_MOST: usize = 64 << 20;

/// How long it may take over checks of steps that have limits themselves: what is not known then is checked when their turn comes.
const CHECKS_LIMIT: Duration = Duration::from_secs(90);

/// How many hosts are asked at once, if no more are worked on at once: a look costs a host little, and most of it is waiting. An agent takes
/// 128 callers at a time (SSH_LISTEN_BACKLOG of OpenSSH's ssh-agent).
const LOOKS: usize = 100;

/// How many others a host is asked for a route to, beside the control planes: of a few hosts each is asked for all others, and of
/// many each is asked for by as many.
const NEIGHBOURS: usize = 32;

/// Whether hosts keep the checks that they are asked, for the next survey to run them in its one exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remember {
    /// They keep what they have: whoever asks changes nothing.
    Nothing,
    /// Where these checks are all that the host has kept so far, and more: part of a run does not push out what the whole one left.
    More,
    /// These, whatever was kept.
    All,
}

/// A host that answered.
pub struct Answer {
    pub transport: Transport,
    pub facts: Facts,
    /// Digest of a check that the host remembered -> whether it holds.
    pub checks: BTreeMap<String, bool>,
}

/// Connects to all hosts at once and asks each for its facts and, if `asked`, its remembered checks, in one exec.
/// Every host has its own result: one that is out of reach does not hide what the others said.
pub async fn survey(hosts: &[Host], asked: Asked, ask: &Ask, concurrency: usize, events: &Events) -> Vec<(Host, Result<Answer>)> {
    let slots = Arc::new(Semaphore::new(concurrency.clamp(LOOKS, Semaphore::MAX_PERMITS)));
    let said = Arc::new(Mutex::new(BTreeSet::new()));
    transport::expect(hosts.len());
    let control_planes: Vec<usize> =
        hosts.iter().enumerate().filter(|(_, host)| host.role == Role::ControlPlane).map(|(index, _)| index).collect();
    let mut tasks = JoinSet::new();
    for (index, host) in hosts.iter().cloned().enumerate() {
        let peers = peers(hosts, &control_planes, index);
        let (ask, events, slots, said) = (ask.clone(), events.clone(), Arc::clone(&slots), Arc::clone(&said));
        tasks.spawn(async move {
            let _slot = slots.acquire().await;
            let answer = survey_host(&host, &peers, asked, ask, &events, &said).await;
            (index, host, answer)
        });
    }
    let mut answers = Vec::with_capacity(hosts.len());
    while let Some(joined) = tasks.join_next().await {
        answers.extend(joined);
    }
    answers.sort_by_key(|(index, ..)| *index);
    answers.into_iter().map(|(_, host, answer)| (host, answer)).collect()
}

/// The addresses that a host should have a route to.
fn peers(hosts: &[Host], control_planes: &[usize], of: usize) -> Vec<String> {
    let near = 1..hosts.len().min(NEIGHBOURS + 1);
    let away = |index: usize| (index + hosts.len() - of) % hosts.len();
    let far = control_planes.iter().copied().filter(|index| away(*index) > NEIGHBOURS);
    near.map(|step| (of + step) % hosts.len()).chain(far).map(|index| hosts[index].address.clone()).collect()
}

/// `said` is what a person has been told already: hosts behind one jump host have much to say in common.
async fn survey_host(
    host: &Host,
    peers: &[String],
    asked: Asked,
    ask: Ask,
    events: &Events,
    said: &Mutex<BTreeSet<String>>,
) -> Result<Answer> {
    let began = Instant::now();
    let tell = |state, execs| {
        let _ = events.send(Event::Host { host: host.name.clone(), state, took: began.elapsed(), execs });
    };
    tell(HostState::Connecting, 0);
    let answer = async {
        let transport = Transport::connect(&host.address, &host.reach, ask).await?;
        for text in transport.notes() {
            if said.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
                let _ = events.send(Event::Note { text });
            }
        }
        tell(HostState::Probing, 0);
        let (facts, checks) = again(&transport, peers, asked).await?;
        Ok(Answer { transport, facts, checks })
    };
    let answer = answer.await.map_err(|error: Error| named(error, &host.name));
    match &answer {
        Ok(answer) => tell(HostState::Ready, answer.transport.execs()),
        Err(_) => tell(HostState::Failed, 0),
    }
    answer
}

/// Asks a connected host once more: after a run, to prove that nothing is left to do.
///
/// # Errors
/// `Lost` when the answer was cut short.
pub async fn again(transport: &Transport, peers: &[String], asked: Asked) -> Result<(Facts, BTreeMap<String, bool>)> {
    let nonce = nonce()?;
    let program = lower::survey_program(&nonce, peers, asked);
    let answer = tokio::time::timeout(PROBE_LIMIT, take_survey(transport, &nonce, &program)).await;
    let survey = answer.unwrap_or_else(|_| {
        let minutes = PROBE_LIMIT.as_secs() / 60;
        Err(Error::new(Kind::Lost, format!("it did not say in {minutes} minutes what is on it"))
            .hint("a disk or a mount that does not answer holds up whoever asks it: `dmesg` there names it; a restart of the host ends it"))
    })?;
    let mut facts = facts::parse(&survey.facts, &nonce)?;
    facts.clock_here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    Ok((facts, survey.checks))
}

/// Which steps are done. What the hosts answered already counts where the very same check was asked; the rest is asked now,
/// in one exec a host.
///
/// # Errors
/// `Lost` when an answer was cut short.
pub async fn verdicts(
    graph: &Graph,
    hosts: &Hosts,
    answered: &BTreeMap<String, BTreeMap<String, bool>>,
    remember: Remember,
) -> Result<BTreeMap<StepId, bool>> {
    let mut tasks = JoinSet::new();
    let mut verdicts = BTreeMap::new();
    let nothing = BTreeMap::new();
    let mut of_hosts: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in graph.steps() {
        of_hosts.entry(&step.id.host).or_default().push(step);
    }
    let mut all = Digests::default();
    for (name, steps) in of_hosts.into_iter().filter(|(name, _)| hosts.contains_key(*name)) {
        let digests: Vec<(String, &Step)> = steps.iter().map(|step| (all.of(step), *step)).collect();
        let known = answered.get(name).unwrap_or(&nothing);
        if digests.iter().all(|(digest, step)| step.check == Check::Never || known.contains_key(digest)) {
            verdicts.extend(resolve(digests.iter().map(|(digest, step)| (digest, &step.id)), known));
            continue;
        }
        let digests: BTreeMap<String, StepId> = digests.into_iter().map(|(digest, step)| (digest, step.id.clone())).collect();
        let keep = match remember {
            Remember::Nothing => false,
            Remember::More => known.keys().all(|digest| digests.contains_key(digest)),
            Remember::All => true,
        };
        let steps: Vec<Step> = steps.into_iter().cloned().collect();
        let (hosts, name) = (Arc::clone(hosts), name.to_owned());
        tasks.spawn(async move {
            let Some(transport) = hosts.get(&name) else { return Ok(BTreeMap::new()) };
            let nonce = nonce()?;
            let program = lower::checks_program(&nonce, steps.iter(), keep);
            let limit = if steps.iter().any(|step| step.limit.is_some()) { CHECKS_LIMIT } else { PROBE_LIMIT };
            let Ok(survey) = tokio::time::timeout(limit, take_survey(transport, &nonce, &program)).await else {
                return Ok(BTreeMap::new());
            };
            let survey = survey.map_err(|error| named(error, &name))?;
            Ok(resolve(digests.iter(), &survey.checks))
        });
    }
    while let Some(joined) = tasks.join_next().await {
        verdicts.extend(joined.map_err(|error| Error::new(Kind::Internal, "a check task ended early").because(error))??);
    }
    Ok(verdicts)
}

fn resolve<'a>(
    digests: impl Iterator<Item = (&'a String, &'a StepId)>,
    answers: &BTreeMap<String, bool>,
) -> BTreeMap<StepId, bool> {
    digests.filter_map(|(digest, id)| answers.get(digest).map(|done| (id.clone(), *done))).collect()
}

/// Nothing is changed by asking, so that a connection that was cut is no reason not to ask once more.
async fn take_survey(transport: &Transport, nonce: &str, program: &Program) -> Result<Survey> {
    match try_survey(transport, nonce, program).await {
        Err(error) if error.kind == Kind::Lost => try_survey(transport, nonce, program).await,
        answer => answer,
    }
}

async fn try_survey(transport: &Transport, nonce: &str, program: &Program) -> Result<Survey> {
    let mut survey = Survey::default();
    let mut last = String::new();
    let mut room = Room::default();
    let exit = transport
        .run(program, &mut |line| {
            if room.takes(&line.text) {
                survey.take(nonce, &line.text);
            }
            last = line.text;
        })
        .await?;
    room.is_enough()?;
    if survey.complete {
        return Ok(survey);
    }
    Err(Error::new(
        Kind::Lost,
        format!("the probe ended early, with exit code {}; the last that was seen is {last:?}", exit.status),
    )
    .hint("run it again with -v; a shell start-up file on the host that exits or execs would do this"))
}

/// Runs a program whose output is its answer, and gives that back. It does not wait for what runs there already.
///
/// # Errors
/// `Lost`, also where the host takes longer than [`PROBE_LIMIT`] or says more than [`ANSWER_AT_MOST`]; `Step` when the program failed, with the
/// last line it printed.
pub async fn ask_host(transport: &Transport, program: &Program) -> Result<Vec<String>> {
    let (mut out, mut said) = (Vec::new(), String::new());
    let mut room = Room::default();
    let mut take = |line: Line| match line.stderr {
        true => said = line.text,
        false if room.takes(&line.text) => out.push(line.text),
        false => {}
    };
    let minutes = PROBE_LIMIT.as_secs() / 60;
    let late =
        |_| Error::new(Kind::Lost, format!("it did not answer in {minutes} minutes")).hint("`dmesg` there says what hangs");
    let exit = tokio::time::timeout(PROBE_LIMIT, Box::pin(transport.run_aside(program, &mut take))).await.map_err(late)??;
    room.is_enough()?;
    if exit.status == 0 { Ok(out) } else { Err(Error::new(Kind::Step, format!("exit code {}: {said}", exit.status))) }
}

/// What is left of the room for an answer.
struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(ANSWER_AT_MOST)
    }
}

impl Room {
    /// Whether there is room for one more line. Once there is none, there is none for shorter ones either.
    fn takes(&mut self, line: &str) -> bool {
        self.0 = self.0.saturating_sub(line.len() + size_of::<String>());
        self.0 > 0
    }

    fn is_enough(&self) -> Result<()> {
        if self.0 > 0 {
            return Ok(());
        }
        Err(Error::new(Kind::Lost, format!("its answer is longer than {} MiB", ANSWER_AT_MOST >> 20))
            .hint("no host has so much to say: is it the one that you mean? `ssh` to it and look"))
    }
}

/// A word that no greeting of a host can contain by accident.
///
/// # Errors
/// `Internal` when there is no randomness.
pub fn nonce() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::new(Kind::Internal, "no randomness").because(error.to_string()))?;
    Ok(format!("slipway-{:016x}", u64::from_le_bytes(bytes)))
}

/// Puts the host's name in front of an error that does not name it.
fn named(mut error: Error, host: &str) -> Error {
    if !error.what.contains(host) {
        error.what = format!("{host}: {}", error.what);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Local, Reach};

    #[test]
    fn of_few_hosts_each_looks_for_all_and_of_many_for_some_and_for_the_control_planes() {
        let named = |index: usize| Host {
            name: index.to_string(),
            address: index.to_string(),
            role: Role::Worker,
            profile: None,
            node_ip: None,
            reach: Reach::Local(Local::default()),
        };
        for (count, each) in [(1, 0), (2, 1), (33, 32), (5000, 34)] {
            let hosts: Vec<Host> = (0..count).map(named).collect();
            let control_planes: Vec<usize> = [0, 1000].into_iter().filter(|index| *index < count).collect();
            let mut looked_for = BTreeMap::<String, usize>::new();
            for of in 0..count {
                let peers = peers(&hosts, &control_planes, of);
                let different: BTreeSet<&String> = peers.iter().collect();
                assert!(different.len() == peers.len() && !peers.contains(&of.to_string()), "{of}: {peers:?}");
                assert!(peers.len() <= each && peers.len() + 2 >= each, "{of}: {peers:?}");
                assert!(control_planes.iter().all(|index| *index == of || peers.contains(&index.to_string())), "{of}: {peers:?}");
                peers.into_iter().for_each(|peer| *looked_for.entry(peer).or_default() += 1);
            }
            assert!(looked_for.values().all(|times| *times >= each.min(NEIGHBOURS)), "{looked_for:?}");
        }
    }
}
