//! A host in memory that speaks SSH by russh's server, and answers programs as a test tells it to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use russh::{
    Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, MethodKind, MethodSet, Sig,
    keys::{Algorithm, HashAlg, PrivateKey},
    server::{self, Auth, ChannelOpenHandle, Handler, Msg, Session},
};
use slipway::{
    config::Ssh,
    transport::ssh::{Opening, Stream, Streams},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

/// What the host does when it has read a program whole.
#[derive(Clone)]
pub(crate) enum Act {
    /// Says this; `MARKER` becomes the first word that the program echoes.
    Out(&'static str),
    Err(&'static str),
    Status(u32),
    Signal,
    Eof,
    Close,
    /// Drops the connection.
    Vanish,
    /// So many MiB in lines of 1,000 bytes, on this stream (0 is standard output), as fast as we take them; then the status 0 and the end.
    Flood(usize, u32),
    /// A line that does not end, of so many MiB; then the status 0 and the end.
    Line(usize),
    /// A word each second, for ever.
    Drip,
    /// Takes leave with these words.
    Leave(&'static str),
    /// Tries to open channels to us; says on standard output how many it got.
    Intrude,
}

/// What comes of those who want to run a program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// No session is granted.
    Shut,
    /// Nobody ever says whether a session is granted.
    Mute,
    /// A session is granted, and no command.
    NoExec,
}

/// Who may log in, and what happens then.
#[derive(Clone)]
pub(crate) struct OddHost {
    pub(crate) acts: Vec<Act>,
    /// None: everyone may come in. Some: who knows this password, given by this method.
    pub(crate) password: Option<(MethodKind, &'static str)>,
    /// How long it thinks about a login.
    pub(crate) thinks: Duration,
    /// How long it waits for a word of ours before it hangs up.
    pub(crate) patience: Duration,
    pub(crate) door: Door,
    /// The commands that were asked for.
    pub(crate) commands: Arc<Mutex<Vec<String>>>,
}

impl OddHost {
    pub(crate) fn new(acts: &[Act]) -> Self {
        Self {
            acts: acts.to_vec(),
            password: None,
            thinks: Duration::ZERO,
            patience: Duration::from_secs(600),
            door: Door::Open,
            commands: Arc::default(),
        }
    }

    /// What its server needs, and how to reach it as `user`, but for the port.
    fn server(&self, user: &str) -> (Arc<server::Config>, Ssh) {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let methods = self.password.map_or(MethodKind::PublicKey, |(method, _)| method);
        let config = Arc::new(server::Config {
            keys: vec![key],
            methods: MethodSet::from([methods].as_slice()),
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            inactivity_timeout: Some(self.patience),
            ..server::Config::default()
        });
        let reach = Ssh {
            user: user.into(),
            keys: Vec::new(),
            agent: Some(false),
            host_key: Some(fingerprint),
            known_hosts: "/nowhere".into(),
            connect_timeout: 5,
            more_known_hosts: Vec::new(),
            ..Ssh::default()
        };
        (config, reach)
    }

    async fn answer(self, config: Arc<server::Config>, stream: impl Stream + 'static) {
        let visit = Visit { host: self, programs: HashMap::new(), writers: HashMap::new(), unanswered: Vec::new() };
        if let Ok(session) = server::run_stream(config, stream, visit).await {
            let _ = session.await;
        }
    }

    /// Serves any number of connections, on loopback; gives how to reach it as `user`.
    pub(crate) async fn serve(&self, user: &str) -> Ssh {
        let (config, reach) = self.server(user);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(host.clone().answer(Arc::clone(&config), stream));
            }
        });
        Ssh { port, ..reach }
    }

    /// The same without the kernel between, so that a clock that jumps does not outrun what is under way.
    pub(crate) fn serve_here(&self, user: &str) -> (Streams, Ssh) {
        let (config, reach) = self.server(user);
        let host = self.clone();
        let open = move || -> Opening {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(host.clone().answer(Arc::clone(&config), theirs));
            Box::pin(async { Ok(Box::new(ours) as Box<dyn Stream>) })
        };
        (Streams::new(open), reach)
    }
}

struct Visit {
    host: OddHost,
    programs: HashMap<ChannelId, Vec<u8>>,
    writers: HashMap<ChannelId, ChannelWriteHalf<Msg>>,
    unanswered: Vec<ChannelOpenHandle>,
}

impl Visit {
    /// Writes this again and again, as fast as it is read.
    fn pour(&mut self, id: ChannelId, session: &Session, stream: u32, piece: Vec<u8>, bytes: usize) {
        let (handle, writer) = (session.handle(), self.writers.remove(&id).unwrap());
        tokio::spawn(async move {
            let mut stream = writer.make_writer_ext((stream > 0).then_some(stream));
            for _ in 0..bytes.div_ceil(piece.len()) {
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
            }
            let _ = handle.exit_status_request(id, 0).await;
            let _ = handle.close(id).await;
        });
    }

    fn judge(&self, method: MethodKind, said: &str) -> Auth {
        if self.host.password == Some((method, said)) {
            return Auth::Accept;
        }
        // As sshd does, it goes on to offer what has just failed.
        Auth::Reject { proceed_with_methods: Some(MethodSet::from([method].as_slice())), partial_success: false }
    }
}

impl Handler for Visit {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Self::Error> {
        tokio::time::sleep(self.host.thinks).await;
        Ok(if self.host.password.is_none() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(self.judge(MethodKind::Password, password))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        answers: Option<server::Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        match answers.and_then(|mut answers| answers.next()) {
            None => {
                Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: vec![("Password: ".into(), false)].into() })
            }
            Some(answer) => Ok(self.judge(MethodKind::KeyboardInteractive, &String::from_utf8_lossy(&answer))),
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.host.door {
            Door::Open | Door::NoExec => reply.accept().await,
            Door::Shut => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            Door::Mute => self.unanswered.push(reply),
        }
        self.writers.insert(channel.id(), channel.split().1);
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.host.commands.lock().unwrap().push(String::from_utf8_lossy(command).into_owned());
        if String::from_utf8_lossy(command).contains(" -S ") {
            // A sudo that asks for its password speaks before it has read anything.
            for act in &self.host.acts {
                match act {
                    Act::Out(text) => session.data(id, text.as_bytes().to_vec())?,
                    Act::Err(text) => session.extended_data(id, 1, text.as_bytes().to_vec())?,
                    _ => {}
                }
            }
        }
        if self.host.door == Door::NoExec { session.channel_failure(id) } else { session.channel_success(id) }
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Self::Error> {
        self.programs.entry(id).or_default().extend_from_slice(data);
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        let program = String::from_utf8(self.programs.remove(&id).unwrap_or_default()).unwrap();
        // A password alone is no program, and nobody answers.
        let Some(marker) = program.strip_prefix("echo ").and_then(|rest| rest.split(';').next()) else { return Ok(()) };
        let marker = marker.to_owned();
        for act in self.host.acts.clone() {
            match act {
                Act::Out(text) => session.data(id, text.replace("MARKER", &marker).into_bytes())?,
                Act::Err(text) => session.extended_data(id, 1, text.replace("MARKER", &marker).into_bytes())?,
                Act::Status(status) => session.exit_status_request(id, status)?,
                Act::Signal => session.exit_signal_request(id, Sig::KILL, false, "", "")?,
                Act::Eof => session.eof(id)?,
                Act::Close => session.close(id)?,
                Act::Flood(mebibytes, stream) => {
                    self.pour(id, session, stream, [vec![b'x'; 999], vec![b'\n']].concat(), mebibytes << 20)
                }
                Act::Line(mebibytes) => self.pour(id, session, 0, vec![b'x'; 1 << 16], mebibytes << 20),
                Act::Drip => {
                    let handle = session.handle();
                    tokio::spawn(async move {
                        while handle.data(id, b"still here\n".to_vec()).await.is_ok() {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                        }
                    });
                }
                Act::Leave(words) => session.disconnect(russh::Disconnect::ByApplication, words, "")?,
                Act::Vanish => return Err(russh::Error::Disconnect),
                Act::Intrude => {
                    let (handle, marker) = (session.handle(), marker.clone());
                    tokio::spawn(async move {
                        let mut got = 0;
                        got += usize::from(handle.channel_open_agent().await.is_ok());
                        got += usize::from(handle.channel_open_session().await.is_ok());
                        got += usize::from(handle.channel_open_x11("here", 1).await.is_ok());
                        got += usize::from(handle.channel_open_forwarded_tcpip("a", 1, "b", 2).await.is_ok());
                        got += usize::from(handle.channel_open_forwarded_streamlocal("/run/x").await.is_ok());
                        got += usize::from(handle.channel_open_direct_tcpip("a", 1, "b", 2).await.is_ok());
                        got += usize::from(handle.channel_open_direct_streamlocal("/run/x").await.is_ok());
                        let _ = handle.data(id, format!("{marker}\n{got} channels\n").into_bytes()).await;
                        let _ = handle.exit_status_request(id, 0).await;
                        let _ = handle.close(id).await;
                    });
                }
            }
        }
        Ok(())
    }
}
