//! A connection to a machine, made anew when it has been lost; and the jump hosts' connections, which many hosts share.

use std::{
    sync::{Arc, Mutex as Lock, PoisonError, Weak},
    time::Duration,
};

use russh::{Disconnect, client::Handle};
use tokio::{
    sync::{Mutex, SemaphorePermit},
    time::Instant,
};

use super::{
    deadline::Deadline,
    dial::{Patience, Streams, Way, dial},
    guard::Guard,
    login::LogIn,
    places,
    target::Target,
};
use crate::{
    config::{self, Hop},
    error::{Error, Kind, Result},
    transport::Ask,
};

/// How long a jump host that refused us is not asked again: each of its hosts would be refused in turn, and be one more failed
/// login in the jump host's eyes.
const SULK: Duration = Duration::from_secs(20);

/// How often a host is dialled anew that hung up while a person was waited for: there may be several questions.
const AGAIN: usize = 3;

/// The time that no person needs less of for an answer, and no connection is lost in.
const THOUGHT: Duration = Duration::from_secs(1);

/// The jump hosts that are connected, each with the way to it.
static JUMPS: Lock<Vec<(Vec<Hop>, Weak<Line>)>> = Lock::new(Vec::new());

/// A machine, and one connection to it.
pub(super) struct Line {
    pub(super) target: Target,
    via: Via,
    held: Mutex<Held>,
    /// A second connection, where a question can not wait for what runs on the first: see [`Line::aside`].
    held_aside: Mutex<Held>,
}

/// What lies between us and a machine.
enum Via {
    Network,
    Jump(Arc<Line>),
    Streams(Streams),
}

#[derive(Default)]
struct Held {
    link: Option<Arc<Handle<Guard>>>,
    /// Its place, where places are few.
    place: Option<SemaphorePermit<'static>>,
    /// Whether it has ever stood: a machine that has been there and is gone may be restarting.
    stood: bool,
    failed: Option<(Instant, Error)>,
}

impl Line {
    /// Connects to a machine, through the jump hosts of `ssh`.
    ///
    /// # Errors
    /// `Unreachable`, `HostKey`, `Authentication`; `NoFile` when a key or password file can not be read.
    pub(super) async fn open(address: &str, ssh: &config::Ssh, ask: Ask) -> Result<Self> {
        let via = jump_host(&ssh.jump, &ask)?.map_or(Via::Network, Via::Jump);
        let line = Self::new(Target::new(address, ssh, &ssh.jump, ask)?, via);
        line.link().await?;
        Ok(line)
    }

    /// As `open`, over streams that someone else opens, whatever `ssh` says of jump hosts.
    ///
    /// # Errors
    /// As `open`.
    pub(super) async fn over(streams: Streams, address: &str, ssh: &config::Ssh, ask: Ask) -> Result<Self> {
        let line = Self::new(Target::new(address, ssh, &[], ask)?, Via::Streams(streams));
        line.link().await?;
        Ok(line)
    }

    fn new(target: Target, via: Via) -> Self {
        Self { target, via, held: Mutex::default(), held_aside: Mutex::default() }
    }

    /// The connection that stands, or a new one. Whoever comes while one is being made waits for it.
    pub(super) async fn link(&self) -> Result<Arc<Handle<Guard>>> {
        self.link_in(&self.held).await
    }

    /// A second connection to the same machine, with sessions of its own (MaxSessions counts those of one). Where connections are few there is
    /// none, and the first one is all there is.
    pub(super) async fn aside(&self) -> Result<Arc<Handle<Guard>>> {
        self.link_in(if places::is_crowded() { &self.held } else { &self.held_aside }).await
    }

    async fn link_in(&self, held: &Mutex<Held>) -> Result<Arc<Handle<Guard>>> {
        let mut held = held.lock().await;
        if let Some(link) = held.link.as_ref().filter(|link| !link.is_closed()) {
            return Ok(Arc::clone(link));
        }
        (held.link, held.place) = (None, None);
        if let Some((_, error)) = held.failed.as_ref().filter(|(when, _)| when.elapsed() < SULK) {
            return Err(copy(error));
        }
        // What goes over a jump host's connection needs no file of its own, and waits for nobody whom that one may wait for.
        // Kept here until there is a connection: whoever asks for one may give up before.
        let place = if matches!(self.via, Via::Network) && !self.target.ssh.is_jump { places::take().await } else { None };
        let patience = if held.stood { Patience::Again } else { Patience::First };
        match self.connect(patience).await {
            Ok(link) => {
                let link = Arc::new(link);
                (held.link, held.place, held.stood, held.failed) = (Some(Arc::clone(&link)), place, true, None);
                Ok(link)
            }
            Err(error) => {
                held.failed = self.target.ssh.is_jump.then(|| (Instant::now(), copy(&error)));
                Err(error)
            }
        }
    }

