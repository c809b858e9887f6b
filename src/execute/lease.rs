//! At most one run on a host at a time: each host keeps a lease, which the run renews as long as it lives.
//!
//! A lease that nobody renews is over after [`LIMIT`], by the host's own clock since its boot: so the lock of a holder who has died, or
//! whose network has, goes away by itself. Steps have a lock of their own besides (`hold_host` of the prelude), which a step that
//! outlives its run keeps until it is done.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::{Events, Hosts, survey};
use crate::{
    error::{Error, Kind, Result},
    event::Event,
    lower::{Program, quote},
    transport::Transport,
};

const SHELL: &str = include_str!("lease/lease.sh");

/// How long a lease lasts that is not renewed.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How often it is renewed: two renewals may fail.
const RENEWAL: Duration = Duration::from_secs(15);

/// How long a host may take to say whether it is free: what it does for that takes it milliseconds.
const ANSWER: Duration = Duration::from_secs(20);

/// How long giving back may hold up the end of a run: what is not given back ends by itself.
const GOODBYE: Duration = Duration::from_secs(5);

/// Who wants hosts for itself.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Of this run alone.
    run: String,
    /// By which another slipway on this very machine sees whether the holder still lives: boot, PID namespace, process, its start.
    token: String,
    /// For people: who, where, which command.
    words: String,
}

impl Holder {
    /// This process, for a run of `command`, which holds no secret.
    ///
    /// # Errors
    /// `Internal` when there is no randomness.
    pub fn new(command: &str) -> Result<Self> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let process = std::process::id();
        let words = format!("`{command}` on {} (process {process})", host.trim());
        let token = token(&process.to_string()).unwrap_or_else(|| format!("?/{process}"));
        Ok(Self { run: survey::nonce()?, token, words: words.chars().filter(|letter| !letter.is_control()).take(200).collect() })
    }
}

/// The token of a process on this machine; none if it does not live, or the machine does not say.
fn token(process: &str) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Field 22 of proc_pid_stat(5), counted behind the name, which may hold anything.
    let start = stat.rsplit_once(") ")?.1.split(' ').nth(19)?;
    Some(format!("{}/{}/{process}/{start}", boot.trim(), namespace.display()))
}

/// Whether this token is of a process that was on this machine and is no more.
fn is_dead(of: &str) -> bool {
    let parts: Vec<&str> = of.split('/').collect();
    let [boot, namespace, process, _] = parts[..] else { return false };
    let Some(own) = token("self") else { return false };
    // Where others' processes are hidden (hidepid of proc(5)), one that can not be seen may live.
    if token("1").is_none() {
        return false;
    }
    if !own.starts_with(&format!("{boot}/{namespace}/")) || !process.chars().all(|letter| letter.is_ascii_digit()) {
        return false;
    }
    token(process).is_none_or(|lives| lives != of)
}

/// What a host says of its lease.
enum Answer {
    Taken,
    Held { seconds: u64, token: String, words: String },
}

/// The leases of a run. Dropped without [`Leases::give_back`], they end by themselves.
pub struct Leases {
    hosts: Hosts,
    names: Vec<String>,
    holder: Holder,
    renewing: JoinHandle<()>,
    /// Its end ends the renewing.
    ends: watch::Sender<()>,
}

impl Leases {
    /// Takes the leases of these hosts, all or none: the first one before the others, so that of two who want the same hosts at the same
    /// moment one gets them all. A host that gives none for another reason (a disk that hangs) holds up nobody: its steps will tell.
    /// When somebody else has one of them later, `stop` becomes 1: nothing new is started.
    ///
    /// # Errors
    /// `Held` with who has a host.
    pub async fn take(
        hosts: &Hosts,
        mut names: Vec<String>,
        holder: Holder,
        events: &Events,
        stop: watch::Sender<u8>,
    ) -> Result<Self> {
        names.sort();
        let (first, others) = names.split_at(names.len().min(1));
        let taken = match take_all(hosts, first, &holder, events).await {
            Ok(()) => take_all(hosts, others, &holder, events).await,
            refused => refused,
        };
        if let Err(error) = taken {
            give_back(hosts, &names, &holder).await;
            return Err(error);
        }
        let (ends, ended) = watch::channel(());
        let renewing = tokio::spawn(renew(Arc::clone(hosts), names.clone(), holder.clone(), events.clone(), stop, ended));
        Ok(Self { hosts: Arc::clone(hosts), names, holder, renewing, ends })
    }

    /// The word by which hosts know this run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.holder.run
    }

    /// Gives all back that is still held.
    pub async fn give_back(self) {
        drop(self.ends);
        // A renewal that is on its way would take the lease anew.
        let _ = tokio::time::timeout(GOODBYE, self.renewing).await;
        give_back(&self.hosts, &self.names, &self.holder).await;
    }
}

