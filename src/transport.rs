//! Carries a program to a shell on a host, streams the lines that it prints, and returns how it ended. The one seam to the world.

mod ask;
mod download;
pub mod fake;
mod input;
mod lines;
pub mod local;
mod refusal;
mod root;
mod secret;
mod shell;
pub mod ssh;

use std::path::Path;

use self::input::Freight;
pub use self::{
    ask::{Ask, Memory},
    download::Received,
    input::Progress,
    secret::proxy_password,
    ssh::expect,
};
use crate::{
    config::Reach,
    error::Result,
    lower::{Mark, Program},
};

/// A line that a program printed, without its line end and without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub stderr: bool,
    pub text: String,
}

/// How a program ended. A program whose end nobody saw is `Err(Kind::Lost)`, never an `Exit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    pub status: i32,
}

/// A way to run programs as root on one host.
pub enum Transport {
    Local(local::Local),
    Ssh(Box<ssh::Ssh>),
    Fake(fake::Fake),
}

impl Transport {
    /// Opens the way to a host; for SSH: connects, checks the host key, logs in.
    ///
    /// # Errors
    /// `Unreachable`, `HostKey`, `Authentication`, `Privilege`.
    pub async fn connect(address: &str, reach: &Reach, ask: Ask) -> Result<Self> {
        match reach {
            Reach::Local(local) => Ok(Self::Local(local::Local::new(local, ask))),
            Reach::Ssh(ssh) => Ok(Self::Ssh(Box::new(ssh::Ssh::connect(address, ssh, ask).await?))),
        }
    }

    /// Runs a program as root and gives each line to `on_line` as it comes.
    /// After `Lost`, the next call connects again.
    ///
    /// # Errors
    /// `Lost` when the connection was cut before the end was seen; `Privilege` when root is not to be had.
    pub async fn run(&self, program: &Program, on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        match self {
            Self::Local(local) => local.run(program, on_line).await,
            Self::Ssh(ssh) => ssh.run(program, on_line).await,
            Self::Fake(fake) => fake.run(program, on_line).await,
        }
    }

    /// As `run`, for a question that is not to wait for what runs on the host already.
    ///
    /// # Errors
    /// As `run`.
    pub async fn run_aside(&self, program: &Program, on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        match self {
            Self::Ssh(ssh) => ssh.run_aside(program, on_line).await,
            Self::Local(_) | Self::Fake(_) => self.run(program, on_line).await,
        }
    }

    /// Runs a program of [`crate::lower::upload_program`] as [`Transport::run`] would, and sends it the file `from` of this
    /// machine when it asks for it: a piece at a time, so that the size does not matter.
    ///
    /// # Errors
    /// As `run`; `NoFile` when the file can not be opened.
    pub async fn upload(
        &self,
        program: &Program,
        from: &Path,
        on_line: &mut (dyn FnMut(Line) + Send),
        progress: Progress<'_>,
    ) -> Result<Exit> {
        let mut freight = Freight::open(from, progress).await?;
        let asked = freight.asked();
        let mut listen = |line: Line| match Mark::parse(&line.text) {
            Some(Mark::Send(from)) => asked.from(from),
            _ => on_line(line),
        };
        match self {
            Self::Local(local) => root::send(local, program, Some(&mut freight), &mut listen).await,
            Self::Ssh(ssh) => root::send(&**ssh, program, Some(&mut freight), &mut listen).await,
            Self::Fake(fake) => fake.run(program, &mut listen).await,
        }
    }

    /// How many programs it has run so far.
    #[must_use]
    pub fn execs(&self) -> usize {
        match self {
            Self::Local(local) => local.execs(),
            Self::Ssh(ssh) => ssh.execs(),
            Self::Fake(fake) => fake.execs(),
        }
    }

    /// Whether the host has shown that it runs one program at a time on a connection: then nothing can be told to one that runs.
    #[must_use]
    pub fn takes_one_at_a_time(&self) -> bool {
        match self {
            Self::Ssh(ssh) => ssh.takes_one_at_a_time(),
            Self::Local(_) | Self::Fake(_) => false,
        }
    }

    /// What a person should know about how the host was reached: a host key that was accepted and remembered.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Ssh(ssh) => ssh.notes(),
            Self::Local(_) | Self::Fake(_) => Vec::new(),
        }
    }

    /// Closes it politely.
    pub async fn close(self) {
        if let Self::Ssh(ssh) = self {
            ssh.close().await;
        }
    }
}
