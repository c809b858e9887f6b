//! What no honest host does, or none that can be had in a test: a host in memory does it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use russh::MethodKind;
use slipway::{
    config,
    error::{Error, Kind},
    transport::{Ask, Line, ssh::Ssh},
};

use crate::{
    connect,
    odd_host::{
        Act::{self, Close, Eof, Err, Intrude, Out, Signal, Status, Vanish},
        OddHost,
    },
    person, refused, run,
    sshd::Sshd,
    stdout,
};

/// What a host that does this makes of a program of ours, run by `user`.
async fn meets(user: &str, acts: &[Act]) -> (Vec<Line>, Result<i32, Error>) {
    let ssh = connect(&OddHost::new(acts).serve(user).await).await.unwrap();
    let (lines, exit) = run(&ssh, "true").await;
    (lines, exit.map(|exit| exit.status))
}

#[tokio::test]
async fn an_end_without_a_status_is_never_a_success() {
    for acts in [&[Out("MARKER\nall is well\n"), Eof, Close][..], &[Out("MARKER\n"), Close], &[Close], &[Out("MARKER\n"), Vanish]]
    {
        let (_, exit) = meets("root", acts).await;
        assert_eq!(exit.unwrap_err().kind, Kind::Lost);
    }
}

#[tokio::test]
async fn the_end_may_come_in_any_order() {
    for acts in [
        &[Out("MARKER\n"), Status(3), Eof, Close][..],
        &[Eof, Out("MARKER\n"), Status(3), Close],
        &[Status(3), Out("MARKER\n"), Eof, Close],
        &[Status(3), Out("MARKER\n"), Eof],
    ] {
        assert_eq!(meets("root", acts).await.1.unwrap(), 3);
    }
    assert_eq!(meets("root", &[Out("MARKER\n"), Signal, Close]).await.1.unwrap(), 137);
}

#[tokio::test]
async fn what_a_host_says_can_not_command_the_terminal() {
    let (lines, _) = meets("root", &[Out("MARKER\n\x1b]0;owned\x07\x1b[31mred\x1b[0m\x07 line\r\n"), Status(0), Close]).await;
    assert_eq!(lines, [Line { stderr: false, text: "red line".into() }]);
}

#[tokio::test]
async fn noise_of_login_shells_is_no_output() {
    let acts = [Err("bash: warning: setlocale\n"), Out("Welcome!MARKER\nreal\n"), Err("MARKER\nreal too\n"), Status(0), Close];
    let (lines, _) = meets("root", &acts).await;
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["real", "real too"]);
}

#[tokio::test]
async fn a_sudo_that_refuses_is_said_so_with_its_remedy() {
    let host = OddHost::new(&[Err("sudo: a password is required\n"), Status(1), Close]);
    let (ask, _) = person(&[]);
    let ssh = Ssh::connect("127.0.0.1", &host.serve("vagrant").await, ask).await.unwrap();
    let error = run(&ssh, "true").await.1.unwrap_err();
    assert_eq!(error.kind, Kind::Privilege);
    assert_eq!(error.to_string(), "vagrant@127.0.0.1 can not become root: sudo: a password is required");
    assert!(error.hints[0].contains("vagrant ALL=(ALL) NOPASSWD: ALL"), "{:?}", error.hints);
    assert_eq!(
        *host.commands.lock().unwrap(),
        ["exec /bin/sh -c 'command -v sudo >/dev/null || exec doas -n /bin/sh -s; exec env LC_ALL=C sudo -n /bin/sh -s'"]
    );
}

/// The host keeps the connection alive, and its sudo waits for a directory server that does not answer.
#[tokio::test]
async fn a_root_shell_that_does_not_come_is_given_up_on() {
    let mut errors = Vec::new();
    for user in ["vagrant", "root"] {
        let ssh = connect(&OddHost::new(&[Err("Last login: today\n")]).serve(user).await).await.unwrap();
        tokio::time::pause();
        errors.push(run(&ssh, "true").await.1.unwrap_err());
        tokio::time::resume();
    }
    assert!(errors.iter().all(|error| error.kind == Kind::Privilege), "{errors:?}");
    assert_eq!(errors[0].to_string(), "sudo of vagrant@127.0.0.1 gave no root shell within 90 s");
    assert_eq!(errors[1].to_string(), "the login shell of root@127.0.0.1 gave no root shell within 90 s");
}

#[tokio::test]
async fn a_sudo_error_of_the_program_itself_is_no_privilege_error() {
    let (lines, exit) =
        meets("vagrant", &[Out("MARKER\n"), Err("MARKER\nsudo: a password is required\n"), Status(1), Close]).await;
    assert_eq!((exit.unwrap(), lines.len()), (1, 1));
}

