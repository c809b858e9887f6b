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
part=$file.part.$sha256 idle=$file.part.$sha256.idle
# Whoever had the part may have given it its name, or taken it away, while this one waited.
hold_part() {{
    while :; do
        exec 9>>\"$part\"
        flock -w 10 9 || return 1
        [ \"$(stat -L -c %i /proc/self/fd/9)\" != \"$(stat -c %i \"$part\" 2>/dev/null)\" ] || return 0
    done
}}
# A try that was cut off writes until its end of the connection finds out; what it has got so far is a beginning all the same.
if ! hold_part; then
    part=$file.part.$$
    trap 'rm -f \"$part\"' EXIT
    cp \"$file.part.$sha256\" \"$part\" 2>/dev/null || :
    hold_part
fi
if has_sha256 \"$file\" \"$sha256\" </dev/null; then
    rm -f \"$part\" \"$idle\"
    exit {UNCHANGED}
fi
for other in \"${{file%/*}}\"/*.part.*; do
    case $other in \"$part\" | \"$idle\") ;; *) flock -n \"$other\" rm -f \"$other\" || : ;; esac
done
had=$(($(wc -c <\"$part\")))
printf '{MARK}send file %s\\n' \"$had\"
# On a disk that is full, the part is the first thing to go.
cat >&9 || {{ rm -f \"$part\"; exit 1; }}
if ! has_sha256 \"$part\" \"$sha256\"; then
    # Perhaps the rest is yet to come; but not if nothing came twice, since then this is all there is.
    if [ \"$(($(wc -c <\"$part\")))\" -gt \"$had\" ]; then
        rm -f \"$idle\"
    elif [ -e \"$idle\" ] || [ ! -s \"$part\" ]; then
        rm -f \"$part\" \"$idle\"
    else
        : >\"$idle\"
    fi
    die {changed}
fi
rm -f \"$idle\"
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
