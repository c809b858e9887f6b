//! The hosts that a command is about: those of a cluster file, all or by name, or machines that were named without one.

use super::{Run, inspect::no_such_host};
use crate::{
    cli::Whom,
    config::{
        Cluster,
        bare::{self, Login},
    },
    error::Result,
    facts::Facts,
};

pub(super) struct Aim {
    pub(super) cluster: Cluster,
    /// Their names in `cluster`.
    pub(super) targets: Vec<String>,
    /// There is no cluster file: `cluster` is nothing but these hosts, and other hosts may belong to theirs.
    pub(super) bare: bool,
    /// The command up to here, as a person would type it again.
    pub(super) typed: String,
}

impl Aim {
    pub(super) fn of(run: &Run, whom: &Whom) -> Result<Self> {
        if whom.local || !whom.host.is_empty() {
            let login = Login { user: whom.user.clone(), keys: whom.key.clone() };
            let cluster = run.accepting(bare::cluster(&whom.host, whom.local, &login)?);
            let targets = cluster.hosts.iter().map(|host| host.name.clone()).collect();
            let mut typed = format!("slipway {}", run.command);
            whom.host.iter().for_each(|host| typed += &format!(" --host {host}"));
            typed += if whom.local { " --local" } else { "" };
            for (option, value) in whom.user.iter().map(|user| ("user", user)).chain(whom.key.iter().map(|key| ("key", key))) {
                typed += &format!(" --{option} {value}");
            }
            return Ok(Self { cluster, targets, bare: true, typed });
        }
        let cluster = run.cluster()?;
        let names: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
        if let Some(unknown) = whom.nodes.iter().find(|node| !names.contains(&node.as_str())) {
            return Err(no_such_host(unknown, &names));
        }
        let is_wanted = |name: &&&str| whom.nodes.is_empty() || whom.nodes.iter().any(|node| node == **name);
        let targets = names.iter().filter(is_wanted).map(|name| (*name).to_owned()).collect();
        let typed = whom.nodes.iter().fold(run.typed(), |typed, node| format!("{typed} {node}"));
        Ok(Self { cluster, targets, bare: false, typed })
    }

    pub(super) fn is_target(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target == name)
    }

    /// Whether all hosts of the cluster file are meant; of machines without one, nobody knows.
    pub(super) fn is_whole(&self) -> bool {
        !self.bare && self.targets.len() == self.cluster.hosts.len()
    }

    /// The name that a host has as a node.
    pub(super) fn node_name<'a>(&self, host: &'a str, facts: Option<&'a Facts>) -> &'a str {
        match facts {
            Some(facts) if self.bare => &facts.hostname,
            _ => host,
        }
    }
}
