//! What is asked of a host before anything is decided: the probe's facts and the checks of all steps, in one exec.
//!
//! Checks depend on facts, and facts need an exec. To need one exec only, a host remembers the checks of its last run
//! (`$STATE/checks`, root's own). The survey runs them after the probe; each answer carries the digest of the check that it
//! answers, so an answer counts only if the check is the very one that the plan wants. What is not answered is asked again.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use super::{Program, SETTING, block, check_alone, function_printing, library, quote, sha256};
use crate::{
    facts,
    step::{Check, Recipe, Step, StepId},
};

/// What a survey asks a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What it is.
    Facts,
    /// That, and which steps of the last run are still done: for whoever is about to plan the same steps.
    FactsAndChecks,
}

/// What a survey brought back.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Lines for [`facts::parse`].
    pub facts: Vec<String>,
    /// Digest of a check -> whether it holds.
    pub checks: BTreeMap<String, bool>,
    /// The last line came: nothing was cut.
    pub complete: bool,
}

impl Survey {
    /// Takes a line of the program's output; lines without the nonce (a greeting of the host, say) are not ours.
    pub fn take(&mut self, nonce: &str, line: &str) {
        let Some(rest) = line.strip_prefix(nonce).and_then(|rest| rest.strip_prefix(' ')) else { return };
        match rest.split_once(' ') {
            Some(("check", answer)) => {
                if let Some((digest, verdict)) = answer.split_once(' ') {
                    self.checks.insert(digest.to_owned(), verdict == "1");
                }
            }
            _ if rest == "survey-end" => self.complete = true,
            _ => self.facts.push(line.to_owned()),
        }
    }
}

/// Identifies a check: its step and its text. Two versions of slipway that check differently have different digests.
#[must_use]
pub fn check_digest(step: &Step) -> String {
    digest(&step.id, &whole_check(step))
}

/// The digests of many checks: what hosts that are alike are asked is put together once.
#[derive(Default)]
pub struct Digests {
    /// By the place of the recipe in memory, which is kept with it so that no other one comes to stand there.
    texts: HashMap<usize, (Arc<Recipe>, String)>,
}

impl Digests {
    /// As [`check_digest`].
    #[must_use]
    pub fn of(&mut self, step: &Step) -> String {
        if Arc::strong_count(&step.recipe) == 1 {
            return check_digest(step);
        }
        let place = Arc::as_ptr(&step.recipe).addr();
        let (_, text) = self.texts.entry(place).or_insert_with(|| (Arc::clone(&step.recipe), whole_check(step)));
        digest(&step.id, text)
    }
}

/// The shell of a step's check with the functions that it mentions.
fn whole_check(step: &Step) -> String {
    let text = check_alone(step);
    library::prelude(&text) + &text
}

fn digest(id: &StepId, text: &str) -> String {
    sha256(&format!("{id}\n{text}"))[..32].to_owned()
}

/// The probe, and if wanted the checks that the host remembers. `peers` are addresses that the host should have a route to.
#[must_use]
pub fn survey_program(nonce: &str, peers: &[String], asked: Asked) -> Program {
    // The same for all hosts.
    static FUNCTIONS: OnceLock<String> = OnceLock::new();
    let functions = FUNCTIONS.get_or_init(|| library::prelude(facts::PROBE));
    let checks = match asked {
        Asked::Facts => "",
        Asked::FactsAndChecks => "if [ -f \"$STATE/checks\" ]; then (. \"$STATE/checks\"); fi\n",
    };
    let (nonce, peers) = (quote(nonce), quote(&peers.join(" ")));
    Program(block(&format!(
        "{SETTING}{functions}NONCE={nonce} PEERS={peers}\n{}probe\n{checks}printf '%s survey-end\\n' \"$NONCE\"\n",
        facts::PROBE
    )))
}

/// The checks of these steps. With `remember`, the host keeps them for the next survey: only a run that may change hosts asks for that.
#[must_use]
pub fn checks_program<'a>(nonce: &str, steps: impl Iterator<Item = &'a Step>, remember: bool) -> Program {
    let checks = checks_text(steps);
    let head = format!("{SETTING}NONCE={}\n", quote(nonce));
    let end = "printf '%s survey-end\\n' \"$NONCE\"\n";
    if remember {
        // On a disk that is full nothing is remembered, and asked all the same.
        let keep = "\
{ mkdir -p \"$STATE\" && text >\"$STATE/checks.new\" && mv -f \"$STATE/checks.new\" \"$STATE/checks\"; } || rm -f \"$STATE/checks.new\"
(eval \"$(text)\")
";
        Program(block(&format!("{head}{}{keep}{end}", function_printing("text", &checks))))
    } else {
        Program(block(&format!("{head}(\n{checks})\n{end}")))
    }
}

fn checks_text<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let mut calls = String::new();
    for step in steps.filter(|step| step.check != Check::Never) {
        let text = check_alone(step);
        let _ = write!(
            calls,
            "# {}\nif (\n{text}) >/dev/null 2>&1; then v=1; else v=0; fi\nprintf '%s check {} %s\\n' \"$NONCE\" \"$v\"\n",
            step.id,
            check_digest(step),
        );
    }
    format!("{}{calls}", library::prelude(&calls))
}
