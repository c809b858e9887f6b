//! Lowers steps to POSIX shell: the only module that knows how a program is built.
//!
//! Every program is one block in braces with its call on the last line and standard input closed for all that it starts,
//! so that a program cut in the middle is a syntax error and runs nothing.

mod batch;
mod download;
mod library;
mod survey;
mod upload;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Write as _,
    io,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

pub use batch::{Batch, batch};
pub use download::Frame;
pub use library::Library;
pub use survey::{Asked, Digests, Survey, check_digest, checks_program, survey_program};
pub use upload::upload_program;

use crate::step::{Carry, Check, Due, File, Op, Step, Undo, Upload};

/// A whole program for `sh -s`, fed to it on standard input: never in argv, so that `ps` shows nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(String);

impl Program {
    /// A program of one's own: `body` runs with the parts of the prelude that it mentions.
    #[must_use]
    pub fn of(body: &str) -> Self {
        Self(block(&format!("{SETTING}{}{body}", library::prelude(body))))
    }

    /// Text that is a program already.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The program of a run that has leases: it does nothing on a host that another run has meanwhile. See `hold_lock` of the prelude.
    #[must_use]
    pub fn of_run(self, run: Option<&str>) -> Self {
        match (run, self.0.strip_prefix(OPENING)) {
            (Some(run), Some(rest)) => Self(format!("{OPENING}export SLIPWAY_RUN={}\n{rest}", quote(run))),
            _ => self,
        }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// What a program tells the executor on lines of their own, beside the output of its commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Of several steps in one program, the one with this index is starting.
    Step(usize),
    /// The step under way, of several in one program, ended with this exit code.
    Ended(i32),
    /// The op with this index is starting.
    Op(usize),
    /// The op under way ended with this exit code.
    Failed(i32),
    /// The op under way is waiting for something, for so many seconds at most.
    Wait(u32),
    /// The program is ready for a file on its standard input, of which it has so many bytes already: see [`upload_program`].
    Send(u64),
    /// What is being waited for, in words.
    Waiting(String),
    /// Something that a person should know even if the step ends well.
    Note(String),
    /// Why the op under way fails, in words: said by the host, as its other output is.
    Cause(String),
    /// What to do about it: one of the texts in the program.
    Remedy(String),
    /// The cause does not pass by itself, so that a second try is pointless.
    Final,
    /// The program is at its end, with this exit code. A program that ends without saying so was cut short.
    End(i32),
}

/// The prefix of a line that is a [`Mark`].
const MARK: &str = "::slipway ";

impl Mark {
    /// Reads a line of a program's output; none if it is not a mark.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, value) = line.strip_prefix(MARK)?.split_once(' ')?;
        match word {
            "step" => value.parse().ok().map(Self::Step),
            "ended" => value.parse().ok().map(Self::Ended),
            "op" => value.parse().ok().map(Self::Op),
            "failed" => value.parse().ok().map(Self::Failed),
            "wait" => value.parse().ok().map(Self::Wait),
            "send" => value.strip_prefix("file ").and_then(|bytes| bytes.parse().ok()).map(Self::Send),
            "waiting" => Some(Self::Waiting(value.to_owned())),
            "note" => Some(Self::Note(value.to_owned())),
            "cause" => Some(Self::Cause(value.to_owned())),
            "remedy" => Some(Self::Remedy(value.to_owned())),
            "final" => Some(Self::Final),
            "end" => value.parse().ok().map(Self::End),
            _ => None,
        }
    }
}

/// The exit codes of a step's program.
pub const UNCHANGED: i32 = 0;
pub const CHANGED: i32 = 10;
pub const NOT_CONVERGED: i32 = 20;

