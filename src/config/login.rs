//! How to log in to a host: what the cluster file says, over what the ssh configuration says, over what holds without either.

use std::{path::PathBuf, rc::Rc};

use toml::Spanned;

use super::{
    Become, Hop, HostKeys, Local, Ssh,
    check::{Broken, Check},
    hosts::choice,
    raw,
    ssh_config::{Agent, FARTHEST, Found, Said, Spec, SshConfig, forgets, specs, too_far},
    words::{is_dns_name_or_ip, is_user},
};
use crate::error::{Error, Kind, Result};

/// What the cluster file says: `[ssh]`, with a host's own `ssh` over it.
#[derive(Clone, Default)]
pub(super) struct Wish {
    user: Option<String>,
    port: Option<u16>,
    keys: Option<Vec<PathBuf>>,
    agent: Option<bool>,
    jump: Option<Vec<Spec>>,
    becomes: Option<Become>,
    password_file: Option<PathBuf>,
    jump_password_file: Option<PathBuf>,
    sudo_password_file: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    host_keys: Option<HostKeys>,
    connect_timeout: Option<u64>,
    config: Rc<SshConfig>,
}

impl Wish {
    /// What holds before the cluster file says anything: the ssh configuration of the user and of the system.
    pub(super) fn before(check: &Check<'_>) -> Result<Self> {
        let config = check.ssh_config.map_or_else(|| Ok(SshConfig::default()), SshConfig::usual).map_err(avoidable)?;
        Ok(Self { config: Rc::new(config), ..Self::default() })
    }

    /// Reads a table, over what holds without it.
    pub(super) fn over(&self, check: &Check<'_>, raw: &raw::Ssh) -> Result<Self> {
        let mut wish = self.clone();
        let path = |text: &raw::Text| check.optional(text, |text| check.path(text));
        let user = |text: &str| {
            let what = || (format!("{text:?} is no user name"), "write the name that you log in with: \"vagrant\"".into());
            is_user(text).then(|| text.to_owned()).ok_or_else(what)
        };
        wish.user = check.optional(&raw.user, user)?.or(wish.user);
        if let Some(port) = &raw.port {
            let number = u16::try_from(*port.get_ref()).ok().filter(|port| *port != 0);
            wish.port = Some(number.ok_or_else(|| {
                check.source.invalid(port, format!("{} is no port", port.get_ref())).hint("a port is a number from 1 to 65535")
            })?);
        }
        if let Some(keys) = &raw.key {
            let paths = keys.get_ref().0.iter().map(|key| check.path(key)).collect::<Result<Vec<PathBuf>, Broken>>();
            wish.keys = Some(paths.map_err(|(what, hint)| check.source.invalid(keys, what).hint(hint))?);
        }
        if let Some(jump) = &raw.jump {
            wish.jump = Some(jump_hosts(check, jump)?);
        }
        wish.becomes = check.optional(&raw.becomes, becomes)?.or(wish.becomes);
        wish.known_hosts = path(&raw.known_hosts)?.or(wish.known_hosts);
        wish.host_keys = check.optional(&raw.host_keys, host_keys)?.or(wish.host_keys);
        if let Some(timeout) = &raw.connect_timeout {
            let seconds = u64::try_from(*timeout.get_ref()).ok().filter(|seconds| (1..=3600).contains(seconds));
            wish.connect_timeout = Some(seconds.ok_or_else(|| {
                let what = format!("{} is no time to wait for", timeout.get_ref());
                check.source.invalid(timeout, what).hint("connect_timeout is a number of seconds from 1 to 3600")
            })?);
        }
        wish.agent = raw.agent.or(wish.agent);
        wish.password_file = path(&raw.password_file)?.or(wish.password_file);
        wish.jump_password_file = path(&raw.jump_password_file)?.or(wish.jump_password_file);
        wish.sudo_password_file = path(&raw.sudo_password_file)?.or(wish.sudo_password_file);
        wish.passphrase_file = path(&raw.passphrase_file)?.or(wish.passphrase_file);
        if let Some(text) = &raw.ssh_config {
            let config = match text.get_ref().as_str() {
                "none" => SshConfig::default(),
                _ => SshConfig::read(&check.text(text, |text| check.path(text))?).map_err(avoidable)?,
            };
            wish.config = Rc::new(config);
        }
        Ok(wish)
    }

