//! Keeps the walls of the design standing, by reading the source:
//! which file may name which outside crate, which module may know which, and who prints.

#[path = "architecture/source.rs"]
mod source;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use source::{Source, names_crate, names_modules, words};

/// Where each outside crate may be named: prefixes of paths below src/ (`ui` is src/ui.rs and all of src/ui/).
/// A new dependency needs a row here: decide where it belongs.
const CRATES: &[(&str, &[&str])] = &[
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["ui"]),
    ("rpassword", &["ui"]),
    ("russh", &["transport/ssh"]),
    ("rcgen", &["secrets"]),
    ("p256", &["secrets"]),
    ("x509_parser", &["secrets"]),
    // containerd's own files are TOML too: whoever fills them in needs its quoting.
    ("toml", &["config", "profile", "phase/install/runtime"]),
    ("serde_yaml_ng", &["app/kubeconfig"]),
    ("tokio", &["execute", "transport", "app", "main"]),
    ("hmac", &["transport/ssh"]),
    ("sha1", &["transport/ssh"]),
    ("nix", &["transport/ssh"]),
    ("getrandom", &["secrets", "lower", "transport", "execute", "journal"]),
    ("serde", &[""]),
    ("serde_json", &[""]),
    ("sha2", &[""]),
    ("which", &[""]),
];

/// What phases must not even name: they are pure.
const NOT_IN_PHASES: &[&str] = &["transport", "execute", "ui", "tokio"];

/// Who may print.
const PRINTERS: &[&str] = &["ui", "main"];

/// The sources as they are, without files that hold only tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name: PathBuf = path.strip_prefix(&root).expect("below src").with_extension("");
            if !name.iter().any(|part| part == "tests") {
                let text = fs::read_to_string(&path).expect("readable");
                sources.push(Source::new(name.to_str().expect("a plain name"), &text));
            }
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

/// The modules of lib.rs, top to bottom.
fn order() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs");
    text.lines().filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned())).collect()
}

/// Files that name a crate outside its place.
fn crate_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for (name, places) in CRATES {
            if names_crate(&source.code, name) && !places.iter().any(|place| source.is_in(place)) {
                faults.push(format!("src/{}.rs names {name}, which belongs in {places:?} alone", source.name));
            }
        }
    }
    faults
}

/// Modules that know one that does not stand below them in lib.rs.
fn order_faults(sources: &[Source], order: &[String]) -> Vec<String> {
    let rank: BTreeMap<&str, usize> = order.iter().enumerate().map(|(rank, module)| (module.as_str(), rank)).collect();
    let mut faults = Vec::new();
    for source in sources {
        let module = source.module();
        let Some(own) = rank.get(module) else { continue };
        for known in names_modules(&source.code) {
            let Some(other) = rank.get(known.as_str()) else { continue };
            if other < own {
                faults.push(format!("src/{}.rs knows {known}, which stands above {module} in lib.rs", source.name));
            }
        }
    }
    faults
}

/// Phases that name what reaches the world.
fn phase_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.module() == "phase") {
        let modules = names_modules(&source.code);
        for name in NOT_IN_PHASES {
            if modules.iter().any(|module| module == name) || names_crate(&source.code, name) {
                faults.push(format!("src/{}.rs names {name}; a phase is a pure function", source.name));
            }
        }
    }
    faults
}

/// Files that print and should send an event instead.
fn print_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !PRINTERS.contains(&source.module())) {
        for name in ["println", "eprintln", "print", "eprint", "dbg"] {
            if words(&source.code, name).any(|(_, after)| after.starts_with('!')) {
                faults.push(format!("src/{}.rs has {name}!; only ui prints", source.name));
            }
        }
    }
    faults
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n  {}\n", faults.join("\n  "));
}

#[test]
fn outside_crates_stay_behind_their_files() {
    assert_none(&crate_faults(&sources()));
}

#[test]
fn modules_know_only_what_stands_below_them() {
    let order = order();
    assert!(order.len() > 10, "lib.rs is not read as it should be: {order:?}");
    assert_none(&order_faults(&sources(), &order));
}

#[test]
fn phases_are_pure() {
    assert_none(&phase_faults(&sources()));
}

#[test]
fn only_ui_and_main_print() {
    assert_none(&print_faults(&sources()));
}

#[test]
fn every_dependency_has_its_place() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("Cargo.toml");
    let (_, dependencies) = manifest.split_once("[dependencies]").expect("dependencies");
    let dependencies = dependencies.split("\n[").next().expect("a section");
    let names: Vec<String> = dependencies
        .lines()
        .filter(|line| line.starts_with(char::is_alphabetic))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().replace('-', "_")))
        .collect();
    assert!(names.iter().any(|name| name == "tokio"), "{names:?}");
    let homeless: Vec<&String> = names.iter().filter(|name| !CRATES.iter().any(|(row, _)| row == name)).collect();
    assert!(homeless.is_empty(), "give these a row in CRATES: {homeless:?}");
}

