//! What went wrong, in one line, with the command to type next. Everyone may know this module.

use std::fmt;

/// The family of an error. Each has an exit code of its own, so that scripts can tell them apart; the README lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The command line is wrong (clap reports most of these itself, with the same code).
    Usage,
    /// A file that slipway needs is not there, or cannot be read or written; standard output too.
    NoFile,
    /// The cluster file or a profile is not TOML, or a value has the wrong type.
    Syntax,
    /// A key that slipway does not know.
    UnknownKey,
    /// Two hosts with one name, or one address.
    DuplicateHost,
    /// No host has the role control-plane.
    NoControlPlane,
    /// The pod, service or host networks overlap, or are not networks.
    Cidr,
    /// A Kubernetes version that slipway does not support.
    UnsupportedVersion,
    /// `--only` or `--skip` names no step.
    UnknownStep,
    /// A value is of the right type but makes no sense.
    Invalid,
    /// A host did not answer.
    Unreachable,
    /// A host refused every key and password on offer.
    Authentication,
    /// A host's key is unknown or has changed.
    HostKey,
    /// The login user can not become root.
    Privilege,
    /// The operating system of a host has no profile.
    UnknownOs,
    /// A connection was cut in the middle of a program; its outcome is not known.
    Lost,
    /// Another slipway is at work on a host.
    Held,
    /// Preflight found what would make a later step fail.
    Preflight,
    /// A step failed on a host.
    Step,
    /// The cluster does not do what it should.
    Verify,
    /// After a reset, something is still there.
    Leftovers,
    /// Ctrl-C.
    Interrupted,
    /// A defect of slipway itself.
    Internal,
}

impl Kind {
    /// The exit code of the process for this kind of error. Stable: scripts depend on it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NoFile => 10,
            Self::Syntax => 11,
            Self::UnknownKey => 12,
            Self::DuplicateHost => 13,
            Self::NoControlPlane => 14,
            Self::Cidr => 15,
            Self::UnsupportedVersion => 16,
            Self::UnknownStep => 17,
            Self::Invalid => 18,
            Self::Unreachable => 20,
            Self::Authentication => 21,
            Self::HostKey => 22,
            Self::Privilege => 23,
            Self::UnknownOs => 24,
            Self::Lost => 25,
            Self::Held => 26,
            Self::Preflight => 30,
            Self::Step => 40,
            Self::Verify => 41,
            Self::Leftovers => 42,
            Self::Internal => 70,
            Self::Interrupted => 130,
        }
    }
}

/// One line that says what happened, and hints that say what to type next.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// A lower-case sentence fragment without a full stop: it stands behind `error: `.
    pub what: String,
    /// Each stands behind `hint: `; the best one names a command.
    pub hints: Vec<String>,
    /// What a library or the system said, if it adds anything.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What went wrong on other hosts in the same breath; the exit code is this error's.
    pub also: Vec<Error>,
}

/// The result of everything in slipway that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` that says `what`.
    #[must_use]
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hints: Vec::new(), source: None, also: Vec::new() }
    }

    /// Adds a hint: what to do about it, best as a command to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the error below this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The known word nearest to a mistyped one, if any is near enough to be meant (at most a third of its letters differ).
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: single-letter insertions, deletions and substitutions between two words.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(diagonal + usize::from(letter != *other));
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_what_was_meant_and_nothing_else() {
        assert_eq!(nearest("pod_cdir", ["name", "pod_cidr", "service_cidr"]), Some("pod_cidr"));
        assert_eq!(nearest("workers", ["worker", "control-plane"]), Some("worker"));
        assert_eq!(nearest("zebra", ["name", "pod_cidr"]), None);
    }
}
