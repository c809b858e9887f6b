//! What an ssh configuration says of one host: the first value that is found for each keyword, as ssh takes it.

use std::{env, path::PathBuf};

use super::{
    SshConfig,
    jump::{self, Spec},
    read::{Block, Condition, Line, Place, path},
};
use crate::{
    config::{HostKeys, pattern, words},
    error::{Kind, Result},
};

/// What the cluster file already says, which the configuration's conditions and tokens may ask for.
#[derive(Clone, Copy, Default)]
pub(in crate::config) struct Said<'a> {
    pub(in crate::config) user: Option<&'a str>,
    pub(in crate::config) port: Option<u16>,
}

/// What the configuration says of one host, with its tokens filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Found {
    /// Where to connect to, if that is not the name that was looked up.
    pub(in crate::config) hostname: Option<String>,
    pub(in crate::config) user: Option<String>,
    pub(in crate::config) port: Option<u16>,
    /// None: the usual ones. Some and empty: `IdentityFile none`.
    pub(in crate::config) keys: Option<Vec<String>>,
    pub(in crate::config) identities_only: bool,
    pub(in crate::config) agent: Option<Agent>,
    pub(in crate::config) known_hosts: Option<Vec<String>>,
    pub(in crate::config) global_known_hosts: Option<Vec<String>>,
    /// Lists of keys that no host may have.
    pub(in crate::config) revoked_host_keys: Vec<String>,
    pub(in crate::config) alias: Option<String>,
    pub(in crate::config) host_keys: Option<HostKeys>,
    /// Some and empty: `ProxyJump none`.
    pub(in crate::config) jump: Option<Vec<Spec>>,
    /// What was passed over, and a person might miss.
    pub(in crate::config) notes: Vec<String>,
}

/// Which agent to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Agent {
    /// That of `SSH_AUTH_SOCK`.
    Usual,
    None,
    At(String),
}

/// The values as they are written, tokens and all.
#[derive(Default)]
struct Written {
    hostname: Option<(String, Place)>,
    user: Option<String>,
    port: Option<u16>,
    keys: Vec<(String, Place)>,
    identities_only: Option<bool>,
    agent: Option<(String, Place)>,
    known_hosts: Option<(Vec<String>, Place)>,
    global_known_hosts: Option<(Vec<String>, Place)>,
    revoked_host_keys: Option<(Vec<String>, Place)>,
    alias: Option<(String, Place)>,
    host_keys: Option<HostKeys>,
    jump: Option<(String, Place)>,
    /// `ProxyCommand`, where it comes before any `ProxyJump`.
    command: Option<Place>,
}

/// Looks `host` up. A host behind a `ProxyCommand` is an error unless `own_jump` says that the cluster file has a way of its own.
pub(super) fn lookup(config: &SshConfig, host: &str, said: Said<'_>, own_jump: bool) -> Result<Found> {
    let mut written = Written::default();
    let mut notes = Vec::new();
    for block in &config.blocks {
        if !holds(config, block, host, said, &written, &mut notes) {
            continue;
        }
        for line in &block.lines {
            // Whole organisations have one (FreeIPA's), which only looks host keys up: their hosts can be reached without.
            if block.is_system && line.keyword == "proxycommand" && line.words[0] != "none" {
                let place = &line.place;
                if written.jump.is_none() && written.command.is_none() && !own_jump {
                    notes.push(format!("{}:{}: slipway does not run the system's ProxyCommand", place.file, place.line));
                }
                continue;
            }
            written.take(line)?;
        }
    }
    if let (Some(place), false) = (&written.command, own_jump) {
        let what = format!("{host} is behind a ProxyCommand, which slipway does not run");
        return Err(place.error(Kind::Invalid, what).hint(
            "write ProxyJump there, or `jump = \"USER@HOST\"` in the cluster file's [ssh]; `jump = \"none\"` connects directly",
        ));
    }
    written.finish(config, host, said, notes)
}