/// The names of dependencies that no comment stands above.
fn unexplained(manifest: &str) -> Vec<&str> {
    let mut faults = Vec::new();
    let (mut listed, mut before) = (false, "");
    for line in manifest.lines() {
        if line.starts_with('[') {
            listed = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if let (true, Some((name, _))) = (listed && !line.starts_with('#'), line.split_once('='))
            && !before.starts_with('#')
        {
            faults.push(name.trim());
        }
        before = line;
    }
    faults
}

#[test]
fn every_dependency_says_why() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("Cargo.toml");
    assert_eq!(unexplained(&manifest), [""; 0]);
    let with = "[dependencies]\n# why\na = \"1\"\nb = \"1\"\n[dev-dependencies]\n\nc = { version = \"1\" }\n[lints.rust]\nd = \"deny\"\n";
    assert_eq!(unexplained(with), ["b", "c"]);
}

/// A rule that can not fail proves nothing: each is shown a violation, and the same thing where it is allowed.
#[test]
fn every_rule_sees_its_violation() {
    let faults = |rule: fn(&[Source]) -> Vec<String>, name: &str, text: &str| rule(&[Source::new(name, text)]).len();

    assert_eq!(faults(crate_faults, "plan", "use clap::Parser;"), 1);
    assert_eq!(faults(crate_faults, "plan", "#[derive(clap::Parser)] struct A;"), 1);
    assert_eq!(faults(crate_faults, "cli/args", "use clap::Parser;"), 0);
    assert_eq!(faults(crate_faults, "client", "use clap::Parser;"), 1);
    assert_eq!(faults(crate_faults, "transport/local", "use russh::client;"), 1);
    assert_eq!(faults(crate_faults, "transport/ssh/keys", "use russh::client;"), 0);
    assert_eq!(faults(crate_faults, "facts", "fn f() { tokio::spawn(g()); }"), 1);
    assert_eq!(faults(crate_faults, "execute/lane", "fn f() { tokio::spawn(g()); }"), 0);
    assert_eq!(faults(crate_faults, "plan", "// clap::Parser\n/* clap::A */ const A: &str = \"clap::Parser \\\" clap::B\";"), 0);
    assert_eq!(faults(crate_faults, "plan", "const A: &str = r#\"clap::\"A\" clap::B\"#; const C: char = '\"'; use clap::A;"), 1);
    assert_eq!(faults(crate_faults, "plan", "#[cfg(test)]\nmod tests { use clap::Parser; fn f() {} }\nfn g() {}"), 0);
    assert_eq!(faults(crate_faults, "plan", "#[cfg(test)]\nmod tests { fn f() {} }\nuse clap::Parser;"), 1);
    assert_eq!(faults(crate_faults, "plan", "#[cfg(test)]\nmod tests;\nuse clap::Parser;"), 1);
    assert_eq!(faults(crate_faults, "plan", "fn f<'a>(x: &'a str) { x.toml::<A>(); crate::toml::read(x); }"), 0);

    let order: Vec<String> = ["ui", "plan", "profile", "step"].map(str::to_owned).to_vec();
    let above = |name: &str, text: &str| order_faults(&[Source::new(name, text)], &order);
    assert_eq!(above("plan", "use crate::step::Step; use crate::plan::Plan;"), Vec::<String>::new());
    assert_eq!(above("step", "use crate::plan::Plan;"), ["src/step.rs knows plan, which stands above step in lib.rs"]);
    assert_eq!(above("step/id", "use crate::{\n    error::{Error, Kind},\n    ui,\n};").len(), 1);
    assert_eq!(above("step", "use crate::{error::{plan, ui}};").len(), 0);
    assert_eq!(above("step", "fn f() -> crate::plan::Plan { g() }").len(), 1);
    assert_eq!(above("step", "pub(crate) fn f() {} #[cfg(test)] use crate::plan::Plan;").len(), 0);

    assert_eq!(faults(phase_faults, "phase/init", "use crate::{error::Result, transport::Line};"), 1);
    assert_eq!(faults(phase_faults, "phase/init", "fn f() { tokio::spawn(g()) }"), 1);
    assert_eq!(faults(phase_faults, "phase/init", "use crate::scene::Scene; // not transport"), 0);

    assert_eq!(faults(print_faults, "execute", "fn f() { println!(\"\"); eprintln!(); }"), 2);
    assert_eq!(faults(print_faults, "ui/lines", "fn f() { println!(\"\"); }"), 0);
    assert_eq!(faults(print_faults, "main", "fn f() { eprintln!(\"\"); }"), 0);
}
