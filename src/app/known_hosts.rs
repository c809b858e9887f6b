//! `slipway known-hosts`: what is remembered of the hosts' keys.

use super::Run;
use crate::{
    config::{Cluster, Reach, Ssh},
    error::{Error, Kind, Result, nearest},
    transport::ssh,
    ui,
};

/// `slipway known-hosts forget`: takes the keys of machines that were made anew out of the file where slipway remembers them.
pub(super) fn forget(run: &Run, nodes: &[String]) -> Result<u8> {
    let cluster = run.cluster()?;
    let machines = nodes.iter().map(|node| find(&cluster, node)).collect::<Result<Vec<_>>>()?;
    let mut left = None;
    for (node, (address, login)) in nodes.iter().zip(machines) {
        let (file, forgotten) = ssh::forget(address, login)?;
        let file = file.display();
        ui::tell(&match forgotten.removed {
            0 => format!("{node}: {file} knows no key of {address} by its name\n"),
            1 => format!("{node}: its key is gone from {file}\n"),
            keys => format!("{node}: its {keys} keys are gone from {file}\n"),
        });
        if let Some(line) = forgotten.patterns.first() {
            let what = format!("{node}: {file}:{line} names it by a pattern, which may mean other hosts too, and stays");
            left = left.or(Some(Error::new(Kind::HostKey, what).hint(format!("edit line {line} of {file} by hand"))));
        }
        if login.host_key.is_some() {
            let what = format!("{node}: the cluster file itself has its host_key");
            left = left.or(Some(
                Error::new(Kind::HostKey, what)
                    .hint("write the new machine's there: ssh-keyscan prints its key, `ssh-keygen -lf -` the fingerprint"),
            ));
        }
    }
    left.map_or(Ok(0), Err)
}

/// A host of the cluster by its name, or a jump host by its address or the name that the way to it has.
fn find<'a>(cluster: &'a Cluster, node: &str) -> Result<(&'a str, &'a Ssh)> {
    for host in &cluster.hosts {
        if let (Reach::Local(_), true) = (&host.reach, host.name == node) {
            return Err(
                Error::new(Kind::Usage, format!("{node} is this machine, which has no host key to forget")).hint("leave it out")
            );
        }
        let Reach::Ssh(ssh) = &host.reach else { continue };
        if host.name == node {
            return Ok((&host.address, ssh));
        }
        if let Some(hop) = ssh.jump.iter().find(|hop| hop.name == node || hop.address == node) {
            return Ok((&hop.address, &hop.ssh));
        }
    }
    let by_ssh = cluster.hosts.iter().filter(|host| matches!(host.reach, Reach::Ssh(_)));
    let known: Vec<&str> = by_ssh.map(|host| host.name.as_str()).collect();
    let hint = match nearest(node, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if known.is_empty() => "every host of the cluster file is this machine".to_owned(),
        None => format!("the cluster file has {}", known.join(", ")),
    };
    Err(Error::new(Kind::Usage, format!("{node:?} is no host that is reached by ssh, and no jump host")).hint(hint))
}
