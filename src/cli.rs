//! The command line: clap's only file. The doc comments below are the help that people read.

mod completions;
mod exit_codes;
mod runs;

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, builder::PossibleValuesParser};
pub use clap_complete::Shell;

pub use self::{
    completions::completions,
    runs::{Report, Runs, RunsCommand},
};
use crate::{
    config::{bare::Bare, new},
    error::Error,
    phase::PHASES,
};

/// Turns plain Linux hosts into a Kubernetes cluster, and back.
///
/// slipway runs the real kubeadm on your hosts, over SSH or on this machine. A host needs sshd, a POSIX shell and root (or sudo
/// or doas); nothing else. What is to be is written in a cluster file, cluster.toml. Running a command again changes
/// only what is not yet so.
#[derive(Clone, Debug, Parser)]
#[command(name = "slipway", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Start with: slipway new --host cp1=ADDRESS --host node1=ADDRESS\n            slipway plan\n            slipway up"
)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{}", exit_codes::help()))]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Write a cluster file for three hosts, look at the plan, carry it out, see the nodes:
    slipway new --host cp1=192.0.2.11 --host node1=192.0.2.12 --host node2=192.0.2.13 --user ubuntu
    slipway plan
    slipway up
    slipway kubeconfig --merge && kubectl get nodes
  The same for the machines of a Vagrantfile:
    vagrant up && vagrant ssh-config | slipway new --ssh-config - && slipway up
  Take the whole cluster down again, packages included:
    slipway reset --purge";

/// Reads the command line. Help, a version and mistakes end the process here, mistakes with exit code 2.
#[must_use]
pub fn parse() -> Cli {
    Cli::parse()
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The cluster file
    #[arg(short, long, global = true, value_name = "FILE", default_value = "cluster.toml")]
    pub cluster: PathBuf,

    /// Take only the steps whose path matches, such as `cp1/install/*`
    ///
    /// A path is HOST/PHASE/STEP; `*` stands for anything within one part, and parts may be left out at the end: `node1` is all of
    /// node1, `*/install` is that phase on every host. `slipway plan` shows the paths. May be repeated, or separated by commas.
    #[arg(long, global = true, value_name = "PATH", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Leave out the steps whose path matches; see --only
    #[arg(long, global = true, value_name = "PATH", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// How many hosts to work on at once; up to 100 are asked at once what is there
    #[arg(long, global = true, value_name = "N", default_value = "32")]
    pub concurrency: NonZeroUsize,

    /// What to print: text for people, or JSON lines (an event each) for programs
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// Accept the SSH key of a host that has never been seen, and remember it; a changed key is always refused
    #[arg(long, global = true)]
    pub accept_new_host_keys: bool,

    /// A directory of profiles (os/, runtime/, cni/, component/) that add to the built-in ones, or replace those of the same name
    #[arg(long, global = true, value_name = "DIR")]
    pub profiles: Option<PathBuf>,

    /// Print each line that a step prints
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub verbose: bool,
}

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Text,
    Json,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Write a cluster file: commented, and ready to run
    New(New),
    /// Show what `up` would do, and why, without doing it
    ///
    /// The checks are run for real, so the plan holds what is true on the hosts now. Nothing is changed on any of them.
    Plan(Plan),
    /// Make the cluster: install, init, join, cni and verify, in one go
    ///
    /// What is done already is left alone: run it again after a failure, with more hosts in the
    /// cluster file, or at any time. What kubeadm was told when a node was made (arguments, networks, version) stays as it is.
    Up,
    /// Prepare the hosts: swap, kernel, container runtime, kubeadm, kubelet and kubectl, images
    Install,
    /// Start the control plane on the first control-plane host, with `kubeadm init`
    Init,
    /// Give pods a network
    Cni,
    /// Join the other hosts to the cluster, with `kubeadm join`
    Join,
    /// Prove that the cluster works: nodes, system pods, pods reaching each other and the service network
    ///
    /// It needs no image beyond those that Kubernetes itself uses, and leaves nothing behind.
    Verify,
    /// Take nodes out of the cluster and Kubernetes off the hosts
    ///
    /// First it lists what is there, as `slipway leftovers` does, and says what will be lost and what stays. Every step has a time limit, none
    /// stops at the failure of another, and the last one lists what is left.
    Reset(Reset),
    /// List what a cluster left on hosts: what, who made it, how it was recognised, and what takes it away
    ///
    /// Changes nothing. It works on any host, also on one that slipway never saw, and on one that is in use: then it lists the node.
    Leftovers(Leftovers),
    /// Make a node anew: reset it and join it again, and leave all others as they are
    ///
    /// For a node that is broken in whatever way. It refuses what would end badly, and says so before anything is done: the only control
    /// plane, one without which etcd loses its quorum, a host of another cluster.
    Repair(Repair),
    /// Show each host: whether it answers, what it runs, its place in the cluster
    Status,
    /// Fetch the administrator's kubeconfig from the cluster
    Kubeconfig(Kubeconfig),
    /// Print the plan in another form: as a shell script, a graph, or its checks
    ///
    /// Changes nothing on any host. The hosts are asked what they are, as for a plan.
    Render(Render),
    /// List the runs that are kept, or show one again
    Runs(Runs),
    /// Make a page of a run: a lane a host, each step as long as it took, the critical path
    Report(Report),
    /// List what slipway knows of operating systems, container runtimes and pod networks, or show one of it
    Profiles(Profiles),
    /// Look after the host keys that are remembered
    #[command(subcommand)]
    KnownHosts(KnownHosts),
    /// Print the completions for a shell
    Completions(Completions),
}

