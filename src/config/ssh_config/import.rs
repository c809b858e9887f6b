//! The hosts of an ssh configuration that a cluster file is made from, and that will not be there to ask when it is used.

use super::{Agent, FARTHEST, Found, Said, Spec, SshConfig, forgets, read, too_far};
use crate::{
    config::{HostKeys, new::Host},
    error::{Error, Kind, Result},
};

const HINT: &str = "pipe it in whole: `vagrant ssh-config | slipway new --ssh-config -`";

/// Reads the hosts of an ssh configuration: the names that its `Host` lines spell out, in their order, each with what all lines
/// together say of it.
///
/// # Errors
/// `Syntax` for what ssh itself would refuse, and `Invalid` for what slipway cannot follow (hosts behind a `ProxyCommand`) and for
/// what a cluster file can not say.
pub fn parse(text: &str) -> Result<Vec<Host>> {
    let hinted = |error: Error| if error.hints.is_empty() { error.hint(HINT) } else { error };
    let config = SshConfig::parse(text, "ssh configuration").map_err(hinted)?;
    let names = read::names(&config.blocks);
    if names.is_empty() {
        return Err(Error::new(Kind::Invalid, "the ssh configuration has no Host").hint(HINT));
    }
    names.into_iter().map(|name| import(&config, name).map_err(hinted)).collect()
}

/// Of what a cluster file can not say.
fn unsaid(what: String) -> Error {
    Error::new(Kind::Invalid, what).hint("leave the file where it is, and name it there: ssh_config = \"FILE\" under [ssh]")
}

fn import(config: &SshConfig, name: String) -> Result<Host> {
    let found = config.lookup(&name, Said::default(), false)?;
    if let Some(what) = too_much(&found) {
        return Err(unsaid(format!("{name} has {what}, which a cluster file can not say")));
    }
    if let Some(note) = found.notes.first() {
        return Err(unsaid(note.clone()));
    }
    let mut way = Vec::new();
    hops(config, &name, &found, found.jump.as_deref().unwrap_or_default(), 0, &mut way)?;
    // Vagrant's machines change their keys with each rebuild, so it turns checking off and remembers nothing. slipway
    // has no such setting; the nearest is to accept a new key, and to remember it in a file of the cluster's own.
    let accept_new = found.host_keys == Some(HostKeys::AcceptNew);
    let remembered = found.known_hosts.unwrap_or_default().into_iter().find(|file| !forgets(file));
    Ok(Host {
        address: Some(found.hostname.unwrap_or_else(|| name.clone())),
        name,
        role: None,
        user: found.user,
        port: found.port,
        keys: found.keys.unwrap_or_default(),
        agent: (found.agent == Some(Agent::None)).then_some(false),
        known_hosts: remembered,
        accept_new,
        jump: (!way.is_empty()).then(|| way.join(",")),
    })
}

/// What is said of a host, and can not be said in a cluster file.
fn too_much(found: &Found) -> Option<String> {
    let files = |files: &Option<Vec<String>>| files.iter().flatten().filter(|file| !forgets(file)).cloned().collect::<Vec<_>>();
    if let Some(file) = found.revoked_host_keys.first() {
        return Some(format!("RevokedHostKeys {file}"));
    }
    if let Some(alias) = &found.alias {
        return Some(format!("HostKeyAlias {alias}"));
    }
    if let Some(Agent::At(socket)) = &found.agent {
        return Some(format!("IdentityAgent {socket}"));
    }
    if found.keys.as_ref().is_some_and(Vec::is_empty) {
        return Some("IdentityFile none".into());
    }
    if let Some(file) = files(&found.known_hosts).get(1) {
        return Some(format!("a second UserKnownHostsFile, {file}"));
    }
    files(&found.global_known_hosts).first().map(|file| format!("GlobalKnownHostsFile {file}"))
}

/// Writes out the jump hosts that `specs` name, and those before them, nearest to the operator first. A jump host may be one of this
/// configuration. In a cluster file it has a user, an address and a port of its own, and all else from the host behind it.
fn hops(config: &SshConfig, name: &str, host: &Found, specs: &[Spec], depth: usize, way: &mut Vec<String>) -> Result<()> {
    for (index, spec) in specs.iter().enumerate() {
        let said = Said { user: spec.user.as_deref(), port: spec.port };
        // Only the first may be behind others of its own: the way to each later one is the one before it.
        let found = config.lookup(&spec.host, said, index > 0)?;
        let other = [
            ("IdentityFile", found.keys != host.keys),
            ("IdentityAgent", found.agent != host.agent),
            ("HostKeyAlias", found.alias.is_some()),
            ("UserKnownHostsFile", found.known_hosts != host.known_hosts),
            ("GlobalKnownHostsFile", found.global_known_hosts != host.global_known_hosts),
            ("RevokedHostKeys", !found.revoked_host_keys.is_empty()),
            ("StrictHostKeyChecking", found.host_keys != host.host_keys),
        ];
        if let Some((keyword, _)) = other.iter().find(|(_, differs)| *differs) {
            let jump = &spec.host;
            return Err(unsaid(format!("{name} and its jump host {jump} differ in {keyword}, which a cluster file can not say")));
        }
        if let Some(note) = found.notes.first() {
            return Err(unsaid(note.clone()));
        }
        if let (0, Some(before)) = (index, &found.jump) {
            if depth == FARTHEST {
                return Err(too_far(&spec.host));
            }
            hops(config, name, host, before, depth + 1, way)?;
        }
        way.push(written_out(spec, found));
    }
    Ok(())
}

fn written_out(spec: &Spec, found: Found) -> String {
    let host = found.hostname.unwrap_or_else(|| spec.host.clone());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let user = spec.user.clone().or(found.user).map_or_else(String::new, |user| format!("{user}@"));
    let port = spec.port.or(found.port).map_or_else(String::new, |port| format!(":{port}"));
    format!("{user}{host}{port}")
}
