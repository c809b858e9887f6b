//! The ssh configuration, as far as slipway follows it (ssh_config(5)): what ~/.ssh/config and /etc/ssh/ssh_config say of a host, and
//! the hosts of a file such as `vagrant ssh-config` prints, with all that is needed to log in.
//!
//! Followed: Host, Match (all, host, originalhost, user, localuser), Include, HostName, User, Port, IdentityFile, IdentitiesOnly,
//! IdentityAgent, ProxyJump, UserKnownHostsFile, GlobalKnownHostsFile, RevokedHostKeys, HostKeyAlias, StrictHostKeyChecking. The first
//! value wins.
//! ProxyCommand is refused, but for the system's, which is passed over with a note; every other keyword is passed over.

mod glob_paths;
mod jump;
mod lookup;
mod read;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

pub(super) use self::{
    jump::{Spec, is_ssh_name, specs},
    lookup::{Agent, Found, Said},
};
use super::{HostKeys, new::Host};
use crate::error::{Error, Kind, Result};

/// One configuration with all that it includes. The default knows nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct SshConfig {
    blocks: Vec<read::Block>,
    home: PathBuf,
}

/// The files that ssh reads where it is given none. Neither need be there.
pub(super) struct Usual {
    /// None, where there is no home.
    pub(super) user: Option<PathBuf>,
    pub(super) system: PathBuf,
}

impl Default for Usual {
    fn default() -> Self {
        Self { user: env::home_dir().map(|home| home.join(".ssh/config")), system: "/etc/ssh/ssh_config".into() }
    }
}

impl SshConfig {
    /// Reads the user's file, and after it the system's.
    ///
    /// # Errors
    /// As `read`.
    pub(super) fn usual(files: &Usual) -> Result<Self> {
        let mut config = match &files.user {
            Some(user) if is_there(user) => Self::read(user)?,
            _ => Self { blocks: Vec::new(), home: env::home_dir().unwrap_or_default() },
        };
        if is_there(&files.system) {
            let (text, shown) = read_text(&files.system, &config.home)?;
            config.blocks.extend(read::system(&text, &shown, &config.home, files.system.parent().unwrap_or(Path::new("/")))?);
        }
        Ok(config)
    }

    /// Reads a file and those that it includes.
    ///
    /// # Errors
    /// `NoFile` when it can not be read, `Syntax` and `Invalid` for what ssh itself would refuse.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let home = env::home_dir().unwrap_or_default();
        let (text, shown) = read_text(path, &home)?;
        Self::parse(&text, &shown)
    }

    /// Reads text; `shown` is what messages call it.
    pub(super) fn parse(text: &str, shown: &str) -> Result<Self> {
        let home = env::home_dir().unwrap_or_default();
        Ok(Self { blocks: read::text(text, shown, &home)?, home })
    }

    /// What it says of the host that a person calls `host`; `own_jump` is whether the cluster file says how to get there.
    ///
    /// # Errors
    /// `Syntax` for values that make no sense, `Invalid` for what slipway can not follow.
    pub(super) fn lookup(&self, host: &str, said: Said<'_>, own_jump: bool) -> Result<Found> {
        lookup::lookup(self, host, said, own_jump)
    }
}

fn is_there(path: &Path) -> bool {
    !fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The text of a file, and what messages call it.
fn read_text(path: &Path, home: &Path) -> Result<(String, String)> {
    let shown = read::shorten(path, home);
    match fs::read_to_string(path) {
        Ok(text) => Ok((text, shown)),
        Err(error) => Err(Error::new(Kind::NoFile, format!("the ssh configuration {shown} can not be read")).because(error)),
    }
}

/// Whether a known_hosts file is one that remembers nothing.
pub(super) fn forgets(file: &str) -> bool {
    file == "/dev/null" || file.eq_ignore_ascii_case("nul")
}

const HINT: &str = "pipe it in whole: `vagrant ssh-config | slipway new --ssh-config -`";

/// Reads the hosts of an ssh configuration: the names that its `Host` lines spell out, in their order, each with what all lines
/// together say of it.
///
/// # Errors
/// `Syntax` for what ssh itself would refuse, and `Invalid` for what slipway cannot follow: hosts behind a `ProxyCommand`.
pub fn parse(text: &str) -> Result<Vec<Host>> {
    let hinted = |error: Error| if error.hints.is_empty() { error.hint(HINT) } else { error };
    let config = SshConfig::parse(text, "ssh configuration").map_err(hinted)?;
    let names = read::names(&config.blocks);
    if names.is_empty() {
        return Err(Error::new(Kind::Invalid, "the ssh configuration has no Host").hint(HINT));
    }
    names.into_iter().map(|name| import(&config, name).map_err(hinted)).collect()
}

fn import(config: &SshConfig, name: String) -> Result<Host> {
    let found = config.lookup(&name, Said::default(), false)?;
    if let Some(file) = found.revoked_host_keys.first() {
        let what = format!("{name} has RevokedHostKeys {file}, which a cluster file can not say");
        return Err(Error::new(Kind::Invalid, what)
            .hint("leave the file where it is, and name it there: ssh_config = \"FILE\" under [ssh]"));
    }
    // Vagrant's machines change their keys with each rebuild, so it turns checking off and remembers nothing. slipway
    // has no such setting; the nearest is to accept a new key, and to remember it in a file of the cluster's own.
    let accept_new = found.host_keys == Some(HostKeys::AcceptNew);
    let remembered = found.known_hosts.unwrap_or_default().into_iter().find(|file| !forgets(file));
    // A jump host may be one of this configuration, which is not there to ask when the cluster file is used.
    let hops = found.jump.filter(|specs| !specs.is_empty()).map(|specs| {
        let hops = specs.iter().map(|spec| written_out(config, spec)).collect::<Result<Vec<_>>>()?;
        Ok::<_, Error>(hops.join(","))
    });
    Ok(Host {
        address: Some(found.hostname.unwrap_or_else(|| name.clone())),
        name,
        role: None,
        user: found.user,
        port: found.port,
        keys: found.keys.unwrap_or_default(),
        known_hosts: remembered,
        accept_new,
        jump: hops.transpose()?,
    })
}

fn written_out(config: &SshConfig, spec: &Spec) -> Result<String> {
    let found = config.lookup(&spec.host, Said::default(), false)?;
    let host = found.hostname.unwrap_or_else(|| spec.host.clone());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let user = spec.user.clone().or(found.user).map_or_else(String::new, |user| format!("{user}@"));
    let port = spec.port.or(found.port).map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{user}{host}{port}"))
}

#[cfg(test)]
#[path = "ssh_config/tests.rs"]
mod tests;
