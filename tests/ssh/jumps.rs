//! Jump hosts: real ones on loopback, one behind the other.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt};

use slipway::{
    config::{self, Hop},
    error::{Error, Kind},
    transport::ssh::Ssh,
};

use crate::{nobody, person, run, sshd::Sshd, stdout};

fn hop(sshd: &Sshd) -> Hop {
    Hop { name: "gate".into(), address: "127.0.0.1".into(), ssh: config::Ssh { is_jump: true, ..sshd.reach() } }
}

/// The way to a host through others, the first of which is nearest.
fn behind(sshd: &Sshd, hops: &[&Sshd]) -> config::Ssh {
    config::Ssh { jump: hops.iter().map(|sshd| hop(sshd)).collect(), ..sshd.reach() }
}

async fn connect(ssh: &config::Ssh) -> Result<Ssh, Error> {
    Ssh::connect("127.0.0.1", ssh, nobody()).await
}

#[tokio::test]
async fn several_hosts_share_one_connection_to_their_jump_host() {
    let (gate, one, two) = (Sshd::start(), Sshd::start(), Sshd::start());
    let ways = [behind(&one, &[&gate]), behind(&two, &[&gate]), behind(&two, &[&gate])];
    let (a, b, c) = tokio::join!(connect(&ways[0]), connect(&ways[1]), connect(&ways[2]));
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    // Much at once, in both directions: no host waits for another.
    let text = format!("{{\n{}seq 1 50000 | tail -n 1; echo $SSH_CONNECTION\n}}\n", "# padding, padding\n".repeat(50_000));
    let (x, y, z) = tokio::join!(stdout(&a, &text), stdout(&b, &text), stdout(&c, &text));
    for lines in [x, y, z] {
        assert_eq!(lines[0], "50000");
    }
    assert_eq!((gate.logins(), one.logins(), two.logins()), (1, 1, 2), "{}", gate.log());
}

#[tokio::test]
async fn a_way_may_have_several_jump_hosts() {
    let (outer, inner, host) = (Sshd::start(), Sshd::start(), Sshd::start());
    let ssh = connect(&behind(&host, &[&outer, &inner])).await.unwrap();
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
    assert_eq!((outer.logins(), inner.logins(), host.logins()), (1, 1, 1));
}

#[tokio::test]
async fn each_machine_on_the_way_proves_itself_before_it_sees_a_credential() {
    let (outer, inner, host) = (Sshd::start(), Sshd::start(), Sshd::start());
    let way = behind(&host, &[&outer, &inner]);
    let all = [&outer, &inner, &host];
    for (stranger, sshd) in all.iter().enumerate() {
        let right = sshd.read("known_hosts");
        let other = format!("[127.0.0.1]:{} {}", sshd.port, sshd.read("client.pub"));
        for known in [String::new(), other] {
            fs::write(sshd.dir.join("known_hosts"), known).unwrap();
            // A jump host that refused is not asked again for a while: another way makes it another one.
            let mut way = way.clone();
            way.jump.iter_mut().for_each(|hop| hop.ssh.connect_timeout += stranger as u64 + 5);
            let error = connect(&way).await.err().unwrap();
            assert_eq!(error.kind, Kind::HostKey);
            // The cluster file has a host_key for hosts, and none for the way to them.
            let offers_a_pin = error.hints.iter().any(|hint| hint.contains("host_key = "));
            assert_eq!(offers_a_pin, stranger == 2 && error.what.ends_with("does not know this host"), "{:?}", error.hints);
            assert!(error.what.starts_with(&format!("[127.0.0.1]:{} offers the ssh-ed25519 host key ", sshd.port)), "{error}");
        }
        assert!(!sshd.saw_a_login(), "{}", sshd.log());
        assert!(all[stranger + 1..].iter().all(|sshd| !sshd.saw_a_login()));
        fs::write(sshd.dir.join("known_hosts"), right).unwrap();
    }
}

#[tokio::test]
async fn a_jump_host_that_refuses_us_is_asked_once_for_all_its_hosts() {
    let (gate, host) = (Sshd::start(), Sshd::start());
    gate.authorize(&["host"]);
    let way = behind(&host, &[&gate]);
    let (a, b, c) = tokio::join!(connect(&way), connect(&way), connect(&way));
    for ended in [a, b, c] {
        let error = ended.err().unwrap();
        assert_eq!(error.kind, Kind::Authentication);
        assert!(error.what.starts_with("permission denied for ") && error.hints.len() == 1, "{error}");
    }
    assert_eq!(gate.log().matches("method publickey").count(), 1, "{}", gate.log());
}

#[tokio::test]
async fn what_is_wrong_with_the_way_is_named_with_the_jump_host() {
    let (gate, host) = (Sshd::start(), Sshd::start());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(&config::Ssh { port: closed, ..behind(&host, &[&gate]) }).await.err().unwrap();
    assert_eq!(error.kind, Kind::Unreachable);
    let who = format!("{}@127.0.0.1", gate.reach().user);
    assert_eq!(error.to_string(), format!("the jump host {who} can not reach 127.0.0.1 port {closed}"));
    assert!(error.hints[0].starts_with(&format!("ssh -J '{who}:{}' -p {closed} ", gate.port)), "{:?}", error.hints);

    let gate = Sshd::start_with("AllowTcpForwarding no", |_| {});
    let error = connect(&behind(&host, &[&gate])).await.err().unwrap();
    assert_eq!(error.kind, Kind::Unreachable);
    let what = format!("the jump host {who} forwards no connections, so 127.0.0.1 port {} can not be reached", host.port);
    assert_eq!(error.to_string(), what);
    assert!(error.hints[0].contains("AllowTcpForwarding"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_jump_host_that_was_gone_is_connected_anew() {
    let (mut gate, host) = (Sshd::start(), Sshd::start());
    let ssh = connect(&behind(&host, &[&gate])).await.unwrap();
    assert_eq!(stdout(&ssh, "echo before").await, ["before"]);
    gate.stop();
    gate.launch();
    let (_, first) = run(&ssh, "echo after").await;
    if first.is_err() {
        assert_eq!(stdout(&ssh, "echo after").await, ["after"]);
    }
    assert_eq!((gate.logins(), host.logins()), (2, 2));
}

#[tokio::test]
async fn the_command_that_brings_a_key_to_a_host_goes_the_same_way() {
    let gate = Sshd::start();
    let host = Sshd::start_with("PasswordAuthentication yes", |_| {});
    let wrong = host.keygen("wrong", "ed25519", "");
    let (ask, _) = person(&[]);
    let way = config::Ssh { keys: vec![wrong], ..behind(&host, &[&gate]) };
    let error = Ssh::connect("127.0.0.1", &way, ask).await.err().unwrap();
    let hint = format!("ssh-copy-id -o 'ProxyJump={}@127.0.0.1:{}' -p {} -i ", gate.reach().user, gate.port, host.port);
    assert!(error.hints[0].starts_with(&hint), "{:?}", error.hints);
}

#[tokio::test]
async fn an_empty_password_file_is_named_before_anything_is_connected() {
    let (gate, host) = (Sshd::start(), Sshd::start());
    let file = host.dir.join("password");
    fs::write(&file, "\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = connect(&config::Ssh { password_file: Some(file.clone()), ..behind(&host, &[&gate]) }).await.err().unwrap();
    assert_eq!(error.what, format!("password file {} is empty", file.display()));
    assert!(!gate.saw_a_login());
}
