//! Package managers in trouble. What they say is in tests/troubles, as they said it or (`by-hand` in the name) as their sources and
//! people's reports have it; each with the cause and the remedy that a person is told. A new case is a file there.

use std::{fs, path::Path};

use slipway::profile::Profiles;

use super::{made_up_host::Root, os};

/// Marks as lines that a test can read.
const MARK: &str = "mark() { printf '%s: %s\\n' \"$1\" \"$2\"; }";

/// `os: debian 12` and its like at the start of a case.
fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name}: {head}"))
}

#[test]
fn each_trouble_is_told_with_its_cause_and_a_remedy() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let root = Root::new("troubles", &[("run/slipway/packages.status", "100\n")]);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/troubles");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(dir).expect("the cases") {
        let path = entry.expect("a case").path();
        let text = fs::read_to_string(&path).expect("a case");
        let (head, said) = text.split_once("\n\n").unwrap_or_else(|| panic!("no output in {}", path.display()));
        let (id, version) = field(head, "os").split_once(' ').expect("ID VERSION_ID");
        let shell = profiles.os(None, &os(id, version)).expect("a profile").packages.shell.with("pkg_explain");
        root.write("run/slipway/packages.out", said);
        let (code, told) = root.run(MARK, &shell);
        let last = if field(head, "passes") == "yes" { "" } else { "final: 1\n" };
        let wanted = format!("cause: {}\nremedy: {}", field(head, "cause"), field(head, "remedy"));
        if code != Some(1) || !told.starts_with(&wanted) || told.ends_with("final: 1\n") == last.is_empty() {
            wrong.push(format!("{}: {code:?}\n{told}", path.display()));
        }
        seen += 1;
    }
    assert!(wrong.is_empty() && seen > 30, "{seen} cases; {}", wrong.join("\n"));
}

#[test]
fn what_nobody_knows_ends_with_the_managers_exit_code() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let root = Root::new("unknown", &[("run/slipway/packages.status", "73\n"), ("run/slipway/packages.out", "so it goes\n")]);
    let shell = &profiles.os(None, &os("debian", "12")).expect("it").packages.shell;
    assert_eq!(root.run(MARK, &shell.with("pkg_explain")), (Some(73), String::new()));
    assert_eq!(root.run(MARK, &shell.with("pkg_warn")), (Some(0), String::new()));
}

#[test]
fn lists_that_are_there_and_lack_what_is_wanted_are_no_success() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let root =
        Root::new("lack", &[("run/slipway/packages.status", "0\n"), ("run/slipway/packages.out", "Reading package lists...\n")]);
    let shell = &profiles.os(None, &os("debian", "12")).expect("it").packages.shell;
    let (code, told) = root.run(MARK, &shell.with("pkg_explain"));
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.starts_with("cause: the package repositories of this host do not have all") && told.ends_with("final: 1\n"),
        "{told}"
    );
}

#[test]
fn what_is_not_foretold_for_a_lock_is_not_installed() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    // An earlier call went well.
    let root = Root::new("stale", &[("run/slipway/packages.status", "0\n"), ("run/slipway/packages.out", "")]);
    for system in [os("debian", "12"), os("centos", "9")] {
        let shell = profiles.os(None, &system).expect("it").packages.shell.with("new=$(pkg_added socat)\necho \"undo: $new\"");
        let (code, told) = root
            .run(&format!("{MARK}\ndnf() {{ :; }}"), &shell.replace("wait_for_locks '", "give_up 'held' remedy='let it end' '"));
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("cause: held\n") && !told.contains("undo: "), "{told}");
    }
}

/// The lock of a file, held by this test's own process.
fn held(root: &Root, path: &str) -> fs::File {
    root.write(path, "");
    let file = fs::File::open(root.0.join(path)).expect("it was written");
    file.lock().expect("nobody else has it");
    file
}

