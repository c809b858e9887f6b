//! A function a subcommand: load, survey, build the graph, plan, then run it, draw it or explain it.

mod aim;
mod backup;
mod build;
mod diffs;
mod inspect;
mod known_hosts;
mod kubeconfig;
mod leftovers;
mod members;
mod new;
mod profiles;
mod repair;
mod reset;
mod runs;
mod session;
mod site;
mod version;

use std::{
    env,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use session::Begun;

use crate::{
    cli::{self, Cli, Command, Output},
    config::{self, Cluster, HostKeys, Reach},
    error::{Error, Result},
    journal::{Header, Journal, Store},
    phase::PHASES,
    secrets::Mask,
    transport::Memory,
    ui::{self, Style, Ui},
};

/// What all commands that touch a cluster take from the command line.
#[derive(Clone)]
struct Run {
    file: PathBuf,
    only: Vec<String>,
    skip: Vec<String>,
    concurrency: usize,
    json: bool,
    verbose: bool,
    accept_new_host_keys: bool,
    profiles: Option<PathBuf>,
    /// The subcommand, for the journal and for hints.
    command: &'static str,
    /// Passwords that a person has given: a command may open its hosts more than once.
    memory: Memory,
    /// Whether this command has changed anything by now, in whichever of its parts.
    begun: Begun,
    /// The secrets of this run, as far as they are known.
    mask: Mask,
    /// The journal, once there is something to keep.
    journal: Arc<OnceLock<Journal>>,
}

impl Run {
    fn cluster(&self) -> Result<Cluster> {
        Ok(self.accepting(config::load(&self.file)?))
    }

    /// The cluster, with new host keys accepted if the command line says so.
    fn accepting(&self, mut cluster: Cluster) -> Cluster {
        if self.accept_new_host_keys {
            for host in &mut cluster.hosts {
                if let Reach::Ssh(ssh) = &mut host.reach {
                    ssh.host_keys = HostKeys::AcceptNew;
                    ssh.jump.iter_mut().for_each(|hop| hop.ssh.host_keys = HostKeys::AcceptNew);
                }
            }
        }
        cluster
    }

    /// The journal of this run, which begins when it is first asked for: when the cluster is known, and before its hosts are.
    fn journal(&self, cluster: &Cluster) -> Result<Journal> {
        if let Some(journal) = self.journal.get() {
            return Ok(journal.clone());
        }
        let header = Header {
            cluster: cluster.name.clone(),
            command: self.command.to_owned(),
            arguments: env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect(),
            hosts: cluster.hosts.iter().map(|host| host.name.clone()).collect(),
            verbose: self.verbose,
        };
        let journal = Journal::open(&Store::of_user()?, &header, self.mask.clone())?;
        Ok(self.journal.get_or_init(|| journal).clone())
    }

    /// The user interface of a run that may change hosts: it keeps a journal. `typed` is the command to type again.
    fn ui(&self, cluster: &Cluster, typed: &str) -> Result<Ui> {
        let journal = self.journal(cluster)?;
        let ui = Ui::new(Style::detect(self.json), self.verbose).with_json(self.json);
        let ui = ui.with_command(typed).with_memory(self.memory.clone());
        Ok(ui.keeping(journal))
    }

    /// The user interface of a command that only looks.
    fn quiet_ui(&self) -> Ui {
        let ui = Ui::new(Style::for_looking(self.json), self.verbose).with_json(self.json);
        ui.with_command(self.typed()).with_memory(self.memory.clone())
    }

    /// Tells of an error that is not how the command ends.
    fn tell(&self, error: &Error) {
        self.journal.get().into_iter().for_each(|journal| ui::keep_error(journal, error));
        ui::error(error, self.json);
    }

    /// How the command ended is the end of its journal.
    fn ended(&self, ended: &Result<u8>) {
        if let Some(journal) = self.journal.get() {
            match ended {
                Ok(code) => ui::keep_end(journal, *code, None),
                Err(error) => ui::keep_end(journal, error.kind.exit_code(), Some(error)),
            }
        }
    }

    /// This command as a person would type it again.
    fn typed(&self) -> String {
        format!("slipway {} -c {}", self.command, self.file.display())
    }
}

/// Runs a command line. The exit code tells how it went; an error is for `main` to print.
///
/// # Errors
/// Whatever the command could not do; its kind has the exit code.
pub async fn run(cli: Cli) -> Result<u8> {
    let global = cli.global;
    let mask = Mask::default();
    let run = Run {
        file: global.cluster,
        only: global.only,
        skip: global.skip,
        concurrency: global.concurrency.get(),
        json: global.output == Output::Json,
        verbose: global.verbose,
        accept_new_host_keys: global.accept_new_host_keys,
        profiles: global.profiles,
        command: cli.command.name(),
        memory: Memory::hiding(mask.clone()),
        begun: Begun::default(),
        mask,
        journal: Arc::default(),
    };
    let ended = carry_out(&run, cli.command).await;
    run.ended(&ended);
    ended
}

async fn carry_out(run: &Run, command: Command) -> Result<u8> {
    let all: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    match command {
        Command::New(new) => new::new(&run.file, new),
        Command::Up => build::build(run, &all).await,
        Command::Install | Command::Init | Command::Join | Command::Cni | Command::Verify => {
            build::build(run, &[run.command]).await
        }
        Command::Plan(plan) => inspect::plan(run, plan.diff).await,
        Command::Render(render) => inspect::render(run, render).await,
        Command::Status => inspect::status(run).await,
        Command::Kubeconfig(kubeconfig) => inspect::kubeconfig(run, kubeconfig).await,
        Command::Reset(reset) => reset::reset(run, reset).await,
        Command::Leftovers(wanted) => leftovers::leftovers(run, wanted).await,
        Command::Repair(repair) => repair::repair(run, repair).await,
        Command::Runs(wanted) => runs::runs(run, wanted.command),
        Command::Report(wanted) => runs::report(&wanted),
        Command::Profiles(wanted) => profiles::profiles(run, wanted.command),
        Command::KnownHosts(cli::KnownHosts::Forget { nodes }) => known_hosts::forget(run, &nodes),
        Command::Completions(completions) => {
            ui::print(&cli::completions(completions.shell))?;
            Ok(0)
        }
    }
}