/// Whether all conditions of a block hold. A criterion that slipway can not judge takes the block out, with a note, unless
/// another one of the same `Match` takes it out anyway.
fn holds(config: &SshConfig, block: &Block, host: &str, said: Said<'_>, written: &Written, notes: &mut Vec<String>) -> bool {
    let mut unknown = None;
    for condition in &block.conditions {
        let criteria = match condition {
            Condition::Host(patterns) if pattern::any(patterns.iter().map(String::as_str), host) => continue,
            Condition::Host(_) => return false,
            Condition::Match(criteria, place) => criteria.iter().map(move |criterion| (criterion, place)),
        };
        for (criterion, place) in criteria {
            let plain = Tokens::before_all(config, host);
            let target = written.hostname.as_ref().and_then(|(name, place)| plain.fill(name, place).ok());
            let local = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_default();
            let subject = match criterion.what.as_str() {
                "all" => None,
                "host" => Some(target.as_deref().unwrap_or(host)),
                "originalhost" => Some(host),
                "user" => said.user.or(written.user.as_deref()).or(Some("root")),
                "localuser" => Some(local.as_str()),
                _ => {
                    unknown = Some((&criterion.what, place));
                    continue;
                }
            };
            // The names of hosts have no case, those of users do.
            let (subject, patterns) = match criterion.what.as_str() {
                "host" | "originalhost" => (subject.map(str::to_lowercase), criterion.patterns.to_lowercase()),
                _ => (subject.map(str::to_owned), criterion.patterns.clone()),
            };
            let fits = subject.is_none_or(|subject| pattern::any(patterns.split(','), &subject));
            if fits == criterion.negated {
                return false;
            }
        }
    }
    if let Some((what, place)) = unknown {
        let note =
            format!("{}:{}: slipway can not judge `Match {what}`; what stands below it is passed over", place.file, place.line);
        if block.lines.iter().any(Line::counts) && !notes.contains(&note) {
            notes.push(note);
        }
    }
    unknown.is_none()
}

impl Written {
    /// Takes a line, unless an earlier one has said it.
    fn take(&mut self, line: &Line) -> Result<()> {
        let Line { keyword, words: said, place } = line;
        let first = || (said[0].clone(), place.clone());
        let wrong = |what: &str| Err(place.error(Kind::Syntax, format!("{:?} is no {what}", said[0])));
        match keyword.as_str() {
            "hostname" => _ = self.hostname.get_or_insert_with(first),
            "user" if self.user.is_none() => {
                if !words::is_user(&said[0]) {
                    return wrong("user name");
                }
                self.user = Some(said[0].clone());
            }
            "port" if self.port.is_none() => {
                let Some(port) = words::port_number(&said[0]) else { return wrong("port") };
                self.port = Some(port);
            }
            // ssh tries all of them in turn.
            "identityfile" => self.keys.push(first()),
            "identitiesonly" => {
                _ = self.identities_only.get_or_insert(["yes", "true"].iter().any(|yes| said[0].eq_ignore_ascii_case(yes)))
            }
            "identityagent" => _ = self.agent.get_or_insert_with(first),
            "userknownhostsfile" => _ = self.known_hosts.get_or_insert_with(|| (said.clone(), place.clone())),
            "globalknownhostsfile" => _ = self.global_known_hosts.get_or_insert_with(|| (said.clone(), place.clone())),
            "revokedhostkeys" => _ = self.revoked_host_keys.get_or_insert_with(|| (said.clone(), place.clone())),
            "hostkeyalias" => _ = self.alias.get_or_insert_with(first),
            "stricthostkeychecking" => {
                // slipway has no "off": a changed key is refused whatever the file says.
                let checking = match said[0].to_ascii_lowercase().as_str() {
                    "no" | "off" | "false" | "accept-new" => HostKeys::AcceptNew,
                    _ => HostKeys::Strict,
                };
                self.host_keys.get_or_insert(checking);
            }
            "proxyjump" if self.command.is_none() => _ = self.jump.get_or_insert_with(first),
            "proxycommand" if self.jump.is_none() && self.command.is_none() => match said[0].as_str() {
                "none" => self.jump = Some(first()),
                _ => self.command = Some(place.clone()),
            },
            _ => {}
        }
        Ok(())
    }

