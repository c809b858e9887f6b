//! The steps of one host as a script that a person can read, keep and run without slipway.

use std::fmt::Write;

use super::count;
use crate::{
    graph::Graph,
    lower,
    step::{File, Op, Step},
};

/// What stands in a script for the password of a proxy, which is not for a file that people keep and pass on.
pub const PROXY_PASSWORD: &str = "SLIPWAY_PROXY_PASSWORD";

/// A self-contained POSIX shell script that does on `host` what slipway would do there, in the same order, with the same checks.
/// Empty but for its header if the graph has no step for this host.
#[must_use]
pub fn script(graph: &Graph, host: &str) -> String {
    let steps: Vec<&Step> = graph.steps().filter(|step| step.id.host == host).collect();
    let mut text = header(&steps, host);
    text.push_str(&lower::script(&steps));
    text
}

fn header(steps: &[&Step], host: &str) -> String {
    let mut text = String::from("#!/bin/sh\n");
    let _ = writeln!(text, "# What slipway would do on {}: {}.", one_line(host), count(steps.len(), "step"));
    text.push_str(
        "# Run it there as root. Each step looks first and acts only where it must, so running it again changes nothing.\n",
    );
    if steps.iter().any(|step| secrets(step).next().is_some()) {
        text.push_str("# It holds secrets (keys, tokens): let nobody else read it, and remove it when it has done its work.\n");
    }
    if steps.iter().any(|step| secrets(step).any(|file| file.content.contains(PROXY_PASSWORD))) {
        let _ = writeln!(
            text,
            "# Put the proxy's password in the place of {PROXY_PASSWORD}; in the URLs with its odd characters as %XX."
        );
    }
    text.push_str("#\n");
    for step in steps {
        let _ = writeln!(text, "#   {:34}  {}", format!("{}/{}", step.id.phase, step.id.name), one_line(&step.title));
        for need in step.needs.iter().filter(|need| need.host != step.id.host) {
            let _ = writeln!(text, "#     only after {}", one_line(&need.to_string()));
        }
        for op in &step.apply {
            if let Op::Upload(upload) = op {
                let (from, to) = (upload.from.display().to_string(), upload.to.display().to_string());
                let _ = writeln!(text, "#     copy {} to {} first", one_line(&from), one_line(&to));
            }
        }
    }
    text.push('\n');
    text
}

/// A line end inside a comment would end the comment.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).collect::<Vec<_>>().join(" ")
}

fn secrets(step: &Step) -> impl Iterator<Item = &File> {
    step.apply.iter().filter_map(|op| match op {
        Op::Write(file) if file.secret => Some(file),
        _ => None,
    })
}
