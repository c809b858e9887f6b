//! Opens a connection up to the point where the host has proved who it is.

use std::{future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use russh::{
    ChannelOpenFailure, ChannelStream, SshId, cipher,
    client::{self, Handle, Msg},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{
    deadline::Deadline,
    guard::{Guard, Refusal},
    target::Target,
};
use crate::{
    error::{Error, Kind, Result},
    transport::lines::words,
};

/// The pause before the second try; it doubles each time, up to `LONGEST_PAUSE`, and up to as much again is added at random.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A dead host is noticed after (3 + 1) times this, as russh counts.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Whether a host that refuses connections is asked again: one that has been there and is gone may be restarting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    First,
    Again,
}

/// Why a try failed.
enum Failure {
    /// The next one may do better.
    Passing(Error),
    Final(Error),
}

/// What SSH can be spoken over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A stream that is about to be there.
pub type Opening = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Opens streams to one host, a new one for each connection: for a way there that is not TCP.
#[derive(Clone)]
pub struct Streams(Arc<dyn Fn() -> Opening + Send + Sync>);

impl Streams {
    #[must_use]
    pub fn new(open: impl Fn() -> Opening + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }
}

/// How a connection gets to its host.
pub(super) enum Way {
    Tcp,
    /// Over the connection to the jump host next to it, which is called so.
    Jump {
        link: Arc<Handle<Guard>>,
        who: String,
    },
    Over(Streams),
}

/// Connects, exchanges keys and checks the host key; tries again, within the deadline, where that makes sense.
///
/// # Errors
/// `Unreachable`, `HostKey`.
pub(super) async fn dial(target: &Target, way: &Way, deadline: &Deadline, patience: Patience) -> Result<Handle<Guard>> {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match deadline.bound(attempt(target, way, patience)).await {
            None => return Err(target.late("connection")),
            Some(Ok(handle)) => return Ok(handle),
            Some(Err(Failure::Final(error))) => return Err(error),
            Some(Err(Failure::Passing(error))) => error,
        };
        let rest = pause + jitter(pause);
        if deadline.left() <= rest {
            return Err(error);
        }
        tokio::time::sleep(rest).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn attempt(target: &Target, way: &Way, patience: Patience) -> Result<Handle<Guard>, Failure> {
    let passing = |is_passing: bool| if is_passing { Failure::Passing } else { Failure::Final };
    match way {
        Way::Tcp => {
            let stream = reach(target).await.map_err(passing(patience == Patience::Again))?;
            greet(target, stream).await
        }
        Way::Jump { link, who } => {
            let stream = tunnel(target, link, who).await;
            let stream = stream.map_err(|error| passing(patience == Patience::Again && !link.is_closed())(error))?;
            greet(target, stream).await
        }
        Way::Over(Streams(open)) => {
            let stream = open().await.map_err(|error| target.unreachable(&error));
            greet(target, stream.map_err(passing(patience == Patience::Again))?).await
        }
    }
}

/// A way to the host from its jump host, over the connection that stands.
async fn tunnel(target: &Target, link: &Handle<Guard>, who: &str) -> Result<ChannelStream<Msg>> {
    let (host, port) = (target.bare_address(), target.ssh.port.into());
    match link.channel_open_direct_tcpip(host, port, "127.0.0.1", 0).await {
        Ok(channel) => Ok(channel.into_stream()),
        Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
            let what = format!("the jump host {who} forwards no connections, so {} can not be reached", target.place());
            Err(Error::new(Kind::Unreachable, what).hint(
                "set AllowTcpForwarding to yes in the jump host's /etc/ssh/sshd_config: sshd -T | grep -i allowtcpforwarding",
            ))
        }
        Err(russh::Error::ChannelOpenFailure(_)) => {
            let what = format!("the jump host {who} can not reach {}", target.place());
            Err(Error::new(Kind::Unreachable, what).hint(target.try_it("")))
        }
        Err(_) => {
            let what = format!("the connection to the jump host {who} was cut on the way to {}", target.place());
            Err(Error::new(Kind::Unreachable, what).hint(target.try_it("")))
        }
    }
}

/// Exchanges keys over a connection that stands.
async fn greet(target: &Target, stream: impl Stream + 'static) -> Result<Handle<Guard>, Failure> {
    let guard = Guard::new(&target.address, &target.ssh, target.told.clone()).map_err(Failure::Final)?;
    let config = Arc::new(config(&guard));
    client::connect_stream(config, stream, guard).await.map_err(|refusal| match refusal {
        Refusal::Ours(error) => Failure::Final(error),
        // Before it has said anything: sshd drops connections at random when many are coming in (MaxStartups), and drops all of
        // an address that it is cross with (PerSourcePenalties).
        Refusal::Russh(russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_)) => {
            Failure::Passing(target.hung_up("before it said who it is", None))
        }
        Refusal::Russh(error @ russh::Error::NoCommonAlgo { .. }) => Failure::Final(
            Error::new(Kind::Unreachable, format!("{} speaks no algorithm that slipway takes", target.place()))
                .because(words(&error.to_string()))
                .hint(target.try_it("-v ")),
        ),
        Refusal::Russh(error) => Failure::Final(
            Error::new(Kind::Unreachable, format!("{} does not speak SSH as it should", target.place()))
                .because(words(&error.to_string()))
                .hint(target.try_it("-v ")),
        ),
    })
}

/// A TCP connection to the first address of the host that answers.
async fn reach(target: &Target) -> Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((target.bare_address(), target.ssh.port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            return Err(Error::new(Kind::Unreachable, format!("{} is no name that can be resolved", target.address))
                .because(error)
                .hint(format!("getent hosts {}", crate::lower::quote(&target.address))));
        }
    };
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Nagle's algorithm would hold small packets back until the one before is acknowledged.
                stream.set_nodelay(true).map_err(|error| target.unreachable(&error))?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(target.unreachable(&failed))
}

fn config(guard: &Guard) -> client::Config {
    client::Config {
        client_id: SshId::Standard(concat!("SSH-2.0-slipway_", env!("CARGO_PKG_VERSION")).into()),
        preferred: russh::Preferred {
            key: guard.algorithms().into(),
            host_key_certificates: guard.certificates().into(),
            cipher: ciphers().into(),
            ..russh::Preferred::DEFAULT
        },
        // The window of a channel can not grow later, and bounds what a host may make us hold, as the buffer does: 1 MiB a channel.
        window_size: 1 << 20,
        channel_buffer_size: 16,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        // Keepalives do not notice a write that is stuck; this does. Their answers keep a quiet connection alive. There are none
        // before the login: whoever sits at a prompt for longer finds the connection gone, and it is made anew (`Line`). That is
        // better than to wait for sshd's LoginGraceTime (120 s), after which it is cross with our address for a while.
        inactivity_timeout: Some(6 * KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    }
}

/// What encrypts, best first: with instructions for it in the processor, AES takes half the time of all else, for us and for the host.
fn ciphers() -> Vec<cipher::Name> {
    #[cfg(target_arch = "x86_64")]
    let has_aes = std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    let mut ciphers = russh::Preferred::DEFAULT.cipher.to_vec();
    ciphers.sort_by_key(|name| !(has_aes && *name == cipher::AES_256_GCM));
    ciphers
}

/// Up to as much again, so that hosts that were dropped together do not come back together.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX))
}