impl Command {
    /// Its name on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::New(_) => "new",
            Self::Plan(_) => "plan",
            Self::Up => "up",
            Self::Install => "install",
            Self::Init => "init",
            Self::Cni => "cni",
            Self::Join => "join",
            Self::Verify => "verify",
            Self::Reset(_) => "reset",
            Self::Leftovers(_) => "leftovers",
            Self::Repair(_) => "repair",
            Self::Status => "status",
            Self::Kubeconfig(_) => "kubeconfig",
            Self::Render(_) => "render",
            Self::Runs(_) => "runs",
            Self::Report(_) => "report",
            Self::Profiles(_) => "profiles",
            Self::KnownHosts(_) => "known-hosts",
            Self::Completions(_) => "completions",
        }
    }
}

/// `slipway new`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway new --host cp1=192.0.2.11 --host node1=192.0.2.12
  slipway new --host cp1=ubuntu@192.0.2.11:control-plane --host 'node1=[2001:db8::2]:2222:worker'
  slipway new --host node1=local          a cluster of one node: this machine
  vagrant ssh-config | slipway new --ssh-config -

The file is written where -c says (cluster.toml); `-c -` prints it.")]
pub struct New {
    /// A host: NAME=[USER@]ADDRESS[:PORT][:ROLE]; may be repeated
    ///
    /// ROLE is control-plane or worker. If no host is a control plane, the first without a role becomes one. An IPv6 address goes
    /// in brackets. The address `local` means this machine.
    #[arg(long, value_name = "HOST", value_parser = host, required_unless_present = "ssh_config")]
    pub host: Vec<new::Host>,

    /// Take the hosts from a file that `vagrant ssh-config` wrote; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,

    /// The cluster's name
    #[arg(long, default_value = "lab")]
    pub name: String,

    /// The Kubernetes version: an exact one, or a minor version for its newest patch
    #[arg(long, value_name = "VERSION", default_value = "1.34")]
    pub kubernetes: String,

    /// The pod network: bridge, flannel, none, or the path or URL of a manifest
    #[arg(long, default_value = "bridge")]
    pub cni: String,

    /// The SHA-256 of the manifest, where --cni is a URL
    #[arg(long, value_name = "HEX")]
    pub cni_sha256: Option<String>,

    /// The user to log in as, for hosts that do not say (root, if this does not either)
    #[arg(long)]
    pub user: Option<String>,

