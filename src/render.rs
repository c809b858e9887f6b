//! Graphs, plans and runs as text: an explanation, a drawing, a script, a page. Pure functions; whoever calls them prints.

mod diff;
mod draw;
mod explain;
mod page;
mod script;
mod timeline;

pub use diff::diff;
pub use draw::{dot, mermaid};
pub use explain::explain;
pub use page::report;
pub use script::{PROXY_PASSWORD, reset_script, script};

use crate::graph::Graph;

/// The hosts of a graph, in the order in which their first steps stand in it.
fn hosts(graph: &Graph) -> Vec<&str> {
    let mut hosts: Vec<&str> = Vec::new();
    for step in graph.steps() {
        if !hosts.contains(&step.id.host.as_str()) {
            hosts.push(&step.id.host);
        }
    }
    hosts
}

/// `1 step`, `2 steps`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
