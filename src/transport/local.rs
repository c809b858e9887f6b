//! The machine that slipway runs on.

use std::{
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
    path::PathBuf,
    pin::pin,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

use super::{
    Exit, Line,
    input::{Freight, Input},
    shell::{Login, Marker, Output},
};
use crate::{
    error::{Error, Kind, Result},
    lower::Program,
};

/// How long a program that has ended may leave its output open, through a child that it has left behind.
const LINGER: Duration = Duration::from_secs(3);

/// Runs programs as root on this machine: directly, or through sudo without a password.
pub struct Local {
    /// None when slipway is root already.
    sudo: Option<PathBuf>,
    user: String,
    execs: AtomicUsize,
}

impl Local {
    /// # Errors
    /// `Privilege`, when slipway is not root and this machine has no sudo.
    pub fn new() -> Result<Self> {
        // /proc/self belongs to the effective user.
        let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "this user".into());
        let sudo = match which::which("sudo") {
            _ if root => None,
            Ok(sudo) => Some(sudo),
            Err(_) => {
                return Err(Error::new(Kind::Privilege, format!("{user} is not root, and this machine has no sudo"))
                    .hint("run slipway as root: su -c 'slipway …'"));
            }
        };
        Ok(Self { sudo, user, execs: AtomicUsize::new(0) })
    }

    /// Runs a program as root. If the returned future is dropped, a program that has been read whole runs on, as it does on a
    /// host whose connection is cut; one that has not been read whole does nothing.
    ///
    /// # Errors
    /// `Privilege` when sudo refuses, `Lost` when the end of the program can not be seen.
    pub async fn run(&self, program: &Program, on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        self.send(program, None, on_line).await
    }

    /// As `run`, with a file for the program.
    pub(super) async fn send(
        &self,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        on_line: &mut (dyn FnMut(Line) + Send),
    ) -> Result<Exit> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        let marker = Marker::new()?;
        let mut output = Output::new(&marker, on_line);
        let child = self.spawn().map_err(|error| Error::new(Kind::Lost, "this machine starts no shell").because(error))?;
        let status = follow(child, Input::new(marker.precede(program), freight), &mut output)
            .await
            .map_err(|error| Error::new(Kind::Lost, "the end of a program on this machine was not seen").because(error))?;
        let who = format!("{} on this machine", self.user);
        output.finish(status, &Login { user: &self.user, who: &who })
    }

    /// How many programs it has run so far.
    pub fn execs(&self) -> usize {
        self.execs.load(Ordering::Relaxed)
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut command = match &self.sudo {
            None => Command::new("/bin/sh"),
            Some(sudo) => {
                let mut command = Command::new(sudo);
                command.args(["-n", "/bin/sh"]);
                command
            }
        };
        command.arg("-s").current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // In a group of its own, so that Ctrl-C on the terminal stops slipway and not apt-get in the middle of its work.
        command.process_group(0).spawn()
    }
}