    /// A private key file to log in with, for hosts that do not say; may be repeated
    #[arg(long, value_name = "FILE")]
    pub key: Vec<String>,

    /// Overwrite the file if it is there
    #[arg(long)]
    pub force: bool,
}

/// `slipway plan`.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// Also show how each managed file would change
    #[arg(long)]
    pub diff: bool,
}

/// Which hosts a command is about.
#[derive(Args, Clone, Debug, Default)]
pub struct Whom {
    /// Hosts of the cluster file, by name [default: all]
    #[arg(value_name = "NODE", conflicts_with_all = ["host", "local"])]
    pub nodes: Vec<String>,

    /// A machine by its address, [USER@]ADDRESS[:PORT], without a cluster file; may be repeated
    ///
    /// An IPv6 address goes in brackets. The ssh configuration counts as ever, and so do host keys.
    #[arg(long, value_name = "HOST", value_parser = bare)]
    pub host: Vec<Bare>,

    /// This machine, without a cluster file
    #[arg(long)]
    pub local: bool,

    /// The user to log in as, for a --host that does not say
    #[arg(long, requires = "host")]
    pub user: Option<String>,

    /// A private key file to log in with, for --host; may be repeated
    #[arg(long, value_name = "FILE", requires = "host")]
    pub key: Vec<String>,
}

/// `slipway reset`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway reset node2              shows what is there, asks, then takes node2 out of the cluster
  slipway reset --yes --purge      the whole cluster, and what `install` put on the hosts
  slipway reset --host root@192.0.2.11 --host 192.0.2.12    machines that no cluster file knows
  slipway reset --local            this machine, run by root or by a user who may use sudo
  slipway reset --backup kept      with a snapshot of etcd and /etc/kubernetes of each host in ./kept first

`slipway up` builds again what was reset. `slipway render reset-script` prints the same steps as a script, for a machine
that only a console leads to.")]
pub struct Reset {
    #[command(flatten)]
    pub whom: Whom,

    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long, short)]
    pub yes: bool,

    /// Also undo what `install` did: packages, repositories, settings
    #[arg(long, conflicts_with = "keep_packages")]
    pub purge: bool,

    /// Leave alone what `install` did, so that the next `up` is quick [the default]
    #[arg(long)]
    pub keep_packages: bool,

    /// First fetch what a cluster could not be made again from: a snapshot of etcd from control planes, and /etc/kubernetes
    ///
    /// Into a directory that only you may look into, made if it is not there. Nothing is overwritten, and when something can not be
    /// fetched, nothing is reset.
    #[arg(long, value_name = "DIR")]
    pub backup: Option<PathBuf>,

    /// Reset hosts of another cluster too, control planes without which etcd loses its quorum, and hosts that gave no backup
    #[arg(long)]
    pub force: bool,
}

impl Reset {
    /// The reset of one node of the cluster file.
    #[must_use]
    pub fn of_one(node: &str, yes: bool, backup: Option<PathBuf>) -> Self {
        let whom = Whom { nodes: vec![node.to_owned()], ..Whom::default() };
        Self { whom, yes, purge: false, keep_packages: true, backup, force: false }
    }
}

/// `slipway repair`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway repair node2                   asks first
  slipway repair cp2 --backup kept       with a snapshot of etcd and /etc/kubernetes of cp2 in ./kept first

Where the cluster's endpoint is an address that moves, move it to another control plane first. When a repair is cut short,
`slipway up` finishes it.")]
pub struct Repair {
    /// The host to repair, by name
    #[arg(value_name = "NODE")]
    pub node: String,

    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long, short)]
    pub yes: bool,

    /// First fetch its /etc/kubernetes, and a snapshot of etcd if it is a control plane; see `slipway reset --help`
    #[arg(long, value_name = "DIR")]
    pub backup: Option<PathBuf>,
}

/// `slipway leftovers`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway leftovers                          all hosts of the cluster file
  slipway leftovers node2 --output json      one of them, for a program
  slipway leftovers --host root@192.0.2.11   a machine that no cluster file knows
  slipway leftovers --local                  this machine

