//! Strings that nobody thinks of, in every field of the cluster file: each is refused, or it arrives in what the shells of hosts are given
//! as data, and nothing of it is run. And the two ways in which data travels, word and file, through those shells for real.

#![allow(clippy::unwrap_used, reason = "a test that can not go on must fail")]
#![allow(clippy::print_stdout, reason = "the counts are for people: cargo test -- --nocapture")]

#[path = "fixture/secrets.rs"]
mod secrets;
#[path = "hostile_strings/shell_text.rs"]
mod shell_text;
#[path = "hostile_strings/travel.rs"]
mod travel;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use shell_text::{Context, contexts, without_data};
use slipway::{
    config::{self, Cluster, Host, Version},
    facts::{Cgroup, Facts, Os},
    lower,
    phase::PHASES,
    profile::{Changes, Profiles},
    scene::{Archive, Site, Stage},
    step::{Check, Op, Step},
};

/// What shells, YAML, terminals, formats and programs have a meaning for.
const PIECES: [&str; 40] = [
    "$(touch CANARY)",
    "`touch CANARY`",
    "${IFS}",
    "$x",
    "'",
    "'\\''",
    "\"",
    "\\",
    "\n",
    "\r",
    "\t",
    ";",
    "|",
    "&",
    ">",
    "<",
    "#",
    "!",
    "*",
    "?",
    "[a]",
    "~",
    "{a,b}",
    "(",
    ")",
    " ",
    "-rf",
    "--",
    "=",
    ":",
    "%s",
    "%",
    "\u{a0}",
    "é🚢",
    "\nEND\n",
    "END",
    "\u{1b}]0;x\u{7}",
    "\u{202e}",
    "a",
    "0",
];

/// What no script has of its own, in letters that every field takes.
const TAG: &str = "xq7";

/// What addresses, and much else that is not plain, may hold.
const MILD: [&str; 16] = ["&", "(", ")", "*", "!", "=", "%27", "-", ".", "~", ":", ";", "#", "?", ",", "/"];

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => prop::collection::vec(prop::sample::select(&MILD[..]), 1..5).prop_map(|pieces| pieces.concat()),
        3 => prop::collection::vec(prop::sample::select(&PIECES[..]), 1..7).prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<char>(), 1..40).prop_map(|letters| letters.into_iter().filter(|letter| *letter != '\0').collect()),
    ]
}

/// Tries as many cases as is usual, or more in a long test, from a seed that is printed and that the environment can give again.
fn runner(what: &str, usual: u32) -> TestRunner {
    let given = |name: &str| std::env::var(name).ok();
    let cases = match given("SLIPWAY_FAULTS").as_deref() {
        Some("long") => usual * 20,
        Some(number) => number.parse().unwrap(),
        None => usual,
    };
    let seed = given("SLIPWAY_FAULT_SEED").map_or_else(|| u64::from(getrandom::u32().unwrap()), |seed| seed.parse().unwrap());
    println!("{what}: {cases} cases, SLIPWAY_FAULTS={cases} SLIPWAY_FAULT_SEED={seed}");
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat());
    TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, random)
}

/// Those that are here of the shells that hosts have.
fn shells() -> Vec<&'static str> {
    let paths: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
    ["sh", "dash", "bash"].into_iter().filter(|shell| paths.iter().any(|path| path.join(shell).exists())).collect()
}

/// The texts in the YAML of a file.
fn yaml_texts(value: &serde_yaml_ng::Value, found: &mut Vec<String>) {
    match value {
        serde_yaml_ng::Value::String(text) => found.push(text.clone()),
        serde_yaml_ng::Value::Sequence(list) => list.iter().for_each(|value| yaml_texts(value, found)),
        serde_yaml_ng::Value::Mapping(map) => map.values().for_each(|value| yaml_texts(value, found)),
        _ => {}
    }
}

/// What is known of a host that has nothing.
fn bare(id: &str, version: &str) -> Facts {
    let os = Os { id: id.to_owned(), version: version.to_owned(), ..Os::default() };
    Facts { os, systemd: true, cgroup: Cgroup::V2, oom_score_adj_lowers: true, ..Facts::default() }
}

