//! How a login user becomes root: at once, by sudo or doas that ask nothing, or by sudo with a password.
//!
//! The password goes to sudo on its standard input (`-S`), and the program follows only when a shell of root has said that it is
//! there: a sudo that asks once more must not take the first line of a program for an answer. What sudo leaves unread, because it
//! asked nothing after all, that shell throws away.

use std::{env, future::Future, path::PathBuf, process::Command, time::Duration};

use tokio::sync::Mutex;

use super::{Ask, Exit, Line, input::Freight, secret, shell::Ended};
use crate::{
    config::{self, Become},
    error::Result,
    lower::Program,
};

/// sudo's question, to be told from all other noise. Part of the commands below.
pub(super) const PROMPT: &str = "slipway-asks-for-the-sudo-password:";

/// What root's shell says first. Part of the commands below.
pub(super) const READY: &str = "slipway-is-root";

/// What it waits for before it takes a program. Part of the commands below.
pub(super) const GO: &str = "slipway-goes-on";

/// How long a root shell may take to come about: sudo, or the login shell, may wait for a directory server or for DNS. Nobody types
/// in that time: passwords are asked for before.
pub(super) const SHELL_TAKES: Duration = Duration::from_secs(90);

/// How often a mistyped password may be mended.
const TRIES: usize = 3;

// No data in any of these: the login shell may be fish or csh, and `ps` shows them to everyone. Messages are recognised, so sudo has
// to speak English.
const AT_ONCE: &str = "exec /bin/sh -s";
const SUDO: &str = "exec env LC_ALL=C sudo -n /bin/sh -s";
const DOAS: &str = "exec doas -n /bin/sh -s";
const EITHER: &str =
    "exec /bin/sh -c 'command -v sudo >/dev/null || exec doas -n /bin/sh -s; exec env LC_ALL=C sudo -n /bin/sh -s'";
// What follows a password must not take it for a program, even where nobody asked for it.
const SUDO_WITH_PASSWORD: &str = "exec env LC_ALL=C sudo -k -S -p slipway-asks-for-the-sudo-password: /bin/sh -c \
    'echo slipway-is-root; while read -r line; do case $line in slipway-goes-on) exec /bin/sh -s ;; esac; done'";
const EITHER_WITH_PASSWORD: &str = "exec /bin/sh -c 'after=\"echo slipway-is-root; while read -r line; do \
    case \\$line in slipway-goes-on) exec /bin/sh -s ;; esac; done\"; \
    command -v sudo >/dev/null || exec doas -n /bin/sh -c \"$after\"; \
    exec env LC_ALL=C sudo -k -S -p slipway-asks-for-the-sudo-password: /bin/sh -c \"$after\"'";

/// How one login user becomes root.
pub(super) struct Root {
    user: String,
    /// Whether the login user is root: by name on a host, by number here.
    is_already: bool,
    becomes: Become,
    file: Option<PathBuf>,
    ask: Ask,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The password that sudo took.
    right: Option<String>,
    asked: usize,
}

impl Root {
    pub(super) fn of(ssh: &config::Ssh, ask: Ask) -> Self {
        Self::new(ssh.user.clone(), ssh.user == "root", ssh.becomes, ssh.sudo_password_file.clone(), ask)
    }

    pub(super) fn new(user: String, is_already: bool, becomes: Become, file: Option<PathBuf>, ask: Ask) -> Self {
        Self { user, is_already, becomes, file, ask, state: Mutex::default() }
    }

    pub(super) fn is_already(&self) -> bool {
        self.is_already
    }

    pub(super) fn becomes(&self) -> Become {
        self.becomes
    }