async fn give_back(hosts: &Hosts, names: &[String], holder: &Holder) {
    let program = program("give_back", "", holder, "");
    let mut tasks = JoinSet::new();
    for name in names {
        let (hosts, name, program) = (Arc::clone(hosts), name.clone(), program.clone());
        tasks.spawn(async move {
            let Some(transport) = hosts.get(&name) else { return };
            let _ = tokio::time::timeout(GOODBYE, transport.run_aside(&program, &mut |_| ())).await;
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// Takes the leases of these hosts at once. The error is that of the first one in order, with those of the others behind it.
async fn take_all(hosts: &Hosts, names: &[String], holder: &Holder, events: &Events) -> Result<()> {
    let mut tasks = JoinSet::new();
    for name in names.iter().cloned() {
        let (hosts, holder) = (Arc::clone(hosts), holder.clone());
        tasks.spawn(async move {
            let taken = match hosts.get(&name) {
                Some(transport) => {
                    let late = |_| Err(Error::new(Kind::Lost, format!("no answer within {} s", ANSWER.as_secs())));
                    tokio::time::timeout(ANSWER, take(transport, &holder)).await.unwrap_or_else(late)
                }
                None => Ok(()),
            };
            (name, taken)
        });
    }
    let mut refused = BTreeMap::new();
    while let Some(joined) = tasks.join_next().await {
        let Ok((name, Err(error))) = joined else { continue };
        if error.kind == Kind::Held {
            let error = Error { what: format!("{name}: {}", error.what), ..error };
            refused.insert(name, error);
        } else {
            let text = format!("{name}: whether another slipway is at work there is not known: {error}");
            let _ = events.send(Event::Note { text });
        }
    }
    let first = refused.into_values().reduce(|mut first, next| {
        first.also.push(next);
        first
    });
    first.map_or(Ok(()), Err)
}

async fn take(transport: &Transport, holder: &Holder) -> Result<()> {
    let mut over = String::new();
    loop {
        match ask(transport, holder, &over).await? {
            Answer::Taken => return Ok(()),
            // One look is enough: whoever has it then is somebody else.
            Answer::Held { token, .. } if over.is_empty() && is_dead(&token) => over = token,
            Answer::Held { seconds, words, .. } => {
                let limit = LIMIT.as_secs();
                return Err(Error::new(
                    Kind::Held,
                    format!("another slipway is at work there, for {}: {words}", in_words(seconds)),
                )
                .hint(format!(
                    "let it end, and run this again; if it is dead, its hold on the host ends within {limit} s by itself"
                )));
            }
        }
    }
}

async fn ask(transport: &Transport, holder: &Holder, over: &str) -> Result<Answer> {
    let nonce = survey::nonce()?;
    let program = program("take", &nonce, holder, over);
    let lines = match survey::ask_host(transport, &program).await {
        // Whoever asks twice has taken it once.
        Err(error) if error.kind == Kind::Lost => survey::ask_host(transport, &program).await,
        lines => lines,
    }?;
    let mut answers = lines.iter().filter_map(|line| line.strip_prefix(&nonce)?.strip_prefix(' '));
    let answer = answers.next_back().and_then(|said| {
        let mut words = said.splitn(4, ' ');
        match (words.next()?, words.next(), words.next(), words.next()) {
            ("taken", ..) => Some(Answer::Taken),
            ("held", Some(seconds), Some(token), Some(words)) => {
                Some(Answer::Held { seconds: seconds.parse().ok()?, token: token.to_owned(), words: words.to_owned() })
            }
            _ => None,
        }
    });
    answer.ok_or_else(|| Error::new(Kind::Lost, "it did not say whether another slipway is at work there"))
}

fn program(call: &str, nonce: &str, holder: &Holder, over: &str) -> Program {
    Program::of(&format!(
        "NONCE={} run={} token={} words={} over={} limit={}\n{SHELL}\n{call}\n",
        quote(nonce),
        quote(&holder.run),
        quote(&holder.token),
        quote(&holder.words),
        quote(over),
        LIMIT.as_secs(),
    ))
}

/// Renews until `ended`. A host that does not answer is asked again next time; one that somebody else has now is told of, once, and nothing
/// new starts any more.
async fn renew(
    hosts: Hosts,
    mut names: Vec<String>,
    holder: Holder,
    events: Events,
    stop: watch::Sender<u8>,
    mut ended: watch::Receiver<()>,
) {
    let mut pulse = tokio::time::interval_at(tokio::time::Instant::now() + RENEWAL, RENEWAL);
    loop {
        tokio::select! {
            _ = pulse.tick() => {}
            _ = ended.changed() => return,
        }
        let mut tasks = JoinSet::new();
        for name in names.clone() {
            let (hosts, holder) = (Arc::clone(&hosts), holder.clone());
            tasks.spawn(async move {
                let transport = hosts.get(&name)?;
                match tokio::time::timeout(RENEWAL, ask(transport, &holder, "")).await {
                    Ok(Ok(Answer::Held { words, .. })) => Some((name, words)),
                    _ => None,
                }
            });
        }
        while let Some(joined) = tasks.join_next().await {
            if let Ok(Some((name, words))) = joined {
                names.retain(|other| *other != name);
                let limit = LIMIT.as_secs();
                let text = format!(
                    "{name}: it did not hear of this run for {limit} s and is another one's now; nothing new is started: {words}"
                );
                let _ = events.send(Event::Note { text });
                stop.send_modify(|asked| *asked = (*asked).max(1));
            }
        }
    }
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        _ => format!("{} minutes", seconds / 60),
    }
}

#[cfg(test)]
mod tests;
