//! Programs on a real host.

use std::time::{Duration, Instant};

use slipway::{
    lower::{self, Program},
    step::{Step, StepId, Upload},
    transport::Transport,
};

use crate::{connect, run, sshd::Sshd, stdout};

#[tokio::test]
async fn lines_streams_and_status_come_through() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let (mut lines, exit) = run(&ssh, "echo one; echo two >&2; printf 'three\\n\\nfive'; exit 42").await;
    lines.sort_by_key(|line| line.stderr);
    let texts: Vec<_> = lines.iter().map(|line| (line.stderr, line.text.as_str())).collect();
    assert_eq!(texts, [(false, "one"), (false, "three"), (false, ""), (false, "five"), (true, "two")]);
    assert_eq!(exit.unwrap().status, 42);
    assert_eq!(run(&ssh, "kill -TERM $$").await.1.unwrap().status, 143);
    assert_eq!(ssh.execs(), 2);
    assert!(ssh.notes().is_empty());
    ssh.close().await;
}

#[tokio::test]
async fn five_megabytes_come_through_whole_and_in_order() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let lines = stdout(&ssh, "seq -f '%044.0f' 1 120000").await;
    assert_eq!(lines.len(), 120_000);
    assert!(lines.iter().zip(1..).all(|(line, number)| line.len() == 44 && line.parse() == Ok(number)));
}

#[tokio::test]
async fn a_program_larger_than_the_window_arrives_whole() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let text = format!("{{\n{}echo whole\n}}\n", "# padding, padding, padding, padding\n".repeat(100_000));
    assert_eq!(stdout(&ssh, &text).await, ["whole"]);
}

#[tokio::test]
async fn a_program_that_ends_before_it_was_read_whole_has_its_status() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let text = format!("exit 5\n{}", ": # never read\n".repeat(300_000));
    assert_eq!(run(&ssh, &text).await.1.unwrap().status, 5);
    assert_eq!(stdout(&ssh, "echo still here").await, ["still here"]);
}

#[tokio::test]
async fn several_run_at_once_on_one_connection() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    // Each waits for the other: one after another, neither would end.
    let meet = |own: &str, other: &str| {
        let dir = sshd.dir.display();
        format!("touch '{dir}/{own}'; until [ -e '{dir}/{other}' ]; do sleep 0.05; done; echo {own}")
    };
    let (first, second) = (meet("a", "b"), meet("b", "a"));
    let all = async { tokio::join!(stdout(&ssh, &first), stdout(&ssh, &second), stdout(&ssh, "seq 1 50000 | tail -n 1")) };
    let (a, b, c) = tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
    assert_eq!([a, b, c].concat(), ["a", "b", "50000"]);
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1, "one connection");
}

#[tokio::test]
async fn sessions_are_given_back_when_programs_end_and_when_they_are_cancelled() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    // sshd grants ten at once.
    for number in 0..25 {
        assert_eq!(stdout(&ssh, &format!("echo {number}")).await, [number.to_string()]);
    }
    for _ in 0..3 {
        for _ in 0..6 {
            let cancelled = tokio::time::timeout(Duration::from_millis(30), run(&ssh, "sleep 0.4")).await;
            assert!(cancelled.is_err());
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(stdout(&ssh, "echo fine").await, ["fine"]);
}

#[tokio::test]
async fn a_child_left_behind_does_not_hold_the_program() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let begun = Instant::now();
    let lines = stdout(&ssh, "sleep 30 & echo $!").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(stdout(&ssh, &format!("kill {} && echo killed", lines[0])).await, ["killed"]);
}

#[tokio::test]
async fn nothing_of_a_program_shows_in_the_list_of_processes() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let text = ": canary-5309\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'canary-53[0]9' || true";
    let seen = stdout(&ssh, text).await;
    assert_eq!(seen, ["0"]);
}

