//! The whole run in a file, every line with its time: what a person reads when the end of it is not enough.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    error::{Error, Kind, Result},
    event::{Event, Outcome},
};

/// Logs of a cluster that are kept, the new one included.
const KEPT: usize = 20;

/// A log file that only its owner may read. Steps are to print no secrets, but the log is not the place to find out.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// A new log `${XDG_STATE_HOME:-~/.local/state}/slipway/CLUSTER/YYYYMMDD-HHMMSS.log` (UTC); `latest` beside it points to it.
    /// All but the last 20 logs of the cluster are removed. `command` becomes its first line.
    ///
    /// # Errors
    /// `NoFile` when the file can not be made.
    pub fn open(cluster: &str, command: &str) -> Result<Self> {
        let state = env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
            .or_else(|| Some(env::home_dir()?.join(".local/state")))
            .ok_or_else(|| Error::new(Kind::NoFile, "there is no home directory to keep a log in").hint("set XDG_STATE_HOME"))?;
        let dir = state.join("slipway").join(directory_name(cluster));
        Self::open_in(&dir, command, now())
            .map_err(|error| Error::new(Kind::NoFile, format!("can not write a log in {}", dir.display())).because(error))
    }

    fn open_in(dir: &Path, command: &str, now: Duration) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let (file, path) = create(dir, &file_stamp(now))?;
        // Both are comforts: a full or odd directory is no reason not to run.
        let _ = prune(dir);
        let _ = point_latest(dir, &path);
        let mut log = Self { file, path };
        log.line(now, command);
        Ok(log)
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an event that happens now.
    pub(super) fn event(&mut self, event: &Event) {
        let now = now();
        for line in describe(event) {
            self.line(now, &line);
        }
    }

    /// Writes text, each of its lines with the time.
    pub(super) fn text(&mut self, text: &str) {
        let now = now();
        for line in text.lines() {
            self.line(now, line);
        }
    }

    /// A disk that fills up during a run must not end it: what can not be written is lost.
    fn line(&mut self, now: Duration, text: &str) {
        let _ = self.file.write_all(format!("{} {text}\n", line_stamp(now)).as_bytes());
    }
}

/// What the log says of an event.
fn describe(event: &Event) -> Vec<String> {
    match event {
        Event::Host { host, state, took, execs } => {
            vec![format!("{host}: {state:?} after {:.3} s, programs run: {execs}", took.as_secs_f64())]
        }
        Event::Planned { steps } => {
            steps.iter().map(|step| format!("{} planned: {:?}: {}", step.id, step.verdict, step.title)).collect()
        }
        Event::Started { id, attempt } => vec![format!("{id} started, try {attempt}")],
        Event::Waiting { id, what } => vec![format!("{id} waiting for {what}")],
        Event::Line { id, text } => vec![format!("{id} | {text}")],
        Event::Retrying { id, attempt, because, pause } => {
            vec![format!("{id} try {attempt} failed, next in {:.1} s: {because}", pause.as_secs_f64())]
        }
        Event::Finished { id, outcome, took } => {
            let took = took.as_secs_f64();
            match outcome {
                Outcome::Unchanged => vec![format!("{id} unchanged, {took:.3} s")],
                Outcome::Changed => vec![format!("{id} changed, {took:.3} s")],
                Outcome::Failed(failure) => vec![
                    format!("{id} failed, {took:.3} s: {}", failure.what),
                    format!("{id} command: {}", failure.command.as_deref().unwrap_or("not known")),
                    format!("{id} exit code: {}", failure.exit.map_or("none".to_owned(), |exit| exit.to_string())),
                ],
                Outcome::Blocked { by } => vec![format!("{id} blocked by {by}")],
                Outcome::Cancelled => vec![format!("{id} cancelled")],
            }
        }
        Event::Note { text } => text.lines().map(|line| format!("note: {line}")).collect(),
        Event::Stopping => vec!["stopping".to_owned()],
    }
}

