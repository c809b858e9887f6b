//! The commands that only look: plan, render, status, kubeconfig.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use super::{
    Run, build, diffs, kubeconfig, leftovers,
    session::Session,
    site,
    site::{Known, Surveyed},
};
use crate::{
    cli,
    config::{Cluster, Host, Role},
    error::{Error, Kind, Result, nearest},
    execute::survey::{Remember, ask_host},
    facts::Facts,
    graph::{Graph, Selection},
    lower::{self, Asked, Program},
    phase::{
        PHASES,
        reset::{self, Reset},
    },
    profile::{Knowledge, Profiles},
    render,
    step::Step,
    ui::{self, StatusRow},
};

/// Opens the cluster, with nothing to see but the connections being made.
async fn look(run: &Run) -> Result<(Known, Session)> {
    let session = Session::start(run.quiet_ui(), &run.begun);
    match build::open(run, &session).await {
        Ok(known) => Ok((known, session)),
        Err(error) => {
            close(session).await;
            Err(error)
        }
    }
}

async fn close(session: Session) {
    if let Some((ui, _)) = session.end().await {
        ui.abandon();
    }
}

/// `slipway plan`.
pub(super) async fn plan(run: &Run, diff: bool) -> Result<u8> {
    let (known, session) = look(run).await?;
    let all: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    let looking = async {
        let plan = build::plan(run, &known, &all, Remember::Nothing).await?;
        let diffs = if diff { Some(diffs::diffs(&known, &plan).await) } else { None };
        Ok::<_, Error>((plan, diffs))
    };
    let looked = session.unless_stopped(&run.typed(), looking).await.flatten();
    close(session).await;
    let (plan, diffs) = looked?;
    let findings = build::findings(run, &known)?;
    if !findings.is_empty() {
        ui::findings(&findings, run.json)?;
    }
    ui::plan(&plan, run.json)?;
    if let Some(diffs) = diffs {
        ui::diff(&diffs?)?;
    }
    Ok(if findings.iter().any(|finding| finding.fatal) { Kind::Preflight.exit_code() } else { 0 })
}

/// `slipway render`.
pub(super) async fn render(run: &Run, wanted: cli::Render) -> Result<u8> {
    if wanted.form == cli::Form::ResetScript {
        return reset_script(run, &wanted);
    }
    if wanted.purge {
        return Err(Error::new(Kind::Usage, "--purge is for a reset script").hint("slipway render reset-script --purge"));
    }
    let (mut known, session) = look(run).await?;
    close(session).await;
    // A script is for people to read and to keep.
    if known.secrets.proxy_password.is_some() {
        known.secrets.proxy_password = Some(render::PROXY_PASSWORD.to_owned());
    }
    let names: Vec<&str> = known.sites.iter().map(|site| site.host.name.as_str()).collect();
    let host = match wanted.host.as_str() {
        "all" => None,
        name if names.contains(&name) => Some(name),
        name => return Err(no_such_host(name, &names)),
    };
    // By default a script prepares the host: what comes after that holds secrets, and needs the other hosts.
    let default: Vec<&str> =
        if wanted.form == cli::Form::Script { vec!["install"] } else { PHASES.iter().map(|phase| phase.name).collect() };
    let phases = wanted.phase.as_deref().map_or(default, |phase| vec![phase]);
    let graph = known.graph(&phases)?;
    let of_host = |step: &&Step| host.is_none_or(|name| step.id.host == name);
    let text = match (wanted.form, host) {
        (cli::Form::Script, Some(name)) => render::script(&graph, name),
        (cli::Form::Script, None) => names.iter().map(|name| render::script(&graph, name)).collect::<Vec<_>>().join("\n"),
        (cli::Form::Dot, _) => render::dot(&graph.on_hosts(|name| host.is_none_or(|wanted| wanted == name))),
        (cli::Form::Mermaid, _) => render::mermaid(&graph.on_hosts(|name| host.is_none_or(|wanted| wanted == name))),
        (cli::Form::Checks, Some(_)) if wanted.phase.is_none() => {
            // What a run that has nothing to do sends: the host knows its checks already.
            lower::survey_program("slipway-checks", &[], Asked::FactsAndChecks).text().to_owned()
        }
        (cli::Form::ResetScript, _) => return reset_script(run, &wanted),
        (cli::Form::Checks, _) => lower::checks_program("slipway-checks", graph.steps().filter(of_host), false).text().to_owned(),
    };
    ui::print(&text)?;
    Ok(0)
}

