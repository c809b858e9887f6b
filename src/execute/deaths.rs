//! Only in debug builds: slipway dies at every boundary of every step, one a run, for `tests/scenarios/42-boundaries.sh`.
//!
//! `SLIPWAY_DEATHS` names a file of the boundaries at which it has died so far, a line each: `HOST/PHASE/NAME MOMENT`. A run dies at the first
//! one that is not in there, and adds it. So the same command again and again comes one boundary further each time, whatever the steps are,
//! and ends by itself when there is none left. It dies by `abort`: nothing of it runs after that.
//!
//! With `SLIPWAY_DEATHS_ON_HOST` as well, the step's program on the host, with all that it has started, is killed there at the very same
//! boundary, as by a restart of the host; slipway dies as soon as it hears of that. Without it the program is left alone and goes on, or
//! meets its closed output; the boundary is then the moment in which slipway hears that the host has come to it.

use std::{borrow::Cow, env, fs, io::Write as _, path::PathBuf, process, thread, time::Duration};

use crate::{
    lower::Mark,
    step::{Carry, Op, Step},
    transport::Line,
};

const FILE: &str = "SLIPWAY_DEATHS";
const ON_HOST: &str = "SLIPWAY_DEATHS_ON_HOST";

/// What a program prints before it is killed.
const DIES: &str = "::slipway-dies ";

/// Kills all processes of this session on the host, the shell that does it last: `dies_at MOMENT`.
const KILLS: &str = "\
dies_at() {
    printf '::slipway-dies %s\\n' \"$1\" >>/proc/$$/fd/1
    read -r own rest </proc/self/stat
    set -- ${rest##*) }
    session=$4
    for file in /proc/[0-9]*/stat; do
        read -r line <\"$file\" || continue
        set -- ${line##*) }
        [ \"${4-}\" != \"$session\" ] || [ \"${line%% *}\" = \"$own\" ] || kill -s KILL \"${line%% *}\"
    done 2>/dev/null
    kill -s KILL 0 \"$own\"
}
";

/// A boundary in the life of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The host has heard nothing of it.
    Before,
    /// How to undo it is written down there, and nothing is done.
    Intended,
    /// In the act: between two of its ops, between a file and its name, or so long after its shell began.
    Acting,
    /// All is done, and neither proved nor told.
    Acted,
}

impl Moment {
    const fn name(self) -> &'static str {
        match self {
            Self::Before => "before-intent",
            Self::Intended => "after-intent",
            Self::Acting => "in-the-act",
            Self::Acted => "after-the-act",
        }
    }
}

fn file() -> Option<PathBuf> {
    env::var_os(FILE).map(PathBuf::from)
}

/// Whether somebody wants slipway to die: then each step travels alone, so that none is past its boundaries before slipway hears of it.
pub(super) fn are_wanted() -> bool {
    file().is_some()
}

fn line(step: &Step, moment: &str) -> String {
    format!("{} {moment}\n", step.id)
}

/// Whether a run has yet to die here.
fn is_due(step: &Step, moment: Moment) -> bool {
    file().is_some_and(|file| !fs::read_to_string(file).unwrap_or_default().contains(&line(step, moment.name())))
}

fn die(step: &Step, moment: &str) -> ! {
    let opened = file().and_then(|file| fs::OpenOptions::new().create(true).append(true).open(file).ok());
    let noted = opened.is_some_and(|mut file| file.write_all(line(step, moment).as_bytes()).is_ok());
    // Without a note of it, the next run would die here too, and so on.
    if noted { process::abort() } else { process::exit(70) }
}

/// Dies before the step, if that is due; and gives the step as it is to be carried, with its end in it where its program is to die as well.
pub(super) fn doomed(step: &Step) -> Cow<'_, Step> {
    if is_due(step, Moment::Before) {
        die(step, Moment::Before.name());
    }
    let due = [Moment::Intended, Moment::Acting, Moment::Acted].into_iter().find(|moment| is_due(step, *moment));
    match due.filter(|_| env::var_os(ON_HOST).is_some()) {
        Some(moment) => Cow::Owned(dying_at(step.clone(), moment)),
        None => Cow::Borrowed(step),
    }
}

/// The step with the end of its program at that moment. What is undone, and what is checked, stay as they are.
fn dying_at(mut step: Step, moment: Moment) -> Step {
    let kills = |call: &str| Op::Sh(format!("{KILLS}{call}\n"));
    let name = moment.name();
    let dies = kills(&format!("dies_at {name}"));
    match moment {
        Moment::Before => {}
        Moment::Intended => step.apply.insert(0, dies),
        Moment::Acted => step.apply.push(dies),
        Moment::Acting if step.apply.len() > 1 => {
            let middle = step.apply.len() / 2;
            step.apply.insert(middle, dies);
        }
        // A file that is written whole has no name yet.
        Moment::Acting if matches!(step.apply[..], [Op::Write(_)]) => {
            step.apply.insert(0, kills(&format!("mv() {{\n    dies_at {name}\n}}")));
        }
        Moment::Acting => {
            let seconds = if step.carry == Carry::Detached { "1.5" } else { "0.03" };
            step.apply.insert(0, kills(&format!("(\n    sleep {seconds}\n    dies_at {name}\n) &")));
            // It was done sooner.
            step.apply.push(dies);
        }
    }
    step
}

/// Dies if what the host says means that a boundary is reached at which that is due.
pub(super) fn heard(step: &Step, line: &Line) {
    if let Some(moment) = line.text.strip_prefix(DIES) {
        die(step, moment);
    }
    if env::var_os(ON_HOST).is_some() {
        return;
    }
    match Mark::parse(&line.text) {
        Some(Mark::Op(0)) if is_due(step, Moment::Intended) => die(step, Moment::Intended.name()),
        Some(Mark::Op(0)) if is_due(step, Moment::Acting) => {
            let step = step.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(if step.carry == Carry::Detached { 1500 } else { 30 }));
                die(&step, Moment::Acting.name());
            });
        }
        // 10: it has changed something.
        Some(Mark::End(crate::lower::CHANGED)) if is_due(step, Moment::Acted) => die(step, Moment::Acted.name()),
        _ => {}
    }
}
