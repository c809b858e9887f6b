//! The program that takes a file from the connection, if the host needs it.

use super::{CHANGED, MARK, Program, SETTING, UNCHANGED, check_alone, library, quote};
use crate::step::{Step, Upload};

/// A program that sees to it that a host has a file that `step` needs: exit 0 if it has the file already, or has no use for it
/// because the step's check holds; 10 if it has taken it.
///
/// It says [`super::Mark::Send`] when it is ready, and then takes its standard input, up to its end, as the file. Whoever sends must
/// wait for that: shells may read ahead (dash before 0.5.13 reads 8 KiB at a time), and what they have read `cat` never sees.
/// A file that does not arrive whole is removed.
#[must_use]
pub fn upload_program(step: &Step, upload: &Upload) -> Program {
    // The file goes before the check: a step that ends meanwhile has made its check true before it removed the file.
    let body = format!(
        "\
file={file} sha256={sha256}
reached() {{
{check}}}
if has_sha256 \"$file\" \"$sha256\" </dev/null || (reached) </dev/null >/dev/null 2>&1; then exit {UNCHANGED}; fi
set -eu
mkdir -p \"${{file%/*}}\"
part=$file.part.$$
trap 'rm -f \"$part\"' EXIT
printf '{MARK}send file\\n'
cat >\"$part\"
has_sha256 \"$part\" \"$sha256\" || die {changed}
mv -f \"$part\" \"$file\"
exit {CHANGED}
",
        file = quote(&upload.to.to_string_lossy()),
        sha256 = quote(&upload.sha256),
        check = check_alone(step),
        changed = quote(&format!("what came is not the whole {}, or not what it was a while ago", upload.from.display())),
    );
    // Unlike all other programs it keeps its standard input.
    Program(format!("{{\n{SETTING}{}{body}}}\n", library::prelude(&body)))
}
