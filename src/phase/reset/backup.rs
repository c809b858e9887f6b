//! What of a cluster could not be made again, on its way to the operator before a reset.

use crate::{lower::Program, phase::script::script};

const SURVIVOR: &str = include_str!("survivor.sh");
const BACKUP: &str = include_str!("backup.sh");

/// A snapshot that etcd made itself.
pub const SNAPSHOT: &str = "etcd.db";
/// The database of an etcd that does not run, as it lay there: restoring it takes `--skip-hash-check`.
pub const COPY: &str = "etcd-copy.db";
/// /etc/kubernetes.
pub const KUBERNETES: &str = "kubernetes.tar";

/// The program that sends these files, as far as the host has them.
#[must_use]
pub fn program(nonce: &str) -> Program {
    let values = [("NONCE", nonce), ("node", ""), ("member", ""), ("peers", "")];
    Program::of(&script(&values, &format!("{SURVIVOR}{BACKUP}")))
}
