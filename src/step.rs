//! The unit of work, as plain data: a check, what to do when it fails, and how to undo it.

mod recipes;

use std::{
    collections::BTreeSet,
    fmt,
    ops::{Deref, DerefMut},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use recipes::Recipes;

/// Where a step stands: `cp1/install/containerd`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId {
    pub host: String,
    pub phase: &'static str,
    pub name: String,
}

impl StepId {
    #[must_use]
    pub fn new(host: &str, phase: &'static str, name: impl Into<String>) -> Self {
        Self { host: host.to_owned(), phase, name: name.into() }
    }

    /// Reads what `Display` writes; none if it is no path of a step.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.splitn(3, '/');
        let (host, phase, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self::new(host, kept(phase), name))
    }
}

/// The name of a phase, kept for as long as the process lives: there are few, but another version of slipway may have had others.
fn kept(phase: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(phase) {
        return known;
    }
    let new: &'static str = Box::leak(phase.to_owned().into_boxed_str());
    all.insert(new);
    new
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.phase, self.name)
    }
}

/// A file with known content. Its bytes travel on standard input, never in argv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub content: String,
    /// Permission bits, as chmod(1) takes them in octal.
    pub mode: u32,
    /// `user:group`, as chown(1) takes it.
    pub owner: String,
    /// Secret content is never shown in a plan, a diff, a log or a rendered script's preview.
    pub secret: bool,
}

impl File {
    /// A world-readable file of root.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        Self { path: path.into(), content: content.into(), mode: 0o644, owner: "root:root".to_owned(), secret: false }
    }

    /// A file that only root may read and nobody is shown.
    #[must_use]
    pub fn secret(path: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        Self { mode: 0o600, secret: true, ..Self::new(path, content) }
    }

    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }
}

/// How a step knows that its end state is already there. It tests the end state, never the first artefact, and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Shell that exits 0 when the state is there. Runs in a subshell without `set -e`, as root.
    Sh(String),
    /// Every one of these files has this content, mode and owner.
    Same(Vec<File>),
    /// Both: the files are the same, and then the shell exits 0.
    SameAnd(Vec<File>, String),
    /// None of these paths exists.
    Absent(Vec<PathBuf>),
    /// There is no telling: always act, and take the exit code of `apply` as the proof (a waiting step, a verification).
    Never,
}

/// One thing that a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Shell run under `set -eu`, as root, with standard input closed and the prelude's functions at hand.
    Sh(String),
    /// Writes a file atomically; a file that was there before is kept aside and put back by the undo.
    Write(File),
    /// Removes a file or an empty directory.
    Remove(PathBuf),
    /// Needs a file of the operator's machine on the host. It is sent before the step's program runs, unless the host has it;
    /// the program itself can only see that it is there.
    Upload(Upload),
}

/// A file on its way from the operator's machine to a host: of any size, so its bytes are never part of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// On the operator's machine.
    pub from: PathBuf,
    /// On the host, as an absolute path. Its directory is made for root alone if it is not there.
    pub to: PathBuf,
    /// What the bytes must be, as 64 hex digits.
    pub sha256: String,
}

/// How a step is undone. Written to the host's ledger before the step acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Shell that undoes the step.
    Sh(String),
    /// Shell that runs on the host just before the step acts and *prints* the shell that undoes it:
    /// for what depends on what was there before (which packages are new, which line was in fstab).
    Record(String),
}

/// When a failed step is tried again. Most steps fail for good: only a reason makes a retry.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Retry {
    #[default]
    No,
    Times {
        /// Tries in all, the first one included.
        tries: u32,
        /// Between two tries.
        pause: Duration,
        /// Why a second try can end differently from the first; shown to the user.
        because: &'static str,
    },
}

/// How the program of a step is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Carry {
    /// On the connection itself: short steps.
    #[default]
    Direct,
    /// Detached from the connection, with output and exit code in a root-only directory on the host: what takes long
    /// and must not die with the connection (package managers, kubeadm).
    Detached,
}

/// When a step is due, beside its own check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Due {
    /// When its check fails.
    #[default]
    Check,
    /// Also, whatever its check says, whenever anything else in the plan is going to run: verification.
    AnyChange,
    /// Like `AnyChange`, and even if a step that it needs has failed: cleaning up.
    Always,
}

/// A record of one change to one host: where it stands, and what it is. The fields of its recipe read and write like its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub id: StepId,
    /// Steps that must be done before this one starts, on this host or another.
    pub needs: Vec<StepId>,
    /// One for all hosts that are alike (see [`Recipes`]): who changes it changes a copy.
    pub recipe: Arc<Recipe>,
}

