use super::*;
use crate::{
    config::Become,
    error::{Kind, Result},
};

const LOGIN: Login<'static> = Login { user: "vagrant", who: "vagrant@10.0.0.1", becomes: Become::Either, is_here: false };

fn output(status: i32, say: impl FnOnce(&mut Output<'_>, &str)) -> (Vec<Line>, Result<Exit>) {
    let marker = Marker::new().unwrap();
    let mut lines = Vec::new();
    let mut on_line = |line| lines.push(line);
    let mut output = Output::new(&marker, None, &mut on_line);
    say(&mut output, &marker.0);
    let exit = match output.finish(status, &LOGIN) {
        Ended::Exit(exit) => Ok(exit),
        Ended::Refused { error, .. } => Err(error),
    };
    (lines, exit)
}

fn line(stderr: bool, text: &str) -> Line {
    Line { stderr, text: text.into() }
}

#[test]
fn noise_before_the_marker_is_dropped_and_all_after_it_is_kept() {
    let (lines, exit) = output(3, |output, marker| {
        output.stdout(b"Welcome to this host\nno line end");
        output.stderr(b"stdin: is not a tty\n");
        output.stdout(format!("{marker}\none\n").as_bytes());
        output.stderr(format!("{marker}\noops").as_bytes());
        output.stdout(b"two");
    });
    assert_eq!(exit.unwrap(), Exit { status: 3 });
    assert_eq!(lines, [line(false, "one"), line(false, "two"), line(true, "oops")]);
}

#[test]
fn an_end_without_the_marker_is_never_a_success() {
    let (lines, exit) = output(0, |output, _| output.stdout(b"This service allows sftp connections only.\n"));
    assert_eq!(lines, []);
    assert_eq!(exit.unwrap_err().kind, Kind::Privilege);
}

#[test]
fn each_way_of_sudo_to_say_no_has_its_remedy() {
    for (said, remedy) in [
        ("sudo: a password is required", "NOPASSWD"),
        ("vagrant is not in the sudoers file.  This incident will be reported.", "NOPASSWD"),
        ("Sorry, user vagrant is not allowed to execute '/bin/sh -s' as root on node1.", "NOPASSWD"),
        ("sudo: sorry, you must have a tty to run sudo", "!requiretty"),
        ("sh: 1: exec: sudo: not found", "install sudo"),
        ("bash: line 1: exec: sudo: not found", "install sudo"),
        ("fish: Unknown command: sudo", "install sudo"),
        ("env: 'sudo': No such file or directory", "install sudo"),
        ("doas: Operation not permitted", "permit nopass vagrant"),
        ("doas: Authentication required", "permit nopass vagrant"),
    ] {
        let (_, exit) = output(1, |output, _| output.stderr(format!("motd\n{said}\n").as_bytes()));
        let error = exit.unwrap_err();
        assert_eq!(error.kind, Kind::Privilege, "{said}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hints[0].contains(remedy), "{said}: {:?}", error.hints);
    }
}

#[test]
fn a_login_shell_that_says_no_is_named() {
    let (_, exit) = output(1, |output, _| output.stdout(b"This account is currently not available.\n"));
    let error = exit.unwrap_err();
    assert!(error.to_string().contains("login shell of vagrant@10.0.0.1"), "{error}");
    assert!(error.hints[0].contains("getent passwd 'vagrant'"));
}

#[test]
fn a_program_stands_behind_the_marker_untouched() {
    let marker = Marker::new().unwrap();
    let text = String::from_utf8(marker.precede(&Program::new("{ true; }\n"))).unwrap();
    assert_eq!(text, format!("echo {0}; echo {0} >&2\n{{ true; }}\n", marker.0));
    assert_ne!(marker.0, Marker::new().unwrap().0);
}

#[test]
fn a_host_with_neither_sudo_nor_doas_is_said_so() {
    let (_, exit) = output(127, |output, _| output.stderr(b"/bin/sh: 1: exec: doas: not found\n"));
    let error = exit.unwrap_err();
    assert_eq!(error.to_string(), "vagrant@10.0.0.1 can not become root: that host has neither sudo nor doas");
    assert!(error.hints[0].contains("install sudo"));
}

#[test]
fn a_host_without_the_doas_that_was_asked_for_is_said_so() {
    let end = |login| match refused(127, &["/bin/sh: 1: exec: doas: not found".to_owned()], false, &login) {
        Ended::Refused { error, .. } => error,
        Ended::Exit(_) => panic!("it ended"),
    };
    let there = end(Login { becomes: Become::Doas, ..LOGIN });
    let what = "vagrant@10.0.0.1 can not become root: that host has no doas, which `become = \"doas\"` asks for";
    assert_eq!(there.to_string(), what);
    assert!(there.hints[0].ends_with("or log in as root: `user = \"root\"` under [ssh]"), "{:?}", there.hints);
    let here = end(Login { who: "me on this machine", is_here: true, ..LOGIN });
    assert_eq!(here.hints, ["install sudo there, or run slipway as root"]);
}
