//! Whom to reach and with what, and what to say when it fails.

use std::{fmt::Display, path::PathBuf};

use tokio::sync::Mutex;

use super::{
    guard::Told,
    key_file::{KeyFile, key_files},
};
use crate::{
    config,
    error::{Error, Kind, Result},
    lower::quote,
    transport::{Ask, secret},
};

/// A machine to reach, and all that may be needed to get in.
pub(super) struct Target {
    pub(super) address: String,
    /// `vagrant@192.168.77.11`, for messages.
    pub(super) who: String,
    pub(super) ssh: config::Ssh,
    pub(super) keys: Vec<KeyFile>,
    pub(super) ask: Ask,
    /// The password that let us in, so that a reconnect asks nobody.
    pub(super) password: Mutex<Option<String>>,
    pub(super) told: Told,
    /// The jump hosts on the way, as ssh's -J takes them.
    pub(super) way: String,
}

impl Target {
    /// # Errors
    /// `NoFile` and `Authentication`, for keys that can not be read, and for password files that are empty.
    pub(super) fn new(address: &str, ssh: &config::Ssh, before: &[config::Hop], ask: Ask) -> Result<Self> {
        let hop = |hop: &config::Hop| format!("{}@{}:{}", hop.ssh.user, bracketed(&hop.address), hop.ssh.port);
        let told = Told::default();
        let secrets = [&ssh.password_file, &ssh.passphrase_file, &ssh.sudo_password_file];
        secret::not_empty(secrets.into_iter().flatten().map(PathBuf::as_path))?;
        ssh.notes.iter().for_each(|note| told.note(note.clone()));
        Ok(Self {
            address: address.to_owned(),
            who: format!("{}@{address}", ssh.user),
            keys: key_files(ssh, |note| told.note(note))?,
            ssh: ssh.clone(),
            ask,
            password: Mutex::new(None),
            told,
            way: before.iter().map(hop).collect::<Vec<_>>().join(","),
        })
    }

    /// The address without the brackets of IPv6, which are a habit from URLs.
    pub(super) fn bare_address(&self) -> &str {
        self.address.trim_start_matches('[').trim_end_matches(']')
    }

    /// `192.168.77.11 port 22`, for messages.
    pub(super) fn place(&self) -> String {
        format!("{} port {}", self.address, self.ssh.port)
    }

    /// The command of a person who wants to see for themselves.
    pub(super) fn try_it(&self, options: &str) -> String {
        let way = if self.way.is_empty() { String::new() } else { format!("-J {} ", quote(&self.way)) };
        format!("ssh {options}{way}-p {} {}@{} true", self.ssh.port, quote(&self.ssh.user), quote(&self.address))
    }

    pub(super) fn unreachable(&self, cause: &impl Display) -> Error {
        let cause = cause.to_string().to_lowercase();
        let cause = cause.split(" (os error").next().unwrap_or_default();
        Error::new(Kind::Unreachable, format!("{} can not be reached: {cause}", self.place())).hint(self.try_it(""))
    }

    pub(super) fn late(&self, what: &str) -> Error {
        let seconds = self.ssh.connect_timeout.max(1);
        let error = Error::new(Kind::Unreachable, format!("{} gave no {what} within {seconds} s", self.place()));
        match what {
            "connection" => error.hint(self.try_it("")),
            // An sshd that answers, and then thinks: over names (UseDNS) or in PAM.
            _ => error.hint(format!(
                "its DNS may be slow (UseDNS in its sshd_config); give it time with connect_timeout = {} under [ssh]",
                seconds * 4
            )),
        }
    }

    pub(super) fn hung_up(&self, when: &str, farewell: Option<String>) -> Error {
        let because = farewell.map_or_else(String::new, |text| format!(": {}", text.to_lowercase()));
        Error::new(Kind::Unreachable, format!("{} closed the connection {when}{because}", self.place())).hint(self.try_it("-v "))
    }

    pub(super) fn lost(&self) -> Error {
        let because = self.told.farewell().map_or_else(String::new, |text| format!(": {}", text.to_lowercase()));
        Error::new(Kind::Lost, format!("the connection to {} was cut in the middle of a program{because}", self.who))
            .hint("run the same command again: what has been done is not done twice")
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}