/// Feeds `input` to the child and its output to `output` until it ends; gives its status, 128 and the signal where one killed it.
async fn follow(mut child: Child, mut input: Input<'_, '_>, output: &mut Output<'_>) -> std::io::Result<i32> {
    let closed = || std::io::Error::other("its streams are closed");
    let mut stdin = child.stdin.take().ok_or_else(closed)?;
    let mut stdout = child.stdout.take().ok_or_else(closed)?;
    let mut stderr = child.stderr.take().ok_or_else(closed)?;
    // A shell that exits early, or a sudo that refuses, reads no further: its status says the rest.
    let mut feed = pin!(async move {
        while let Some(piece) = input.next().await {
            if stdin.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = stdin.shutdown().await;
    });
    let (mut out, mut err) = (vec![0; 8192], vec![0; 8192]);
    let (mut fed, mut out_open, mut err_open, mut ended) = (false, true, true, None);
    loop {
        tokio::select! {
            read = stdout.read(&mut out), if out_open => match read? {
                0 => out_open = false,
                length => output.stdout(&out[..length]),
            },
            read = stderr.read(&mut err), if err_open => match read? {
                0 => err_open = false,
                length => output.stderr(&err[..length]),
            },
            () = &mut feed, if !fed => fed = true,
            status = child.wait(), if ended.is_none() => ended = Some(status?),
            () = tokio::time::sleep(LINGER), if ended.is_some() => (out_open, err_open) = (false, false),
        }
        if let Some(status) = ended.filter(|_| !out_open && !err_open) {
            return Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These tests run the shell as whoever runs them: what root may do is not their business.
    fn here() -> Local {
        Local { sudo: None, user: "me".into(), execs: AtomicUsize::new(0) }
    }

    async fn run(text: &str) -> (Vec<Line>, Result<Exit>) {
        let mut lines = Vec::new();
        let exit = here().run(&Program::new(text), &mut |line| lines.push(line)).await;
        (lines, exit)
    }

    #[tokio::test]
    async fn lines_streams_and_status_come_through() {
        let (mut lines, exit) = run("echo one; echo two >&2; printf three; exit 7").await;
        lines.sort_by_key(|line| line.stderr);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "three", "two"]);
        assert_eq!(exit.unwrap().status, 7);
    }

    #[tokio::test]
    async fn a_signal_is_128_and_its_number() {
        assert_eq!(run("kill -9 $$").await.1.unwrap().status, 137);
    }

    #[tokio::test]
    async fn a_program_larger_than_a_pipe_arrives_whole() {
        let padding = ": # padding\n".repeat(50_000);
        assert_eq!(run(&format!("{{\n{padding}echo whole\n}}\n")).await.0[0].text, "whole");
    }

    #[tokio::test]
    async fn much_output_while_much_input_is_read_does_not_block() {
        let text = "i=0; while [ $i -lt 20000 ]; do echo line $i; echo error $i >&2; i=$((i+1)); done; exit 0\n".to_owned()
            + &": # never read\n".repeat(50_000);
        let (lines, exit) = run(&text).await;
        assert_eq!((lines.len(), exit.unwrap().status), (40_000, 0));
    }

    #[tokio::test]
    async fn a_child_left_behind_does_not_hold_the_program() {
        let begun = std::time::Instant::now();
        let (lines, exit) = run("sleep 30 & echo $!").await;
        assert_eq!(exit.unwrap().status, 0);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let left = lines[0].text.clone();
        assert!(std::process::Command::new("kill").arg(left).status().unwrap().success());
    }

    #[tokio::test]
    async fn it_is_not_in_the_process_group_of_the_terminal() {
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        let group = |stat: &str| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap().to_owned();
        let (lines, _) = run("cat /proc/$$/stat").await;
        assert_ne!(group(&lines[0].text), group(&own));
    }

    #[tokio::test]
    async fn a_file_follows_its_program_and_is_put_in_place_whole_or_not_at_all() {
        use crate::{lower, step, transport::Transport};
        let dir = std::env::temp_dir().join(format!("slipway-upload-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let from = dir.join("from");
        std::fs::write(&from, &bytes).unwrap();
        let step = step::Step::new(step::StepId::new("here", "install", "archive"), "x", "y");
        let right = lower::sha256_of(&bytes[..]).unwrap();
        let transport = Transport::Local(here());
        let (mut told, mut lines, mut statuses) = ((0, 0), Vec::new(), Vec::new());
        let to = dir.join("to/file");
        for sha256 in ["0".repeat(64), right.clone(), right] {
            let program = lower::upload_program(&step, &step::Upload { from: from.clone(), to: to.clone(), sha256 });
            let mut on_line = |line: Line| lines.push(line.text);
            let exit = transport.upload(&program, &from, &mut on_line, &mut |sent, size| told = (sent, size)).await;
            statuses.push(exit.unwrap().status);
            assert_eq!(to.exists(), statuses.len() > 1);
        }
        let left = std::fs::read_dir(dir.join("to")).unwrap().count();
        let arrived = std::fs::read(&to).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(statuses, [1, lower::CHANGED, lower::UNCHANGED]);
        assert!(arrived == bytes && left == 1, "{} bytes in {left} files", arrived.len());
        assert_eq!(told, (5_000_000, 5_000_000));
        assert!(lines.len() == 1 && lines[0].starts_with("error: what came is not the whole "), "{lines:?}");
    }

    #[tokio::test]
    async fn a_sudo_that_refuses_is_a_privilege_error_with_a_remedy() {
        let dir = std::env::temp_dir().join(format!("slipway-sudo-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let sudo = dir.join("sudo");
        std::fs::write(&sudo, "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&sudo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let local = Local { sudo: Some(sudo), ..here() };
        let error = local.run(&Program::new("echo never"), &mut |_| {}).await.unwrap_err();
        std::fs::remove_dir_all(dir).unwrap();
        assert_eq!(error.kind, Kind::Privilege);
        assert_eq!(error.to_string(), "me on this machine can not become root: sudo: a password is required");
        assert!(error.hints[0].contains("NOPASSWD"));
    }
}
