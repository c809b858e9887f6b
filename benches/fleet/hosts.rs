//! Hosts of a cluster on which nothing is to be done, all in one process: each an SSH server at an address of its own on the loopback,
//! behind a wire that takes its time. Their answers are those of real hosts, kept in tests/facts, with names and addresses changed.

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use russh::{
    Channel, ChannelId,
    keys::PrivateKey,
    server::{self, Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use slipway::lower::sha256;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    ROUND_TRIP,
    cluster::{ADMIN_CONF, KEYS},
    wire::{Manner, Wire},
};

/// The argument by which this program becomes the hosts.
pub(crate) const MODE: &str = "hosts";

const CONTROL_PLANE: &str = include_str!("../../tests/facts/debian12-control-plane.txt");
const WORKER: &str = include_str!("../../tests/facts/debian12-worker.txt");

pub(crate) fn address(index: usize) -> String {
    format!("127.77.{}.{}", index / 250, index % 250 + 1)
}

/// The process of the hosts: it ends with this value.
pub(crate) struct Fleet {
    pub(crate) port: u16,
    child: Child,
    orders: Option<ChildStdin>,
    answers: Mutex<BufReader<ChildStdout>>,
}

impl Fleet {
    pub(crate) fn start(count: usize) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([MODE, &count.to_string(), KEYS.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the hosts do not come up");
        Self { port, child, orders, answers: Mutex::new(answers) }
    }

    /// From now on these hosts do not answer, each in its own way, and all others do: `mute` never says a word, and `stuck` takes a
    /// program and says nothing about it.
    pub(crate) fn silence(&self, hosts: &[(&str, usize)]) {
        let mut orders = self.orders.as_ref().unwrap();
        let words: Vec<String> = hosts.iter().map(|(how, host)| format!("{how} {host}")).collect();
        writeln!(orders, "{}", words.join(",")).unwrap();
        self.answers.lock().unwrap().read_line(&mut String::new()).unwrap();
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.child.wait();
    }
}

/// What the hosts have in common.
struct Ground {
    config: Arc<server::Config>,
    /// The digests of the checks that each host remembers.
    checks: Mutex<HashMap<usize, Arc<Vec<String>>>>,
    silent: Mutex<HashMap<usize, Silent>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Silent {
    Mute,
    Stuck,
}

/// Serves until nobody is left who gives orders.
pub(crate) fn serve(count: usize, keys: &str) {
    let key = PrivateKey::read_openssh_file(std::path::Path::new(keys).join("host")).unwrap();
    let config = server::Config {
        keys: vec![key],
        auth_rejection_time: Duration::ZERO,
        nodelay: true,
        inactivity_timeout: None,
        ..server::Config::default()
    };
    let ground = Arc::new(Ground { config: Arc::new(config), checks: Mutex::default(), silent: Mutex::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let port = runtime.block_on(async {
        let first = TcpListener::bind((address(0), 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        tokio::spawn(listen(0, first, Arc::clone(&ground)));
        for index in 1..count {
            let listener = TcpListener::bind((address(index), port)).await.unwrap();
            tokio::spawn(listen(index, listener, Arc::clone(&ground)));
        }
        port
    });
    println!("{port}");
    for order in std::io::stdin().lines().map_while(Result::ok) {
        let of = |words: &str| {
            let (how, host) = words.split_once(' ')?;
            Some((host.parse().ok()?, if how == "mute" { Silent::Mute } else { Silent::Stuck }))
        };
        *ground.silent.lock().unwrap() = order.split(',').filter_map(of).collect();
        println!("done");
    }
    runtime.shutdown_background();
}

async fn listen(index: usize, listener: TcpListener, ground: Arc<Ground>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(index, stream, Arc::clone(&ground)));
    }
}

async fn answer(index: usize, mut stream: TcpStream, ground: Arc<Ground>) {
    let silent = ground.silent.lock().unwrap().get(&index).copied();
    if silent == Some(Silent::Mute) {
        return std::future::pending().await;
    }
    stream.set_nodelay(true).unwrap();
    // SYN and SYN-ACK.
    tokio::time::sleep(ROUND_TRIP).await;
    let (_, mut ours, theirs) = Wire::new(Manner { delay: ROUND_TRIP / 2, ..Manner::default() });
    let config = Arc::clone(&ground.config);
    let visit = Visit { index, ground, is_stuck: silent == Some(Silent::Stuck), programs: HashMap::new() };
    let session = async {
        if let Ok(session) = server::run_stream(config, theirs, visit).await {
            let _ = session.await;
        }
    };
    let _ = tokio::join!(session, tokio::io::copy_bidirectional(&mut stream, &mut ours));
}

struct Visit {
    index: usize,
    ground: Arc<Ground>,
    is_stuck: bool,
    programs: HashMap<ChannelId, Vec<u8>>,
}

impl Handler for Visit {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, _: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.programs.insert(id, Vec::new());
        session.channel_success(id)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Self::Error> {
        if let Some(program) = self.programs.get_mut(&id) {
            program.extend_from_slice(data);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        let Some(program) = self.programs.remove(&id) else { return Ok(()) };
        if self.is_stuck {
            return Ok(());
        }
        let program = String::from_utf8(program).unwrap();
        let (said, status) = self.run(&program);
        let marker = program.lines().next().and_then(|line| line.split([' ', ';']).nth(1)).unwrap_or_default();
        session.data(id, format!("{marker}\n{said}").into_bytes())?;
        session.extended_data(id, 1, format!("{marker}\n").into_bytes())?;
        session.exit_status_request(id, status)?;
        session.eof(id)?;
        session.close(id)
    }
}

impl Visit {
    /// What a host would print on which nothing is to be done.
    fn run(&self, program: &str) -> (String, u32) {
        let nonce = program.split("NONCE=").nth(1).and_then(|rest| rest.split([' ', '\n']).next()).unwrap_or_default();
        let nonce = nonce.trim_matches('\'');
        if !program.contains("survey-end") {
            return (String::new(), 1);
        }
        let mut said = String::new();
        if program.contains("\nprobe\n") {
            said = facts(self.index).replace("n0nce", nonce);
            if program.contains("STATE/checks")
                && let Some(checks) = self.ground.checks.lock().unwrap().get(&self.index)
            {
                checks.iter().for_each(|digest| writeln!(said, "{nonce} check {digest} 1").unwrap());
            }
        } else {
            let digests: Vec<String> = program
                .split("printf '%s check ")
                .skip(1)
                .chain(program.split("printf '\\''%s check ").skip(1))
                .filter_map(|rest| rest.get(..32).map(str::to_owned))
                .collect();
            digests.iter().for_each(|digest| writeln!(said, "{nonce} check {digest} 1").unwrap());
            self.ground.checks.lock().unwrap().insert(self.index, Arc::new(digests));
        }
        (format!("{said}{nonce} survey-end\n"), 0)
    }
}

/// A host of the fleet, as its probe would describe it.
fn facts(index: usize) -> String {
    let (text, name, ip, machine) = match index {
        0 => (CONTROL_PLANE, "node1", "192.168.77.11", "f48203ffe36c4f78a234cf2e6606a8ec"),
        _ => (WORKER, "node2", "192.168.77.12", "0ce453202f26467fb3222556e964c54a"),
    };
    let mut said = String::with_capacity(text.len());
    let (mut count, mut end) = (0, "");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fact = line.strip_prefix("n0nce fact ").unwrap_or_default();
        if line.contains("facts-end") {
            end = line;
        } else if !fact.starts_with("peer ") && !fact.starts_with("bridge-subnet") {
            count += 1;
            match line.ends_with("/etc/kubernetes/admin.conf") {
                true => writeln!(said, "n0nce fact sum {}  /etc/kubernetes/admin.conf", sha256(ADMIN_CONF)).unwrap(),
                false => writeln!(said, "{line}").unwrap(),
            }
        }
    }
    assert!(!end.is_empty());
    writeln!(said, "n0nce facts-end {count}").unwrap();
    let own = format!("10.77.{}.{}", index / 250, index % 250 + 1);
    let server = "192.168.77.11:6443";
    said.replace(server, "SERVER")
        .replace(ip, &own)
        .replace("/24 scope global", "/16 scope global")
        .replace("SERVER", "10.77.0.1:6443")
        .replace(&format!("hostname {name}"), &format!("hostname node{}", index + 1))
        .replace(machine, &format!("{index:032x}"))
}
