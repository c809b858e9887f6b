//! SSH by russh: this module and those below it are the only ones that know it.

mod channel;
mod deadline;
mod dial;
mod guard;
mod key_file;
mod known_hosts;
mod login;

use std::{
    fmt::Display,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use russh::{Disconnect, client::Handle};
use tokio::sync::Mutex;

use self::{
    channel::Unseen,
    deadline::Deadline,
    dial::{Patience, dial},
    guard::{Guard, Told},
    key_file::KeyFile,
    login::LogIn,
};
use super::{
    Ask, Exit, Line,
    input::{Freight, Input},
    shell::{Login, Marker, Output},
};
use crate::{
    config,
    error::{Error, Kind, Result},
    lower::{Program, quote},
};

/// Tried where the cluster file names no key, in this order.
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// A host, and one connection to it: made anew when it has been lost, shared by all who run programs on the host.
pub struct Ssh {
    target: Target,
    link: Mutex<Option<Arc<Handle<Guard>>>>,
    execs: AtomicUsize,
}

/// Whom to reach, and with what.
struct Target {
    address: String,
    /// `vagrant@192.168.77.11`, for messages.
    who: String,
    ssh: config::Ssh,
    keys: Vec<KeyFile>,
    ask: Ask,
    /// The password that let us in, so that a reconnect asks nobody.
    password: Mutex<Option<String>>,
    told: Told,
}

impl Ssh {
    /// Connects to a host, checks its key before anything secret is sent, and logs in.
    ///
    /// # Errors
    /// `Unreachable`, `HostKey`, `Authentication`; `NoFile` when a key or password file can not be read.
    pub async fn connect(address: &str, ssh: &config::Ssh, ask: Ask) -> Result<Self> {
        let target = Target {
            address: address.to_owned(),
            who: format!("{}@{address}", ssh.user),
            ssh: ssh.clone(),
            keys: key_files(ssh)?,
            ask,
            password: Mutex::new(None),
            told: Told::default(),
        };
        let link = target.open(Patience::First).await?;
        Ok(Self { target, link: Mutex::new(Some(Arc::new(link))), execs: AtomicUsize::new(0) })
    }

    /// Runs a program as root: the login user is root, or has sudo without a password. Several may run at once on one connection.
    /// A connection that turns out to be dead before the program was sent is made anew; one that dies later is `Lost`, and the next
    /// call makes it anew. If the returned future is dropped, the channel is closed and the program, if it was read whole, runs on.
    ///
    /// # Errors
    /// `Lost` when the end of the program was not seen, `Privilege` when root is not to be had, and all of `connect`'s.
    pub async fn run(&self, program: &Program, on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        self.send(program, None, on_line).await
    }

    /// As `run`, with a file for the program.
    pub(super) async fn send(
        &self,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        on_line: &mut (dyn FnMut(Line) + Send),
    ) -> Result<Exit> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        // No data in the command: the login shell may be fish or csh, and `ps` shows it to everyone.
        let command = if self.target.ssh.user == "root" { "exec /bin/sh -s" } else { "exec sudo -n /bin/sh -s" };
        let marker = Marker::new()?;
        let mut input = Input::new(marker.precede(program), freight);
        let mut again = true;
        loop {
            let link = self.link().await?;
            let mut output = Output::new(&marker, on_line);
            let unseen = match channel::run(&link, command, &mut input, &mut output).await {
                Ok(status) => {
                    return output.finish(status, &Login { user: &self.target.ssh.user, who: &self.target.who });
                }
                Err(unseen) => unseen,
            };
            if link.is_closed() {
                self.forget(&link).await;
            }
            match unseen {
                Unseen::Dead if again => again = false,
                Unseen::Dead | Unseen::Lost => return Err(self.target.lost()),
                Unseen::NoChannel(reason) => {
                    return Err(Error::new(
                        Kind::Unreachable,
                        format!("{} opens no more sessions ({reason:?})", self.target.who),
                    )
                    .hint("MaxSessions in that host's /etc/ssh/sshd_config must be 2 or more: sshd -T | grep -i maxsessions"));
                }
                Unseen::NoExec => {
                    return Err(Error::new(Kind::Privilege, format!("{} may run no command", self.target.who))
                        .hint("look for ForceCommand, or for command= in authorized_keys, on that host"));
                }
            }
        }
    }

    /// How many programs it has run so far.
    #[must_use]
    pub fn execs(&self) -> usize {
        self.execs.load(Ordering::Relaxed)
    }

    /// What a person should know about how the host was reached: a host key that was accepted and remembered.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.target.told.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes leave of the host, if it listens.
    pub async fn close(self) {
        if let Some(link) = self.link.into_inner() {
            let leave = link.disconnect(Disconnect::ByApplication, "", "");
            let _ = tokio::time::timeout(Duration::from_secs(1), leave).await;
        }
    }

    /// The connection that stands, or a new one. Whoever comes while one is being made waits for it.
    async fn link(&self) -> Result<Arc<Handle<Guard>>> {
        let mut held = self.link.lock().await;
        if let Some(link) = held.as_ref().filter(|link| !link.is_closed()) {
            return Ok(Arc::clone(link));
        }
        *held = None;
        let link = Arc::new(self.target.open(Patience::Again).await?);
        *held = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Drops a dead connection, unless another one has taken its place already.
    async fn forget(&self, dead: &Arc<Handle<Guard>>) {
        let mut held = self.link.lock().await;
        if held.as_ref().is_some_and(|link| Arc::ptr_eq(link, dead)) {
            *held = None;
        }
    }
}

/// The private keys of the cluster file, or else those in ~/.ssh that are there and can be used.
fn key_files(ssh: &config::Ssh) -> Result<Vec<KeyFile>> {
    if !ssh.keys.is_empty() {
        return ssh.keys.iter().map(|path| KeyFile::read(path)).collect();
    }
    let home = std::env::home_dir().unwrap_or_default();
    Ok(DEFAULT_KEYS.iter().filter_map(|name| KeyFile::read(&home.join(".ssh").join(name)).ok()).collect())
}

impl Target {
    async fn open(&self, patience: Patience) -> Result<Handle<Guard>> {
        self.told.begin();
        let deadline = Deadline::after(Duration::from_secs(self.ssh.connect_timeout.max(1)));
        let mut handle = dial(self, &deadline, patience).await?;
        LogIn::new(self, &mut handle, &deadline).run().await?;
        Ok(handle)
    }

    /// `192.168.77.11 port 22`, for messages.
    fn place(&self) -> String {
        format!("{} port {}", self.address, self.ssh.port)
    }

    /// The command of a person who wants to see for themselves.
    fn try_it(&self, options: &str) -> String {
        format!("ssh {options}-p {} {}@{} true", self.ssh.port, quote(&self.ssh.user), quote(&self.address))
    }

    fn unreachable(&self, cause: &impl Display) -> Error {
        let cause = cause.to_string().to_lowercase();
        let cause = cause.split(" (os error").next().unwrap_or_default();
        Error::new(Kind::Unreachable, format!("{} can not be reached: {cause}", self.place())).hint(self.try_it(""))
    }

    fn late(&self, what: &str) -> Error {
        Error::new(Kind::Unreachable, format!("{} gave no {what} within {} s", self.place(), self.ssh.connect_timeout.max(1)))
            .hint(self.try_it(""))
    }

    fn hung_up(&self, when: &str, farewell: Option<String>) -> Error {
        let because = farewell.map_or_else(String::new, |text| format!(": {}", text.to_lowercase()));
        Error::new(Kind::Unreachable, format!("{} closed the connection {when}{because}", self.place())).hint(self.try_it("-v "))
    }

    fn lost(&self) -> Error {
        let because = self.told.farewell().map_or_else(String::new, |text| format!(": {}", text.to_lowercase()));
        Error::new(Kind::Lost, format!("the connection to {} was cut in the middle of a program{because}", self.who))
            .hint("run the same command again: what has been done is not done twice")
    }
}