    async fn connect(&self, patience: Patience) -> Result<Handle<Guard>> {
        // The way there has a clock of its own.
        let way = match &self.via {
            Via::Network => Way::Tcp,
            Via::Jump(jump) => Way::Jump { link: Box::pin(jump.link()).await?, who: jump.target.who.clone() },
            Via::Streams(streams) => Way::Over(streams.clone()),
        };
        let mut again = AGAIN;
        loop {
            self.target.told.begin();
            let deadline = Deadline::after(Duration::from_secs(self.target.ssh.connect_timeout.max(1)));
            let mut handle = dial(&self.target, &way, &deadline, patience).await?;
            match LogIn::new(&self.target, &mut handle, &deadline).run().await {
                Ok(()) => return Ok(handle),
                // A connection without a login does not last while a person thinks, here or at the prompt of another host; what
                // they have said by now is kept.
                Err(error) if error.kind == Kind::Unreachable && again > 0 && deadline.waited() > THOUGHT => again -= 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Drops a dead connection, unless another one has taken its place already.
    pub(super) async fn drop_dead(&self, dead: &Arc<Handle<Guard>>) {
        for held in [&self.held, &self.held_aside] {
            let mut held = held.lock().await;
            if held.link.as_ref().is_some_and(|link| Arc::ptr_eq(link, dead)) {
                (held.link, held.place) = (None, None);
                // The other one may just be dialled.
                return;
            }
        }
    }

    /// Hangs up if others wait for a place, and nobody else uses this connection.
    pub(super) async fn rest(&self, link: Arc<Handle<Guard>>) {
        if !places::is_crowded() {
            return;
        }
        let mut held = self.held.lock().await;
        drop(link);
        if held.place.is_none() || held.link.as_ref().is_some_and(|link| Arc::strong_count(link) > 1) {
            return;
        }
        if let Some(link) = held.link.take() {
            let leave = link.disconnect(Disconnect::ByApplication, "", "");
            let _ = tokio::time::timeout(Duration::from_secs(1), leave).await;
        }
        held.place = None;
    }

    /// What a person should know about how the machine was reached, and those before it.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = if let Via::Jump(jump) = &self.via { jump.notes() } else { Vec::new() };
        notes.extend(self.target.told.notes.lock().unwrap_or_else(PoisonError::into_inner).clone());
        notes
    }

    /// Takes leave of the machine, if it listens.
    pub(super) async fn close(self) {
        for link in [self.held, self.held_aside].into_iter().filter_map(|held| held.into_inner().link) {
            let leave = link.disconnect(Disconnect::ByApplication, "", "");
            let _ = tokio::time::timeout(Duration::from_secs(1), leave).await;
        }
    }
}

/// The last of some jump hosts, one connection for all who come this way. Nothing is connected yet.
fn jump_host(hops: &[Hop], ask: &Ask) -> Result<Option<Arc<Line>>> {
    let Some((last, before)) = hops.split_last() else { return Ok(None) };
    let via = jump_host(before, ask)?;
    let mut jumps = JUMPS.lock().unwrap_or_else(PoisonError::into_inner);
    jumps.retain(|(_, line)| line.strong_count() > 0);
    if let Some(line) = jumps.iter().find(|(way, _)| way == hops).and_then(|(_, line)| line.upgrade()) {
        return Ok(Some(line));
    }
    let line =
        Arc::new(Line::new(Target::new(&last.address, &last.ssh, before, ask.clone())?, via.map_or(Via::Network, Via::Jump)));
    jumps.push((hops.to_vec(), Arc::downgrade(&line)));
    Ok(Some(line))
}

fn copy(error: &Error) -> Error {
    Error { hints: error.hints.clone(), ..Error::new(error.kind, error.to_string()) }
}
