//! A mirror in the place of the distribution's own package repositories: for hosts that do not reach those.

use super::NAME;
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    scene::Scene,
    step::{Check, Step, Undo},
};

/// Where the mirror that the host's files name is written down.
const NOTE: &str = "/var/lib/slipway/mirror";

/// None where the cluster file names no mirror for hosts like this one.
pub(super) fn step(scene: &Scene<'_>) -> Result<Option<Step>> {
    let profile = &scene.here.profile;
    let Some(url) = profile.packages.format.and_then(|format| scene.stage.cluster.packages.mirror(format)) else {
        return Ok(None);
    };
    let mirrored = &profile.mirror;
    if mirrored.files.is_empty() {
        let host = &scene.here.host.name;
        let what = format!("{host}: slipway does not know how mirrors of {} are laid out", scene.here.facts.os.name);
        return Err(Error::new(Kind::Invalid, what).hint(format!(
            "name a repository with the distribution's packages in {host}'s own files and leave `mirror` out for its format; or add [mirror] to the profile {:?}",
            profile.name
        )));
    }
    // Patterns, not words: the shell is meant to expand them.
    let files = mirrored.files.join(" ");
    let edit = quote(&mirrored.instead.sed(&[
        ("url", url),
        ("directories", &mirrored.directories),
        ("codename", &scene.here.facts.os.codename),
    ])?);
    // Below a path, a mirror that was named before can not be told from somebody else's repository: it is written down.
    let known = format!("{}old=$(cat {NOTE} 2>/dev/null) || old=\nwant={}\n", include_str!("mirror.sh"), quote(url));
    let each = |then: &str| {
        format!(
            "{known}for file in {files}; do\n    if [ -f \"$file\" ] && ! without_old \"$file\" | sed -E {edit} | cmp -s - \"$file\"; then\n        {then}\n    fi\ndone"
        )
    };
    let named = format!("grep -qsF -- {} {files}", quote(&format!("{url}/")));
    Ok(Some(
        Step::new(
            scene.id(NAME, "mirror"),
            "Take the distribution's packages from a mirror",
            format!("The cluster file says that {url} has them: the host may not reach where they come from."),
        )
        .check(Check::Sh(format!("{}\n{named}", each("exit 1"))))
        // Written over, so that its owner, mode and label stay.
        .sh(each(&format!(
            "say \"$file names the mirror now\"\n        without_old \"$file\" | sed -E {edit} >\"$RUN/repositories\"\n        cat \"$RUN/repositories\" >\"$file\"\n        rm -f \"$RUN/repositories\""
        )))
        .sh(format!(
            "printf '%s\\n' {} >{NOTE}\n{named} || die {}",
            quote(url),
            quote(&format!("no file here names a repository of {} that a mirror can stand for", scene.here.facts.os.name))
        ))
        .hint(format!("look into {files}, or leave `mirror` out of the cluster file where hosts have good repositories already"))
        // A link leads to what is written.
        .undo(Undo::Record(each("keep \"$(readlink -f \"$file\")\"")))
        .undo(Undo::Sh(format!("rm -f {NOTE}"))),
    ))
}
