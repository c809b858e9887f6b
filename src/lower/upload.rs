//! The program that takes a file from the connection, if the host needs it.

use super::{CHANGED, MARK, Program, SETTING, UNCHANGED, check_alone, library, quote};
use crate::step::{Step, Upload};

/// A program that sees to it that a host has a file that `step` needs: exit 0 if it has the file already, or has no use for it
/// because the step's check holds; 10 if it has taken it.
///
/// It says [`super::Mark::Send`] when it is ready, with the number of bytes that it has of an earlier try, and then takes its standard
/// input, up to its end, as the rest of the file. Whoever sends must wait for that: shells may read ahead (dash before 0.5.13 reads
/// 8 KiB at a time), and what they have read `cat` never sees.
/// What has come of a file stays beside its place, under a name that has the checksum of the whole, so that it is never taken for a part
/// of another file. The file is in its place when all of it is there and has that checksum, and not before.
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
part=$file.part.$sha256
exec 9>>\"$part\"
# A try that was cut off writes until its end of the connection finds out.
if ! flock -w 10 9; then
    part=$file.part.$$
    trap 'rm -f \"$part\"' EXIT
    exec 9>\"$part\"
    flock 9
fi
for other in \"${{file%/*}}\"/*.part.*; do
    [ \"$other\" = \"$part\" ] || flock -n \"$other\" rm -f \"$other\" || :
done
had=$(($(wc -c <\"$part\")))
printf '{MARK}send file %s\\n' \"$had\"
cat >&9
if ! has_sha256 \"$part\" \"$sha256\"; then
    # Perhaps the rest is yet to come; but not if this is all there is.
    [ \"$(($(wc -c <\"$part\")))\" -gt \"$had\" ] || rm -f \"$part\"
    die {changed}
fi
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
