//! What follows from facts, as a person would want to review it: findings, and for each step what is of this host alone. The programs
//! as a whole are in tests/golden/install.

use std::{collections::BTreeSet, fmt::Write as _};

use slipway::{
    phase::preflight::Finding,
    step::{Op, Step},
};

use super::shells;

/// Words in single quotes behind these are names of packages.
const PACKAGES: &[&str] = &["for name in ", "pkg_specs ", "pkg_known ", "set -- '"];

pub(crate) fn text(findings: &[Finding], steps: &[Step]) -> String {
    let mut text = String::new();
    for finding in findings {
        let weight = if finding.fatal { "fatal" } else { "warning" };
        let _ = writeln!(text, "{weight} {}/{}: {}\n    {}", finding.id.host, finding.id.name, finding.what, finding.remedy);
    }
    for step in steps {
        let needs: Vec<&str> = step.needs.iter().map(|id| id.name.as_str()).collect();
        let _ = writeln!(text, "{}: {} <- {}", step.id, step.title, needs.join(", "));
        for line in packages(step) {
            let _ = writeln!(text, "    packages: {line}");
        }
        for url in urls(step) {
            let _ = writeln!(text, "    {url}");
        }
        for line in shells(step).iter().flat_map(|shell| shell.lines()).filter(|line| is_telling(line)).collect::<BTreeSet<_>>() {
            let _ = writeln!(text, "    $ {}", line.trim());
        }
        for op in &step.apply {
            if let Op::Write(file) = op {
                let _ = writeln!(text, "    writes {}", file.path.display());
                for line in file.content.lines().filter(|_| file.content.lines().count() < 20) {
                    let _ = writeln!(text, "    | {line}");
                }
            }
        }
    }
    text
}

/// Lines that say something of this host and are short enough to be read: modes, modules, cgroup drivers, dead repositories.
fn is_telling(line: &str) -> bool {
    let words = [
        "setenforce",
        "modprobe -n",
        "SystemdCgroup",
        "native.cgroupdriver",
        "cgroup_manager",
        "sandbox_image =",
        "pause_image",
        "firewall-cmd -q --add-port",
        "ufw allow ",
    ];
    words.iter().any(|word| line.contains(word)) || line.trim_start().starts_with("for file in /")
}

/// The lists of packages that a step names.
fn packages(step: &Step) -> BTreeSet<String> {
    let lists = shells(step).into_iter().flat_map(str::lines).flat_map(|line| {
        PACKAGES.iter().filter_map(move |word| line.split_once(word)).map(|(_, list)| {
            let end = list.find([';', '>', '|', ')']).unwrap_or(list.len());
            list[..end].replace('\'', "").trim().to_owned()
        })
    });
    lists.filter(|list| !list.is_empty() && !list.contains(['$', '/', '"'])).collect()
}

fn urls(step: &Step) -> BTreeSet<String> {
    let files = step.apply.iter().filter_map(|op| if let Op::Write(file) = op { Some(file.content.as_str()) } else { None });
    let words = shells(step).into_iter().chain(files).flat_map(str::split_whitespace);
    let clean = |word: &str| word.find("http").map(|at| word[at..].trim_matches(['\'', '"', ';', ']', '\\']).to_owned());
    words
        .filter(|word| (word.contains("http://") || word.contains("https://")) && !word.contains('?'))
        .filter_map(clean)
        .collect()
}