/// The steps of a whole run for this cluster, on hosts that have nothing: the second one with rpm, the others with deb.
fn steps(cluster: &Cluster) -> Option<Vec<Step>> {
    let profiles = Profiles::load(None).unwrap();
    let site = |(index, host): (usize, &Host)| {
        let mut facts = if index == 1 { bare("rocky", "9.6") } else { bare("debian", "12") };
        facts.selinux = (index == 1).then(|| "enforcing".to_owned());
        if index != 1 {
            facts.os.codename = "bookworm".to_owned();
        }
        let runtime = profiles.runtime_of(cluster.runtime.as_deref(), &facts, cluster.kubernetes.minor);
        Some(Site {
            profile: profiles.os(host.profile.as_deref(), &facts.os).ok()?.clone().into(),
            runtime: runtime.ok()?.clone().into(),
            node_ip: host.node_ip.unwrap_or_else(|| format!("192.168.56.{}", index + 11).parse().unwrap()),
            host: host.clone(),
            facts,
        })
    };
    let sites = cluster.hosts.iter().enumerate().map(site).collect::<Option<Vec<Site>>>()?;
    let secrets = secrets::secrets();
    let archives = cluster.images.archives.iter().map(|path| Archive { path: path.clone(), sha256: "0".repeat(64) }).collect();
    let stage = Stage {
        cluster,
        version: Version { major: 1, minor: 34, patch: 2 },
        sites: sites.into(),
        cni: None,
        changes: Changes::of(&profiles),
        secrets: &secrets,
        manifest: Some("kind: List\n".to_owned()),
        archives,
        direct: Default::default(),
        first: Default::default(),
    };
    let mut steps: Vec<Step> = Vec::new();
    for scene in stage.scenes() {
        for phase in PHASES {
            steps.extend((phase.steps)(&scene).map_err(|error| println!("{error}")).ok()?);
        }
    }
    assert!(steps.iter().any(|step| step.check != Check::Never));
    Some(steps)
}

/// The places of all strings in a file.
fn fields(at: &mut Vec<String>, value: &toml::Value, found: &mut Vec<Vec<String>>) {
    match value {
        toml::Value::String(_) => found.push(at.clone()),
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| {
            at.push(key.clone());
            fields(at, value, found);
            at.pop();
        }),
        toml::Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| {
            at.push(index.to_string());
            fields(at, value, found);
            at.pop();
        }),
        _ => {}
    }
}

fn field<'a>(value: &'a mut toml::Value, at: &[String]) -> &'a mut toml::Value {
    at.iter().fold(value, |value, key| match value {
        toml::Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
        table => table.get_mut(key.as_str()).unwrap(),
    })
}

/// A cluster file with every key, its name, and the places of its strings.
fn full() -> (toml::Value, &'static Path, Vec<Vec<String>>) {
    let path = Path::new("tests/config/good/full.toml");
    let mut file: toml::Value = fs::read_to_string(path).unwrap().parse::<toml::Table>().unwrap().into();
    // The runtime whose images may come from mirrors.
    file["cluster"]["runtime"] = "containerd".into();
    let mut places = Vec::new();
    fields(&mut Vec::new(), &file, &mut places);
    assert!(places.len() > 50, "{places:?}");
    (file, path, places)
}

/// Some of the fields whose text a host is given: of the cluster, of each of its hosts, and for each format of packages.
const GIVEN: [&str; 20] = [
    "cluster.apiserver_extra_args.audit-log-path",
    "cluster.cni",
    "cluster.endpoint",
    "cluster.kubelet_extra_args.max-pods",
    "cluster.name",
    "cluster.skip_phases.0",
    "host.0.address",
    "host.0.name",
    "host.1.name",
    "host.2.name",
    "images.mirror.0.url",
    "images.repository",
    "packages.key",
    "packages.mirror",
    "packages.rpm.key",
    "packages.rpm.mirror",
    "packages.rpm.runtime.url",
    "packages.rpm.url",
    "packages.url",
    "proxy.no_proxy.0",
];

/// Hostile texts are looked for where texts of these fields come to stand: of what never gets there nothing is seen, whatever it does.
#[test]
fn what_the_fields_of_the_cluster_file_say_arrives_in_steps() {
    let (file, path, places) = full();
    let arrives = |place: &Vec<String>| {
        let mut changed = file.clone();
        let value = field(&mut changed, place);
        *value = format!("{}{TAG}", value.as_str().unwrap()).into();
        let cluster = config::parse(&toml::to_string(&changed).unwrap(), path).ok()?;
        Some(lower::script(&steps(&cluster)?.iter().collect::<Vec<_>>()).contains(TAG))
    };
    let arrived: BTreeSet<String> =
        places.iter().filter(|place| arrives(place) == Some(true)).map(|place| place.join(".")).collect();
    let missing: Vec<&str> = GIVEN.into_iter().filter(|place| !arrived.contains(*place)).collect();
    assert!(missing.is_empty(), "{missing:?} do not arrive; these do: {arrived:?}");
}

