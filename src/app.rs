//! A function a subcommand: load, survey, build the graph, plan, then run it, draw it or explain it.

mod aim;
mod backup;
mod build;
mod inspect;
mod known_hosts;
mod kubeconfig;
mod leftovers;
mod members;
mod new;
mod profiles;
mod repair;
mod reset;
mod session;
mod site;
mod version;

use std::path::PathBuf;

use crate::{
    cli::{self, Cli, Command, Output},
    config::{self, Cluster, HostKeys, Reach},
    error::Result,
    phase::PHASES,
    transport::Memory,
    ui::{self, Log, Style, Ui},
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
    /// The subcommand, for the log and for hints.
    command: &'static str,
    /// Passwords that a person has given: a command may open its hosts more than once.
    memory: Memory,
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

    /// The user interface of a run that may change hosts: it keeps a log.
    fn ui(&self, cluster: &Cluster) -> Result<Ui> {
        let log = Log::open(&cluster.name, self.command)?;
        Ok(Ui::new(Style::detect(self.json), self.verbose, Some(log)).with_command(self.typed()).with_memory(self.memory.clone()))
    }

    /// The user interface of a command that only looks.
    fn quiet_ui(&self) -> Ui {
        Ui::new(Style::for_looking(self.json), self.verbose, None).with_command(self.typed()).with_memory(self.memory.clone())
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
    let run = |command| Run {
        file: global.cluster.clone(),
        only: global.only.clone(),
        skip: global.skip.clone(),
        concurrency: global.concurrency.get(),
        json: global.output == Output::Json,
        verbose: global.verbose,
        accept_new_host_keys: global.accept_new_host_keys,
        profiles: global.profiles.clone(),
        command,
        memory: Memory::default(),
    };
    let all: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    match cli.command {
        Command::New(new) => new::new(&global.cluster, new),
        Command::Up => build::build(&run("up"), &all).await,
        Command::Install => build::build(&run("install"), &["install"]).await,
        Command::Init => build::build(&run("init"), &["init"]).await,
        Command::Join => build::build(&run("join"), &["join"]).await,
        Command::Cni => build::build(&run("cni"), &["cni"]).await,
        Command::Verify => build::build(&run("verify"), &["verify"]).await,
        Command::Plan(plan) => inspect::plan(&run("plan"), plan.diff).await,
        Command::Render(render) => inspect::render(&run("render"), render).await,
        Command::Status => inspect::status(&run("status")).await,
        Command::Kubeconfig(kubeconfig) => inspect::kubeconfig(&run("kubeconfig"), kubeconfig).await,
        Command::Reset(reset) => reset::reset(&run("reset"), reset).await,
        Command::Leftovers(wanted) => leftovers::leftovers(&run("leftovers"), wanted).await,
        Command::Repair(repair) => repair::repair(run("repair"), repair).await,
        Command::Profiles(wanted) => profiles::profiles(&run("profiles"), wanted.command),
        Command::KnownHosts(cli::KnownHosts::Forget { nodes }) => known_hosts::forget(&run("known-hosts"), &nodes),
        Command::Completions(completions) => {
            ui::print(&cli::completions(completions.shell));
            Ok(0)
        }
    }
}