/// The script that resets whatever machine it is run on: no cluster file is read, and no host asked.
fn reset_script(run: &Run, wanted: &cli::Render) -> Result<u8> {
    if wanted.host != "all" || wanted.phase.is_some() {
        return Err(Error::new(Kind::Usage, "a reset script is for any machine, and has no phases")
            .hint("slipway render reset-script >reset.sh"));
    }
    let profiles = Profiles::load(run.profiles.as_deref())?;
    let (here, knowledge) = (["this-machine"], Knowledge::of(&profiles));
    let steps = reset::steps(&Reset {
        hosts: &here,
        control_planes: &[],
        staying: &[],
        peers: &BTreeMap::new(),
        leaves_alone: true,
        ends: false,
        purge: wanted.purge,
        knowledge: &knowledge,
    });
    let graph = Graph::new(steps)?.select(&Selection { only: run.only.clone(), skip: run.skip.clone() })?;
    ui::print(&render::reset_script(&graph, &reset::listing(&knowledge, false), wanted.purge))?;
    Ok(0)
}

pub(super) fn no_such_host(name: &str, names: &[&str]) -> Error {
    let error = Error::new(Kind::Invalid, format!("no host of the cluster file is called {name:?}"));
    match nearest(name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}? The hosts are {}", names.join(", "))),
        None => error.hint(format!("the hosts are {}", names.join(", "))),
    }
}

/// `slipway status`. Hosts out of reach are part of the answer, and of the exit code.
pub(super) async fn status(run: &Run) -> Result<u8> {
    let cluster = run.cluster()?;
    let profiles = Profiles::load(run.profiles.as_deref())?;
    let session = Session::start(run.quiet_ui(), &run.begun);
    let looking = async {
        let survey = site::survey(&cluster.hosts, Asked::Facts, &session.ask, run.concurrency, &session.events);
        let surveyed = survey.await;
        let told = node_states(&surveyed).await;
        (surveyed, told)
    };
    let looked = session.unless_stopped(&run.typed(), looking).await;
    close(session).await;
    let (surveyed, (states, note)) = looked?;
    let mut rows = Vec::new();
    for host in &cluster.hosts {
        let mut row = StatusRow {
            host: host.name.clone(),
            address: host.address.clone(),
            role: host.role.to_string(),
            state: "unreachable".to_owned(),
            ..StatusRow::default()
        };
        if let Some((_, facts)) = surveyed.facts.iter().find(|(other, _)| other.name == host.name) {
            row.os.clone_from(&facts.os.name);
            row.kubelet = facts.versions.get("kubelet").cloned().unwrap_or_default();
            row.runtime = runtime(&profiles, &cluster, facts);
            let joined = facts.kubernetes.kubelet_conf;
            row.state = match states.get(&host.name).map(String::as_str) {
                Some("True") => "Ready",
                Some("False") => "NotReady",
                Some(_) => "Unknown",
                None if joined => "joined",
                None => "absent",
            }
            .to_owned();
            row.note =
                facts.kubernetes.attempt.as_ref().map(|attempt| format!("a kubeadm {attempt} was cut short")).unwrap_or_default();
        }
        rows.push(row);
    }
    if let (Some(note), Some(row)) = (note, rows.first_mut()) {
        row.note = note;
    }
    let printed = ui::status(&rows, run.json);
    leftovers::one(surveyed.errors.into_iter().chain(printed.err())).map_or(Ok(0), Err)
}

