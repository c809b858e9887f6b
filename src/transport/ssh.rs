//! SSH by russh: this module and those below it are the only ones that know it.

mod channel;
mod deadline;
mod dial;
mod guard;
mod key_file;
mod known_hosts;
mod line;
mod login;
mod places;
mod target;

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use self::{channel::Unseen, line::Line};
pub use self::{
    dial::{Opening, Stream, Streams},
    known_hosts::Forgotten,
    places::expect,
};
use super::{
    Ask, Exit, Line as Printed,
    input::{Freight, Input},
    refusal::no_shell,
    root::{self, Root, Shell},
    shell::{Ended, Login, Marker, Output},
};
use crate::{
    config,
    error::{Error, Kind, Result},
    lower::Program,
};

/// The pauses after which a host is asked again for a session that it has refused.
const FULL: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(300), Duration::from_secs(1)];

/// How long the end of another session is waited for before a host is asked again for one.
const FULL_AT_MOST: Duration = Duration::from_secs(1);

/// How long a host that has another session is asked again: no step takes longer.
const BUSY_AT_MOST: Duration = Duration::from_secs(3600);

/// A host, and one connection to it: made anew when it has been lost, shared by all who run programs on the host.
pub struct Ssh {
    line: Line,
    root: Root,
    execs: AtomicUsize,
    sessions: Sessions,
}

/// The sessions that are open on a host.
#[derive(Default)]
struct Sessions {
    open: AtomicUsize,
    ended: Notify,
    /// One was refused while another was open.
    are_single: AtomicBool,
}

/// One of them, for as long as it lives.
struct Open<'a>(&'a Sessions);

impl Sessions {
    fn another(&self) -> Open<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self)
    }

    /// After one was refused: whether another is there. Then waits until one has ended, unless `has_a_way` beside it.
    async fn are_taken(&self, has_a_way: bool) -> bool {
        if self.open.load(Ordering::Relaxed) == 0 {
            return false;
        }
        self.are_single.store(true, Ordering::Relaxed);
        if has_a_way {
            return true;
        }
        // One may end before this listens.
        let _ = timeout(FULL_AT_MOST, self.ended.notified()).await;
        true
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.notify_waiters();
    }
}

impl Ssh {
    /// Connects to a host, through its jump hosts; checks the key of each before anything secret is sent, and logs in.
    ///
    /// # Errors
    /// `Unreachable`, `HostKey`, `Authentication`; `NoFile` when a key or password file can not be read.
    pub async fn connect(address: &str, ssh: &config::Ssh, ask: Ask) -> Result<Self> {
        let root = Root::of(ssh, ask.clone());
        Ok(Self { line: Line::open(address, ssh, ask).await?, root, execs: AtomicUsize::new(0), sessions: Sessions::default() })
    }

    /// As `connect`, over streams that someone else opens: a new one whenever the connection is made anew.
    ///
    /// # Errors
    /// As `connect`.
    pub async fn connect_over(streams: Streams, address: &str, ssh: &config::Ssh, ask: Ask) -> Result<Self> {
        let root = Root::of(ssh, ask.clone());
        Ok(Self {
            line: Line::over(streams, address, ssh, ask).await?,
            root,
            execs: AtomicUsize::new(0),
            sessions: Sessions::default(),
        })
    }

    /// Runs a program as root: the login user is root, or has sudo or doas. Several may run at once on one connection.
    /// A connection that turns out to be dead before the program was sent is made anew; one that dies later is `Lost`, and the next
    /// call makes it anew. If the returned future is dropped, the channel is closed and the program, if it was read whole, runs on.
    ///
    /// # Errors
    /// `Lost` when the end of the program was not seen, `Privilege` when root is not to be had, and all of `connect`'s.
    pub async fn run(&self, program: &Program, on_line: &mut (dyn FnMut(Printed) + Send)) -> Result<Exit> {
        root::send(self, program, None, on_line).await
    }

    /// As `run`, and never behind what runs there already: where the host has shown that it takes one session at a time on a connection, on
    /// one of its own.
    ///
    /// # Errors
    /// As `run`.
    pub async fn run_aside(&self, program: &Program, on_line: &mut (dyn FnMut(Printed) + Send)) -> Result<Exit> {
        root::send(&Aside(self), program, None, on_line).await
    }

    /// How many programs it has run so far.
    #[must_use]
    pub fn execs(&self) -> usize {
        self.execs.load(Ordering::Relaxed)
    }

    /// Whether the host has refused a session while there was another: see MaxSessions in sshd_config(5).
    #[must_use]
    pub fn takes_one_at_a_time(&self) -> bool {
        self.sessions.are_single.load(Ordering::Relaxed)
    }

