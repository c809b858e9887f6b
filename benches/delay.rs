//! A wire that takes its time, for `scripts/bench`: a TCP proxy on this machine, in front of each host's sshd, that adds a round-trip time.
//!
//!     delay MILLISECONDS PORT=ADDRESS:PORT...
//!
//! listens on those ports of 127.0.0.1 and prints a line when it does. What is counted: every byte arrives half a round trip after it
//! was written, in either direction, however many are under way, so that throughput is not limited; and so is the end of a stream. A connection
//! to 127.0.0.1 is there at once, where one over a real wire takes a round trip (SYN, SYN-ACK) until the client may write: so what it
//! writes in its first round trip counts as written at the end of that, and the server sees the connection when it would have got the
//! client's ACK, after one and a half. Its greeting is back after two, as over a real wire.
//! The timer has milliseconds and rounds up, for all who are measured alike.
#![allow(clippy::print_stdout, reason = "a line says that it listens")]

use std::{env, error::Error, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc::unbounded_channel, oneshot},
    task::JoinSet,
    time::{Instant, sleep_until},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let round_trip = Duration::from_millis(arguments.next().ok_or("delay MILLISECONDS PORT=ADDRESS:PORT...")?.parse()?);
    let mut listening = JoinSet::new();
    for argument in arguments {
        let (port, target) = argument.split_once('=').ok_or("PORT=ADDRESS:PORT")?;
        let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
        let target = target.to_owned();
        listening.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target.clone(), round_trip));
            }
        });
    }
    println!("listening");
    while listening.join_next().await.is_some() {}
    Ok(())
}

/// One connection. A side that breaks ends both: nobody is told more than that, as on a wire.
async fn carry(client: TcpStream, target: String, round_trip: Duration) {
    let open = Instant::now() + round_trip;
    let half = round_trip / 2;
    let (from_client, to_client) = halves(client);
    let (connected, to_server) = oneshot::channel();
    let there = pass(from_client, async { to_server.await.ok() }, open, half);
    let back = async move {
        sleep_until(open + half).await;
        // A client that nobody answers sees its connection end.
        let Ok(server) = TcpStream::connect(target).await else { return };
        let (from_server, to_server) = halves(server);
        if connected.send(to_server).is_ok() {
            pass(from_server, async { Some(to_client) }, open, half).await;
        }
    };
    tokio::join!(there, back);
}

fn halves(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    // Without it the proxy would hold back small packets; with an error the connection is gone, and reading will say so.
    let _ = stream.set_nodelay(true);
    stream.into_split()
}

/// Passes on what comes, each piece `half` after it was read, and not as if it had been written before `open`.
async fn pass(mut from: OwnedReadHalf, to: impl Future<Output = Option<OwnedWriteHalf>>, open: Instant, half: Duration) {
    let (pieces, mut waiting) = unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count) = from.read(&mut buffer).await {
            // The end of the stream is a piece of no bytes.
            let due = Instant::now().max(open) + half;
            if pieces.send((due, buffer[..count].to_vec())).is_err() || count == 0 {
                break;
            }
        }
    };
    let write = async move {
        let Some(mut to) = to.await else { return };
        while let Some((due, piece)) = waiting.recv().await {
            sleep_until(due).await;
            if piece.is_empty() || to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