/// What every program starts with. HOME is root's: kubeadm and kubectl look there, and sudo may have left another. What a host has of
/// proxies in its environment is for downloads (`use_proxy`): neither the cluster's API nor a runtime's socket is behind one. TMPDIR is for the
/// shell alone: bash keeps texts that stand in a program in a file, and a full disk must not be in the way of that.
const SETTING: &str = "\
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
export HOST_NO_PROXY=\"${HOST_NO_PROXY-${NO_PROXY:-${no_proxy-}}}\" NO_PROXY='*' no_proxy='*'
umask 077
unset TMPDIR
STATE=/var/lib/slipway RUN=/run/slipway TMPDIR=/run
";

/// How each program begins.
const OPENING: &str = "{\n";

/// Quotes a word for POSIX shell.
#[must_use]
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The program of one step: exit 0 unchanged, 10 changed, 20 did not converge, 1 failed.
#[must_use]
pub fn lower(step: &Step) -> Program {
    match step.carry {
        Carry::Direct => Program(direct(step)),
        Carry::Detached => {
            let call = follow(step);
            Program(block(&format!("{SETTING}{}{}{}{call}", mark(), library::prelude(&call), job(step))))
        }
    }
}

/// The function by which programs tell the executor: `mark WORD VALUE`. A mark has a line of its own, whatever was printed before it.
fn mark() -> String {
    format!("mark() {{\n    printf '\\n{MARK}%s %s\\n' \"$1\" \"$2\"\n}}\n")
}

fn direct(step: &Step) -> String {
    let hold = if step.beside { "hold_beside" } else { "hold_host" };
    let body = format!("{}{}", mark(), step_body(step, &step.prepare, hold));
    block(&format!("{SETTING}{}{body}", library::prelude(&body)))
}

/// The function that prints the program of a detached step.
fn job(step: &Step) -> String {
    function_printing("job", &direct(step))
}

/// The call that begins what `job` prints, and follows it to its end.
fn follow(step: &Step) -> String {
    format!("run_detached {}\n", quote(&ledger_name(step)))
}

/// One script that runs the steps of a host one after another, for a person to read or to run by hand. The header is the caller's.
#[must_use]
pub fn script(steps: &[&Step]) -> String {
    let mut body = String::new();
    let prepares = write_prepares(&mut body, steps.iter().copied());
    for step in steps {
        let failed = format!("{} failed; mend what it names above and run this script again", step.id);
        write_step(&mut body, step, &prepares, &format!("die {}", quote(&failed)));
    }
    script_of(&body)
}

/// The same for steps that do not depend on each other's success: none is left out because another failed. `end` is shell that comes
/// last, with the names of the failed ones in `failed`; its exit code is that of the script.
#[must_use]
pub fn script_to_the_end(steps: &[&Step], end: &str) -> String {
    let mut body = "[ \"$(id -u)\" = 0 ] || die 'run this as root'\nfailed=\n".to_owned();
    let prepares = write_prepares(&mut body, steps.iter().copied());
    for step in steps {
        let failed = format!("failed=\"$failed \"{}", quote(&format!("{}/{}", step.id.phase, step.id.name)));
        write_step(&mut body, step, &prepares, &failed);
    }
    let _ = write!(body, "\n{}", lines(end));
    script_of(&body)
}

/// What steps of one script have in common stands in it once: gives the call that stands for each text.
fn write_prepares<'a>(body: &mut String, steps: impl Iterator<Item = &'a Step>) -> BTreeMap<&'a str, String> {
    let mut calls = BTreeMap::from([("", String::new())]);
    for step in steps {
        let call = format!("prepare_{}", calls.len());
        if let Entry::Vacant(new) = calls.entry(step.prepare.as_str()) {
            let _ = write!(body, "{call}() {{\n{}}}\n", lines(&step.prepare));
            new.insert(call);
        }
    }
    calls
}

fn write_step(body: &mut String, step: &Step, prepares: &BTreeMap<&str, String>, otherwise: &str) {
    let prepare = prepares.get(step.prepare.as_str()).map_or(step.prepare.as_str(), String::as_str);
    let title = quote(&format!("==> {}: {}", step.id, step.title));
    let _ = write!(
        body,
        "\n# {}\n# {}\nsay {title}\n(\n{})\ncase $? in 0 | 10) ;; *) {otherwise} ;; esac\n",
        step.id,
        step.why.replace('\n', " "),
        step_body(step, prepare, if step.beside { "hold_beside" } else { "hold_host" }),
    );
}

