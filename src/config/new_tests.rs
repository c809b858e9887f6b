//! A rendered file must load, and say what was asked for.

use super::*;
use crate::config::{Cluster, HostKeys, Reach, parse, raw, ssh_config};

fn draft(hosts: Vec<Host>) -> Draft {
    let (name, kubernetes, cni) = ("lab".into(), "1.34".into(), "bridge".into());
    Draft { name, kubernetes, cni, cni_sha256: None, hosts, user: None, keys: Vec::new() }
}

fn hosts(texts: &[&str]) -> Vec<Host> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn loaded(draft: &Draft) -> Cluster {
    let file = Path::new("/clusters/lab.toml");
    parse(&draft.render(file).unwrap(), file).unwrap()
}

fn ssh(cluster: &Cluster, index: usize) -> &crate::config::Ssh {
    let Reach::Ssh(ssh) = &cluster.hosts[index].reach else { panic!("host {index} is local") };
    ssh
}

#[test]
fn the_first_host_without_a_role_is_the_control_plane_if_none_is_named() {
    let roles = |texts: &[&str]| loaded(&draft(hosts(texts))).hosts.iter().map(|host| host.role).collect::<Vec<_>>();
    assert_eq!(roles(&["a=192.0.2.1", "b=192.0.2.2"]), [Role::ControlPlane, Role::Worker]);
    assert_eq!(roles(&["a=192.0.2.1", "b=192.0.2.2:control-plane"]), [Role::Worker, Role::ControlPlane]);
    assert_eq!(roles(&["a=192.0.2.1:worker", "b=[fd00::2]:22", "c=local"]), [Role::Worker, Role::ControlPlane, Role::Worker]);
    let error = draft(hosts(&["a=192.0.2.1:worker"])).render(Path::new("x.toml")).unwrap_err();
    assert_eq!(error.kind, Kind::NoControlPlane);
}

#[test]
fn hosts_are_read_or_refused() {
    let full: Host = "n1=me@[fd00::1]:2222:worker".parse().unwrap();
    let expected = Host {
        name: "n1".into(),
        address: Some("fd00::1".into()),
        role: Some(Role::Worker),
        user: Some("me".into()),
        port: Some(2222),
        ..Host::default()
    };
    assert_eq!(full, expected);
    assert_eq!("n1=local".parse::<Host>().unwrap().address, None);
    for bad in [
        "n1",
        "n1=",
        "n1=fd00::1",
        "n1=a:b",
        "n1=a:worker:22",
        "n1=a:0",
        "n1=a:",
        "n1=[fd00::1",
        "n1=[::1]x",
        "n1=me@local",
        "n1=a b",
    ] {
        assert_eq!(bad.parse::<Host>().map_err(|error| error.kind), Err(Kind::Usage), "{bad}");
    }
}

#[test]
fn what_hosts_share_is_said_once() {
    let draft = Draft {
        user: Some("vagrant".into()),
        keys: vec!["~/a key".into()],
        ..draft(hosts(&["a=192.0.2.1", "b=me@192.0.2.2:2222"]))
    };
    let cluster = loaded(&draft);
    assert_eq!((ssh(&cluster, 0).user.as_str(), ssh(&cluster, 0).port), ("vagrant", 22));
    assert_eq!((ssh(&cluster, 1).user.as_str(), ssh(&cluster, 1).port), ("me", 2222));
    assert!(ssh(&cluster, 0).keys[0].ends_with("a key") && ssh(&cluster, 0).keys == ssh(&cluster, 1).keys);
    let text = draft.render(Path::new("x.toml")).unwrap();
    assert_eq!(text.matches("\nkey ").count(), 1, "{text}");
    assert!(text.contains("ssh     = { user = \"me\", port = 2222 }\n"), "{text}");
}

#[test]
fn every_example_in_the_file_is_right_once_its_mark_is_removed() {
    let text = draft(hosts(&["a=192.0.2.1"])).render(Path::new("x.toml")).unwrap();
    let used: Vec<&str> =
        text.lines().map(|line| if line.starts_with("# ") { "" } else { line.trim_start_matches('#') }).collect();
    let used = used.join("\n");
    let file: raw::File = Source::unnamed(&used).read().unwrap();
    assert!(file.packages.fingerprint.is_some() && file.images.mirror.len() == 1 && file.ssh.host_keys.is_some(), "{used}");
    assert!(file.ssh.jump.is_some() && file.ssh.ssh_config.is_some() && file.ssh.user.is_some(), "{used}");
}

#[test]
fn vagrants_virtualbox_machines_get_a_node_network_and_a_known_hosts_file_of_their_own() {
    let text = "Host cp1\n  HostName 127.0.0.1\n  User vagrant\n  Port 2222\n  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  \
                IdentityFile \"/v m/cp1\"\n\nHost node1\n  HostName 127.0.0.1\n  User vagrant\n  Port 2200\n  \
                UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  IdentityFile C:\\v\\node1\n";
    let draft = draft(ssh_config::parse(text).unwrap());
    let cluster = loaded(&draft);
    assert_eq!(cluster.node_cidr.unwrap().to_string(), VAGRANT_NETWORK);
    for (index, port, key) in [(0, 2222, "/v m/cp1"), (1, 2200, "C:\\v\\node1")] {
        let ssh = ssh(&cluster, index);
        assert_eq!((ssh.port, ssh.keys.as_slice()), (port, [key.into()].as_slice()));
        assert_eq!((ssh.host_keys, ssh.known_hosts.as_path()), (HostKeys::AcceptNew, Path::new("/clusters/known_hosts.lab")));
    }
    assert!(draft.render(Path::new("x.toml")).unwrap().contains("# slipway known-hosts forget NODE\n"));
}

#[test]
fn an_agent_that_is_not_to_be_asked_is_not() {
    let cluster = loaded(&draft(ssh_config::parse("Host a\nHostName 192.0.2.1\nIdentityAgent none\n").unwrap()));
    assert_eq!(ssh(&cluster, 0).agent, Some(false));
}

#[test]
fn networks_keep_off_the_hosts_and_nonsense_is_refused_without_a_place() {
    let cluster = loaded(&draft(hosts(&["a=10.244.0.1", "b=10.100.0.1"])));
    assert!(cluster.hosts.iter().all(|host| !cluster.pod_cidr.contains(host.address.parse().unwrap())));
    let error = draft(hosts(&["A_1=192.0.2.1"])).render(Path::new("x.toml")).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Invalid, "host name \"A_1\" is no RFC 1123 label"));
    let error = draft(hosts(&["a=192.0.2.1", "a=192.0.2.2"])).render(Path::new("x.toml")).unwrap_err();
    assert_eq!(error.kind, Kind::DuplicateHost);
}
