//! Cluster files as data. A file of tests/config/bad must give exactly what its .out says; a file of tests/config/good must mean
//! exactly what its .out says. `BLESS=1 cargo test --test config` writes the .out files anew: read the difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use slipway::{
    config::{self, Cluster},
    error::{Error, Kind},
};

/// What the command prints for an error, with its exit code ahead.
fn report(error: &Error) -> String {
    let hints: String = error.hints.iter().map(|hint| format!("hint: {hint}\n")).collect();
    format!("exit {} ({:?})\nerror: {error}\n{hints}", error.kind.exit_code(), error.kind)
}

/// Reads a file as `slipway` would that knows no ~/.ssh/config, whatever the developer has in there.
fn load(file: &Path) -> Result<Cluster, Error> {
    match fs::read_to_string(file) {
        Ok(text) => config::parse(&text, file),
        Err(_) => config::load(file),
    }
}

/// Compares each `*.toml` of a directory with its `.out`.
fn compare_all(dir: &str, outcome: impl Fn(&Path) -> String) -> usize {
    let mut files: Vec<_> =
        fs::read_dir(dir).expect("the test data is there").map(|file| file.expect("readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        let (got, golden) = (outcome(file), file.with_extension("out"));
        if env::var_os("BLESS").is_some() {
            fs::write(&golden, &got).expect("the golden file can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if got != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- got\n{got}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    files.len()
}

#[test]
fn a_bad_file_gives_one_line_one_hint_and_its_own_exit_code() {
    let count = compare_all("tests/config/bad", |file| {
        let error = load(file).expect_err(&format!("{} is accepted", file.display()));
        let said = report(&error);
        assert_eq!(said.lines().count(), 3, "not one line and one hint: {said}");
        assert!(!said.chars().any(|letter| letter.is_control() && letter != '\n'), "{said:?}");
        said
    });
    assert!(count >= 60, "{count} files");
}

#[test]
fn a_good_file_means_what_it_says() {
    let home = env::home_dir().expect("tests run with a home").display().to_string();
    let count = compare_all("tests/config/good", |file| match load(file) {
        Ok(cluster) => format!("{cluster:#?}\n").replace(&format!("\"{home}/.ssh"), "\"~/.ssh"),
        Err(error) => report(&error),
    });
    assert_eq!(count, 3);
}

/// The tables of a file, as paths.
fn tables(at: &[String], value: &toml::Value, found: &mut Vec<Vec<String>>) {
    let below = |key: &str| [at, &[key.to_owned()]].concat();
    match value {
        toml::Value::Table(table) => {
            found.push(at.to_vec());
            table.iter().for_each(|(key, value)| tables(&below(key), value, found));
        }
        toml::Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| tables(&below(&index.to_string()), value, found));
        }
        _ => {}
    }
}

#[test]
fn the_full_file_has_every_key_that_there_is() {
    let path = Path::new("tests/config/good/full.toml");
    let file: toml::Value = fs::read_to_string(path).expect("readable").parse::<toml::Table>().expect("TOML").into();
    let mut all = Vec::new();
    tables(&[], &file, &mut all);
    // What is known in a table, and what of that is written in one of the tables that know just that.
    let mut written: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for at in all {
        let mut changed = file.clone();
        let table = at.iter().fold(&mut changed, |value, key| match value {
            toml::Value::Array(list) => &mut list[key.parse::<usize>().expect("an index")],
            table => table.get_mut(key.as_str()).expect("it is there"),
        });
        let table = table.as_table_mut().expect("a table");
        let keys: Vec<String> = table.keys().cloned().collect();
        table.insert("unlike-any-key-that-there-is".to_owned(), "x".into());
        let said = config::parse(&toml::to_string(&changed).expect("TOML"), path).err().map(|error| error.hints.concat());
        // A table of arguments knows them all.
        let Some(known) = said.as_deref().and_then(|said| said.strip_prefix("known there: ")) else { continue };
        written.entry(known.split(", ").map(str::to_owned).collect()).or_default().extend(keys);
    }
    assert!(written.len() >= 8, "{written:?}");
    for (known, written) in written {
        let missing: Vec<&String> = known.iter().filter(|key| !written.contains(*key)).collect();
        assert!(missing.is_empty(), "{} does not have {missing:?} beside {written:?}", path.display());
    }
}

#[test]
fn a_file_that_is_not_there_or_no_file_is_said_to_be_so() {
    let error = config::load(Path::new("tests/config/nowhere.toml")).expect_err("there is none");
    let expected = "exit 10 (NoFile)\nerror: tests/config/nowhere.toml: there is no such file\n\
                    hint: write one with `slipway new --host cp1=ADDRESS`, or name yours with `-c FILE`\n";
    assert_eq!(report(&error), expected);
    let error = config::load(Path::new("tests/config")).expect_err("it is a directory");
    assert_eq!(error.kind, Kind::NoFile);
}

/// What the command itself does with the ssh configuration of whoever runs it, and with known_hosts.
#[test]
fn the_users_own_ssh_configuration_counts_unless_the_cluster_file_does_without() {
    let home = env::temp_dir().join(format!("slipway-home-{}", std::process::id()));
    fs::create_dir_all(home.join(".ssh")).expect("a home");
    fs::write(home.join(".ssh/config"), "Host *\nProxyCommand nc %h %p\n").expect("a configuration");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    fs::write(home.join(".ssh/known_hosts"), format!("192.0.2.11 {key}\nnode* {key}\n")).expect("a known_hosts");
    let file = home.join("my lab.toml");
    let cluster = |ssh: &str| {
        let hosts = "[[host]]\nname = \"cp1\"\naddress = \"192.0.2.11\"\nrole = \"control-plane\"\n\
                     [[host]]\nname = \"w1\"\naddress = \"node1\"\n";
        fs::write(&file, format!("[cluster]\nname = \"lab\"\nkubernetes = \"1.34\"\n[ssh]\n{ssh}\n{hosts}")).expect("writable");
    };
    let slipway = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        let ran = command.args(words).arg("-c").arg(&file).env("HOME", &home).output().expect("it runs");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.code(), String::from_utf8_lossy(&said).replace(&home.display().to_string(), "HOME"))
    };
    cluster("");
    let refused = slipway(&["known-hosts", "forget", "cp1"]);
    cluster("ssh_config = \"none\"");
    let forgotten = slipway(&["known-hosts", "forget", "cp1"]);
    let again = slipway(&["known-hosts", "forget", "cp1"]);
    let pattern = slipway(&["known-hosts", "forget", "w1"]);
    let nobody = slipway(&["known-hosts", "forget", "cp2"]);
    let here = "[[host]]\nname = \"here\"\nlocal = true\n";
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, format!("{text}{here}")).expect("writable");
    let local = slipway(&["known-hosts", "forget", "here"]);
    cluster("ssh_config = \"none\"\njump = \"gate.example.com\"");
    let loaded = config::load(&file).expect("a good file");
    let config::Reach::Ssh(ssh) = &loaded.hosts[0].reach else { panic!("it is local") };
    assert_eq!(ssh.forget, format!("slipway known-hosts forget cp1 -c '{}'", file.display()));
    let gate = slipway(&["known-hosts", "forget", "gate.example.com"]);
    let left = fs::read_to_string(home.join(".ssh/known_hosts")).expect("still there");
    fs::remove_dir_all(&home).expect("it was there");
    let hint = "hint: write ProxyJump there, or `jump = \"USER@HOST\"` in the cluster file's [ssh]; `jump = \"none\"` connects directly\n";
    let what = "error: ~/.ssh/config:2: 192.0.2.11 is behind a ProxyCommand, which slipway does not run\n";
    assert_eq!(refused, (Some(18), format!("{what}{hint}")));
    assert_eq!(forgotten, (Some(0), "cp1: its key is gone from HOME/.ssh/known_hosts\n".to_owned()));
    assert_eq!(again, (Some(0), "cp1: HOME/.ssh/known_hosts knows no key of 192.0.2.11 by its name\n".to_owned()));
    assert_eq!(pattern.0, Some(22));
    assert!(pattern.1.contains("error: w1: HOME/.ssh/known_hosts:1 names it by a pattern"), "{}", pattern.1);
    assert!(pattern.1.ends_with("hint: edit line 1 of HOME/.ssh/known_hosts by hand\n"), "{}", pattern.1);
    assert_eq!(nobody.0, Some(2));
    assert!(nobody.1.ends_with("hint: did you mean \"cp1\"?\n"), "{}", nobody.1);
    assert_eq!(gate.0, Some(0));
    let what = "error: here is this machine, which has no host key to forget\nhint: leave it out\n";
    assert_eq!(local, (Some(2), what.to_owned()));
    assert_eq!(left, format!("node* {key}\n"));
}
