//! Hosts that are named on the command line alone: for machines that no cluster file knows, or whose cluster file is lost.

use std::{collections::BTreeMap, fmt, fs, path::Path, str::FromStr};

use super::{
    Cluster, Reach, Role, check,
    new::{self, Draft},
    source::Source,
    ssh_config::Usual,
    words::shell_word,
};
use crate::error::{Error, Kind, Result};

/// A host as `--host` has it: `[USER@]ADDRESS[:PORT]`, with an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bare(new::Host);

impl FromStr for Bare {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let usage = |what: String| {
            Error::new(Kind::Usage, what).hint("write [USER@]ADDRESS[:PORT], such as root@192.0.2.11 or [fd00::1]:2222")
        };
        if text.contains('=') {
            return Err(usage(format!("{text:?} has a name, and the host goes by its address here")));
        }
        let host = new::Host::at(text).map_err(usage)?;
        match host.role {
            Some(role) => Err(usage(format!("{role} is what the host itself has to say"))),
            None => Ok(Self(host)),
        }
    }
}

impl fmt::Display for Bare {
    /// As a person would type it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0;
        if let Some(user) = &host.user {
            write!(f, "{user}@")?;
        }
        match host.address.as_deref() {
            Some(address) if address.contains(':') => write!(f, "[{address}]")?,
            address => f.write_str(address.unwrap_or("local"))?,
        }
        host.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What is the same for all these hosts, where they and the ssh configuration do not say.
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub user: Option<String>,
    pub keys: Vec<String>,
}

/// A cluster of these hosts, and of this machine if `local`: none of them with a role, each with its address as its name, and this
/// machine with its host name. Of all else that a cluster file says, it has what the commands do not ask for.
///
/// # Errors
/// `DuplicateHost`, `Invalid`, or what the ssh configuration has wrong.
pub fn cluster(hosts: &[Bare], local: bool, login: &Login) -> Result<Cluster> {
    let mut hosts: Vec<new::Host> = hosts.iter().map(|bare| bare.0.clone()).collect();
    if local && hosts.iter().all(|host| host.address.is_some()) {
        hosts.push(new::Host::default());
    }
    let mut times: BTreeMap<&Option<String>, usize> = BTreeMap::new();
    hosts.iter().for_each(|host| *times.entry(&host.address).or_default() += 1);
    let name = |host: &new::Host| match (&host.address, host.port) {
        (None, _) => this_machine(),
        // Forwarded ports: many machines, one address.
        (Some(address), Some(port)) if times[&host.address] > 1 => format!("{address}:{port}"),
        (Some(address), _) => address.clone(),
    };
    let names: Vec<String> = hosts.iter().map(name).collect();
    if let Some(twice) = names.iter().enumerate().find_map(|(index, name)| names[..index].contains(name).then_some(name)) {
        return Err(Error::new(Kind::DuplicateHost, format!("{twice} is named twice")).hint("name it once"));
    }
    // A cluster file would not take addresses for names.
    for (index, host) in hosts.iter_mut().enumerate() {
        host.name = format!("host{}", index + 1);
    }
    let (kubernetes, cni) = ("1.34".to_owned(), "none".to_owned());
    let (user, keys) = (login.user.clone(), login.keys.clone());
    let draft = Draft { name: "no-cluster-file".to_owned(), kubernetes, cni, cni_sha256: None, hosts, user, keys };
    let mut cluster = check::cluster(&Source::unnamed(&draft.text()), Path::new(""), Some(&Usual::default()))?;
    for (host, name) in cluster.hosts.iter_mut().zip(names) {
        host.role = Role::Worker;
        if let Reach::Ssh(ssh) = &mut host.reach {
            let known = if ssh.port == 22 { host.address.clone() } else { format!("[{}]:{}", host.address, ssh.port) };
            ssh.forget = format!("ssh-keygen -R {}", shell_word(&known));
        }
        host.name = name;
    }
    Ok(cluster)
}

fn this_machine() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // Of a name that a path of a step, or a terminal, could take amiss, nothing is used.
    let good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let name = name.trim();
    if name.is_empty() || !name.chars().all(good) { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str], local: bool) -> Result<Cluster> {
        let hosts: Vec<Bare> = texts.iter().map(|text| text.parse()).collect::<Result<_>>()?;
        cluster(&hosts, local, &Login { user: Some("ubuntu".into()), keys: vec!["/keys/id".into()] })
    }

    #[test]
    fn hosts_go_by_their_addresses_and_have_no_role() {
        let typed = "me@[2001:db8::1]:2222";
        assert_eq!(typed.parse::<Bare>().unwrap().to_string(), typed);
        let cluster = of(&["192.0.2.11", typed, "127.0.0.1:2200", "127.0.0.1:2201"], true).unwrap();
        let names: Vec<&str> = cluster.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names[..4], ["192.0.2.11", "2001:db8::1", "127.0.0.1:2200", "127.0.0.1:2201"]);
        assert_eq!(names[4], this_machine());
        assert!(cluster.hosts.iter().all(|host| host.role == Role::Worker));
        let ssh = |index: usize| match &cluster.hosts[index].reach {
            Reach::Ssh(ssh) => ssh.as_ref().clone(),
            Reach::Local(_) => panic!("this machine"),
        };
        assert_eq!((ssh(0).user.as_str(), ssh(1).user.as_str(), ssh(1).port), ("ubuntu", "me", 2222));
        assert_eq!(ssh(0).keys, [Path::new("/keys/id")]);
        assert_eq!(ssh(1).forget, "ssh-keygen -R '[2001:db8::1]:2222'");
        assert!(matches!(cluster.hosts[4].reach, Reach::Local(_)));
    }

    #[test]
    fn what_is_no_such_host_is_refused_with_the_form_to_write() {
        for (text, what) in [
            ("cp1=192.0.2.11", "has a name"),
            ("192.0.2.11:worker", "worker is what the host itself has to say"),
            ("fd00::1", "neither a port nor a role"),
            ("-oProxyCommand", "no address"),
            ("$(id)", "no address"),
        ] {
            let error = of(&[text], false).unwrap_err();
            assert!(error.kind == Kind::Usage && error.what.contains(what), "{text}: {error}");
            assert!(error.hints[0].contains("[USER@]ADDRESS[:PORT]"), "{text}");
        }
        assert_eq!(of(&["192.0.2.11", "me@192.0.2.11"], false).unwrap_err().kind, Kind::DuplicateHost);
    }
}
