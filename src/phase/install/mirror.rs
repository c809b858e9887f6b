//! A mirror in the place of the distribution's own package repositories: for hosts that do not reach those.

use super::NAME;
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    scene::Scene,
    step::{Check, Step, Undo},
};

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
    let each = |then: &str| {
        format!(
            "for file in {files}; do\n    if [ -f \"$file\" ] && ! sed -E {edit} \"$file\" | cmp -s - \"$file\"; then {then}; fi\ndone"
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
            "say \"$file names the mirror now\"; sed -E {edit} \"$file\" >\"$RUN/repositories\"; cat \"$RUN/repositories\" >\"$file\"; rm -f \"$RUN/repositories\""
        )))
        .sh(format!(
            "{named} || die {}",
            quote(&format!("no file here names a repository of {} that a mirror can stand for", scene.here.facts.os.name))
        ))
        .hint(format!("look into {files}, or leave `mirror` out of the cluster file where hosts have good repositories already"))
        .undo(Undo::Record(each("keep \"$file\""))),
    ))
}