fn script_of(body: &str) -> String {
    // Of the marks, a reader of the script has a use for those in words.
    let words = [("waiting", "waiting for"), ("note", "note:"), ("cause", "error:"), ("remedy", "hint:")];
    let words = words.map(|(mark, before)| format!("{mark}) say \"{before} $2\" ;;")).join(" ");
    let text = format!("mark() {{\n    case $1 in {words} esac\n}}\n{body}");
    block(&format!("{SETTING}{}{text}", library::prelude(&text)))
}

/// The name of a step in a host's undo ledger: a number stands before it there, and a digest of how it is undone behind it.
#[must_use]
pub fn ledger_name(step: &Step) -> String {
    format!("{}.{}", step.id.phase, step.id.name)
}

/// SHA-256 as 64 hex digits.
#[must_use]
pub fn sha256(content: &str) -> String {
    hex(&Sha256::digest(content))
}

/// SHA-256, as 64 hex digits, of all that can be read, without keeping it.
///
/// # Errors
/// Those of reading.
pub fn sha256_of(mut source: impl io::Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(length) => hash.update(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn block(body: &str) -> String {
    format!("{OPENING}{body}}} </dev/null\n")
}

/// The functions `prepare`, `reached`, `check`, `proved`, `undo` and `apply` of a step, and the call that brings them to life.
/// `prepare` is the shell of the first one, `hold` the function by which it has the host for itself.
fn step_body(step: &Step, prepare: &str, hold: &str) -> String {
    let mut text = String::new();
    let mut wanted = 0;
    let mut apply = String::new();
    let mut undo = String::new();
    for (index, op) in step.apply.iter().enumerate() {
        let _ = writeln!(apply, "mark op {index}");
        match op {
            Op::Sh(shell) => apply.push_str(&lines(shell)),
            Op::Write(file) => {
                wanted += 1;
                let name = format!("want_{wanted}");
                text.push_str(&function_printing(&name, &content(file)));
                let path = quote(&file.path.to_string_lossy());
                let _ = writeln!(apply, "put {name} {path} {:o} {}", file.mode, quote(&file.owner));
                // What lies in memory is gone with the next boot. What is kept aside, secrets too, is for root alone.
                if !file.path.starts_with("/run") {
                    let _ = writeln!(undo, "keep {path}");
                }
            }
            Op::Remove(path) => {
                let path = quote(&path.to_string_lossy());
                let _ = writeln!(apply, "if [ -d {path} ]; then rmdir {path}; else rm -f {path}; fi");
                let _ = writeln!(undo, "keep {path}");
            }
            Op::Upload(Upload { from, to, sha256 }) => {
                let path = quote(&to.to_string_lossy());
                let copy = quote(&format!("copy {} to {} on this host, then try again", from.display(), to.display()));
                let _ = writeln!(apply, "has_sha256 {path} {} || die {copy}", quote(sha256));
                let _ = writeln!(undo, "printf '%s\\n' {}", quote(&format!("rm -f {path} {path}.part.*")));
            }
        }
    }
    // Undone in the opposite order: what the shell did last goes first, and files stand before what was done with them.
    let mut recorded = String::new();
    for each in step.undo.iter().rev() {
        match each {
            Undo::Sh(shell) => {
                let marker = heredoc_marker(shell);
                let _ = write!(recorded, "cat <<'{marker}'\n{}{marker}\n", lines(shell));
            }
            Undo::Record(shell) => recorded.push_str(&lines(shell)),
        }
    }
    recorded.push_str(&undo);
    // What has no undo leaves nothing on the disk.
    let digest = if recorded.is_empty() { String::new() } else { format!(" {}", &sha256(&recorded)[..8]) };
    let run = match step.limit {
        Some(limit) => format!("run_step_within {} {} {hold}", limit.as_secs().max(1), quote(&in_words(limit))),
        None => format!("run_step {hold}"),
    };
    // A step that is due whatever its check says has a check that only proves.
    let check = if step.due == Due::Check { "(reached)\n" } else { "false\n" };
    let proved = if step.check == Check::Never { ":\n" } else { "(reached)\n" };
    for (name, body) in [
        ("prepare", if prepare.is_empty() { String::new() } else { lines(prepare) }),
        ("reached", check_shell(&step.check)),
        ("check", check.to_owned()),
        ("proved", proved.to_owned()),
        ("undo", recorded),
        ("apply", apply),
    ] {
        let body = if body.trim().is_empty() { ":\n".to_owned() } else { body };
        let _ = write!(text, "{name}() {{\n{body}}}\n");
    }
    let _ = writeln!(text, "{run} {} {}{digest}", quote(&ledger_name(step)), step.id.phase);
    text
}

/// `3 minutes`, `90 seconds`.
fn in_words(limit: Duration) -> String {
    let (number, unit) = match limit.as_secs().max(1) {
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The shell of a step's check for a program that does not run the step: with all that it needs.
fn check_alone(step: &Step) -> String {
    let prepare = if step.prepare.is_empty() { String::new() } else { lines(&step.prepare) };
    format!("{prepare}{}", check_shell(&step.check))
}

/// The shell of a check: exit 0 when the end state is there.
fn check_shell(check: &Check) -> String {
    let same = |files: &[File]| {
        let tests: Vec<String> = files
            .iter()
            .map(|file| {
                let path = quote(&file.path.to_string_lossy());
                format!("same_as {path} {:o} {} {}", file.mode, quote(&file.owner), sha256(&content(file)))
            })
            .collect();
        tests.join(" &&\n    ")
    };
    match check {
        Check::Sh(shell) => lines(shell),
        Check::Same(files) => format!("{}\n", same(files)),
        Check::SameAnd(files, shell) => format!("{} || exit 1\n{}", same(files), lines(shell)),
        Check::Absent(paths) => {
            let tests: Vec<String> = paths
                .iter()
                .map(|path| quote(&path.to_string_lossy()))
                .map(|path| format!("[ ! -e {path} ] && [ ! -h {path} ]"))
                .collect();
            format!("{}\n", tests.join(" && "))
        }
        Check::Never => "false\n".to_owned(),
    }
}

/// A shell function that prints this text, byte for byte.
fn function_printing(name: &str, text: &str) -> String {
    let marker = heredoc_marker(text);
    format!("{name}() {{\n    cat <<'{marker}'\n{text}{marker}\n}}\n")
}

/// A line that does not occur in the text. dash 0.5.12 loses a byte that is not ASCII where it follows the beginning of that line, at the
/// beginning of a line of the text: there is to be none of that either.
fn heredoc_marker(text: &str) -> String {
    let trips = |line: &str, marker: &str| {
        let same = line.bytes().zip(marker.bytes()).take_while(|(here, there)| here == there).count();
        line == marker || same > 0 && line.as_bytes().get(same).is_some_and(|byte| !byte.is_ascii())
    };
    let is_good = |marker: &String| !text.lines().any(|line| trips(line, marker));
    let mut others = ('A'..='Z').chain('a'..='z').map(|letter| format!("{letter}_END"));
    let found = Some("END".to_owned()).filter(is_good).or_else(|| others.find(is_good));
    found.unwrap_or_else(|| {
        let mut marker = "END".to_owned();
        while text.lines().any(|line| line == marker) {
            marker.push('_');
        }
        marker
    })
}

/// A file's content as it is written: a text file ends with a line end.
fn content(file: &File) -> String {
    if file.content.is_empty() { String::new() } else { lines(&file.content) }
}

fn lines(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests;
