//! Connections that never come about, and connections that die.

use std::time::{Duration, Instant};

use slipway::{config, error::Kind, lower::Program, transport::ssh::Ssh};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{connect, nobody, refused, run, sshd::Sshd, stdout};

#[tokio::test]
async fn a_host_that_is_killed_is_lost_and_found_again() {
    let mut sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let program = Program::new("echo begun; sleep 30; echo never");
    let mut lines = Vec::new();
    let exit = {
        let mut on_line = |line| lines.push(line);
        let mut running = std::pin::pin!(ssh.run(&program, &mut on_line));
        assert!(tokio::time::timeout(Duration::from_millis(500), &mut running).await.is_err());
        sshd.stop();
        tokio::time::timeout(Duration::from_secs(5), running).await.expect("the loss should have been seen")
    };
    let error = exit.unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert_eq!(lines.len(), 1, "{lines:?}");

    // It comes back a little later, as after a reboot.
    let (lines, ()) = tokio::join!(stdout(&ssh, "echo back"), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        sshd.launch();
    });
    assert_eq!(lines, ["back"]);
    assert_eq!(ssh.execs(), 2);
}

#[tokio::test]
async fn a_host_that_does_not_come_back_is_unreachable_in_the_end() {
    let mut sshd = Sshd::start();
    let ssh = connect(&config::Ssh { connect_timeout: 2, ..sshd.reach() }).await.unwrap();
    sshd.stop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    let error = run(&ssh, "echo never").await.1.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4));
}

/// Stands between us and sshd, and cuts the connection after so many bytes of ours.
async fn cutter(port: u16, after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let ((mut from_us, mut to_us), (mut from_host, mut to_host)) = (client.into_split(), server.into_split());
        let back = tokio::spawn(async move { tokio::io::copy(&mut from_host, &mut to_us).await });
        let mut left = after;
        let mut buffer = vec![0; 4096];
        while left > 0 {
            let length = from_us.read(&mut buffer).await.unwrap().min(left);
            if length == 0 {
                break;
            }
            to_host.write_all(&buffer[..length]).await.unwrap();
            left -= length;
        }
        back.abort();
    });
    own
}

#[tokio::test]
async fn a_program_that_is_cut_on_its_way_does_nothing() {
    let sshd = Sshd::start();
    let witness = sshd.dir.join("witness");
    for after in [20_000, 60_000, 100_001] {
        let port = cutter(sshd.port, after).await;
        let reach = config::Ssh { port, host_key: Some(sshd.fingerprint()), ..sshd.reach() };
        let ssh = connect(&reach).await.unwrap();
        let padding = ": # padding, padding, padding\n".repeat(10_000);
        let text = format!("all() {{\ntouch '{}'\n{padding}}}\nall\n", witness.display());
        let error = run(&ssh, &text).await.1.unwrap_err();
        assert_eq!(error.kind, Kind::Lost, "cut after {after}: {error}");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!witness.exists());
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let sshd = Sshd::start();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let begun = Instant::now();
    let error = refused(&config::Ssh { port, user: "it's me".into(), ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::Unreachable);
    assert_eq!(error.to_string(), format!("127.0.0.1 port {port} can not be reached: connection refused"));
    assert_eq!(error.hints, [format!("ssh -p {port} 'it'\\''s me'@'127.0.0.1' true")]);
    assert!(begun.elapsed() < Duration::from_secs(2), "the first time, nobody waits for a host that refuses");
}

#[tokio::test]
async fn a_name_that_nobody_has() {
    let sshd = Sshd::start();
    let error = Ssh::connect("no-such-host.invalid", &sshd.reach(), nobody()).await.err().unwrap();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    let sshd = Sshd::start();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    let error = refused(&config::Ssh { port, connect_timeout: 1, ..sshd.reach() }).await;
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.to_string().contains("within 1 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_host_that_drops_early_connections_is_asked_again() {
    let sshd = Sshd::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let inner = sshd.port;
    tokio::spawn(async move {
        for _ in 0..2 {
            // As sshd does beyond its MaxStartups.
            let (mut early, _) = listener.accept().await.unwrap();
            early.write_all(b"Not allowed at this time\r\n").await.unwrap();
        }
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", inner)).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    let ssh = connect(&config::Ssh { port, host_key: Some(sshd.fingerprint()), ..sshd.reach() }).await.unwrap();
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
}
