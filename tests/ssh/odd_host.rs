//! A host in memory that speaks SSH by russh's server, and answers programs as a test tells it to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use russh::{
    Channel, ChannelId, MethodKind, MethodSet, Sig,
    keys::{Algorithm, HashAlg, PrivateKey},
    server::{self, Auth, ChannelOpenHandle, Handler, Msg, Session},
};
use slipway::config::Ssh;
use tokio::net::TcpListener;

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
    /// Tries to open channels to us; says on standard output how many it got.
    Intrude,
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
            commands: Arc::default(),
        }
    }

    /// Serves any number of connections, on loopback; gives how to reach it as `user` with `key`.
    pub(crate) async fn serve(&self, user: &str) -> Ssh {
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let visit = Visit { host: host.clone(), programs: HashMap::new() };
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    if let Ok(session) = server::run_stream(config, stream, visit).await {
                        let _ = session.await;
                    }
                });
            }
        });
        Ssh {
            user: user.into(),
            port,
            keys: Vec::new(),
            agent: Some(false),
            host_key: Some(fingerprint),
            known_hosts: "/nowhere".into(),
            connect_timeout: 5,
            more_known_hosts: Vec::new(),
            ..Ssh::default()
        }
    }
}

struct Visit {
    host: OddHost,
    programs: HashMap<ChannelId, Vec<u8>>,
}

impl Visit {
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
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.host.commands.lock().unwrap().push(String::from_utf8_lossy(command).into_owned());
        session.channel_success(id)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Self::Error> {
        self.programs.entry(id).or_default().extend_from_slice(data);
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        let program = String::from_utf8(self.programs.remove(&id).unwrap_or_default()).unwrap();
        let marker = program.strip_prefix("echo ").and_then(|rest| rest.split(';').next()).unwrap().to_owned();
        for act in self.host.acts.clone() {
            match act {
                Act::Out(text) => session.data(id, text.replace("MARKER", &marker).into_bytes())?,
                Act::Err(text) => session.extended_data(id, 1, text.replace("MARKER", &marker).into_bytes())?,
                Act::Status(status) => session.exit_status_request(id, status)?,
                Act::Signal => session.exit_signal_request(id, Sig::KILL, false, "", "")?,
                Act::Eof => session.eof(id)?,
                Act::Close => session.close(id)?,
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