    fn finish(self, config: &SshConfig, host: &str, said: Said<'_>, notes: Vec<String>) -> Result<Found> {
        let plain = Tokens::before_all(config, host);
        let hostname = self.hostname.map(|(name, place)| {
            let name = plain.fill(&name, &place)?;
            match words::is_dns_name_or_ip(&name) {
                true => Ok(name),
                false => Err(place.error(Kind::Syntax, format!("{name:?} is no address"))),
            }
        });
        let hostname = hostname.transpose()?;
        let user = said.user.or(self.user.as_deref()).unwrap_or("root");
        let plain =
            Tokens { host: hostname.as_deref().unwrap_or(host), user, port: said.port.or(self.port).unwrap_or(22), ..plain };
        let alias = self.alias.map(|(alias, place)| plain.fill(&alias, &place)).transpose()?;
        let tokens = Tokens { alias: alias.as_deref().unwrap_or(host), ..plain };
        let fill_all = |(texts, place): (Vec<String>, Place)| {
            let texts = texts.into_iter().filter(|text| text != "none");
            texts.map(|text| tokens.fill(&text, &place)).collect::<Result<Vec<_>>>()
        };
        let keys = (!self.keys.is_empty()).then(|| {
            let named = self.keys.iter().filter(|(key, _)| key != "none");
            named.map(|(key, place)| tokens.fill(key, place)).collect::<Result<Vec<_>>>()
        });
        let jump = self.jump.map(|(text, place)| {
            let text = tokens.fill(&text, &place)?;
            let specs = jump::specs(&text).ok_or_else(|| place.error(Kind::Syntax, format!("{text:?} is no jump host")))?;
            // A jump host that the same block covers (`Host *`) is not behind itself.
            Ok(if specs.last().is_some_and(|last| last.host == host) { Vec::new() } else { specs })
        });
        let agent = self.agent.map(|(agent, place)| match agent.as_str() {
            "none" => Ok(Agent::None),
            "SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK" => Ok(Agent::Usual),
            text => Ok(match text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                // A variable that is not set is no agent.
                Some(name) => env::var(name).map_or(Agent::None, Agent::At),
                None => Agent::At(tokens.fill(text, &place)?),
            }),
        });
        Ok(Found {
            keys: keys.transpose()?,
            agent: agent.transpose()?,
            known_hosts: self.known_hosts.map(fill_all).transpose()?,
            global_known_hosts: self.global_known_hosts.map(fill_all).transpose()?,
            revoked_host_keys: self.revoked_host_keys.map(fill_all).transpose()?.unwrap_or_default(),
            identities_only: self.identities_only.unwrap_or_default(),
            host_keys: self.host_keys,
            jump: jump.transpose()?,
            port: self.port,
            alias,
            notes,
            user: self.user,
            hostname,
        })
    }
}

/// What the tokens of a value stand for (ssh_config(5), TOKENS).
#[derive(Clone, Copy)]
struct Tokens<'a> {
    config: &'a SshConfig,
    original: &'a str,
    host: &'a str,
    user: &'a str,
    port: u16,
    alias: &'a str,
}

impl<'a> Tokens<'a> {
    /// Those that HostName may have.
    fn before_all(config: &'a SshConfig, host: &'a str) -> Self {
        Self { config, original: host, host, user: "", port: 22, alias: host }
    }

    /// Fills in tokens and `${VARIABLES}`.
    fn fill(&self, text: &str, place: &Place) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['%', '$']) {
            let (before, after) = rest.split_at(at);
            filled.push_str(before);
            if let Some((name, tail)) = after.strip_prefix("${").and_then(|after| after.split_once('}')) {
                let value = env::var(name)
                    .map_err(|_| place.error(Kind::Invalid, format!("{text:?} needs the variable {name}, which is not set")))?;
                filled.push_str(&value);
                rest = tail;
                continue;
            }
            let mut letters = after.chars();
            if letters.next() == Some('$') {
                filled.push('$');
                rest = letters.as_str();
                continue;
            }
            match letters.next() {
                Some('%') => filled.push('%'),
                Some('d') => filled.push_str(&self.config.home.display().to_string()),
                Some('h') => filled.push_str(self.host),
                Some('n') => filled.push_str(self.original),
                Some('k') => filled.push_str(self.alias),
                Some('r') => filled.push_str(self.user),
                Some('p') => filled.push_str(&self.port.to_string()),
                Some('u') => filled.push_str(&env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_default()),
                other => {
                    let token = other.map_or_else(|| "%".to_owned(), |letter| format!("%{letter}"));
                    return Err(place
                        .error(Kind::Invalid, format!("slipway does not know what {token} in {text:?} stands for"))
                        .hint("it knows %% %d %h %k %n %p %r %u and ${VARIABLE}; write the value out"));
                }
            }
            rest = letters.as_str();
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

impl SshConfig {
    /// A path of this configuration.
    pub(in crate::config) fn path(&self, text: &str) -> PathBuf {
        path(text, &self.home)
    }
}
