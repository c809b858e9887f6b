//! Hosts that say more than anyone can hold, that never come to an end, or that never begin.

use std::{fs, time::Duration};

use slipway::{config, error::Kind, lower::Program, transport::ssh::Ssh};
use tokio::time::Instant;

use crate::{
    connect,
    odd_host::{
        Act::{Drip, Err, Flood, Leave, Line, Out, Status},
        Door, OddHost,
    },
    person, refused, run,
    sshd::Sshd,
    stdout,
};

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_are_taken_in_bounded_memory() {
    let mut shown = Vec::new();
    for (act, what) in [(Flood(100, 0), "lines of output"), (Flood(100, 1), "lines of errors"), (Line(100), "one line")] {
        let ssh = connect(&OddHost::new(&[Out("MARKER\n"), Err("MARKER\n"), act]).serve("root").await).await.unwrap();
        let (mut lines, mut bytes, mut most, before) = (0_usize, 0, 0, resident());
        let exit = ssh
            .run(&Program::new("true"), &mut |line| {
                lines += 1;
                bytes += line.text.len();
                if lines.is_multiple_of(1000) {
                    most = most.max(resident());
                }
            })
            .await;
        assert_eq!(exit.unwrap().status, 0);
        let grown = most.max(resident()).saturating_sub(before);
        // Twice the window of a channel on either side, the buffers of the sockets, and what the allocator keeps.
        assert!(grown < 32 << 20, "{what}: {grown} bytes more");
        shown.push((what, lines, bytes));
        if lines > 1 {
            assert_eq!(bytes / 999, lines);
        } else {
            assert!(bytes < 70_000, "a line of {bytes} bytes");
        }
    }
    println!("100 MB of output: {shown:?}, in bounded memory");
}

#[tokio::test]
async fn noise_before_a_shell_is_bounded_in_memory_and_in_the_message() {
    let ssh = connect(&OddHost::new(&[Flood(20, 1)]).serve("root").await).await.unwrap();
    let error = run(&ssh, "true").await.1.unwrap_err();
    assert_eq!(error.kind, Kind::Privilege, "{error}");
    let ssh = connect(&OddHost::new(&[Err("sudo: \x1b]0;owned\x07"), Line(1)]).serve("vagrant").await).await.unwrap();
    let error = run(&ssh, "true").await.1.unwrap_err();
    assert_eq!(error.kind, Kind::Privilege, "{error}");
    assert!(error.to_string().chars().count() < 1000, "{} characters", error.to_string().len());
    assert!(!error.to_string().contains(char::is_control), "{error}");
}

const WORDS: &str = concat!("\x1b]0;owned\x07\x1b[2J", "long words, long words, long words, ");

#[tokio::test]
async fn words_of_leave_are_cut_and_command_no_terminal() {
    let words: &'static str = Box::leak(WORDS.repeat(700).into_boxed_str());
    let ssh = connect(&OddHost::new(&[Out("MARKER\n"), Leave(words)]).serve("root").await).await.unwrap();
    let error = run(&ssh, "true").await.1.unwrap_err();
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(error.to_string().contains("long words"), "{error}");
    assert!(error.to_string().chars().count() < 1000, "{} characters", error.to_string().len());
    assert!(!error.to_string().contains(char::is_control), "{error}");
}