#[tokio::test]
async fn lines_arrive_while_the_program_runs() {
    let sshd = Sshd::start();
    let ssh = connect(&sshd.reach()).await.unwrap();
    let begun = Instant::now();
    let mut first = None;
    let program = Program::new("echo now; sleep 1; echo later");
    ssh.run(&program, &mut |_| first = first.or(Some(begun.elapsed()))).await.unwrap();
    assert!(first.unwrap() < Duration::from_millis(900), "{first:?}");
}

#[tokio::test]
async fn a_file_that_was_cut_goes_on_where_it_was() {
    let sshd = Sshd::start();
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let (from, to) = (sshd.dir.join("from"), sshd.dir.join("to/file"));
    std::fs::write(&from, &bytes).unwrap();
    let step = Step::new(StepId::new("node1", "install", "archive"), "x", "y");
    let sha256 = lower::sha256_of(&bytes[..]).unwrap();
    let program = lower::upload_program(&step, &Upload { from: from.clone(), to: to.clone(), sha256: sha256.clone() });
    let part = sshd.dir.join(format!("to/file.part.{sha256}"));
    let there = || std::fs::metadata(&part).map_or(0, |data| data.len());
    // Cut when half of it is on its way, and then again: the future is dropped, and the connection with it.
    let mut before = 0;
    for half in [10_000_000, 20_000_000] {
        let transport = Transport::Ssh(Box::new(connect(&sshd.reach()).await.unwrap()));
        let cut = tokio::sync::Notify::new();
        let mut first = None;
        let mut progress = |sent, _| {
            first.get_or_insert(sent);
            if sent > before.max(half) {
                cut.notify_one();
            }
        };
        let mut quiet = |_: slipway::transport::Line| {};
        tokio::select! {
            _ = transport.upload(&program, &from, &mut quiet, &mut progress) => panic!("it was not cut"),
            () = cut.notified() => {}
        }
        drop(transport);
        assert!(first.unwrap() >= before, "it began at {first:?} where {before} bytes were there");
        assert!(!to.exists(), "half a file is in its place");
        while there() <= before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        before = there();
    }
    let transport = Transport::Ssh(Box::new(connect(&sshd.reach()).await.unwrap()));
    let (mut first, mut lines) = (None, Vec::new());
    let mut progress = |sent, _| _ = first.get_or_insert(sent);
    let exit = transport.upload(&program, &from, &mut |line| lines.push(line.text), &mut progress).await.unwrap();
    assert_eq!(exit.status, lower::CHANGED, "{lines:?}");
    assert!(first.unwrap() >= before, "it began at {first:?} where {before} bytes were there");
    assert!(std::fs::read(&to).unwrap() == bytes);
    assert_eq!(std::fs::read_dir(sshd.dir.join("to")).unwrap().count(), 1, "no part is left");
}

#[tokio::test]
async fn a_file_arrives_intact_and_a_wrong_one_is_refused() {
    let sshd = Sshd::start();
    let transport = Transport::Ssh(Box::new(connect(&sshd.reach()).await.unwrap()));
    // NULs, line ends and what shell would trip over, in five megabytes.
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    assert!(bytes.contains(&0) && bytes.contains(&b'\n') && bytes.contains(&b'}'));
    let (from, to) = (sshd.dir.join("from"), sshd.dir.join("to/file"));
    std::fs::write(&from, &bytes).unwrap();
    let step = Step::new(StepId::new("node1", "install", "archive"), "x", "y");
    let right = lower::sha256_of(&bytes[..]).unwrap();
    let mut statuses = Vec::new();
    for sha256 in ["0".repeat(64), right.clone(), right] {
        let program = lower::upload_program(&step, &Upload { from: from.clone(), to: to.clone(), sha256 });
        let exit = transport.upload(&program, &from, &mut |_| {}, &mut |_, _| {}).await.unwrap();
        statuses.push(exit.status);
        assert_eq!(to.exists(), statuses.len() > 1);
    }
    assert_eq!(statuses, [1, lower::CHANGED, lower::UNCHANGED]);
    assert!(std::fs::read(&to).unwrap() == bytes);
    assert_eq!(std::fs::read_dir(sshd.dir.join("to")).unwrap().count(), 1, "no part is left");
}