    /// How to become root on this machine.
    pub(super) fn local(&self) -> Local {
        Local { becomes: self.becomes.unwrap_or_default(), sudo_password_file: self.sudo_password_file.clone() }
    }

    /// The whole way to the host that the cluster file calls `name`, at `address`; and its address, which the ssh configuration
    /// may say.
    pub(super) fn way(&self, check: &Check<'_>, cluster: &str, name: &str, address: &str) -> Result<(String, Ssh)> {
        let said = Said { user: self.user.as_deref(), port: self.port };
        let found = self.config.lookup(address, said, self.jump.is_some()).map_err(avoidable)?;
        let real = found.hostname.clone().unwrap_or_else(|| address.to_owned());
        let hops = self.jump.as_ref().or(found.jump.as_ref());
        let jump = hops.map_or_else(|| Ok(Vec::new()), |specs| self.hops(check, cluster, specs, 0))?;
        let mut ssh = self.login(check, cluster, name, &found);
        ssh.user = self.user.clone().or(found.user).unwrap_or_else(|| "root".into());
        ssh.port = self.port.or(found.port).unwrap_or(22);
        ssh.password_file.clone_from(&self.password_file);
        ssh.jump = jump;
        Ok((real, ssh))
    }

    /// The jump hosts that `specs` name, each with what the ssh configuration says of it, nearest to the operator first.
    fn hops(&self, check: &Check<'_>, cluster: &str, specs: &[Spec], depth: usize) -> Result<Vec<Hop>> {
        let mut hops = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let said = Said { user: spec.user.as_deref(), port: spec.port };
            // Only the first may be behind others of its own: the way to each later one is the one before it.
            let found = self.config.lookup(&spec.host, said, index > 0).map_err(avoidable)?;
            if let (0, Some(before)) = (index, found.jump.as_ref().filter(|before| !before.is_empty())) {
                if depth == FARTHEST {
                    return Err(too_far(&spec.host));
                }
                hops.extend(self.hops(check, cluster, before, depth + 1)?);
            }
            let address = found.hostname.clone().unwrap_or_else(|| spec.host.clone());
            if !is_dns_name_or_ip(&address) {
                let what = format!("the jump host {address:?} is no address, and the ssh configuration does not know it");
                return Err(Error::new(Kind::Invalid, what).hint("write jump = \"USER@ADDRESS\" under [ssh]"));
            }
            let mut ssh = self.login(check, cluster, &spec.host, &found);
            if let (Some(configured), Some(keys)) = (&found.keys, &self.keys) {
                // The cluster file's keys are the hosts'; the jump host's own come first.
                ssh.keys = configured.iter().map(|key| self.config.path(key)).chain(keys.iter().cloned()).collect();
                ssh.keys_may_be_missing = true;
            }
            ssh.user = spec.user.clone().or(found.user).or(self.user.clone()).unwrap_or_else(|| "root".into());
            ssh.port = spec.port.or(found.port).unwrap_or(22);
            // A jump host is another machine than the hosts: it is never shown their passwords.
            ssh.password_file.clone_from(&self.jump_password_file);
            ssh.is_jump = true;
            hops.push(Hop { name: spec.host.clone(), address, ssh });
        }
        Ok(hops)
    }

    /// What hosts and jump hosts have in common.
    fn login(&self, check: &Check<'_>, cluster: &str, name: &str, found: &Found) -> Ssh {
        let config = &self.config;
        let configured = |texts: &[String]| texts.iter().map(|text| config.path(text)).collect::<Vec<_>>();
        let (keys, keys_may_be_missing) = match (&self.keys, &found.keys) {
            (Some(keys), _) => (keys.clone(), false),
            (None, Some(keys)) => (configured(keys), true),
            (None, None) => (Vec::new(), false),
        };
        let mut ssh = Ssh {
            no_keys: self.keys.is_none() && found.keys.as_ref().is_some_and(Vec::is_empty),
            keys_may_be_missing,
            only_keys: self.agent != Some(true) && (self.keys.is_some() || found.identities_only),
            agent: self.agent.or((found.agent == Some(Agent::None)).then_some(false)),
            agent_socket: match &found.agent {
                Some(Agent::At(path)) => Some(config.path(path)),
                _ => None,
            },
            becomes: self.becomes.unwrap_or_default(),
            passphrase_file: self.passphrase_file.clone(),
            sudo_password_file: self.sudo_password_file.clone(),
            host_key_alias: found.alias.clone(),
            host_keys: self.host_keys.or(found.host_keys).unwrap_or_default(),
            revoked_host_keys: configured(&found.revoked_host_keys),
            notes: found.notes.clone(),
            forget: check.command(&format!("known-hosts forget {name}")),
            keys,
            ..Ssh::default()
        };
        if let Some(seconds) = self.connect_timeout {
            ssh.connect_timeout = seconds;
        }
        match &self.known_hosts {
            // The one file that the cluster file names, and no other.
            Some(file) => (ssh.known_hosts, ssh.more_known_hosts) = (file.clone(), Vec::new()),
            None => {
                if let Some(files) = &found.known_hosts {
                    let mut files = files.iter().filter(|file| !forgets(file)).map(|file| config.path(file));
                    // A file that forgets can not tell a changed key from a new one: the cluster has its own instead.
                    ssh.known_hosts = files.next().unwrap_or_else(|| check.dir.join(format!("known_hosts.{cluster}")));
                    ssh.more_known_hosts.splice(..0, files);
                }
                if let Some(files) = &found.global_known_hosts {
                    let usual = Ssh::default().more_known_hosts.len();
                    ssh.more_known_hosts.truncate(ssh.more_known_hosts.len() - usual);
                    ssh.more_known_hosts.extend(configured(files));
                }
            }
        }
        ssh
    }
}

