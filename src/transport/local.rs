//! The machine that slipway runs on.

use std::{
    ffi::OsString,
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
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
    Ask, Exit, Line,
    input::{Freight, Input},
    refusal::no_shell,
    root::{self, Root, SHELL_TAKES, Shell, this_user},
    secret,
    shell::{Ended, Login, Marker, Output},
};
use crate::{
    config,
    error::{Error, Kind, Result},
    lower::Program,
};

/// How long a program that has ended may leave its output open, through a child that it has left behind.
const LINGER: Duration = Duration::from_secs(3);

/// Runs programs as root on this machine: directly, or through sudo or doas.
pub struct Local {
    root: Root,
    user: String,
    /// Where to look for sudo, if not where everyone does.
    path: Option<OsString>,
    execs: AtomicUsize,
}

impl Local {
    #[must_use]
    pub fn new(local: &config::Local, ask: Ask) -> Self {
        // /proc/self belongs to the effective user.
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        Self::of(if is_root { "root".to_owned() } else { this_user() }, is_root, local, ask)
    }

    fn of(user: String, is_root: bool, local: &config::Local, ask: Ask) -> Self {
        let root = Root::new(user.clone(), is_root, local.becomes, local.sudo_password_file.clone(), ask);
        Self { root, user, path: None, execs: AtomicUsize::new(0) }
    }

    /// Runs a program as root. If the returned future is dropped, a program that has been read whole runs on, as it does on a
    /// host whose connection is cut; one that has not been read whole does nothing.
    ///
    /// # Errors
    /// `Privilege` when sudo refuses, `Lost` when the end of the program can not be seen.
    pub async fn run(&self, program: &Program, on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        root::send(self, program, None, on_line).await
    }

    /// How many programs it has run so far.
    pub fn execs(&self) -> usize {
        self.execs.load(Ordering::Relaxed)
    }

    fn spawn(&self, with_password: bool) -> std::io::Result<Child> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(self.root.command(with_password)).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        secret::VARIABLES.iter().for_each(|variable| _ = command.env_remove(variable));
        self.path.iter().for_each(|path| _ = command.env("PATH", path));
        // In a group of its own, so that Ctrl-C on the terminal stops slipway and not apt-get in the middle of its work.
        command.process_group(0).spawn()
    }
}

impl Shell for Local {
    fn root(&self) -> &Root {
        &self.root
    }

    async fn exec(
        &self,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        password: Option<&str>,
        on_line: &mut (dyn FnMut(Line) + Send),
    ) -> Result<Ended> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        let marker = Marker::new()?;
        let (input, door) = Input::new(marker.precede(program), freight, password);
        let mut output = Output::new(&marker, door, on_line);
        let child = self
            .spawn(password.is_some())
            .map_err(|error| Error::new(Kind::Lost, "this machine starts no shell").because(error))?;
        let who = format!("{} on this machine", self.user);
        let login = Login { user: &self.user, who: &who, becomes: self.root.becomes(), is_here: true };
        match follow(child, input, &mut output).await {
            Ok(Some(status)) => Ok(output.finish(status, &login)),
            Ok(None) => Err(no_shell(SHELL_TAKES, self.root.is_already(), &login)),
            Err(error) => Err(Error::new(Kind::Lost, "the end of a program on this machine was not seen").because(error)),
        }
    }
}

