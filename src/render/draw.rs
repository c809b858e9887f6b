//! A graph as a drawing, for Graphviz and for Mermaid: a box a host, an arrow from each step to those that need it.

use std::{collections::HashMap, fmt::Write};

use super::hosts;
use crate::{graph::Graph, step::StepId};

/// The graph in Graphviz's DOT language: `slipway render dot | dot -Tsvg`. Arrows between hosts are bold.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut text = String::from("digraph slipway {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n");
    for host in hosts(graph) {
        // Graphviz draws a box around a subgraph when its name begins with `cluster`.
        let _ = writeln!(text, "  subgraph {} {{", dot_word(&format!("cluster_{host}")));
        let _ = writeln!(text, "    label={};", dot_word(host));
        for step in graph.steps().filter(|step| step.id.host == host) {
            let label = format!("{}/{}\n{}", step.id.phase, step.id.name, step.title);
            let _ = writeln!(text, "    {} [label={}];", dot_word(&step.id.to_string()), dot_word(&label));
        }
        text.push_str("  }\n");
    }
    for (from, to) in edges(graph) {
        let bold = if from.host == to.host { "" } else { " [style=bold]" };
        let _ = writeln!(text, "  {} -> {}{bold};", dot_word(&from.to_string()), dot_word(&to.to_string()));
    }
    text.push_str("}\n");
    text
}

/// The graph in Mermaid's flowchart language, as Markdown on many sites draws it. Arrows between hosts are thick.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    // Step paths hold characters (and host names words, such as `end`) that mean something to Mermaid: nodes go by number.
    let numbers: HashMap<&StepId, usize> = graph.steps().enumerate().map(|(number, step)| (&step.id, number)).collect();
    let mut text = String::from("flowchart LR\n");
    for (number, host) in hosts(graph).into_iter().enumerate() {
        let _ = writeln!(text, "  subgraph h{number}[\"{}\"]", mermaid_text(host));
        for step in graph.steps().filter(|step| step.id.host == host) {
            let path = mermaid_text(&format!("{}/{}", step.id.phase, step.id.name));
            let _ = writeln!(text, "    s{}[\"{path}<br/>{}\"]", numbers[&step.id], mermaid_text(&step.title));
        }
        text.push_str("  end\n");
    }
    for (from, to) in edges(graph) {
        let arrow = if from.host == to.host { "-->" } else { "==>" };
        let _ = writeln!(text, "  s{} {arrow} s{}", numbers[from], numbers[to]);
    }
    text
}

/// Each step that is needed, with each step that needs it. A need outside the graph has no box to start from.
fn edges(graph: &Graph) -> impl Iterator<Item = (&StepId, &StepId)> {
    graph.steps().flat_map(|step| step.needs.iter().map(|need| (need, &step.id))).filter(|(need, _)| graph.get(need).is_some())
}

/// A double-quoted string of DOT, where only the quote and the backslash need care.
fn dot_word(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"))
}

/// Text inside a quoted Mermaid label: its entities are `#` and a name or number.
fn mermaid_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => escaped.push_str("#quot;"),
            '#' => escaped.push_str("#35;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '&' => escaped.push_str("#amp;"),
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
