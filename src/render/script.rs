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

/// A self-contained POSIX shell script that does on whatever machine it is run on what `slipway reset` does there, and then prints what
/// is left. `listing` is the shell that lists it; with `purge`, what install brought counts too.
#[must_use]
pub fn reset_script(graph: &Graph, listing: &str, purge: bool) -> String {
    let steps: Vec<&Step> = graph.steps().collect();
    let command = if purge { "slipway reset --purge" } else { "slipway reset" };
    let mut text = format!(
        "#!/bin/sh\n# What `{command}` does on a machine: {}. Run it there as root: sh reset.sh\n",
        count(steps.len(), "step")
    );
    text.push_str(RESET_ABOUT);
    for step in &steps {
        let _ = writeln!(text, "#   {:18}  {}", format!("{}/{}", step.id.phase, step.id.name), one_line(&step.title));
    }
    text.push('\n');
    let counted = if purge { "goes|purge" } else { "goes" };
    let end = format!("counted='{counted}'\nlist() {{\n{listing}\n}}\n{RESET_END}");
    text.push_str(&lower::script_to_the_end(&steps, &end));
    text
}

const RESET_ABOUT: &str = "\
# It needs no network, asks nothing, and takes away the node that is there: its pods, its data, its certificates. On the last control plane
# that is the cluster. Each step looks first, has a time limit, and does not stop the next one when it fails; running it again does no harm.
# Exit code: 0 when it is done, 42 when something is left (it is listed then), 40 when a step failed and nothing is left all the same.
#
";

/// The audit: in a file, since a process that hangs in the kernel would never close a pipe.
const RESET_END: &str = r#"NONCE=slipway-left
mkdir -p "$RUN"
say '==> What is left'
within_limit 60 list >"$RUN/left" 2>/dev/null
[ -z "$l_doing" ] || say "not all could be listed within a minute; under way: $l_doing"
tr -d '\001-\010\013-\037\177' <"$RUN/left" | awk -F '\t' -v counted="$counted" '
    $1 == "slipway-left left-end" { whole = 1 }
    $1 == "slipway-left left" {
        if ($4 ~ "^(" counted ")$") { left++; word = "left" } else word = $4 == "purge" ? "kept" : "stays"
        printf "%-6s %s %s (%s; %s)\n", word, $2, $6, $3, $5
    }
    END {
        if (left) printf "left: %d. Run this again; a restart of the machine clears all that is not a file\n", left
        else if (whole) print "clean"
        else print "not known: the list ended early"
        exit left || !whole ? 42 : 0
    }'
left=$?
rm -f "$RUN/left"
[ -z "$failed" ] || say "failed:$failed"
[ "$left" = 0 ] || exit "$left"
[ -z "$failed" ] || exit 40
exit 0
"#;

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
