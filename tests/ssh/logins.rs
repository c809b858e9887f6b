//! Keys, passphrases and the agent, on a real host.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::Ordering,
};

use slipway::{config, error::Kind, transport::ssh::Ssh};

use crate::{connect, nobody, person, refused, sshd::Sshd, stdout};

#[tokio::test]
async fn keys_of_all_types_let_us_in() {
    let sshd = Sshd::start();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let key = sshd.keygen(kind, kind, "");
        sshd.authorize(&[kind]);
        let ssh = connect(&config::Ssh { keys: vec![key], ..sshd.reach() }).await.unwrap();
        assert_eq!(stdout(&ssh, "echo in").await, ["in"], "{kind}");
    }
}

#[tokio::test]
async fn a_key_in_pem_lets_us_in() {
    let sshd = Sshd::start();
    let key = sshd.keygen("pem", "rsa", "");
    let rewritten = Command::new("ssh-keygen").args(["-q", "-p", "-m", "PEM", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(rewritten.success() && sshd.read("pem").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    sshd.authorize(&["pem"]);
    connect(&config::Ssh { keys: vec![key], ..sshd.reach() }).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_named_and_the_right_one_after_it_works() {
    let sshd = Sshd::start();
    let wrong = sshd.keygen("wrong", "ed25519", "");
    let error = refused(&config::Ssh { keys: vec![wrong.clone()], ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::Authentication);
    let what = error.to_string();
    assert!(what.starts_with("permission denied for ") && what.contains(&wrong.display().to_string()), "{what}");
    assert!(what.ends_with("the host accepts publickey"), "{what}");
    assert!(error.hints[0].contains(&format!("-p {}", sshd.port)), "{:?}", error.hints);
    connect(&config::Ssh { keys: vec![wrong, sshd.dir.join("client")], ..sshd.reach() }).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_there_or_is_no_key_is_named() {
    let sshd = Sshd::start();
    assert_eq!(refused(&config::Ssh { keys: vec!["/nowhere/key".into()], ..sshd.reach() }).await.kind, Kind::NoFile);
    let error = refused(&config::Ssh { keys: vec![sshd.dir.join("client.pub")], ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::Authentication);
    assert!(error.to_string().contains("client.pub is no private key"), "{error}");
}

#[tokio::test]
async fn a_passphrase_is_asked_for_once_in_the_life_of_the_process() {
    let sshd = Sshd::start();
    let key = sshd.keygen("locked", "ed25519", "open sesame");
    sshd.authorize(&["locked"]);
    let reach = config::Ssh { keys: vec![key], ..sshd.reach() };
    let (ask, asked) = person(&["wrong", "open sesame"]);
    let connect = || Ssh::connect("127.0.0.1", &reach, ask.clone());
    let (a, b, c) = tokio::join!(connect(), connect(), connect());
    for ssh in [a, b, c] {
        assert_eq!(stdout(&ssh.unwrap(), "echo in").await, ["in"]);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one wrong answer and one right one, for three connections");
}

#[tokio::test]
async fn a_passphrase_is_not_asked_for_where_the_host_would_not_take_the_key() {
    let sshd = Sshd::start();
    let key = sshd.keygen("unwanted", "ed25519", "secret");
    assert_eq!(refused(&config::Ssh { keys: vec![key], ..sshd.reach() }).await.kind, Kind::Authentication);
}

#[tokio::test]
async fn a_passphrase_that_nobody_gives_is_said_so() {
    let sshd = Sshd::start();
    let key = sshd.keygen("forgotten", "ed25519", "secret");
    sshd.authorize(&["forgotten"]);
    let (ask, asked) = person(&[]);
    let error = Ssh::connect("127.0.0.1", &config::Ssh { keys: vec![key], ..sshd.reach() }, ask).await.err().unwrap();
    assert_eq!((error.kind, asked.load(Ordering::SeqCst)), (Kind::Authentication, 1));
    assert!(error.to_string().contains("its passphrase was not given"), "{error}");
}

#[tokio::test]
async fn a_passphrase_in_a_file_is_asked_of_nobody() {
    let sshd = Sshd::start();
    let key = sshd.keygen("filed", "ed25519", "open sesame");
    sshd.authorize(&["filed"]);
    let file = sshd.dir.join("passphrase");
    std::fs::write(&file, "open sesame\n").unwrap();
    let reach = config::Ssh { keys: vec![key], passphrase_file: Some(file.clone()), ..sshd.reach() };
    let open = refused(&reach).await;
    assert!(open.hints[0].starts_with("chmod 600 "), "{open}");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    connect(&reach).await.unwrap();

    let key = sshd.keygen("misfiled", "ed25519", "another");
    sshd.authorize(&["misfiled"]);
    let (ask, asked) = person(&[]);
    // The second host has the same key to refuse, and nobody is asked again.
    let reach = config::Ssh { keys: vec![key], ..reach };
    for _ in 0..2 {
        let error = Ssh::connect("127.0.0.1", &reach, ask.clone()).await.err().unwrap();
        assert_eq!((error.kind, asked.load(Ordering::SeqCst)), (Kind::Authentication, 1));
        assert!(error.to_string().contains("the passphrase that was given is not its own"), "{error}");
    }
}

#[tokio::test]
async fn keys_of_the_ssh_configuration_may_be_missing() {
    let sshd = Sshd::start();
    let keys = vec!["/nowhere/key".into(), sshd.dir.join("client")];
    connect(&config::Ssh { keys_may_be_missing: true, keys, ..sshd.reach() }).await.unwrap();
    // One that can not be used is passed over as well, with a note; with `IdentityFile none` there is none to try.
    std::fs::write(sshd.dir.join("garbage"), "no key\n").unwrap();
    let keys = vec![sshd.dir.join("garbage"), sshd.dir.join("client")];
    let ssh = connect(&config::Ssh { keys_may_be_missing: true, keys: keys.clone(), ..sshd.reach() }).await.unwrap();
    let notes = ssh.notes();
    assert!(notes.len() == 1 && notes[0].contains("garbage is no private key that can be used here"), "{notes:?}");
    assert!(refused(&config::Ssh { keys, ..sshd.reach() }).await.what.contains("garbage is no private key"));
    let error = refused(&config::Ssh { keys: Vec::new(), no_keys: true, ..sshd.reach() }).await;
    assert!(error.what.contains("tried nothing, for want of a key or a password"), "{error}");
    let keys = vec!["/nowhere/key".into()];
    let error = refused(&config::Ssh { keys_may_be_missing: true, keys, ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::Authentication);
}

/// A real ssh-agent, gone with the test.
struct Agent(std::process::Child);

impl Agent {
    async fn start(socket: &Path) -> Self {
        Self::start_by(Command::new("ssh-agent"), socket).await
    }

    async fn start_by(mut command: Command, socket: &Path) -> Self {
        let child = command.arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn().unwrap();
        for _ in 0..200 {
            if socket.exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Self(child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The agent is found through the environment, which a test can not change for itself: this one runs itself once more.
#[tokio::test]
async fn keys_of_the_agent_let_us_in() {
    if let Ok(port) = std::env::var("SLIPWAY_TEST_AGENT_PORT") {
        return with_an_agent(port.parse().unwrap()).await;
    }
    let sshd = Sshd::start();
    sshd.keygen("rsa", "rsa", "");
    sshd.keygen("locked", "ed25519", "secret");
    let socket = sshd.dir.join("agent");
    let _agent = Agent::start(&socket).await;
    std::fs::write(sshd.dir.join("askpass"), "#!/bin/sh\necho secret\n").unwrap();
    std::fs::set_permissions(sshd.dir.join("askpass"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for key in ["rsa", "locked"] {
        let added = Command::new("ssh-add")
            .arg(sshd.dir.join(key))
            .env("SSH_AUTH_SOCK", &socket)
            .env("SSH_ASKPASS", sshd.dir.join("askpass"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(added.status.success(), "{added:?}");
    }
    for authorized in ["rsa", "locked"] {
        sshd.authorize(&[authorized]);
        let inner = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "logins::keys_of_the_agent_let_us_in"])
            .env("SLIPWAY_TEST_AGENT_PORT", sshd.port.to_string())
            .env("SLIPWAY_TEST_AGENT_DIR", &sshd.dir)
            .env("SLIPWAY_TEST_AGENT_KEY", authorized)
            .env("SSH_AUTH_SOCK", &socket)
            .env("HOME", &sshd.dir)
            .output()
            .await
            .unwrap();
        assert!(inner.status.success(), "{authorized}: {}", String::from_utf8_lossy(&inner.stdout));
    }
}

async fn with_an_agent(port: u16) {
    let dir = PathBuf::from(std::env::var("SLIPWAY_TEST_AGENT_DIR").unwrap());
    let reach = config::Ssh {
        user: crate::sshd::me(),
        port,
        keys: Vec::new(),
        agent: None,
        known_hosts: dir.join("known_hosts"),
        connect_timeout: 10,
        more_known_hosts: Vec::new(),
        ..config::Ssh::default()
    };
    let ssh = connect(&reach).await.unwrap();
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
    assert_eq!(refused(&config::Ssh { agent: Some(false), ..reach.clone() }).await.kind, Kind::Authentication);
    // The public half names the key of the agent that is to be used, and with only_keys no other one is.
    let authorized = std::env::var("SLIPWAY_TEST_AGENT_KEY").unwrap();
    let public = |name: &str| config::Ssh { keys: vec![dir.join(name)], only_keys: true, ..reach.clone() };
    connect(&public(&format!("{authorized}.pub"))).await.unwrap();
    let error = refused(&public("client.pub")).await;
    assert!(error.to_string().contains("ssh-agent does not hold its private half"), "{error}");
    let elsewhere = config::Ssh { agent_socket: Some("/nowhere/agent".into()), ..reach.clone() };
    assert_eq!(refused(&elsewhere).await.kind, Kind::Authentication);
    if std::env::var("SLIPWAY_TEST_AGENT_KEY").unwrap() == "locked" {
        // A named key that the agent has open: nobody is asked for its passphrase.
        let named = config::Ssh { keys: vec![dir.join("locked")], ..reach.clone() };
        Ssh::connect("127.0.0.1", &named, nobody()).await.unwrap();
        // Nor where it is a usual one, and `IdentitiesOnly yes` lets no other of the agent's be tried.
        std::fs::create_dir(dir.join(".ssh")).unwrap();
        std::fs::copy(dir.join("locked"), dir.join(".ssh/id_ed25519")).unwrap();
        Ssh::connect("127.0.0.1", &config::Ssh { only_keys: true, ..reach }, nobody()).await.unwrap();
    }
}

/// `ssh-add -c`: the agent asks a person for leave, who takes longer than the host is given, and than the host waits.
#[tokio::test]
async fn an_agent_that_asks_for_leave_is_waited_for() {
    let sshd = Sshd::start_with("LoginGraceTime 3", |_| {});
    let askpass = sshd.dir.join("askpass");
    // Slow the first time alone: the connection that is made anew has the same question.
    std::fs::write(
        &askpass,
        "#!/bin/sh\necho asked >>\"$0.log\"\n[ -e \"$0.slow\" ] || { : >\"$0.slow\"; sleep 5; }\necho yes\n",
    )
    .unwrap();
    std::fs::set_permissions(&askpass, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let socket = sshd.dir.join("agent");
    let mut command = Command::new("ssh-agent");
    command.env("SSH_ASKPASS", &askpass).env("SSH_ASKPASS_REQUIRE", "force");
    let _agent = Agent::start_by(command, &socket).await;
    let added = Command::new("ssh-add").args(["-q", "-c"]).arg(sshd.dir.join("client")).env("SSH_AUTH_SOCK", &socket).status();
    assert!(added.unwrap().success());
    let reach = config::Ssh { keys: Vec::new(), no_keys: true, agent: None, agent_socket: Some(socket), ..sshd.reach() };
    let ssh = connect(&config::Ssh { connect_timeout: 2, ..reach }).await.unwrap();
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
    assert_eq!(sshd.read("askpass.log"), "asked\nasked\n");
}

/// ssh-add gives the agent the key and its certificate, which have one fingerprint: the host sees both.
#[tokio::test]
async fn a_certificate_of_the_agent_lets_us_in_where_its_key_alone_does_not() {
    let sshd = Sshd::start_with("TrustedUserCAKeys DIR/ca.pub", |sshd| {
        sshd.keygen("ca", "ed25519", "");
        sshd.authorize(&["host"]);
    });
    sshd.keygen("mine", "ed25519", "");
    sshd.ssh_keygen(&["-q", "-s", "ca", "-I", "me", "-n", &sshd.reach().user, "mine.pub"]);
    let socket = sshd.dir.join("agent");
    let _agent = Agent::start(&socket).await;
    let added = Command::new("ssh-add").arg("-q").arg(sshd.dir.join("mine")).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    assert!(added.success());
    let reach = config::Ssh { keys: Vec::new(), no_keys: true, agent: None, agent_socket: Some(socket), ..sshd.reach() };
    connect(&reach).await.unwrap();
    // As well where its public half alone names it.
    let keys = vec![sshd.dir.join("mine.pub")];
    connect(&config::Ssh { no_keys: false, only_keys: true, keys, ..reach.clone() }).await.unwrap();
    // One that the agent has and that lies beside its key too is tried once.
    std::fs::remove_file(sshd.dir.join("ca.pub")).unwrap();
    let error = refused(&config::Ssh { no_keys: false, keys: vec![sshd.dir.join("mine")], ..reach }).await;
    assert!(error.what.contains("mine-cert.pub, key ") && !error.what.contains("ssh-agent's"), "{error}");
}
