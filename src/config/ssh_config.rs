//! The ssh configuration, as far as slipway follows it (ssh_config(5)): what ~/.ssh/config and /etc/ssh/ssh_config say of a host, and
//! the hosts of a file such as `vagrant ssh-config` prints, with all that is needed to log in.
//!
//! Followed: Host, Match (all, host, originalhost, user, localuser), Include, HostName, User, Port, IdentityFile, IdentitiesOnly,
//! IdentityAgent, ProxyJump, UserKnownHostsFile, GlobalKnownHostsFile, RevokedHostKeys, HostKeyAlias, StrictHostKeyChecking. The first
//! value wins.
//! ProxyCommand is refused, but for the system's, which is passed over with a note; every other keyword is passed over.

mod glob_paths;
mod import;
mod jump;
mod lookup;
mod read;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

pub use self::import::parse;
pub(super) use self::{
    jump::{FARTHEST, Spec, is_ssh_name, specs, too_far},
    lookup::{Agent, Found, Said},
};
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

#[cfg(test)]
#[path = "ssh_config/tests.rs"]
mod tests;