#[test]
fn no_field_of_the_cluster_file_brings_a_command() {
    let (file, path, places) = full();
    let whole = config::parse(&toml::to_string(&file).unwrap(), path).unwrap();
    assert!(steps(&whole).is_some(), "the file itself is good");
    let (refused, arrived, in_yaml, taken) = (Cell::new(0), Cell::new(0), Cell::new(0), RefCell::new(BTreeSet::new()));
    let way = prop::sample::select(vec!["alone", "behind", "before"]);
    runner("hostile fields", 120)
        .run(&(prop::sample::select(places), hostile(), way), |(place, text, way)| {
            let mut changed = file.clone();
            let value = field(&mut changed, &place);
            let old = value.as_str().unwrap().to_owned();
            // To be found again wherever it comes to stand.
            let text = format!("{TAG}{text}{TAG}");
            let new = match way {
                "alone" => text,
                "behind" => format!("{old}{text}"),
                _ => format!("{text}{old}"),
            };
            *value = toml::Value::String(new.clone());
            let cluster = match config::parse(&toml::to_string(&changed).unwrap(), path) {
                Ok(cluster) => cluster,
                Err(error) => {
                    let said = format!("{error}{}", error.hints.concat());
                    prop_assert!(!said.chars().any(|letter| letter.is_control() && letter != '\n'), "{:?}", said);
                    refused.set(refused.get() + 1);
                    return Ok(());
                }
            };
            let Some(steps) = steps(&cluster) else {
                refused.set(refused.get() + 1);
                return Ok(());
            };
            for op in steps.iter().flat_map(|step| &step.apply) {
                let Op::Write(file) = op else { continue };
                if file.content.contains(TAG) && file.content.starts_with("apiVersion:") {
                    let mut texts = Vec::new();
                    for document in serde_yaml_ng::Deserializer::from_str(&file.content) {
                        yaml_texts(&serde::Deserialize::deserialize(document).unwrap(), &mut texts);
                    }
                    let is_argument = place.iter().any(|key| key.ends_with("_extra_args"));
                    prop_assert!(!is_argument || texts.contains(&new), "{:?} in {:?}: {:?}", new, place, texts);
                    in_yaml.set(in_yaml.get() + 1);
                }
            }
            let script = lower::script(&steps.iter().collect::<Vec<_>>());
            // What stands in files is data; of the rest, the text may stand where a shell takes it as it is.
            let code = without_data(&script);
            let contexts = contexts(&code);
            prop_assert_eq!(contexts.last(), Some(&Context::Plain), "{:?} in {:?}", new, place);
            let tagged = &new[new.find(TAG).unwrap()..];
            let harmless = tagged.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+:@,%=[]".contains(letter));
            let mut rest = 0;
            while let Some(at) = code[rest..].find(TAG).map(|found| rest + found) {
                let fits = match contexts[at] {
                    // Only a quote of its kind ends a single-quoted word, so that other forms of the text (of an address, say) are as good.
                    Context::Single => !tagged.contains('\'') || code[at..].starts_with(&tagged.replace('\'', r"'\''")),
                    Context::Double => !tagged.contains(['$', '`', '"', '\\']),
                    Context::Plain => harmless,
                    Context::Comment => !code[at..].starts_with(tagged) || !tagged.contains(['\n', '\r']),
                };
                prop_assert!(
                    fits,
                    "{:?} in {:?}: {:?} stands in {:?}",
                    new,
                    place,
                    contexts[at],
                    &code[at.saturating_sub(60)..at + 20]
                );
                arrived.set(arrived.get() + 1);
                rest = at + tagged.replace('\'', r"'\''").len();
            }
            taken.borrow_mut().insert(place.join("."));
            for shell in shells() {
                let mut child = Command::new(shell).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
                prop_assert!(child.wait().unwrap().success(), "{:?} in {:?} breaks {}", new, place, shell);
            }
            Ok(())
        })
        .unwrap();
    println!(
        "hostile fields: {} values refused; {} times in a script and {} times in kubeadm's YAML as they were, all data; accepted in {:?}",
        refused.get(),
        arrived.get(),
        in_yaml.get(),
        taken.borrow()
    );
}