#[test]
fn who_holds_a_lock_is_named_until_it_lets_go() {
    let root = Root::new("lock", &[]);
    let _held = held(&root, "etc/first");
    let own = fs::read_to_string("/proc/self/comm").expect("a name");
    let holder = format!("{} (process {}", own.trim(), std::process::id());
    let (code, text) = root.run(MARK, "lock_holder /etc/none /etc/first");
    assert_eq!(code, Some(0), "{text}");
    let (who, what) = text.trim().split_once("), which holds ").expect("in words");
    assert!(who.starts_with(&holder) && what.ends_with("/etc/first"), "{text}");

    // Another one has written its number into a file and has ended: nobody holds it.
    root.write("etc/gone.pid", "4194305");
    root.write("etc/mine.pid", &std::process::id().to_string());
    assert_eq!(root.run(MARK, "lock_holder /etc/gone.pid").0, Some(1));
    assert_eq!(root.run(MARK, "lock_holder /etc/gone.pid /etc/mine.pid").0, Some(0));

    // It is told once, and the end is as it should be.
    let free = "sleep() { tries=$((${tries:-0} + 1)); [ $tries -lt 3 ] || rm -f /etc/mine.pid; }";
    let (code, text) = root.run(&format!("{MARK}\n{free}"), "wait_for_locks /etc/mine.pid\nsay done");
    assert_eq!((code, text.matches("waiting: ").count(), text.matches("wait: 300").count()), (Some(0), 1, 3), "{text}");
    assert!(text.starts_with(&format!("waiting: {holder}")) && text.ends_with("done\n"), "{text}");
}

#[test]
fn nobody_is_waited_for_without_end() {
    let root = Root::new("patience", &[("etc/mine.pid", &std::process::id().to_string())]);
    let clock = "sleep() { :; }\nuptime_seconds() { echo >>/run/clock; echo $(($(wc -l < /run/clock) * 100)); }";
    let (code, text) = root.run(&format!("{MARK}\n{clock}"), "wait_for_locks /etc/mine.pid");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("\ncause: waited 5 minutes for ") && text.contains("mine.pid\nremedy: let it end"), "{text}");
    assert!(text.ends_with("final: 1\n"), "{text}");
}

#[test]
fn a_lock_that_is_taken_in_between_is_waited_for_as_well() {
    let profiles = Profiles::load(None).expect("the embedded profiles");
    let shell = profiles.os(None, &os("debian", "12")).expect("it").packages.shell.with("pkg_run install socat");
    let root = Root::new("between", &[("run/slipway/packages.out", "")]);
    let apt = "sleep() { :; }\ndpkg() { :; }\nls() { :; }\nwait_for_locks() { :; }
apt-get() {
    if [ -e /run/once ]; then echo fine; return 0; fi
    : >/run/once
    echo 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (apt-get)' >&2
    return 100
}";
    // A function of that name is not POSIX; a program is.
    let apt = apt.replace("apt-get() {", "apt_get() {");
    let shell = shell.replace("apt-get -q", "apt_get -q");
    let (code, text) = root.run(&format!("{MARK}\n{apt}"), &shell.replace("wait_for_locks '", "true '"));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("\nfine\n"), "{text}");
}

#[test]
fn a_download_says_what_was_wrong_with_it() {
    let root = Root::new("fetch", &[]);
    let curl = |says: &str, code: i32| format!("{MARK}\nsleep() {{ :; }}\ncurl() {{ echo 'curl: {says}' >&2; return {code}; }}");
    let fetch = "fetch http://mirror.example/key /run/key";
    let (code, text) = root.run(&curl("(6) Could not resolve host: mirror.example", 6), fetch);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with(
            "cause: could not download http://mirror.example/key: (6) Could not resolve host: mirror.example\nremedy: see that"
        ),
        "{text}"
    );
    let (code, text) = root.run(&curl("(23) Failure writing output to destination", 23), fetch);
    assert!(code == Some(1) && text.starts_with("cause: no space is left for ") && text.ends_with("final: 1\n"), "{text}");
    // By hand, without slipway around it.
    let (_, text) = root.run("sleep() { :; }\ncurl() { return 1; }", fetch);
    assert!(text.starts_with("error: could not download http://mirror.example/key: \nhint: see that"), "{text}");
}
