//! Logs in with a password, which sshd takes as such or as the answer to a question of PAM's.

use russh::{
    MethodKind,
    client::{AuthResult, KeyboardInteractiveAuthResponse as Interactive},
};

use super::{LogIn, Try, wait};
use crate::{
    error::{Error, Kind, Result},
    transport::secret,
};

/// How often a mistyped password may be mended. sshd itself gives up after six tries of any kind (MaxAuthTries).
const TRIES: usize = 3;

/// Questions of one keyboard-interactive exchange; a host that asks more plays games.
const ROUNDS: usize = 8;

impl LogIn<'_> {
    pub(super) async fn password(&mut self) -> Result<Try> {
        if self.password_method().is_none() {
            return Ok(Try::Refused);
        }
        let target = self.target;
        let ssh = &target.ssh;
        let variable = if ssh.is_jump { secret::JUMP } else { secret::LOGIN };
        if let Some(password) = secret::laid_down(ssh.password_file.as_deref(), variable, &target.ask)? {
            let source = if ssh.password_file.is_some() { "its file" } else { variable };
            return self.give(password, &format!("the password of {source}")).await;
        }
        // A reconnect asks nobody: what let us in before does so again, or nothing does.
        let mut remembered = target.password.lock().await;
        if let Some(password) = remembered.clone() {
            return self.give(password, "the password").await;
        }
        // Hosts that want a password of the same user have one question; a jump host has one of its own.
        let (question, whose) = match ssh.is_jump {
            true => (format!("jump {}", target.who), target.who.clone()),
            false => (format!("login {}", ssh.user), format!("{} (for every host that asks for it)", target.who)),
        };
        // What has let in another is tried by all at once: none waits for what yet another host makes of it.
        let proved = format!("{question}, which was right");
        let known = target.ask.slot(&proved).await.clone();
        if let Some(password) = known.clone()
            && self.give(password.clone(), "the password").await? == Try::In
        {
            *remembered = Some(password);
            return Ok(Try::In);
        }
        let mut slot = self.deadline.off_the_clock(target.ask.slot(&question)).await;
        if let Some(password) = slot.clone().filter(|_| *slot != known)
            && self.give(password.clone(), "the password").await? == Try::In
        {
            *target.ask.slot(&proved).await = Some(password.clone());
            *remembered = Some(password);
            return Ok(Try::In);
        }
        let prompt = format!("Password of {whose}: ");
        for attempt in 0..TRIES {
            let prompt = if attempt == 0 { prompt.clone() } else { format!("That was not it. {prompt}") };
            let Some(password) = self.deadline.off_the_clock(target.ask.ask(prompt)).await else { break };
            // The host may have hung up meanwhile: then the answer is there for the next connection.
            let known = slot.replace(password.clone());
            if self.give(password.clone(), "a password").await? == Try::In {
                *target.ask.slot(&proved).await = Some(password.clone());
                *remembered = Some(password);
                return Ok(Try::In);
            }
            *slot = known;
        }
        Ok(Try::Refused)
    }

    fn password_method(&self) -> Option<MethodKind> {
        let methods = self.methods.as_ref()?;
        [MethodKind::Password, MethodKind::KeyboardInteractive].into_iter().find(|method| methods.contains(method))
    }

    async fn give(&mut self, password: String, what: &str) -> Result<Try> {
        let user = self.target.ssh.user.clone();
        match self.password_method() {
            None => Ok(Try::Refused),
            Some(MethodKind::Password) => {
                let attempt = self.handle.authenticate_password(user, password);
                let result = wait(self.deadline, self.target, attempt).await?;
                self.settle(&result, what.to_owned()).await
            }
            Some(_) => {
                let result = self.interact(user, &password).await?;
                self.settle(&result, format!("{what} (keyboard-interactive)")).await
            }
        }
    }

    /// Keyboard-interactive, as PAM speaks it: each question that hides its answer is for the password.
    async fn interact(&mut self, user: String, password: &str) -> Result<AuthResult> {
        let start = self.handle.authenticate_keyboard_interactive_start(user, None::<String>);
        let mut reply = wait(self.deadline, self.target, start).await?;
        for _ in 0..ROUNDS {
            let answers = match reply {
                Interactive::Success => return Ok(AuthResult::Success),
                Interactive::Failure { remaining_methods, partial_success } => {
                    return Ok(AuthResult::Failure { remaining_methods, partial_success });
                }
                Interactive::InfoRequest { prompts, .. } => {
                    prompts.iter().map(|prompt| if prompt.echo { String::new() } else { password.to_owned() }).collect()
                }
            };
            let respond = self.handle.authenticate_keyboard_interactive_respond(answers);
            reply = wait(self.deadline, self.target, respond).await?;
        }
        Err(Error::new(Kind::Authentication, format!("{} asks more questions than slipway answers", self.target.who))
            .hint(self.target.try_it("")))
    }
}
