//! The cluster file of a fleet, and what a client needs to get into its hosts.

use std::{fmt::Write as _, fs, path::PathBuf, sync::LazyLock};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::{Algorithm, PrivateKey, PublicKeyBase64, ssh_key::LineEnding};
use sha1::Sha1;

use crate::hosts::address;

/// A directory with all files of one fleet.
pub(crate) struct Cluster {
    pub(crate) dir: PathBuf,
    pub(crate) count: usize,
}

/// Where the keys lie that all fleets of this process have in common: the hosts' processes read them, too.
pub(crate) static KEYS: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("slipway-fleet-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for name in ["host", "user"] {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        key.write_openssh_file(dir.join(name), LineEnding::LF).unwrap();
        fs::write(dir.join(format!("{name}.pub")), key.public_key().to_openssh().unwrap()).unwrap();
    }
    dir
});

/// admin.conf of the fleet's control plane.
pub(crate) const ADMIN_CONF: &str = "apiVersion: v1\nkind: Config\n";

impl Cluster {
    pub(crate) fn new(count: usize) -> Self {
        let dir = KEYS.join(format!("{count}-hosts"));
        fs::create_dir_all(dir.join("home")).unwrap();
        Self { dir, count }
    }

    /// `agent`: the key is in an agent, and not in a file.
    pub(crate) fn write(&self, port: u16, agent: bool) {
        let (file, known) = (self.dir.join("cluster.toml"), self.dir.join("known_hosts"));
        let mut text = format!(
            "[cluster]\nname = \"fleet\"\nkubernetes = \"1.20.2\"\ncni = \"none\"\npod_cidr = \"10.128.0.0/9\"\n\n\
             [packages]\nurl = \"http://10.77.0.1/deb/\"\nkey = \"http://10.77.0.1/deb/Release.key\"\n\
             fingerprint = \"5CCD0D370FED069AF3A8555304B208E0C7B8B563\"\n\n\
             [ssh]\nuser = \"root\"\nport = {port}\nknown_hosts = {known:?}\n{}",
            if agent { String::new() } else { format!("key = {:?}\n", KEYS.join("user")) },
        );
        let mut lines = String::new();
        let host_key = PrivateKey::read_openssh_file(KEYS.join("host")).unwrap();
        let host_key = format!("{} {}", host_key.algorithm().as_str(), host_key.public_key().public_key_base64());
        for index in 0..self.count {
            let role = if index == 0 { "control-plane" } else { "worker" };
            write!(text, "\n[[host]]\nname = \"node{}\"\naddress = \"{}\"\nrole = \"{role}\"\n", index + 1, address(index))
                .unwrap();
            writeln!(lines, "{} {host_key}", hashed(&format!("[{}]:{port}", address(index)), index)).unwrap();
        }
        fs::write(file, text).unwrap();
        fs::write(known, lines).unwrap();
        fs::write(self.dir.join("fleet.kubeconfig"), ADMIN_CONF).unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A name as `HashKnownHosts yes` has it in the file.
fn hashed(name: &str, salt: usize) -> String {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&salt.to_le_bytes());
    let hash = Hmac::<Sha1>::new_from_slice(&bytes).unwrap().chain_update(name).finalize().into_bytes();
    format!("|1|{}|{}", base64(&bytes), base64(&hash))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().enumerate().fold(0u32, |number, (at, byte)| number | u32::from(*byte) << (16 - 8 * at));
        for letter in 0..4 {
            text.push(if letter > chunk.len() { '=' } else { LETTERS[(number >> (18 - 6 * letter)) as usize & 63] as char });
        }
    }
    text
}
