//! The lists of keys that no host may have (`RevokedHostKeys` of ssh_config(5)), as far as they are text: one public key a line.

use std::{fs, path::Path};

use russh::keys::parse_public_key_base64;

use super::{Entry, Known, Place};
use crate::{
    config,
    error::{Error, Kind, Result},
    lower::quote,
};

/// What a key revocation list begins with (PROTOCOL.krl of OpenSSH).
const KRL: &[u8] = b"SSHKRL\n\0";

impl Known {
    /// What is revoked for every host, and nothing else.
    ///
    /// # Errors
    /// `HostKey`, when a list can not be read.
    pub(in crate::transport::ssh) fn revoked(ssh: &config::Ssh) -> Result<Self> {
        let mut known = Self::default();
        ssh.revoked_host_keys.iter().try_for_each(|file| known.add_revoked(file))?;
        Ok(known)
    }

    /// Adds the keys of a list. It counts for every host.
    ///
    /// # Errors
    /// `HostKey`, when not all of it can be read: as with ssh, no host is trusted then.
    fn add_revoked(&mut self, file: &Path) -> Result<()> {
        let shown = file.display();
        let broken = |what: String| Error::new(Kind::HostKey, format!("{what}, so no host key can be checked"));
        let bytes = fs::read(file).map_err(|error| {
            broken(format!("the revoked keys in {shown} can not be read"))
                .because(error)
                .hint(format!("ls -l {}; it is RevokedHostKeys of the ssh configuration", quote(&shown.to_string())))
        })?;
        let remedy = "name a list of plain public keys, one a line, as RevokedHostKeys in the ssh configuration";
        if bytes.starts_with(KRL) {
            return Err(broken(format!("{shown} is a key revocation list (KRL), which slipway does not read")).hint(remedy));
        }
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let mut fields = line.split_ascii_whitespace();
            let Some(algorithm) = fields.next().filter(|field| !field.starts_with('#')) else { continue };
            let place = Place { file: file.to_owned(), line: number + 1 };
            let key = fields.next().and_then(|key| parse_public_key_base64(key).ok());
            if key.is_none() {
                return Err(broken(format!("{shown}:{} is no public key", place.line)).hint(remedy));
            }
            self.revoked.push(Entry { place, algorithm: algorithm.to_owned(), key });
        }
        Ok(())
    }
}
