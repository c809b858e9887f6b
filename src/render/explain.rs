//! A plan in words: what will run on which host, and why.

use std::fmt::Write;

use super::{count, hosts};
use crate::plan::{Plan, Verdict};

/// Each host with its steps: `+` will run, `~` may run (it checks itself again when its turn comes), `=` is done.
/// A step that may act says why; the last line counts them.
#[must_use]
pub fn explain(plan: &Plan) -> String {
    let hosts = hosts(&plan.graph);
    if plan.is_done() {
        let steps = count(plan.graph.len(), "step");
        return format!("nothing to do: {steps} on {} are as they should be\n", count(hosts.len(), "host"));
    }
    let width = plan.graph.steps().map(|step| step.id.phase.len() + 1 + step.id.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for host in &hosts {
        let _ = writeln!(text, "{host}");
        for step in plan.graph.steps().filter(|step| step.id.host == *host) {
            let verdict = plan.verdict(&step.id);
            let path = format!("{}/{}", step.id.phase, step.id.name);
            let _ = writeln!(text, "  {} {path:width$}  {}", sign(verdict), step.title);
            if verdict != Verdict::Done && !step.why.is_empty() {
                let _ = writeln!(text, "    {:width$}  {}", "", step.why);
            }
        }
        text.push('\n');
    }
    let number = |verdict| plan.graph.steps().filter(|step| plan.verdict(&step.id) == verdict).count();
    let (run, may, done) = (number(Verdict::Run), number(Verdict::Maybe), number(Verdict::Done));
    let _ = writeln!(
        text,
        "{run} will run, {may} may run, {done} done: {} on {}",
        count(plan.graph.len(), "step"),
        count(hosts.len(), "host")
    );
    text
}

fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Run => '+',
        Verdict::Maybe => '~',
        Verdict::Done => '=',
    }
}