FATE says what becomes of a thing: `goes` with any reset, `purge` with `reset --purge` alone, `stays` since it is not slipway's to take.
The exit code is 0 when nothing is there that a reset takes, and 42 otherwise. What stays never counts. A host that can not be
asked is an error, with the exit code of that.")]
pub struct Leftovers {
    #[command(flatten)]
    pub whom: Whom,

    /// Do not count what only `reset --purge` takes: then 0 says that a plain reset would find nothing to do
    #[arg(long)]
    pub keep_packages: bool,
}

/// `slipway kubeconfig`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway kubeconfig --merge                 then: kubectl get nodes
  slipway kubeconfig --out lab.kubeconfig    then: kubectl --kubeconfig lab.kubeconfig get nodes

Without either it is printed. Whoever has it rules the cluster: files are written with mode 0600.")]
pub struct Kubeconfig {
    /// Merge it into ~/.kube/config and make it the current context; what else is in there stays
    #[arg(long, conflicts_with = "out")]
    pub merge: bool,

    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `slipway render`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway render script node1 --phase install >install.sh    run as root on node1, it does what `slipway install` does
  slipway render dot | dot -Tsvg >plan.svg
  slipway render reset-script >reset.sh    run as root on any machine, it does what `slipway reset` does there

The reset script needs no cluster file, and asks no host.")]
pub struct Render {
    /// What to print
    #[arg(value_enum)]
    pub form: Form,

    /// A host by name, or all
    #[arg(value_name = "HOST", default_value = "all")]
    pub host: String,

    /// Of a reset script: also undo what `install` did
    #[arg(long)]
    pub purge: bool,

    /// Only this phase
    #[arg(long, value_parser = PossibleValuesParser::new(PHASES.iter().map(|phase| phase.name)))]
    pub phase: Option<String>,
}

/// The forms in which a plan can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A POSIX shell script to run as root on the host
    Script,
    /// A graph for Graphviz
    Dot,
    /// A graph for Mermaid, which Markdown viewers draw
    Mermaid,
    /// The checks alone, as the shell script that asks a host what is done
    Checks,
    /// A POSIX shell script that resets whatever machine it is run on
    ResetScript,
}

/// `slipway profiles`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  slipway profiles
  slipway profiles show rocky                  as it is after inheritance
  slipway --profiles mine profiles show debian    with what mine/os/*.toml says

A file of your own needs little: name, inherits, match, and what is different. It goes into DIR/os, DIR/runtime or DIR/cni.")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Profiles {
    #[command(subcommand)]
    pub command: Option<ProfilesCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ProfilesCommand {
    /// Print one as TOML, with all that it inherits
    Show {
        /// Its name; FAMILY/NAME (os/debian) where several families have one of that name
        name: String,
    },
}

/// `slipway known-hosts`.
#[derive(Clone, Debug, Subcommand)]
pub enum KnownHosts {
    /// Forget the keys of machines that were made anew, so that their new ones can be accepted
    ///
    /// Only lines that name the machine are removed, from the known_hosts file that slipway uses for it.
    #[command(after_help = "\
Examples:
  slipway known-hosts forget node2 && slipway up --accept-new-host-keys")]
    Forget {
        /// Hosts by the name that the cluster file has for them, or jump hosts by their address
        #[arg(value_name = "NODE", required = true)]
        nodes: Vec<String>,
    },
}

/// `slipway completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  source <(slipway completions bash)
  slipway completions fish >~/.config/fish/completions/slipway.fish")]
pub struct Completions {
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Reads a `--host` of `new`. clap shows one text, so the hint goes behind what is wrong.
fn host(text: &str) -> Result<new::Host, String> {
    text.parse().map_err(in_one_line)
}

/// Reads a `--host` of commands that need no cluster file.
fn bare(text: &str) -> Result<Bare, String> {
    text.parse().map_err(in_one_line)
}

fn in_one_line(error: Error) -> String {
    format!("{error}; {}", error.hints.join("; "))
}

#[cfg(test)]
mod tests;
