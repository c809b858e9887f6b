//! Hosts from an ssh configuration, as `vagrant ssh-config` prints it: one `Host` block each, with all that is needed to log in.

use super::new::Host;
use crate::error::{Error, Kind, Result};

/// Reads the hosts of an ssh configuration. `Host *` gives what the others leave out; keywords that do not matter here are passed over.
///
/// # Errors
/// `Syntax` for what ssh itself would refuse, and `Invalid` for what slipway cannot follow: `Match`, `Include`, patterns, and hosts
/// behind another (`ProxyJump`, `ProxyCommand`).
pub fn parse(text: &str) -> Result<Vec<Host>> {
    let mut blocks = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = |kind, what: String| Error::new(kind, format!("ssh configuration, line {}: {what}", index + 1));
        let (keyword, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let keyword = keyword.to_ascii_lowercase();
        let value = value.trim_start_matches([' ', '\t', '=']);
        let words = words(value).ok_or_else(|| at(Kind::Syntax, format!("a quote without its end in {value:?}")).hint(HINT))?;
        let Some(first) = words.first() else { return Err(at(Kind::Syntax, format!("{keyword:?} has no value")).hint(HINT)) };
        match (keyword.as_str(), blocks.last_mut()) {
            ("host", _) => {
                let pattern = words.len() > 1 || first.contains(['*', '?', '!']) && first != "*";
                if pattern {
                    let what = format!("{value:?} is not one host's name");
                    return Err(at(Kind::Invalid, what).hint("give each host a Host block of its own"));
                }
                blocks.push(Block { name: first.clone(), ..Block::default() });
            }
            ("match" | "include" | "proxyjump" | "proxycommand", _) if first != "none" => {
                return Err(
                    at(Kind::Invalid, format!("slipway cannot follow {keyword:?}")).hint("write the hosts with --host instead")
                );
            }
            // Ahead of the first Host, a keyword holds for all hosts.
            (_, None) => {
                let mut block = Block { name: "*".into(), ..Block::default() };
                block.set(&keyword, &words).map_err(|what| at(Kind::Syntax, what).hint(HINT))?;
                blocks.push(block);
            }
            (_, Some(block)) => block.set(&keyword, &words).map_err(|what| at(Kind::Syntax, what).hint(HINT))?,
        }
    }
    let (defaults, hosts): (Vec<Block>, Vec<Block>) = blocks.into_iter().partition(|block| block.name == "*");
    if hosts.is_empty() {
        return Err(Error::new(Kind::Invalid, "the ssh configuration has no Host").hint(HINT));
    }
    Ok(hosts.into_iter().map(|host| defaults.iter().fold(host, Block::over).finish()).collect())
}

const HINT: &str = "pipe it in whole: `vagrant ssh-config | slipway new --ssh-config -`";

/// A `Host` block. ssh takes the first value that it finds for a keyword.
#[derive(Clone, Default)]
struct Block {
    name: String,
    address: Option<String>,
    user: Option<String>,
    port: Option<u16>,
    keys: Vec<String>,
    known_hosts: Option<String>,
    checking: Option<String>,
}

impl Block {
    fn set(&mut self, keyword: &str, words: &[String]) -> Result<(), String> {
        let value = words[0].clone();
        match keyword {
            "hostname" => _ = self.address.get_or_insert(value),
            "user" => _ = self.user.get_or_insert(value),
            "port" => {
                let port = super::words::port_number(&value).ok_or_else(|| format!("{value:?} is no port"))?;
                self.port.get_or_insert(port);
            }
            // ssh tries all of them in turn.
            "identityfile" if value != "none" => self.keys.push(value),
            "userknownhostsfile" => _ = self.known_hosts.get_or_insert(value),
            "stricthostkeychecking" => _ = self.checking.get_or_insert(value.to_ascii_lowercase()),
            _ => {}
        }
        Ok(())
    }

    fn over(self, defaults: &Self) -> Self {
        Self {
            name: self.name,
            address: self.address.or_else(|| defaults.address.clone()),
            user: self.user.or_else(|| defaults.user.clone()),
            port: self.port.or(defaults.port),
            keys: [self.keys, defaults.keys.clone()].concat(),
            known_hosts: self.known_hosts.or_else(|| defaults.known_hosts.clone()),
            checking: self.checking.or_else(|| defaults.checking.clone()),
        }
    }

    fn finish(self) -> Host {
        // Vagrant's machines change their keys with each rebuild, so it turns checking off and remembers nothing. slipway
        // has no such setting; the nearest is to accept a new key, and to remember it in a file of the cluster's own.
        let accept_new = matches!(self.checking.as_deref(), Some("no" | "off" | "accept-new"));
        let remembered = self.known_hosts.filter(|file| file != "/dev/null" && file != "none");
        Host {
            address: Some(self.address.unwrap_or_else(|| self.name.clone())),
            name: self.name,
            role: None,
            user: self.user,
            port: self.port,
            keys: self.keys,
            known_hosts: remembered,
            accept_new,
        }
    }
}

/// Splits a value into words, with double quotes around those that hold spaces. A backslash is a letter: Windows paths have them.
fn words(value: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (word, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = tail.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vagrants_output_is_read() {
        let text = include_str!("../../tests/config/vagrant.ssh_config");
        let host = |name: &str, port, key: &str| Host {
            name: name.into(),
            address: Some("127.0.0.1".into()),
            user: Some("vagrant".into()),
            port: Some(port),
            keys: vec![key.into()],
            accept_new: true,
            ..Host::default()
        };
        let expected = [
            host("cp1", 2222, "/home/me/my lab/.vagrant/machines/cp1/virtualbox/private_key"),
            host("node1", 2200, "C:/Users/me/.vagrant/machines/node1/virtualbox/private_key"),
        ];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn checking_and_defaults_are_kept() {
        let text = "Host a\n HostName=192.0.2.1\nStrictHostKeyChecking yes\nUserKnownHostsFile \"/k h\"\r\n\nHost b\nPort 1\nHost *\nPort 2\nUser me\n";
        let hosts = parse(text).unwrap();
        assert_eq!((hosts[0].known_hosts.as_deref(), hosts[0].accept_new), (Some("/k h"), false));
        let ports: Vec<_> = hosts.iter().map(|host| (host.name.as_str(), host.port, host.user.as_deref())).collect();
        assert_eq!(ports, [("a", Some(2), Some("me")), ("b", Some(1), Some("me"))]);
        assert_eq!(hosts[1].address.as_deref(), Some("b"));
    }

    #[test]
    fn what_can_not_be_followed_is_refused_with_its_line() {
        for (text, kind, what) in [
            ("", Kind::Invalid, "the ssh configuration has no Host"),
            ("Host a\nPort x\n", Kind::Syntax, "ssh configuration, line 2: \"x\" is no port"),
            ("Host a b\n", Kind::Invalid, "ssh configuration, line 1: \"a b\" is not one host's name"),
            ("Host a\n\nProxyJump b\n", Kind::Invalid, "ssh configuration, line 3: slipway cannot follow \"proxyjump\""),
            ("Host a\nIdentityFile \"/x\n", Kind::Syntax, "ssh configuration, line 2: a quote without its end in \"\\\"/x\""),
            ("Host\n", Kind::Syntax, "ssh configuration, line 1: \"host\" has no value"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.kind, error.what.as_str()), (kind, what));
            assert_eq!(error.hints.len(), 1);
        }
    }
}
