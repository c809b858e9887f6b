//! One run of slipway, with what it took: a process between this one and slipway's asks the kernel for that.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::RecvTimeoutError,
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};

use crate::cluster::{Cluster, KEYS};

/// The argument by which this program becomes the one between.
pub(crate) const MODE: &str = "measure";

/// Nothing here may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// How slipway is run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Client {
    /// With its key in an agent, and nowhere else.
    pub(crate) agent: bool,
    /// With at most so many open files.
    pub(crate) files: Option<usize>,
    /// With a line for each event, by which it is known when a host has answered.
    pub(crate) watched: bool,
}

/// What a run took.
pub(crate) struct Measured {
    pub(crate) hosts: usize,
    pub(crate) wall: Duration,
    /// Of slipway alone.
    pub(crate) cpu: Duration,
    /// The most memory that slipway had at once.
    pub(crate) peak_kib: u64,
    /// When each host had answered, from the start of slipway.
    pub(crate) answered: Vec<Duration>,
    pub(crate) good: bool,
    pub(crate) said: String,
}

/// Runs a command, and writes what it took: microseconds on the processor, and KiB of memory.
pub(crate) fn run(report: &str, command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).status().unwrap();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    let cpu = micros(used.user_time()) + micros(used.system_time());
    fs::write(report, format!("{cpu} {}", used.max_rss())).unwrap();
    std::process::exit(status.code().unwrap_or(255));
}

impl Client {
    /// Runs `slipway up` on a cluster on which nothing is to do, and of which some hosts do not answer: then it is ended when all
    /// others have.
    pub(crate) fn up(self, cluster: &Cluster, silent: usize) -> Measured {
        let agent = self.agent.then(Agent::start);
        let report = cluster.dir.join("report");
        let _ = fs::remove_file(&report);
        let slipway = env::var("SLIPWAY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_slipway").to_owned());
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg(MODE).arg(&report);
        if let Some(files) = self.files {
            command.args(["sh", "-c", &format!("ulimit -n {files}; exec \"$@\""), "sh"]);
        }
        command.args([&slipway, "up", "-c"]).arg(cluster.dir.join("cluster.toml"));
        if self.watched {
            command.args(["--output", "json"]);
        }
        command.env_remove("SSH_AUTH_SOCK").env_remove("XDG_STATE_HOME").env("HOME", cluster.dir.join("home"));
        if let Some(agent) = &agent {
            command.env("SSH_AUTH_SOCK", &agent.socket);
        }
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
        let group = child.id();
        let (ended, ends) = std::sync::mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            if ends.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                end(group);
            }
        });
        let (mut answered, mut said) = (Vec::new(), String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if line.starts_with(r#"{"at"#) || line.starts_with(r#"{"event"#) {
                if !line.contains(r#""event":"host""#) || !line.contains(r#""state":"ready""#) {
                    continue;
                }
                answered.push(began.elapsed());
                if answered.len() + silent == cluster.count && silent > 0 {
                    end(group);
                }
            } else {
                said = said.split_off(said.len().saturating_sub(2000)) + &line + "\n";
            }
        }
        let output = child.wait_with_output().unwrap();
        let wall = began.elapsed();
        drop(ended);
        watchdog.join().unwrap();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        let good = if silent > 0 { answered.len() + silent == cluster.count } else { output.status.success() };
        let took = fs::read_to_string(&report).unwrap_or_default();
        let mut took = took.split(' ').filter_map(|number| number.parse::<u64>().ok());
        Measured {
            hosts: cluster.count,
            wall,
            cpu: Duration::from_micros(took.next().unwrap_or_default()),
            peak_kib: took.next().unwrap_or_default(),
            answered,
            good,
            said,
        }
    }
}

/// Ends slipway and the process before it.
fn end(group: u32) {
    let _ = Command::new("kill").args(["-9", "--", &format!("-{group}")]).stderr(Stdio::null()).status();
}

/// An agent with the key of the fleet.
struct Agent {
    socket: PathBuf,
    process: Child,
}

impl Agent {
    fn start() -> Self {
        let socket = KEYS.join("agent");
        let process = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        while !socket.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        let added = Command::new("ssh-add").arg("-q").arg(KEYS.join("user")).env("SSH_AUTH_SOCK", &socket).status().unwrap();
        assert!(added.success(), "no key in the agent");
        Self { socket, process }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.socket);
    }
}
