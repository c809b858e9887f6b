//! One program on one session channel.

use std::{pin::pin, sync::Arc, time::Duration};

use russh::{
    ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig,
    client::{Handle, Msg},
};
use tokio::time::Instant;

use super::guard::Guard;
use crate::transport::{input::Input, root::SHELL_TAKES, shell::Output};

/// How long a program that has ended may leave its output open, through a child that it has left behind.
const LINGER: Duration = Duration::from_secs(3);

/// How long it may go on to talk there.
const LINGER_IN_ALL: Duration = Duration::from_secs(30);

/// How long our leave may take to get into the queue of a connection.
const LEAVE: Duration = Duration::from_secs(1);

/// Why the end of a program was not seen.
pub(super) enum Unseen {
    /// It never began, and nothing of its input was taken: the connection was dead already.
    Dead,
    /// The host gave us no channel on a connection that stands.
    NoChannel(russh::ChannelOpenFailure),
    /// The host never said whether it gives us a channel.
    NoAnswer,
    /// The host gave us a channel, but would not run a command on it.
    NoExec,
    /// The command has run, and no root shell came of it in time.
    NoShell,
    /// It may have run, to any point.
    Lost,
}

/// Runs `command`, feeds it `input` and an end of file, and its output to `output`. Gives its exit status; for one that
/// was killed by a signal, 128 and its number.
pub(super) async fn run(
    link: &Arc<Handle<Guard>>,
    command: &str,
    input: &mut Input<'_, '_>,
    output: &mut Output<'_>,
) -> Result<i32, Unseen> {
    let (mut read, writer) = tokio::time::timeout(SHELL_TAKES, open(link)).await.map_err(|_| Unseen::NoAnswer)??;
    let ended = converse(&mut read, &writer, command, input, output).await;
    writer.close().await;
    ended
}

async fn converse(
    read: &mut ChannelReadHalf,
    writer: &Closing,
    command: &str,
    input: &mut Input<'_, '_>,
    output: &mut Output<'_>,
) -> Result<i32, Unseen> {
    let feed = async {
        let write = writer.0.as_ref()?;
        // Nothing waits for the host's answer to the command; only the input waits, for as long as the host gives it no room
        // (sshd gives none before it has read the command, which costs a round trip).
        write.exec(true, command).await.ok()?;
        while let Some(piece) = input.next().await {
            write.data_bytes(piece).await.ok()?;
        }
        write.eof().await.ok()
    };
    let mut feed = pin!(feed);
    let (mut fed, mut status, mut said_all) = (false, None, false);
    let mut talks_until = Instant::now();
    let patience = tokio::time::sleep(SHELL_TAKES);
    let mut patience = pin!(patience);
    loop {
        // Reading goes on while the input is still on its way: a host that stops reading would otherwise stop us for good.
        let message = tokio::select! {
            // sshd may tell the status before the last of the output: where the connection ends in between, something is missing.
            message = read.wait() => if message.is_none() && !said_all { return Err(Unseen::Lost) } else { message },
            _ = &mut feed, if !fed => {
                fed = true;
                continue;
            }
            () = &mut patience, if !output.has_begun() && status.is_none() => return Err(Unseen::NoShell),
            () = tokio::time::sleep_until(talks_until.min(Instant::now() + LINGER)), if status.is_some() => None,
        };
        if status.is_none() {
            talks_until = Instant::now() + LINGER_IN_ALL;
        }
        match message {
            Some(ChannelMsg::Data { data }) => output.stdout(&data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => output.stderr(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status.cast_signed()),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => status = Some(128 + number(&signal_name)),
            Some(ChannelMsg::Failure) => return Err(Unseen::NoExec),
            Some(ChannelMsg::Eof) => said_all = true,
            // Hosts send the end of file, the status and the close in any order; only the close is the end.
            Some(ChannelMsg::Close) | None => return status.ok_or(Unseen::Lost),
            Some(_) => {}
        }
    }
}

/// Opens a channel, in a task of its own: if the caller is cancelled while the host's answer is on its way, the channel that
/// this answer opens is closed all the same.
async fn open(link: &Arc<Handle<Guard>>) -> Result<(ChannelReadHalf, Closing), Unseen> {
    let handle = Arc::clone(link);
    let opening = tokio::spawn(async move {
        let (read, write) = handle.channel_open_session().await?.split();
        Ok((read, Closing(Some(write))))
    });
    match opening.await {
        Ok(Ok(halves)) => Ok(halves),
        Ok(Err(russh::Error::ChannelOpenFailure(reason))) if !link.is_closed() => Err(Unseen::NoChannel(reason)),
        Ok(Err(_)) | Err(_) => Err(Unseen::Dead),
    }
}

/// Closes its channel when it is dropped, which russh's own halves do not: a cancelled program would keep one of the ten
/// sessions that sshd grants a connection.
struct Closing(Option<ChannelWriteHalf<Msg>>);

impl Closing {
    /// Closes it ahead of whatever is asked of the connection next: a host may grant no more than one session at a time (MaxSessions).
    async fn close(mut self) {
        if let Some(write) = &self.0 {
            let _ = tokio::time::timeout(LEAVE, write.close()).await;
        }
        self.0 = None;
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let (Some(write), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { write.close().await });
        }
    }
}

/// The signal's number on Linux (signal(7)); 0 for one that has no number of its own everywhere.
fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}
