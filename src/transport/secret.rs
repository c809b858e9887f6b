//! Where passwords and passphrases come from: a file that the cluster file names, or a variable of the environment; a person is
//! asked where neither is there. Never an argument, which everyone on the machine may read.

use std::{env, io, os::unix::fs::PermissionsExt, path::Path};

use super::Ask;
use crate::{
    config::escaped,
    error::{Error, Kind, Result},
    lower::quote,
};

pub(super) const LOGIN: &str = "SLIPWAY_SSH_PASSWORD";
pub(super) const JUMP: &str = "SLIPWAY_JUMP_PASSWORD";
pub(super) const SUDO: &str = "SLIPWAY_SUDO_PASSWORD";
pub(super) const PASSPHRASE: &str = "SLIPWAY_KEY_PASSPHRASE";
const PROXY: &str = "SLIPWAY_PROXY_PASSWORD";

/// All of them: no child of slipway inherits these.
pub(super) const VARIABLES: [&str; 5] = [LOGIN, JUMP, SUDO, PASSPHRASE, PROXY];

/// The secret that was laid down in `file`, or else in `variable`. No line shows it from then on.
///
/// # Errors
/// `NoFile` when the file can not be read, `Authentication` when it is empty or others than its owner may read it.
pub(super) fn laid_down(file: Option<&Path>, variable: &str, ask: &Ask) -> Result<Option<String>> {
    let secret = match file {
        Some(file) => Some(read(file)?),
        None => env::var(variable).ok().filter(|secret| !secret.is_empty()),
    };
    secret.iter().for_each(|secret| ask.hide(secret));
    Ok(secret)
}

/// The password of a proxy: laid down, or asked for, once in the life of a run. `shown` is the proxy's URL.
///
/// # Errors
/// As [`laid_down`]; `Authentication` when nobody gives one.
pub async fn proxy_password(file: Option<&Path>, shown: &str, ask: &Ask) -> Result<String> {
    let given = match laid_down(file, PROXY, ask)? {
        Some(password) => Some(password),
        None => {
            // A command that opens its hosts twice (a repair) has one person to ask.
            let mut slot = ask.slot(&format!("proxy {shown}")).await;
            if slot.is_none() {
                *slot = ask.ask(format!("Password for the proxy {shown}: ")).await;
            }
            slot.clone()
        }
    };
    let password = given.ok_or_else(|| {
        Error::new(Kind::Authentication, format!("the proxy {shown} has a user, and its password was not given"))
            .hint(format!("name a file that holds it: `password_file` under [proxy] in the cluster file; or set {PROXY}"))
    })?;
    // As it stands in a URL.
    ask.hide(&escaped(&password));
    Ok(password)
}

/// The first line of a file that its owner alone may read.
fn read(file: &Path) -> Result<String> {
    let shown = file.display();
    let unreadable = |error: io::Error| {
        let path = quote(&shown.to_string());
        Error::new(Kind::NoFile, format!("password file {shown} can not be read")).because(error).hint(format!("ls -l {path}"))
    };
    let mode = std::fs::metadata(file).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::new(
            Kind::Authentication,
            format!("password file {shown} is open to others (mode {:03o})", mode & 0o777),
        )
        .hint(format!("chmod 600 {}", quote(&shown.to_string()))));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    match text.lines().next() {
        None | Some("") => Err(Error::new(Kind::Authentication, format!("password file {shown} is empty"))
            .hint(format!("write the secret in its first line: ls -l {}", quote(&shown.to_string())))),
        Some(secret) => Ok(secret.to_owned()),
    }
}

/// Looks for a file that is empty, before anything is connected. Whatever else is wrong with one is said when it is needed.
///
/// # Errors
/// `Authentication`, when there is one.
pub(super) fn not_empty<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let is_empty = |file: &&Path| std::fs::read_to_string(file).is_ok_and(|text| text.lines().next().is_none_or(str::is_empty));
    files.into_iter().find(is_empty).map_or(Ok(()), |file| read(file).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secrets::Mask, transport::Memory};

    #[test]
    fn an_empty_file_is_named() {
        let file = env::temp_dir().join(format!("slipway-empty-{}", std::process::id()));
        let mask = Mask::default();
        let ask = Ask::new(|_| None).remembering(Memory::hiding(mask.clone()));
        let write = |text: &str| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let laid_down = laid_down(Some(&file), "X", &ask).map_err(|error| error.what);
            (not_empty([file.as_path()]).map_err(|error| error.what), laid_down)
        };
        let what = format!("password file {} is empty", file.display());
        for text in ["", "\n", "\nsecret\n"] {
            assert_eq!(write(text), (Err(what.clone()), Err(what.clone())), "{text:?}");
        }
        assert_eq!(write("hunter2\nmore\n"), (Ok(()), Ok(Some("hunter2".into()))));
        assert_eq!(mask.text("hunter2 and more"), "(secret) and more");
        std::fs::remove_file(&file).unwrap();
        assert!(not_empty([file.as_path()]).is_ok());
    }

    #[tokio::test]
    async fn the_password_of_a_proxy_is_hidden_as_it_is_and_as_it_stands_in_a_url() {
        let mask = Mask::default();
        let ask = Ask::new(|_| Some("hunter 2".to_owned())).remembering(Memory::hiding(mask.clone()));
        assert_eq!(proxy_password(None, "http://me@proxy", &ask).await.unwrap(), "hunter 2");
        assert_eq!(mask.text("hunter 2 hunter%202"), "(secret) (secret)");
    }

    #[tokio::test]
    async fn the_password_of_a_proxy_is_asked_for_once() {
        let memory = Memory::default();
        let first = Ask::new(|_| Some("hunter2".to_owned())).remembering(memory.clone());
        assert_eq!(proxy_password(None, "http://me@proxy", &first).await.unwrap(), "hunter2");
        let next = Ask::new(|_| None).remembering(memory);
        assert_eq!(proxy_password(None, "http://me@proxy", &next).await.unwrap(), "hunter2");
        assert!(proxy_password(None, "http://me@other", &next).await.is_err(), "another proxy has another password");
    }
}