/// What a step is, wherever it stands. See the module's first line; the fields say the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What it does, in the imperative: "Install the container runtime".
    pub title: String,
    /// Why that is needed, in a sentence: plans show it.
    pub why: String,
    /// Shell that runs once, before the check, and within the limit: functions and values for the check and for all shell of `apply`.
    /// It changes nothing on the host.
    pub prepare: String,
    pub check: Check,
    pub apply: Vec<Op>,
    pub undo: Vec<Undo>,
    pub retry: Retry,
    pub carry: Carry,
    /// Whether it runs beside the other steps of its host: it shares nothing with them but the host. Of those beside, too, one runs at a time.
    pub beside: bool,
    pub due: Due,
    /// How long it may take on its host, once nobody else works there. The host itself ends it then, with all that it has started.
    pub limit: Option<Duration>,
    /// What a person should look at when it fails; best a command.
    pub hint: Option<String>,
}

impl Deref for Step {
    type Target = Recipe;

    fn deref(&self) -> &Recipe {
        &self.recipe
    }
}

impl DerefMut for Step {
    fn deref_mut(&mut self) -> &mut Recipe {
        Arc::make_mut(&mut self.recipe)
    }
}

impl Step {
    /// A step that has no check, no ops and no needs yet.
    #[must_use]
    pub fn new(id: StepId, title: impl Into<String>, why: impl Into<String>) -> Self {
        let recipe = Recipe {
            title: title.into(),
            why: why.into(),
            prepare: String::new(),
            check: Check::Never,
            apply: Vec::new(),
            undo: Vec::new(),
            retry: Retry::No,
            carry: Carry::Direct,
            beside: false,
            due: Due::Check,
            limit: None,
            hint: None,
        };
        Self { id, needs: Vec::new(), recipe: Arc::new(recipe) }
    }

    /// A step that puts files in place; its check and its ops follow from them.
    #[must_use]
    pub fn files(id: StepId, title: impl Into<String>, why: impl Into<String>, files: Vec<File>) -> Self {
        let mut step = Self::new(id, title, why);
        step.apply = files.iter().cloned().map(Op::Write).collect();
        step.check = Check::Same(files);
        step
    }

    #[must_use]
    pub fn prepare(mut self, shell: impl Into<String>) -> Self {
        self.prepare = shell.into();
        self
    }

    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// Adds shell to what the step does.
    #[must_use]
    pub fn sh(mut self, shell: impl Into<String>) -> Self {
        self.apply.push(Op::Sh(shell.into()));
        self
    }

    #[must_use]
    pub fn write(mut self, file: File) -> Self {
        self.apply.push(Op::Write(file));
        self
    }

    #[must_use]
    pub fn upload(mut self, upload: Upload) -> Self {
        self.apply.push(Op::Upload(upload));
        self
    }

    #[must_use]
    pub fn undo(mut self, undo: Undo) -> Self {
        self.undo.push(undo);
        self
    }

    #[must_use]
    pub fn needs(mut self, id: StepId) -> Self {
        self.needs.push(id);
        self
    }

    /// Needs a step of the same host: `after("install", "swap")`.
    #[must_use]
    pub fn after(self, phase: &'static str, name: &str) -> Self {
        let id = StepId::new(&self.id.host, phase, name);
        self.needs(id)
    }

    #[must_use]
    pub fn retry(mut self, tries: u32, pause: Duration, because: &'static str) -> Self {
        self.retry = Retry::Times { tries, pause, because };
        self
    }

    #[must_use]
    pub fn detached(mut self) -> Self {
        self.carry = Carry::Detached;
        self
    }

    #[must_use]
    pub fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    #[must_use]
    pub fn due(mut self, due: Due) -> Self {
        self.due = due;
        self
    }

    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Whether `pattern` matches a step path. `*` stands for any run of characters within one part; missing parts match all,
/// so that `cp1` and `cp1/install` mean what they seem to.
#[must_use]
pub fn path_matches(pattern: &str, id: &StepId) -> bool {
    let parts = [id.host.as_str(), id.phase, id.name.as_str()];
    let wanted: Vec<&str> = pattern.split('/').collect();
    wanted.len() <= parts.len() && wanted.iter().zip(parts).all(|(glob, part)| glob_matches(glob, part))
}

fn glob_matches(glob: &str, text: &str) -> bool {
    let Some((head, tail)) = glob.split_once('*') else { return glob == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| glob_matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back() {
        for id in [StepId::new("cp1", "install", "swap"), StepId::new("fd00::1", "verify", "a/b")] {
            assert_eq!(StepId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(StepId::parse("cp1/install"), None);
    }

    #[test]
    fn step_paths_match_by_part() {
        let id = StepId::new("cp1", "install", "containerd-config");
        for pattern in ["cp1", "cp1/install", "cp1/install/*", "*/install/containerd*", "*/*/*config", "*"] {
            assert!(path_matches(pattern, &id), "{pattern}");
        }
        for pattern in ["cp", "cp2/*", "cp1/join", "cp1/install/containerd", "cp1/install/containerd-config/x", ""] {
            assert!(!path_matches(pattern, &id), "{pattern}");
        }
    }
}
