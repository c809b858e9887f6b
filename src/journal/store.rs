//! Where journals are kept, what they are called, and when they go.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::date::file_stamp;
use crate::error::{Error, Kind, Result, nearest};

/// Journals of a cluster that are kept, the newest one included.
pub(super) const MOST: usize = 50;

/// Days after which a journal goes, unless it is the newest of its cluster.
pub(super) const DAYS: u64 = 90;

/// How a journal's name ends.
const ENDING: &str = ".jsonl";

/// The directory of all journals: `${XDG_STATE_HOME:-~/.local/state}/slipway`. In it, a directory a cluster, and in that a file a run,
/// `YYYYMMDD-HHMMSS-ID.jsonl` (UTC). The directories have mode 0700, the files 0600.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

/// A journal that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Eight hex digits.
    pub id: String,
    /// When the run began: `20260131-235959`.
    pub stamp: String,
    /// The cluster's name as the name of a directory; the journal itself has it as it is.
    pub cluster: String,
    pub path: PathBuf,
}

impl Store {
    /// The store of the user.
    ///
    /// # Errors
    /// `NoFile` where there is no home directory.
    pub fn of_user() -> Result<Self> {
        let state = env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
            .or_else(|| Some(env::home_dir()?.join(".local/state")))
            .ok_or_else(|| {
                Error::new(Kind::NoFile, "there is no home directory to keep journals in").hint("set XDG_STATE_HOME")
            })?;
        Ok(Self(state.join("slipway")))
    }

    /// A store of one's own.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// A new journal, empty.
    pub(super) fn create(&self, cluster: &str, now: Duration) -> io::Result<(Kept, File)> {
        let cluster = directory_name(cluster);
        let dir = self.0.join(&cluster);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        for dir in [&self.0, &dir] {
            if fs::metadata(dir)?.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(dir, Permissions::from_mode(0o700))?;
            }
        }
        loop {
            let mut random = [0; 4];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let (id, stamp) = (format!("{:08x}", u32::from_be_bytes(random)), file_stamp(now));
            let path = dir.join(format!("{stamp}-{id}{ENDING}"));
            match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => return other.map(|file| (Kept { id, stamp, cluster, path }, file)),
            }
        }
    }

    /// All journals, the newest first.
    #[must_use]
    pub fn runs(&self) -> Vec<Kept> {
        let inside = |dir: &Path| fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let mut runs: Vec<Kept> = inside(&self.0).flat_map(|dir| inside(&dir).filter_map(kept).collect::<Vec<_>>()).collect();
        runs.sort_by(|a, b| (&b.stamp, &b.id).cmp(&(&a.stamp, &a.id)));
        runs
    }

    /// The run that a person means: by its id, by the beginning of that, or `last`.
    ///
    /// # Errors
    /// `Invalid` when there is none, or when it may be one of several.
    pub fn find(&self, wanted: &str) -> Result<Kept> {
        let mut runs = self.runs();
        if runs.is_empty() {
            let none = format!("no runs are kept in {}", self.0.display());
            return Err(Error::new(Kind::Invalid, none).hint("runs that may change hosts are kept: slipway up, reset, repair"));
        }
        if wanted == "last" {
            return Ok(runs.remove(0));
        }
        let (mut begun, others): (Vec<Kept>, Vec<Kept>) =
            runs.into_iter().partition(|run| !wanted.is_empty() && run.id.starts_with(&wanted.to_ascii_lowercase()));
        match begun.len() {
            1 => Ok(begun.remove(0)),
            0 => {
                let error = Error::new(Kind::Invalid, format!("no run is called {wanted:?}"));
                let near = nearest(wanted, others.iter().map(|run| run.id.as_str()).chain(["last"]));
                Err(match near {
                    Some(near) => error.hint(format!("did you mean {near}? `slipway runs` lists them all")),
                    None => error.hint("`slipway runs` lists them; the newest is also called last"),
                })
            }
            several => {
                let ids: Vec<&str> = begun.iter().map(|run| run.id.as_str()).collect();
                Err(Error::new(Kind::Invalid, format!("{several} runs begin with {wanted:?}"))
                    .hint(format!("type more of it: {}", ids.join(", "))))
            }
        }
    }

    /// Removes what is too old or too many. The newest of a cluster stays, and so does whatever is not a journal, or is being written.
    pub(super) fn expire(&self, now: Duration) {
        let oldest = file_stamp(now.saturating_sub(Duration::from_secs(DAYS * 86_400)));
        let mut runs = self.runs();
        runs.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        for of_cluster in runs.chunk_by(|a, b| a.cluster == b.cluster) {
            for (place, run) in of_cluster.iter().enumerate().skip(1) {
                if (place >= MOST || run.stamp < oldest) && !run.is_running() {
                    let _ = fs::remove_file(&run.path);
                }
            }
        }
    }
}

impl Kept {
    /// Whether its slipway still holds it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        File::open(&self.path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }
}

/// What the name of a file says, if it is that of a journal.
fn kept(path: PathBuf) -> Option<Kept> {
    let (stamp, id) = path.file_name()?.to_str()?.strip_suffix(ENDING)?.rsplit_once('-')?;
    let is_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_stamp = stamp.len() == 15 && stamp.bytes().enumerate().all(|(place, byte)| (place == 8) == (byte == b'-'));
    let cluster = path.parent()?.file_name()?.to_string_lossy().into_owned();
    (is_id && is_stamp).then(|| Kept { id: id.to_owned(), stamp: stamp.to_owned(), cluster, path: path.clone() })
}

/// A cluster's name as the name of one directory, whatever is in it.
fn directory_name(cluster: &str) -> String {
    let clean = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let name: String = cluster.chars().map(clean).take(200).collect();
    if name.is_empty() || name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_name_can_not_leave_the_directory() {
        assert_eq!(directory_name("lab-1.x"), "lab-1.x");
        assert_eq!(directory_name("../../etc"), "_.._.._etc");
        assert_eq!(directory_name(""), "_");
    }

    #[test]
    fn only_what_is_called_like_a_journal_is_one() {
        let id = |name: &str| kept(PathBuf::from("lab").join(name)).map(|kept| (kept.stamp, kept.id, kept.cluster));
        let stamp = "20260131-235959";
        assert_eq!(id("20260131-235959-00c0ffee.jsonl"), Some((stamp.into(), "00c0ffee".into(), "lab".into())));
        for name in ["latest", "20260131-235959.jsonl", "20260131-235959-00c0ffee.log", "notes-00c0ffee.jsonl", "x-coffee.jsonl"]
        {
            assert_eq!(id(name), None, "{name}");
        }
    }
}
