//! A host in this process: russh's server in front, and the real `sh` of this machine behind it, in a directory of its own.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use russh::{
    Channel, ChannelId, Limits,
    keys::{Algorithm, HashAlg, PrivateKey},
    server::{self, Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use slipway::{
    config::Ssh,
    transport::ssh::{Opening, Stream, Streams},
};

use crate::wire::{Manner, Wire};

/// The keys of all hosts and of all who log in: what makes them has nothing to do with what is tested.
static HOST_KEY: LazyLock<PrivateKey> = LazyLock::new(new_key);
static USER_KEY: LazyLock<PrivateKey> = LazyLock::new(new_key);

fn new_key() -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap()
}

/// What a program was, and what it printed.
pub(crate) struct Ran {
    pub(crate) text: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: u32,
}

pub(crate) struct Host {
    pub(crate) dir: PathBuf,
    pub(crate) wires: Mutex<Vec<Wire>>,
    /// How many programs came whole, and were run.
    pub(crate) execs: AtomicUsize,
    /// The last answers to programs that change nothing (surveys), without the words that are new each time.
    surveys: Mutex<HashMap<String, Ran>>,
    /// How many bytes of output are still read before the host drops the connection; as many as there are, if the largest number.
    pub(crate) listens: AtomicUsize,
    /// How many bytes are sent between two exchanges of keys; 0 for as many as usual.
    pub(crate) rekeys: usize,
}

impl Host {
    pub(crate) fn new() -> Arc<Self> {
        Self::that_rekeys(0)
    }

    pub(crate) fn that_rekeys(rekeys: usize) -> Arc<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("slipway-faults-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // In memory where there is such a directory: programs have what they write brought to the disk.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { memory.join(name) } else { std::env::temp_dir().join(name) };
        fs::create_dir_all(dir.join("root")).unwrap();
        Arc::new(Self {
            dir,
            wires: Mutex::default(),
            execs: AtomicUsize::new(0),
            surveys: Mutex::default(),
            listens: AtomicUsize::new(usize::MAX),
            rekeys,
        })
    }

    /// Takes away all that programs have made.
    pub(crate) fn wipe(&self) {
        for part in ["root", "state", "run"] {
            let _ = fs::remove_dir_all(self.dir.join(part));
        }
        fs::create_dir_all(self.dir.join("root")).unwrap();
        self.wires.lock().unwrap().clear();
        self.execs.store(0, Ordering::SeqCst);
    }