/// Two runs in one second get two files.
fn create(dir: &Path, stamp: &str) -> io::Result<(File, PathBuf)> {
    let mut number = 1;
    loop {
        let path = dir.join(if number == 1 { format!("{stamp}.log") } else { format!("{stamp}-{number}.log") });
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            other => return other.map(|file| (file, path)),
        }
    }
}

/// Removes the oldest logs; their names sort by time.
fn prune(dir: &Path) -> io::Result<()> {
    let entries = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut logs: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
    logs.sort();
    for old in logs.iter().rev().skip(KEPT) {
        fs::remove_file(old)?;
    }
    Ok(())
}

fn point_latest(dir: &Path, path: &Path) -> io::Result<()> {
    let latest = dir.join("latest");
    let _ = fs::remove_file(&latest);
    symlink(path.file_name().unwrap_or_default(), latest)
}

/// A cluster's name as the name of one directory, whatever is in it.
fn directory_name(cluster: &str) -> String {
    let clean = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let name: String = cluster.chars().map(clean).collect();
    if name.is_empty() || name.starts_with('.') { format!("_{name}") } else { name }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// `20260131-235959`
fn file_stamp(now: Duration) -> String {
    let (year, month, day, [hour, minute, second]) = civil(now.as_secs());
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// `2026-01-31T23:59:59.123Z`
fn line_stamp(now: Duration) -> String {
    let (year, month, day, [hour, minute, second]) = civil(now.as_secs());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", now.subsec_millis())
}

/// Year, month, day and time (UTC) of a number of seconds since 1970. Years begin in March here, so that leap days come last:
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>, without its part for times before 1970.
fn civil(seconds: u64) -> (u64, u64, u64, [u64; 3]) {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let second = seconds % 86_400;
    (year, month, day, [second / 3_600, second / 60 % 60, second % 60])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::step::StepId;

    fn stamp(seconds: u64) -> String {
        line_stamp(Duration::from_millis(seconds * 1000 + 42))
    }

    #[test]
    fn dates_are_those_of_date() {
        // Each from `date -u -d @SECONDS +%FT%T`.
        assert_eq!(stamp(0), "1970-01-01T00:00:00.042Z");
        assert_eq!(stamp(951_782_399), "2000-02-28T23:59:59.042Z");
        assert_eq!(stamp(951_782_400), "2000-02-29T00:00:00.042Z");
        assert_eq!(stamp(1_709_251_199), "2024-02-29T23:59:59.042Z");
        assert_eq!(stamp(1_798_761_599), "2026-12-31T23:59:59.042Z");
        assert_eq!(stamp(4_107_542_400), "2100-03-01T00:00:00.042Z");
        assert_eq!(file_stamp(Duration::from_secs(1_798_761_599)), "20261231-235959");
    }

    #[test]
    fn a_log_is_private_and_the_last_twenty_are_kept() {
        let dir = env::temp_dir().join(format!("slipway-log-{}", std::process::id()));
        let mut last = PathBuf::new();
        for second in 0..25 {
            let mut log = Log::open_in(&dir, "slipway up", Duration::from_secs(second / 2)).expect("a log");
            log.event(&Event::Line { id: StepId::new("node1", "install", "swap"), text: "swapoff -a".into() });
            last = log.path().to_owned();
        }
        let logs = fs::read_dir(&dir).expect("the directory").count();
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(logs, KEPT + 1, "the logs and `latest`");
        assert_eq!((mode(&dir), mode(&last)), (0o700, 0o600));
        let text = fs::read_to_string(dir.join("latest")).expect("latest points to a log");
        assert_eq!(text.lines().next(), Some("1970-01-01T00:00:12.000Z slipway up"));
        assert!(text.ends_with("Z node1/install/swap | swapoff -a\n"), "{text}");
        fs::remove_dir_all(&dir).expect("removed");
    }

    #[test]
    fn a_cluster_name_can_not_leave_the_directory() {
        assert_eq!(directory_name("lab-1.x"), "lab-1.x");
        assert_eq!(directory_name("../../etc"), "_.._.._etc");
        assert_eq!(directory_name(""), "_");
    }
}
