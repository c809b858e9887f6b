//! Repositories that are closed, moved, or signed with a key that has expired: put out of use before the package manager looks at them.

use super::{NAME, system::MARK};
use crate::{
    lower::quote,
    profile::{DeadRepositories, RepositoryPart},
    scene::Scene,
    step::{Check, Step, Undo},
};

/// Prints the sections of a file, a line each: its number, and a tab before each of its lines. A line by line awk: mawk knows no more.
const SECTIONS: &str = r#"awk '/^\[/ { number++ }
    !/^#/ && number { text[number] = text[number] "\t" $0 }
    END { for (each = 1; each <= number; each++) print each text[each] }' "$file""#;

/// The same for stanzas, without those that are out of use already.
const STANZAS: &str = r#"awk -v RS= '{
    text = ""
    many = split($0, line, "\n")
    for (each = 1; each <= many; each++) if (line[each] !~ /^#/) text = text "\t" line[each]
    if (tolower(text) !~ /\tenabled:[ ]*(no|false|0)/) print NR text }' "$file""#;

/// One step for all that the host's profile knows of; none where it knows of none.
pub(super) fn step(scene: &Scene<'_>) -> Option<Step> {
    let all: Vec<&DeadRepositories> = scene.here.profile.dead.values().collect();
    let back = quote(&format!("s@^{MARK}@@"));
    let mut check = String::new();
    let mut step = Step::new(
        scene.id(NAME, "dead-repositories"),
        "Put dead package repositories out of use",
        all.iter().map(|dead| dead.about.as_str()).collect::<Vec<_>>().join(" "),
    );
    for dead in &all {
        // Patterns, not words: the shell is meant to expand them.
        let files = dead.files.join(" ");
        let found = found(dead);
        check.push_str(&format!("[ -z \"$(\n{found})\" ] || exit 1\n"));
        step = step
            .sh(format!("{{\n{found}}} | while read -r which file; do\n    say \"mending $file\"\n    {}\ndone", mending(dead)));
        let undo = if dead.instead.is_some() || dead.part == RepositoryPart::Stanza {
            Undo::Record(format!("{{\n{found}}} | while read -r which file; do\n    keep \"$(readlink -f \"$file\")\"\ndone"))
        } else {
            Undo::Sh(format!(
                "for file in {files}; do\n    if grep -qs {} \"$file\"; then sed -E -i {back} \"$file\"; fi\ndone",
                quote(&format!("^{MARK}"))
            ))
        };
        if !step.undo.contains(&undo) {
            step = step.undo(undo);
        }
    }
    (!all.is_empty()).then(|| step.check(Check::Sh(check)))
}

/// Shell that prints the files that name such a repository, a line each, behind what tells where: the numbers of the parts with a comma
/// behind each, the key of the lines where that is what is wrong, or a dash. A file's name may have blanks in it.
fn found(dead: &DeadRepositories) -> String {
    let (files, lines) = (dead.files.join(" "), quote(&dead.lines));
    let key = dead.key.as_deref().map(quote);
    let parts = match dead.part {
        RepositoryPart::Line => {
            let then = match key {
                None => format!("    if grep -Eqs {lines} \"$file\"; then printf -- '- %s\\n' \"$file\"; fi\n"),
                Some(key) => format!(
                    "    for key in $(grep -Es {lines} \"$file\" | sed -En {key} | sort -u); do\n        if openpgp_expired \"$key\"; then printf '%s %s\\n' \"$key\" \"$file\"; fi\n    done\n"
                ),
            };
            return format!("for file in {files}; do\n{then}done\n");
        }
        RepositoryPart::Section => SECTIONS,
        RepositoryPart::Stanza => STANZAS,
    };
    let numbers = match key {
        None => "cut -f1 | tr '\\n' ','".to_owned(),
        Some(key) => format!(
            "while read -r number part; do
        key=$(printf '%s\\n' \"$part\" | sed -En {key})
        if [ -n \"$key\" ] && openpgp_expired \"$key\"; then printf '%s,' \"$number\"; fi
    done"
        ),
    };
    format!(
        "for file in {files}; do
    if [ ! -f \"$file\" ]; then continue; fi
    which=$({parts} | grep -E {lines} | {numbers})
    if [ -n \"$which\" ]; then printf '%s %s\\n' \"$which\" \"$file\"; fi
done
"
    )
}

/// Shell that puts what `found` has found in `$file` out of use, or in order.
fn mending(dead: &DeadRepositories) -> String {
    let edit = match (dead.part, &dead.instead, &dead.key) {
        (_, Some(script), _) => return format!("sed -E -i {} \"$file\"", quote(script)),
        (RepositoryPart::Line, None, None) => {
            return format!("sed -E -i {} \"$file\"", quote(&format!("\\@{}@s@^@{MARK}@", dead.lines)));
        }
        // Of the lines that match, those that name this key.
        (RepositoryPart::Line, None, Some(_)) => {
            let mark = quote(&format!("\\@{}@s@^@{MARK}@", dead.lines));
            return format!(
                "of_key=$(printf '%s' \"$which\" | sed 's/[].[*^$@+?(){{}}|]/\\\\&/g')\n    sed -E -i \"\\\\@$of_key@{{\"{mark}\"}}\" \"$file\""
            );
        }
        (RepositoryPart::Section, None, _) => {
            format!(
                "/^\\[/ {{ number++ }}
        index(which, \",\" (number + 0) \",\") && !/^(#|$)/ {{ printf \"{MARK}\" }}
        {{ print }}"
            )
        }
        (RepositoryPart::Stanza, None, _) => "NR > 1 { print \"\" }
        !index(which, \",\" NR \",\") { print; next }
        { print \"Enabled: no\"; many = split($0, line, \"\\n\")
          for (each = 1; each <= many; each++) if (tolower(line[each]) !~ /^enabled:/) print line[each] }"
            .to_owned(),
    };
    let records = if dead.part == RepositoryPart::Stanza { "-v RS= " } else { "" };
    // Written over, so that its owner, mode and label stay.
    format!(
        "awk {records}-v which=\",$which\" {} \"$file\" >\"$RUN/repositories\"
    cat \"$RUN/repositories\" >\"$file\"
    rm -f \"$RUN/repositories\"",
        quote(&edit)
    )
}