    /// All that programs have made, by path: what a run is judged by.
    pub(crate) fn made(&self) -> BTreeMap<String, String> {
        let mut made = BTreeMap::new();
        let mut directories = vec![self.dir.join("root"), self.dir.join("state")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    made.insert(path.strip_prefix(&self.dir).unwrap().display().to_string(), fs::read_to_string(&path).unwrap());
                }
            }
        }
        made
    }

    /// The way there: the first connection has the first of these manners, and so on; all further ones have none.
    pub(crate) fn streams(self: &Arc<Self>, manners: &[Manner]) -> Streams {
        let (host, manners, opened) = (Arc::clone(self), manners.to_vec(), Arc::new(AtomicUsize::new(0)));
        Streams::new(move || -> Opening {
            let nth = opened.fetch_add(1, Ordering::SeqCst);
            let host = Arc::clone(&host);
            let manner = manners.get(nth).copied().unwrap_or_default();
            Box::pin(async move {
                // SYN and SYN-ACK.
                tokio::time::sleep(manner.delay * 2).await;
                Ok(Box::new(host.answer(manner)) as Box<dyn Stream>)
            })
        })
    }

    fn answer(self: &Arc<Self>, manner: Manner) -> crate::wire::End {
        let (wire, ours, theirs) = Wire::new(manner);
        self.wires.lock().unwrap().push(wire);
        let limits = match self.rekeys {
            0 => Limits::default(),
            bytes => Limits::new(bytes, bytes, Duration::from_secs(3600)),
        };
        let config = Arc::new(server::Config {
            keys: vec![HOST_KEY.clone()],
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            limits,
            inactivity_timeout: None,
            ..server::Config::default()
        });
        let visit = Visit { host: Arc::clone(self), programs: HashMap::new() };
        tokio::spawn(async move {
            if let Ok(session) = server::run_stream(config, theirs, visit).await {
                let _ = session.await;
            }
        });
        ours
    }

    /// How to get in, with a key in a file.
    pub(crate) fn reach(&self) -> Ssh {
        let key = self.dir.join("key");
        if !key.exists() {
            fs::write(&key, &*USER_KEY.to_openssh(russh::keys::ssh_key::LineEnding::LF).unwrap()).unwrap();
            fs::write(self.dir.join("key.pub"), USER_KEY.public_key().to_openssh().unwrap()).unwrap();
        }
        Ssh {
            user: "root".into(),
            keys: vec![key],
            agent: Some(false),
            host_key: Some(HOST_KEY.public_key().fingerprint(HashAlg::Sha256).to_string()),
            known_hosts: "/nowhere".into(),
            more_known_hosts: Vec::new(),
            connect_timeout: 30,
            ..Ssh::default()
        }
    }

    /// So many bytes less will be listened to, of as many as there was room for.
    fn heard(&self, room: usize, bytes: usize) {
        self.listens.store(if room == usize::MAX { room } else { room - bytes }, Ordering::SeqCst);
    }

    /// Runs what has come of a program as the shell of a host would, with the directories of slipway in that of the host.
    fn sh(&self, program: &[u8]) -> Ran {
        let text = String::from_utf8_lossy(program).into_owned();
        // What the probe says does not depend on anything that these tests change, and takes long.
        let (plain, words) = without_new_words(&text);
        let is_survey = text.contains("survey-end") && text.contains("\nprobe\n") && !text.contains("STATE/checks");
        if let Some(known) = self.surveys.lock().unwrap().get(&plain).filter(|_| is_survey) {
            let old = without_new_words(&known.text).1;
            let swap = |bytes: &[u8]| {
                let mut text = String::from_utf8_lossy(bytes).into_owned();
                old.iter().zip(&words).for_each(|(old, new)| text = text.replace(old.as_str(), new));
                text.into_bytes()
            };
            let mut stdout = swap(&known.stdout);
            let room = self.listens.load(Ordering::SeqCst);
            stdout.truncate(room);
            self.heard(room, stdout.len());
            return Ran { text, stdout, stderr: swap(&known.stderr), status: known.status };
        }
        let own = |name: &str| self.dir.join(name).display().to_string();
        let moved = text
            .replace("STATE=/var/lib/slipway", &format!("STATE={}", own("state")))
            .replace("RUN=/run/slipway", &format!("RUN={}", own("run")));
        fs::write(self.dir.join("program"), moved).unwrap();
        let input = File::open(self.dir.join("program")).unwrap();
        let stderr = File::create(self.dir.join("stderr")).unwrap();
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .current_dir(self.dir.join("root"))
            .spawn()
            .unwrap();
        // Whoever reads the output may go before its end: what the program prints after that kills it.
        let room = self.listens.load(Ordering::SeqCst);
        let mut stdout = Vec::new();
        child.stdout.take().unwrap().take(room as u64).read_to_end(&mut stdout).unwrap();
        self.heard(room, stdout.len());
        let status = u32::try_from(child.wait().unwrap().code().unwrap_or(255)).unwrap();
        let ran = Ran { text, stdout, stderr: fs::read(self.dir.join("stderr")).unwrap(), status };
        if is_survey && status == 0 {
            let kept = Ran { text: ran.text.clone(), stdout: ran.stdout.clone(), stderr: ran.stderr.clone(), status };
            self.surveys.lock().unwrap().insert(plain, kept);
        }
        ran
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A program without the words that are random in it (the marker, the nonce), and these words.
fn without_new_words(text: &str) -> (String, Vec<String>) {
    let (mut plain, mut words) = (String::new(), Vec::<String>::new());
    for (index, part) in text.split("slipway-").enumerate() {
        let digits = part.chars().take_while(char::is_ascii_hexdigit).count();
        if index > 0 && digits >= 16 {
            let word = format!("slipway-{}", &part[..digits]);
            if !words.contains(&word) {
                words.push(word);
            }
            plain.push_str("NEW");
            plain.push_str(&part[digits..]);
        } else {
            plain.push_str(part);
        }
    }
    (plain, words)
}

struct Visit {
    host: Arc<Host>,
    programs: HashMap<ChannelId, Vec<u8>>,
}

impl Drop for Visit {
    /// The connection is gone: whatever of a program was read meets its end there.
    fn drop(&mut self) {
        for program in std::mem::take(&mut self.programs).into_values().filter(|program| !program.is_empty()) {
            self.host.sh(&program);
        }
    }
}

impl Handler for Visit {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, _: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(if key.public_key.key_data() == USER_KEY.public_key().key_data() { Auth::Accept } else { Auth::reject() })
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

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        assert_eq!(command, b"exec /bin/sh -s");
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
        let nth = self.host.execs.fetch_add(1, Ordering::SeqCst);
        // It blocks this thread: no other task runs and no time passes meanwhile, so that a case is the same each time.
        let ran = self.host.sh(&program);
        if self.host.listens.load(Ordering::SeqCst) == 0 {
            self.host.listens.store(usize::MAX, Ordering::SeqCst);
            return Err(russh::Error::Disconnect);
        }
        // sshd tells the status as soon as it knows it, which may be before the last of the output.
        let early = nth % 2 == 1;
        if early {
            session.exit_status_request(id, ran.status)?;
        }
        session.data(id, ran.stdout)?;
        session.extended_data(id, 1, ran.stderr)?;
        if !early {
            session.exit_status_request(id, ran.status)?;
        }
        session.eof(id)?;
        session.close(id)
    }
}