/// An error of the ssh configuration is avoidable: slipway does without.
fn avoidable(error: Error) -> Error {
    match error.hints.is_empty() {
        true => error.hint("mend it there, or write ssh_config = \"none\" under [ssh] to do without"),
        false => error,
    }
}

fn jump_hosts(check: &Check<'_>, jump: &Spanned<raw::OneOrMany>) -> Result<Vec<Spec>> {
    let texts = &jump.get_ref().0;
    let lists = texts.iter().map(|text| {
        specs(text).filter(|specs| texts.len() == 1 || !specs.is_empty()).ok_or_else(|| {
            let what = format!("{text:?} is no jump host");
            check
                .source
                .invalid(jump, what)
                .hint("write it as USER@HOST:PORT, several in their order: [\"me@gate\", \"10.0.0.1\"]; or \"none\"")
        })
    });
    Ok(lists.collect::<Result<Vec<_>>>()?.concat())
}

fn becomes(text: &str) -> Result<Become, Broken> {
    match text {
        "sudo" => Ok(Become::Sudo),
        "doas" => Ok(Become::Doas),
        _ => Err((format!("{text:?} is no way to become root"), choice(text, &["sudo", "doas"]))),
    }
}

fn host_keys(text: &str) -> Result<HostKeys, Broken> {
    match text {
        "strict" => Ok(HostKeys::Strict),
        "accept-new" => Ok(HostKeys::AcceptNew),
        _ => Err((format!("{text:?} is no way to treat host keys"), choice(text, &["strict", "accept-new"]))),
    }
}
