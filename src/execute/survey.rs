//! Asks hosts what is there: facts, and which steps are done already.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{Events, Hosts};
use crate::{
    config::Host,
    error::{Error, Kind, Result},
    event::{Event, HostState},
    facts::{self, Facts},
    graph::Graph,
    lower::{self, Asked, Program, Survey},
    step::StepId,
    transport::{Ask, Transport},
};

/// How long a host may take to say what it is. Nothing in it takes more than seconds, but for a disk or a mount that never answers.
const PROBE_LIMIT: Duration = Duration::from_secs(300);

/// How long it may take over checks of steps that have limits themselves: what is not known then is checked when their turn comes.
const CHECKS_LIMIT: Duration = Duration::from_secs(90);

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
    let slots = Arc::new(Semaphore::new(concurrency.max(1)));
    let said = Arc::new(Mutex::new(BTreeSet::new()));
    let mut tasks = JoinSet::new();
    for (index, host) in hosts.iter().cloned().enumerate() {
        let peers: Vec<String> = hosts.iter().filter(|peer| peer.name != host.name).map(|peer| peer.address.clone()).collect();
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
    for name in hosts.keys() {
        let steps: Vec<_> = graph.steps().filter(|step| step.id.host == *name).cloned().collect();
        let digests: BTreeMap<String, StepId> = steps.iter().map(|step| (lower::check_digest(step), step.id.clone())).collect();
        let known = answered.get(name).cloned().unwrap_or_default();
        let checkable = |digest: &String| {
            steps.iter().any(|step| lower::check_digest(step) == *digest && step.check != crate::step::Check::Never)
        };
        if digests.keys().filter(|digest| checkable(digest)).all(|digest| known.contains_key(digest)) {
            verdicts.extend(resolve(&digests, &known));
            continue;
        }
        let keep = match remember {
            Remember::Nothing => false,
            Remember::More => known.keys().all(|digest| digests.contains_key(digest)),
            Remember::All => true,
        };
        let (hosts, name) = (Arc::clone(hosts), name.clone());
        tasks.spawn(async move {
            let Some(transport) = hosts.get(&name) else { return Ok(BTreeMap::new()) };
            let nonce = nonce()?;
            let program = lower::checks_program(&nonce, steps.iter(), keep);
            let limit = if steps.iter().any(|step| step.limit.is_some()) { CHECKS_LIMIT } else { PROBE_LIMIT };
            let Ok(survey) = tokio::time::timeout(limit, take_survey(transport, &nonce, &program)).await else {
                return Ok(BTreeMap::new());
            };
            let survey = survey.map_err(|error| named(error, &name))?;
            Ok(resolve(&digests, &survey.checks))
        });
    }
    while let Some(joined) = tasks.join_next().await {
        verdicts.extend(joined.map_err(|error| Error::new(Kind::Internal, "a check task ended early").because(error))??);
    }
    Ok(verdicts)
}

fn resolve(digests: &BTreeMap<String, StepId>, answers: &BTreeMap<String, bool>) -> BTreeMap<StepId, bool> {
    digests.iter().filter_map(|(digest, id)| answers.get(digest).map(|done| (id.clone(), *done))).collect()
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
    let exit = transport
        .run(program, &mut |line| {
            survey.take(nonce, &line.text);
            last = line.text;
        })
        .await?;
    if survey.complete {
        return Ok(survey);
    }
    Err(Error::new(
        Kind::Lost,
        format!("the probe ended early, with exit code {}; the last that was seen is {last:?}", exit.status),
    )
    .hint("run it again with -v; a shell start-up file on the host that exits or execs would do this"))
}

/// Runs a program whose output is its answer, and gives that back.
///
/// # Errors
/// `Lost`; `Step` when the program failed, with the last line it printed.
pub async fn ask_host(transport: &Transport, program: &Program) -> Result<Vec<String>> {
    let (mut out, mut said) = (Vec::new(), String::new());
    let exit = transport.run(program, &mut |line| if line.stderr { said = line.text } else { out.push(line.text) }).await?;
    if exit.status == 0 { Ok(out) } else { Err(Error::new(Kind::Step, format!("exit code {}: {said}", exit.status))) }
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
