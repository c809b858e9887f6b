//! Steps of one host that need no answer in between travel together: one program, one round trip.

use std::fmt::Write as _;

use super::{CHANGED, Program, SETTING, block, follow, job, ledger_name, library, mark, quote, step_body, write_prepares};
use crate::step::{Carry, Step};

/// A program that runs steps of one host one after another, and another one that ends it early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Says [`super::Mark::Step`] before each step and [`super::Mark::Ended`] behind it, with the exit code that the step's own program
    /// would have had, and ends with the first that did not do well. Nobody else works on the host between two of its steps, unless the
    /// last one is detached: that one takes its turn as it does alone.
    pub program: Program,
    /// Lets the other one begin no further step: exit [`CHANGED`] if it will, 0 if it may not have begun. Then it is to be told again.
    pub halt: Program,
}

/// The program of these steps, which all run in the lane of the host's steps (none beside it). Of those that run detached only the last
/// one can be. `id` is a word that no other program of these days has.
#[must_use]
pub fn batch(steps: &[&Step], id: &str) -> Batch {
    let halt = format!("\"$RUN/halt.\"{}", quote(id));
    // What a step says of its failure on standard error is to come before what is said of its end.
    let mut body = format!("exec 2>&1\n{}begin_steps {halt}\n", mark());
    let prepares = write_prepares(&mut body, steps.iter().copied().filter(|step| step.carry == Carry::Direct));
    // A job brings the functions that it needs.
    let mut jobs = String::new();
    for (index, step) in steps.iter().enumerate() {
        let _ = writeln!(body, "next_step {index} {halt}");
        let text = match step.carry {
            Carry::Direct => {
                if index == 0 {
                    let _ = writeln!(body, "hold_host {} {}", quote(&ledger_name(step)), step.id.phase);
                }
                let prepare = prepares.get(step.prepare.as_str()).map_or(step.prepare.as_str(), String::as_str);
                step_body(step, prepare, "hold_on")
            }
            Carry::Detached => {
                body.push_str("exec 9>&-\n");
                jobs.push_str(&job(step));
                follow(step)
            }
        };
        let _ = write!(body, "(\n{text})\nstep_ended $?\n");
    }
    // Only while somebody works there: a program that is to be ended and has not begun is told again. Exit 10: it is told.
    let stop = format!("[ ! -e \"$RUN/lock\" ] || flock -n \"$RUN/lock\" true || {{ : >{halt} && exit {CHANGED}; }}\n");
    let program = Program(block(&format!("{SETTING}{}{jobs}{body}", library::prelude(&body))));
    Batch { program, halt: Program::of(&stop) }
}

#[cfg(test)]
mod tests;