/// The Ready condition of each node, says the first control plane that answers; or why none does.
async fn node_states(surveyed: &Surveyed) -> (BTreeMap<String, String>, Option<String>) {
    let mut note = None;
    for (host, _) in surveyed.facts.iter().filter(|(_, facts)| facts.kubernetes.admin_conf) {
        let Some(transport) = surveyed.hosts.get(&host.name) else { continue };
        match ask_host(transport, &Program::of(NODE_STATES)).await {
            Ok(lines) => {
                let pairs = lines.iter().filter_map(|line| line.split_once(' '));
                return (pairs.map(|(name, state)| (name.to_owned(), state.to_owned())).collect(), None);
            }
            Err(error) => note = Some(format!("the API server on {} does not answer: {error}", host.name)),
        }
    }
    (BTreeMap::new(), note)
}

/// Name and version of the runtime that a host has, or nothing.
fn runtime(profiles: &Profiles, cluster: &Cluster, facts: &Facts) -> String {
    // What the cluster file wants is not asked for: a status says what is there.
    let Ok(profile) = profiles.runtime_of(None, facts, cluster.kubernetes.minor) else { return String::new() };
    facts.versions.get(&profile.name).map(|version| format!("{} {version}", profile.name)).unwrap_or_default()
}

/// Name and Ready condition of each node, a line each.
const NODE_STATES: &str = r#"kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
"#;

/// `slipway kubeconfig`.
pub(super) async fn kubeconfig(run: &Run, wanted: cli::Kubeconfig) -> Result<u8> {
    let cluster = run.cluster()?;
    let name = &cluster.name;
    let admin = fetch_admin(run, &cluster).await?;
    if wanted.merge {
        let path = home_config()?;
        let existing = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::new(Kind::NoFile, format!("{} cannot be read", path.display())).because(error)),
        };
        kubeconfig::write_private(&path, &kubeconfig::merge(&existing, &admin, name)?)?;
        ui::tell(&format!(
            "merged into {} as context {name}, which is the current one now; try: kubectl get nodes\n",
            path.display()
        ));
    } else if let Some(path) = wanted.out {
        kubeconfig::write_private(&path, &admin)?;
        ui::tell(&format!("wrote {}; try: kubectl --kubeconfig {0} get nodes\n", path.display()));
    } else {
        ui::print(&admin)?;
    }
    Ok(0)
}

/// From whichever control plane answers and has it: other hosts need not even be up.
async fn fetch_admin(run: &Run, cluster: &Cluster) -> Result<String> {
    let control_planes: Vec<Host> = cluster.hosts.iter().filter(|host| host.role == Role::ControlPlane).cloned().collect();
    let session = Session::start(run.quiet_ui(), &run.begun);
    let fetching = async {
        let survey = site::survey(&control_planes, Asked::Facts, &session.ask, run.concurrency, &session.events);
        let mut surveyed = survey.await;
        let holder = surveyed.facts.iter().find(|(_, facts)| facts.kubernetes.admin_conf).or(surveyed.facts.first());
        match holder.and_then(|(host, _)| Some((&host.name, surveyed.hosts.get(&host.name)?))) {
            Some((name, transport)) => kubeconfig::fetch_from(name, transport).await,
            None => Err(surveyed.errors.remove(0)),
        }
    };
    let fetched = session.unless_stopped(&run.typed(), fetching).await.flatten();
    close(session).await;
    fetched
}

fn home_config() -> Result<PathBuf> {
    let home = env::var_os("HOME").filter(|home| !home.is_empty());
    let home =
        home.ok_or_else(|| Error::new(Kind::Invalid, "HOME is not set, so there is no ~/.kube/config").hint("use --out FILE"))?;
    Ok(PathBuf::from(home).join(".kube/config"))
}