/// A connection to a host that needs no kernel.
async fn connect_here(host: &OddHost, user: &str) -> Ssh {
    let (streams, reach) = host.serve_here(user);
    Ssh::connect_over(streams, "127.0.0.1", &reach, person(&[]).0).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_child_that_talks_for_ever_does_not_hold_its_program() {
    let ssh = connect_here(&OddHost::new(&[Out("MARKER\n"), Status(3), Drip]), "root").await;
    let begun = Instant::now();
    let (lines, exit) = run(&ssh, "true").await;
    assert_eq!(exit.unwrap().status, 3);
    assert!(!lines.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_grants_no_session_or_no_command_is_said_so_in_time() {
    for (door, kind, words) in [
        (Door::Shut, Kind::Unreachable, "opens no more sessions"),
        (Door::Mute, Kind::Unreachable, "opens no session"),
        (Door::NoExec, Kind::Privilege, "may run no command"),
    ] {
        let host = OddHost { door, ..OddHost::new(&[]) };
        let ssh = connect_here(&host, "root").await;
        let ran = tokio::time::timeout(Duration::from_secs(600), run(&ssh, "true")).await;
        let error = ran.expect("an end").1.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sudo_that_never_takes_its_password_is_given_up_on() {
    let prompt = "slipway-asks-for-the-sudo-password:";
    let again: &'static str = Box::leak(prompt.repeat(50).into_boxed_str());
    let mut shown = Vec::new();
    for acts in [vec![], vec![Err(prompt)], vec![Err(again)], vec![Err("Last login: today\n"), Out("Welcome\n")]] {
        let file = std::env::temp_dir().join(format!("slipway-sudo-{}-{}", std::process::id(), acts.len()));
        fs::write(&file, "hunter2\n").unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let (streams, reach) = OddHost::new(&acts).serve_here("vagrant");
        let reach = config::Ssh { sudo_password_file: Some(file.clone()), ..reach };
        let ssh = Ssh::connect_over(streams, "127.0.0.1", &reach, person(&[]).0).await.unwrap();
        let ran = tokio::time::timeout(Duration::from_secs(600), run(&ssh, "true")).await;
        fs::remove_file(&file).unwrap();
        let (lines, exit) = ran.expect("an end");
        let error = exit.unwrap_err();
        assert!(lines.is_empty());
        assert_eq!(error.kind, Kind::Privilege, "{error}");
        assert!(!error.to_string().contains("hunter2"));
        shown.push(error.to_string());
    }
    println!("hung sudo: {} cases, all given up on: {shown:?}", shown.len());
}

#[tokio::test]
async fn programs_follow_one_another_where_a_host_grants_one_session_at_a_time() {
    let sshd = Sshd::start_with("MaxSessions 1", |_| {});
    let ssh = connect(&sshd.reach()).await.unwrap();
    for count in 0..100 {
        let (lines, exit) = run(&ssh, "echo in").await;
        assert_eq!(exit.unwrap_or_else(|error| panic!("program {count}: {error}")).status, 0, "{lines:?}");
    }
    println!("MaxSessions 1: 100 programs one after another, all ran");
}

#[tokio::test]
async fn a_program_waits_for_another_where_a_host_grants_one_session_at_a_time() {
    let sshd = Sshd::start_with("MaxSessions 1", |_| {});
    let ssh = connect(&sshd.reach()).await.unwrap();
    // The first has the session for longer than a refused one asks again.
    let (first, others) = tokio::join!(run(&ssh, "sleep 3; echo first"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::join!(run(&ssh, "echo second"), run(&ssh, "echo third"))
    });
    for (word, (lines, exit)) in [("first", first), ("second", others.0), ("third", others.1)] {
        assert_eq!(exit.unwrap_or_else(|error| panic!("{word}: {error}")).status, 0);
        assert!(lines.iter().any(|line| line.text.contains(word)), "{lines:?}");
    }
}

#[tokio::test]
async fn a_question_does_not_wait_for_a_program_where_a_host_grants_one_session_at_a_time() {
    let sshd = Sshd::start_with("MaxSessions 1", |_| {});
    let ssh = connect(&sshd.reach()).await.unwrap();
    // That it is such a host, the first refusal shows: even that one is not waited for.
    let order = std::sync::Mutex::new(Vec::new());
    let (long, asked) = tokio::join!(
        async {
            let ran = run(&ssh, "sleep 5; echo long").await;
            order.lock().unwrap().push("long");
            ran
        },
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let mut lines = Vec::new();
            for _ in 0..2 {
                ssh.run_aside(&Program::of("echo asked\n"), &mut |line| lines.push(line.text)).await.unwrap();
                order.lock().unwrap().push("asked");
            }
            lines
        }
    );
    assert_eq!(*order.lock().unwrap(), ["asked", "asked", "long"]);
    assert_eq!(asked, ["asked", "asked"]);
    assert!(ssh.takes_one_at_a_time());
    assert!(long.0.iter().any(|line| line.text == "long"), "{:?}", long.0);
}

/// What a host may say before it has proved anything.
fn greetings() -> Vec<(&'static str, Vec<u8>)> {
    let hello = b"SSH-2.0-odd\r\n".to_vec();
    let frame = |length: u32, rest: &[u8]| [hello.clone(), length.to_be_bytes().to_vec(), rest.to_vec()].concat();
    vec![
        ("nothing", Vec::new()),
        ("no SSH", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("lines without end", b"welcome\r\n".repeat(1 << 18)),
        ("a line without end", vec![b'x'; 1 << 20]),
        ("a version of old", b"SSH-1.5-odd\r\n".to_vec()),
        ("words that command a terminal", b"\x1b]0;owned\x07\x1b[2J\r\nSSH-2.0-\x1b[31m\x07\r\n".to_vec()),
        ("a frame of 4 GiB", frame(u32::MAX, &[b'x'; 4096])),
        ("a frame of 2 GiB", frame(1 << 31, &[20; 4096])),
        ("a frame of no length", frame(0, &[0; 64])),
        ("a frame of padding alone", frame(12, &[255; 64])),
        ("noise", frame(0x1234, &(0..5000_u32).map(|at| (at * 7 % 251) as u8).collect::<Vec<_>>())),
        ("the end of the line", b"\0\0\0\0\0\0".to_vec()),
    ]
}

#[tokio::test]
async fn a_host_that_does_not_speak_ssh_as_it_should_is_unreachable_in_time() {
    use tokio::{io::AsyncWriteExt, net::TcpListener};
    let cases = greetings();
    let count = cases.len();
    let begun = std::time::Instant::now();
    let before = resident();
    for (what, bytes) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(&bytes).await;
                open.push(stream);
            }
        });
        let reach = config::Ssh { port, connect_timeout: 1, ..OddHost::new(&[]).serve("root").await };
        let error = refused(&reach).await;
        assert_eq!(error.kind, Kind::Unreachable, "{what}: {error}");
        let said = format!("{error} {:?} {}", error.source, error.hints.concat());
        assert!(!said.contains(char::is_control), "{what}: {said}");
    }
    assert!(resident().saturating_sub(before) < 64 << 20, "memory");
    println!("hosts that speak no SSH: {count} cases in {:.0} s, all unreachable, all in time", begun.elapsed().as_secs_f64());
}

#[tokio::test]
async fn a_host_that_says_nothing_more_after_a_flood_is_still_usable() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    assert_eq!(run(&ssh, "head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; exit 4").await.1.unwrap().status, 4);
    assert_eq!(stdout(&ssh, "echo in").await, ["in"]);
}