    /// What a person should know about how the host was reached: a host key that was accepted and remembered, say.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.line.notes()
    }

    /// Takes leave of the host, if it listens.
    pub async fn close(self) {
        self.line.close().await;
    }
}

impl Shell for Ssh {
    fn root(&self) -> &Root {
        &self.root
    }

    async fn exec(
        &self,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        password: Option<&str>,
        on_line: &mut (dyn FnMut(Printed) + Send),
    ) -> Result<Ended> {
        self.exec_over(false, program, freight, password, on_line).await
    }
}

/// The same host, by a connection beside the one that is in use where that has no second session.
struct Aside<'a>(&'a Ssh);

impl Shell for Aside<'_> {
    fn root(&self) -> &Root {
        &self.0.root
    }

    async fn exec(
        &self,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        password: Option<&str>,
        on_line: &mut (dyn FnMut(Printed) + Send),
    ) -> Result<Ended> {
        self.0.exec_over(true, program, freight, password, on_line).await
    }
}

impl Ssh {
    async fn exec_over(
        &self,
        may_go_aside: bool,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        password: Option<&str>,
        on_line: &mut (dyn FnMut(Printed) + Send),
    ) -> Result<Ended> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        let target = &self.line.target;
        let marker = Marker::new()?;
        let (mut input, door) = Input::new(marker.precede(program), freight, password);
        let mut again = true;
        let mut pauses = FULL.into_iter();
        let began = Instant::now();
        loop {
            let goes_aside = may_go_aside && self.takes_one_at_a_time();
            let link = if goes_aside { self.line.aside().await? } else { self.line.link().await? };
            let mut output = Output::new(&marker, door.clone(), on_line);
            let login = Login { user: &target.ssh.user, who: &target.who, becomes: self.root.becomes(), is_here: false };
            let session = self.sessions.another();
            let ran = channel::run(&link, self.root.command(password.is_some()), &mut input, &mut output).await;
            drop(session);
            let unseen = match ran {
                Ok(status) => {
                    self.line.rest(link).await;
                    return Ok(output.finish(status, &login));
                }
                Err(unseen) => unseen,
            };
            if link.is_closed() {
                self.line.drop_dead(&link).await;
            }
            let error = match unseen {
                Unseen::Dead if again => {
                    again = false;
                    continue;
                }
                Unseen::Dead | Unseen::Lost => target.lost(),
                Unseen::NoShell => no_shell(root::SHELL_TAKES, self.root.is_already(), &login),
                Unseen::NoAnswer => {
                    // It may be the connection that is mute.
                    self.line.drop_dead(&link).await;
                    let what = format!("{} opens no session within {} s", target.who, root::SHELL_TAKES.as_secs());
                    Error::new(Kind::Unreachable, what).hint(target.try_it("-v "))
                }
                Unseen::NoChannel(reason) => {
                    // A host that grants one session at a time has one for this as soon as another ends.
                    if began.elapsed() < BUSY_AT_MOST && self.sessions.are_taken(may_go_aside && !goes_aside).await {
                        continue;
                    }
                    // sshd counts a session that has been closed until it has nothing else to read.
                    if let Some(pause) = pauses.next() {
                        tokio::time::sleep(pause).await;
                        continue;
                    }
                    Error::new(Kind::Unreachable, format!("{} opens no more sessions ({reason:?})", target.who))
                        .hint("MaxSessions in that host's /etc/ssh/sshd_config must be 2 or more: sshd -T | grep -i maxsessions")
                }
                Unseen::NoExec => Error::new(Kind::Privilege, format!("{} may run no command", target.who))
                    .hint("look for ForceCommand, or for command= in authorized_keys, on that host"),
            };
            // One that could not be used is not to keep others from their turn.
            self.line.rest(link).await;
            return Err(error);
        }
    }
}

/// Makes the file where host keys are remembered forget a machine that was made anew; gives the file and what became of it.
///
/// # Errors
/// `HostKey`, when the file can not be read or replaced.
pub fn forget(address: &str, ssh: &config::Ssh) -> Result<(PathBuf, Forgotten)> {
    let file = ssh.known_hosts.clone();
    match known_hosts::forget(&file, &known_hosts::name_of(address, ssh)) {
        Ok(forgotten) => Ok((file, forgotten)),
        Err(error) => {
            let what = format!("{} can not be changed", file.display());
            let hint = match error.kind() {
                io::ErrorKind::PermissionDenied => "run this as its owner: ls -l shows who that is",
                _ => "look at it with ls -l",
            };
            Err(Error::new(Kind::HostKey, what).because(error).hint(hint))
        }
    }
}