/// Feeds `input` to the child and its output to `output` until it ends; gives its status, 128 and the signal where one killed it.
/// None where no root shell came about in time.
async fn follow(mut child: Child, mut input: Input<'_, '_>, output: &mut Output<'_>) -> std::io::Result<Option<i32>> {
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
    let patience = tokio::time::sleep(SHELL_TAKES);
    let mut patience = pin!(patience);
    loop {
        tokio::select! {
            () = &mut patience, if !output.has_begun() && ended.is_none() => {
                // Its input waits for whatever it may yet start. A sudo that is root by now is out of reach.
                let _ = child.start_kill();
                return Ok(None);
            }
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
            return Ok(Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These tests run the shell as whoever runs them: what root may do is not their business.
    fn here() -> Local {
        Local::of("root".into(), true, &config::Local::default(), Ask::new(|prompt| panic!("asked: {prompt}")))
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

    /// A machine whose sudo is this script, and a person who gives one answer.
    async fn with_sudo(name: &str, script: &str, answer: Option<&'static str>) -> (Vec<Line>, Result<Exit>) {
        with_settings(&config::Local::default(), name, script, answer).await
    }

    async fn with_settings(
        settings: &config::Local,
        name: &str,
        script: &str,
        answer: Option<&'static str>,
    ) -> (Vec<Line>, Result<Exit>) {
        with_user("me", settings, name, script, answer).await
    }

    async fn with_user(
        user: &str,
        settings: &config::Local,
        name: &str,
        script: &str,
        answer: Option<&'static str>,
    ) -> (Vec<Line>, Result<Exit>) {
        let dir = std::env::temp_dir().join(format!("slipway-sudo-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let sudo = dir.join("sudo");
        std::fs::write(&sudo, script).unwrap();
        std::fs::set_permissions(&sudo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let ask = Ask::new(move |_| answer.map(str::to_owned));
        let path = format!("{}:/usr/bin:/bin", dir.display());
        let local = Local { path: Some(path.into()), ..Local::of(user.into(), false, settings, ask) };
        let mut lines = Vec::new();
        let exit = local.run(&Program::new("echo in"), &mut |line| lines.push(line)).await;
        std::fs::remove_dir_all(dir).unwrap();
        (lines, exit)
    }

    /// As sudo does it: asks twice, on standard input.
    const ASKS: &str = "#!/bin/sh\n[ \"$1\" != -n ] || { echo 'sudo: a password is required' >&2; exit 1; }\n\
        shift 3\nfor try in 1 2; do printf '%s' \"$1\" >&2; read -r word || break; [ \"$word\" = right ] && { shift; exec \"$@\"; }\n\
        echo 'Sorry, try again.' >&2; done\necho 'sudo: 1 incorrect password attempt' >&2; exit 1\n";

    #[tokio::test]
    async fn a_sudo_that_wants_a_password_gets_it_on_its_input() {
        let (lines, exit) = with_sudo("right", ASKS, Some("right")).await;
        assert_eq!(exit.unwrap().status, 0);
        assert_eq!(lines, [Line { stderr: false, text: "in".into() }]);
    }

    /// Who is root is a question of the number: `USER=root` makes nobody root.
    #[tokio::test]
    async fn a_user_who_is_only_called_root_goes_through_sudo() {
        let error = with_user("root", &config::Local::default(), "called", ASKS, None).await.1.unwrap_err();
        assert_eq!(error.to_string(), "root on this machine can not become root: sudo: a password is required");
        let printed = std::process::Command::new("id").arg("-un").output().unwrap();
        assert_eq!(this_user(), String::from_utf8(printed.stdout).unwrap().trim());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sudo_that_hangs_is_given_up_on() {
        let error = with_sudo("hangs", "#!/bin/sh\nexec sleep 600\n", None).await.1.unwrap_err();
        assert_eq!(error.kind, Kind::Privilege);
        assert_eq!(error.to_string(), "sudo of me on this machine gave no root shell within 90 s");
        assert_eq!(error.hints, ["it may wait for a directory server or for DNS; on this machine: time sudo -n true"]);
    }

    #[tokio::test]
    async fn what_the_cluster_file_says_of_becoming_root_holds_here_too() {
        let file = std::env::temp_dir().join(format!("slipway-here-{}", std::process::id()));
        std::fs::write(&file, "right\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let settings = config::Local { sudo_password_file: Some(file.clone()), ..config::Local::default() };
        let (lines, exit) = with_settings(&settings, "file", ASKS, None).await;
        std::fs::remove_file(file).unwrap();
        assert_eq!((exit.unwrap().status, lines.len()), (0, 1));
        let settings = config::Local { becomes: config::Become::Doas, ..config::Local::default() };
        let error = with_settings(&settings, "doas", ASKS, None).await.1.unwrap_err();
        let what = "me on this machine can not become root: it has no doas, which `become = \"doas\"` asks for";
        assert_eq!(error.to_string(), what);
    }

    #[tokio::test]
    async fn a_sudo_that_refuses_is_a_privilege_error_with_a_remedy() {
        let error = with_sudo("nobody", ASKS, None).await.1.unwrap_err();
        assert_eq!(error.kind, Kind::Privilege);
        assert_eq!(error.to_string(), "me on this machine can not become root: sudo: a password is required");
        assert!(error.hints[0].contains("SLIPWAY_SUDO_PASSWORD") && error.hints[0].contains("NOPASSWD"));
        let error = with_sudo("wrong", ASKS, Some("wrong")).await.1.unwrap_err();
        assert_eq!(error.kind, Kind::Privilege);
        let what = "me on this machine can not become root: sudo does not take the password that it was given";
        assert_eq!(error.to_string(), what);
    }
}