    /// The command that gives a root shell, for the login shell of any user.
    pub(super) fn command(&self, with_password: bool) -> &'static str {
        match self.becomes {
            _ if self.is_already => AT_ONCE,
            Become::Either if with_password => EITHER_WITH_PASSWORD,
            Become::Sudo if with_password => SUDO_WITH_PASSWORD,
            Become::Either => EITHER,
            Become::Sudo => SUDO,
            Become::Doas => DOAS,
        }
    }

    /// The password to begin with: one that was right before, or one that was laid down.
    ///
    /// # Errors
    /// As [`secret::laid_down`].
    async fn password(&self) -> Result<Option<String>> {
        if self.is_already || self.becomes == Become::Doas {
            return Ok(None);
        }
        let right = self.state.lock().await.right.clone();
        right.map_or_else(|| secret::laid_down(self.file.as_deref(), secret::SUDO, &self.ask), |right| Ok(Some(right)))
    }

    /// What to make of an end: the exit of the program, or another password to try.
    ///
    /// # Errors
    /// `Privilege`, when root is not to be had.
    async fn settle(&self, ended: Ended, password: Option<String>) -> Result<Result<Exit, String>> {
        let mut state = self.state.lock().await;
        let (error, wants_password) = match ended {
            Ended::Exit(exit) => {
                state.right = password;
                return Ok(Ok(exit));
            }
            Ended::Refused { error, wants_password } => (error, wants_password),
        };
        if !wants_password || state.asked == TRIES {
            return Err(error);
        }
        // Everyone who wants the sudo password of one name gets the same answer, until it is known to be wrong.
        let mut slot = self.ask.slot(&format!("sudo {}", self.user)).await;
        if let Some(another) = slot.clone().filter(|known| Some(known) != password.as_ref()) {
            return Ok(Err(another));
        }
        let prompt = format!("sudo password of {} (for every host that asks for it): ", self.user);
        let prompt = if password.is_some() { format!("That was not it. {prompt}") } else { prompt };
        state.asked += 1;
        let Some(answer) = self.ask.ask(prompt).await else { return Err(error) };
        *slot = Some(answer.clone());
        Ok(Err(answer))
    }
}

/// A machine that runs programs by root, once it has the password for that.
pub(super) trait Shell: Sync {
    fn root(&self) -> &Root;

    /// Runs a program once, with the password that makes a root, if one is known.
    fn exec(
        &self,
        program: &Program,
        freight: Option<&mut Freight<'_>>,
        password: Option<&str>,
        on_line: &mut (dyn FnMut(Line) + Send),
    ) -> impl Future<Output = Result<Ended>> + Send;
}

/// Runs a program as root, with a file for it; asks for a password where one is wanted.
///
/// # Errors
/// Those of `exec`, and `Privilege`.
pub(super) async fn send(
    shell: &impl Shell,
    program: &Program,
    mut freight: Option<&mut Freight<'_>>,
    on_line: &mut (dyn FnMut(Line) + Send),
) -> Result<Exit> {
    let root = shell.root();
    let mut password = root.password().await?;
    loop {
        let ended = shell.exec(program, freight.as_deref_mut(), password.as_deref(), on_line).await?;
        match root.settle(ended, password.take()).await? {
            Ok(exit) => return Ok(exit),
            Err(another) => password = Some(another),
        }
    }
}

/// The name of whoever runs slipway, by number: variables may be another one's.
pub(super) fn this_user() -> String {
    let printed = Command::new("id").arg("-un").output().ok().filter(|printed| printed.status.success());
    let name = printed.and_then(|printed| String::from_utf8(printed.stdout).ok()).map(|name| name.trim().to_owned());
    name.or_else(|| env::var("LOGNAME").ok()).unwrap_or_else(|| "this user".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_hold_what_is_waited_for_and_nothing_that_a_login_shell_could_trip_over() {
        for command in [SUDO_WITH_PASSWORD, EITHER_WITH_PASSWORD] {
            assert!([PROMPT, READY, GO].iter().all(|word| command.contains(word)), "{command}");
        }
        for command in [AT_ONCE, SUDO, DOAS, EITHER, SUDO_WITH_PASSWORD, EITHER_WITH_PASSWORD] {
            // csh reads `!` even between quotes, and no line break there; fish knows `\\\\` and `\\'`.
            assert!(!command.contains(['!', '\n', '`']) && !command.contains("\\\\") && !command.contains("\\'"), "{command}");
            assert!(command.matches('\'').count() % 2 == 0, "{command}");
        }
    }
}
