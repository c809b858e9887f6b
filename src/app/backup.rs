//! `--backup DIR`: what a cluster could not be made again from comes to the operator before a host is reset.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::JoinSet;

use super::session::Session;
use crate::{
    error::{Error, Kind, Result},
    execute::{Hosts, survey},
    phase::reset::backup::{self, COPY, KUBERNETES, SNAPSHOT},
    transport::Received,
};

/// The checksums of all files of a backup, as `sha256sum -c` reads them.
const SUMS: &str = "SHA256SUMS";

/// A directory for backups that is the operator's alone, and has room for these hosts' files.
pub(super) struct Backup<'a> {
    dir: &'a Path,
    hosts: &'a [String],
}

impl<'a> Backup<'a> {
    /// Looks at the directory before anything else is done.
    ///
    /// # Errors
    /// `Invalid` when it is not a directory, when others may look into it, or when a backup of one of the hosts is there.
    pub(super) fn into(dir: &'a Path, hosts: &'a [String]) -> Result<Self> {
        let backup = Self { dir, hosts };
        let wrong = |error: io::Error| Error::new(Kind::Invalid, format!("{} cannot be looked at", dir.display())).because(error);
        let found = match fs::metadata(dir) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(backup),
            Err(error) => return Err(wrong(error)),
        };
        if !found.is_dir() {
            return Err(Error::new(Kind::Invalid, format!("{} is not a directory", dir.display())));
        }
        if found.permissions().mode() & 0o077 != 0 {
            return Err(Error::new(Kind::Invalid, format!("others may look into {}, and a backup holds secrets", dir.display()))
                .hint(format!("chmod 700 {0}, or name a directory that is not there yet", dir.display())));
        }
        let all = hosts.iter().flat_map(|host| backup.places(host).into_values());
        match all.into_iter().find(|place| place.symlink_metadata().is_ok()) {
            Some(place) => Err(Error::new(Kind::Invalid, format!("{} is there already", place.display()))
                .hint("nothing is overwritten: name another directory")),
            None => Ok(backup),
        }
    }

    /// Where the files of a host go, by the names that it sends them under.
    fn places(&self, host: &str) -> BTreeMap<&'static str, PathBuf> {
        // An address of the command line may be no file name.
        let host: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
        [SNAPSHOT, COPY, KUBERNETES].into_iter().map(|name| (name, self.dir.join(format!("{host}.{name}")))).collect()
    }

    /// Fetches the files of all hosts that answer. When one can not be fetched, none is kept; with `force`, the others are.
    ///
    /// # Errors
    /// What went wrong on the hosts, and nothing was reset.
    pub(super) async fn take(&self, session: &Session, hosts: &Hosts, force: bool) -> Result<()> {
        let new = !self.dir.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(self.dir).map_err(|error| self.unwritable(error))?;
        let mut tasks = JoinSet::new();
        for host in self.hosts {
            let (name, hosts, places) = (host.clone(), Arc::clone(hosts), self.places(host));
            tasks.spawn(async move {
                let Some(transport) = hosts.get(&name) else { return (name, Ok(None)) };
                let received = match survey::nonce() {
                    Ok(nonce) => transport.download(&backup::program(&nonce), &nonce, &places).await,
                    Err(error) => Err(error),
                };
                (name, received.map(Some))
            });
        }
        let (mut received, mut errors): (Vec<Received>, Vec<Error>) = (Vec::new(), Vec::new());
        while let Some(joined) = tasks.join_next().await {
            match joined.map_err(|error| Error::new(Kind::Internal, "a backup ended early").because(error))? {
                (name, Ok(None)) => session.note(format!("{name} does not answer: there is no backup of it")),
                (name, Ok(Some(files))) => {
                    session.note(self.told(&name, &files));
                    received.extend(files);
                }
                (name, Err(error)) => errors.push(Error { what: format!("no backup of {name}: {}", error.what), ..error }),
            }
        }
        if !errors.is_empty() && !force {
            received.iter().for_each(|file| _ = fs::remove_file(&file.path));
            if new {
                let _ = fs::remove_dir(self.dir);
            }
            let mut first = errors.remove(0).hint("nothing was reset; to go on with no backup of it: --force");
            first.also = errors;
            return Err(first);
        }
        errors.iter().for_each(|error| session.note(format!("{error}; going on all the same (--force)")));
        if received.is_empty() {
            if new {
                let _ = fs::remove_dir(self.dir);
            }
            return Ok(());
        }
        self.sum(&received).map_err(|error| self.unwritable(error))
    }

    /// What came from a host, in words.
    fn told(&self, host: &str, files: &[Received]) -> String {
        if files.is_empty() {
            return format!("{host} has nothing of a cluster to back up");
        }
        let each: Vec<String> = files
            .iter()
            .map(|file| {
                let what = match file.name.as_str() {
                    SNAPSHOT => "etcd's snapshot",
                    COPY => "etcd's database as it lay there (etcdutl snapshot restore --skip-hash-check takes it)",
                    _ => "/etc/kubernetes",
                };
                format!("{what}, {} KiB, is {}", file.size.div_ceil(1024), file.path.display())
            })
            .collect();
        format!("backup of {host}: {}", each.join("; "))
    }

    fn sum(&self, files: &[Received]) -> io::Result<()> {
        let mut sums = OpenOptions::new().append(true).create(true).mode(0o600).open(self.dir.join(SUMS))?;
        for file in files {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            writeln!(sums, "{}  {name}", file.sha256)?;
        }
        sums.sync_all()
    }

    fn unwritable(&self, error: io::Error) -> Error {
        Error::new(Kind::Invalid, format!("{} cannot be written; nothing was reset", self.dir.display())).because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_private_and_nothing_in_it_is_overwritten() {
        let dir = std::env::temp_dir().join(format!("slipway-backup-{}", std::process::id()));
        let hosts = ["cp1".to_owned(), "root@[::1]:22".to_owned()];
        let refused = |expected: &str| {
            let error = Backup::into(&dir, &hosts).err().expect("refused").to_string();
            assert!(error.contains(expected), "{error}");
        };
        let backup = Backup::into(&dir, &hosts).expect("what is not there can be made");
        assert_eq!(backup.places("root@[::1]:22")[SNAPSHOT], dir.join("root____1__22.etcd.db"));
        fs::create_dir_all(&dir).expect("writable");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).expect("ours");
        refused("others may look into ");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("ours");
        fs::write(dir.join("cp2.kubernetes.tar"), "").expect("writable");
        Backup::into(&dir, &hosts).expect("another host's");
        fs::write(dir.join("cp1.kubernetes.tar"), "").expect("writable");
        refused("cp1.kubernetes.tar is there already");
        fs::remove_dir_all(&dir).expect("ours");
        fs::write(&dir, "").expect("writable");
        refused("is not a directory");
        fs::remove_file(&dir).expect("ours");
    }
}