#[tokio::test]
async fn a_login_shell_that_refuses_is_said_so() {
    let (_, exit) = meets("vagrant", &[Out("This account is currently not available.\n"), Status(1), Close]).await;
    let error = exit.unwrap_err();
    assert_eq!(error.kind, Kind::Privilege);
    assert!(error.to_string().contains("login shell of vagrant@127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_host_gets_no_channel_of_its_own() {
    let ssh = connect(&OddHost::new(&[Intrude]).serve("root").await).await.unwrap();
    assert_eq!(stdout(&ssh, "true").await, ["0 channels"]);
}

#[tokio::test]
async fn a_password_is_asked_for_once_and_remembered_for_a_reconnect() {
    for method in [MethodKind::Password, MethodKind::KeyboardInteractive] {
        let host = OddHost { password: Some((method, "hunter2")), ..OddHost::new(&[Out("MARKER\n"), Vanish]) };
        let (ask, asked) = person(&["wrong", "hunter2"]);
        let ssh = Ssh::connect("127.0.0.1", &host.serve("vagrant").await, ask).await.unwrap();
        for _ in 0..2 {
            assert_eq!(run(&ssh, "true").await.1.unwrap_err().kind, Kind::Lost);
        }
        assert_eq!(host.commands.lock().unwrap().len(), 2, "it came back");
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{method:?}");
    }
}

/// Someone who thinks for a while, and then gives this answer.
fn thinker(seconds: u64, answer: &'static str) -> (Ask, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let say = move |_: &str| {
        count.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(seconds));
        Some(answer.to_owned())
    };
    (Ask::new(say), asked)
}

#[tokio::test]
async fn hosts_that_hang_up_while_a_person_thinks_are_dialled_anew_with_the_answer() {
    for method in [MethodKind::Password, MethodKind::KeyboardInteractive] {
        let hosts = [(); 2].map(|()| OddHost {
            password: Some((method, "hunter2")),
            patience: Duration::from_secs(1),
            ..OddHost::new(&[Out("MARKER\nin\n"), Status(0), Close])
        });
        let (ask, asked) = thinker(3, "hunter2");
        let ways = [hosts[0].serve("vagrant").await, hosts[1].serve("vagrant").await];
        let connect = |way| Ssh::connect("127.0.0.1", way, ask.clone());
        let (a, b) = tokio::join!(connect(&ways[0]), connect(&ways[1]));
        a.unwrap();
        b.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{method:?}");
    }
}

#[tokio::test]
async fn a_passphrase_may_take_longer_than_sshd_waits_for_a_login() {
    let sshd = Sshd::start_with("LoginGraceTime 2", |_| {});
    let key = sshd.keygen("slow", "ed25519", "open sesame");
    sshd.authorize(&["slow"]);
    let (ask, asked) = thinker(4, "open sesame");
    let ssh = Ssh::connect("127.0.0.1", &config::Ssh { keys: vec![key], ..sshd.reach() }, ask).await.unwrap();
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_host_that_wants_a_password_that_nobody_has_is_final() {
    let host = OddHost { password: Some((MethodKind::Password, "hunter2")), ..OddHost::new(&[]) };
    let (ask, asked) = person(&[]);
    let error = Ssh::connect("127.0.0.1", &host.serve("vagrant").await, ask).await.err().unwrap();
    assert_eq!((error.kind, asked.load(Ordering::SeqCst)), (Kind::Authentication, 1));
    assert!(error.to_string().ends_with("the host accepts password"), "{error}");
}

#[tokio::test]
async fn a_host_that_thinks_too_long_is_given_time_by_the_hint() {
    let host = OddHost { thinks: Duration::from_secs(3), ..OddHost::new(&[Out("MARKER\nin\n"), Status(0), Close]) };
    let reach = config::Ssh { connect_timeout: 1, ..host.serve("root").await };
    let error = refused(&reach).await;
    assert_eq!(error.to_string(), format!("127.0.0.1 port {} gave no login within 1 s", reach.port));
    assert!(error.hints[0].contains("UseDNS") && error.hints[0].contains("connect_timeout = 4"), "{:?}", error.hints);
    assert_eq!(stdout(&connect(&config::Ssh { connect_timeout: 30, ..reach }).await.unwrap(), "true").await, ["in"]);
}

#[tokio::test]
async fn one_answer_serves_all_hosts_that_ask_for_the_same_users_password() {
    let hosts = [(); 3].map(|()| OddHost {
        password: Some((MethodKind::KeyboardInteractive, "hunter2")),
        ..OddHost::new(&[Out("MARKER\nin\n"), Status(0), Close])
    });
    let (ask, asked) = person(&["wrong", "hunter2"]);
    let ways = [hosts[0].serve("root").await, hosts[1].serve("root").await, hosts[2].serve("root").await];
    let connect = |way| Ssh::connect("127.0.0.1", way, ask.clone());
    let (a, b, c) = tokio::join!(connect(&ways[0]), connect(&ways[1]), connect(&ways[2]));
    for ssh in [a, b, c] {
        assert_eq!(stdout(&ssh.unwrap(), "true").await, ["in"]);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one wrong answer and one right one, for three hosts");
}

#[tokio::test]
async fn a_password_file_is_used_only_if_nobody_else_may_read_it() {
    let file = std::env::temp_dir().join(format!("slipway-password-{}", std::process::id()));
    fs::write(&file, "hunter2\n").unwrap();
    let host = OddHost { password: Some((MethodKind::Password, "hunter2")), ..OddHost::new(&[]) };
    let reach = config::Ssh { password_file: Some(file.clone()), ..host.serve("vagrant").await };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let open = refused(&reach).await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let closed = connect(&reach).await.map(|_| ());
    fs::write(&file, "wrong\n").unwrap();
    let wrong = refused(&reach).await;
    fs::remove_file(&file).unwrap();
    assert_eq!(open.kind, Kind::Authentication);
    assert!(open.hints[0].starts_with("chmod 600 "), "{:?}", open.hints);
    closed.unwrap();
    assert_eq!(wrong.kind, Kind::Authentication);
}
