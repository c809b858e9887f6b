//! Images from archives on the operator's machine, for hosts that reach no registry.

use std::collections::BTreeSet;

use super::NAME;
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    phase::script::script,
    scene::{Archive, Scene},
    step::{Check, Step, Undo, Upload},
};

/// Archives on their way, and what has come out of them: a file with the names of its images for each, by its checksum.
const DIR: &str = "/var/lib/slipway/archives";

/// A step for each archive, in the order of the cluster file.
pub(super) fn steps(scene: &Scene<'_>) -> Result<Vec<Step>> {
    let mut taken = BTreeSet::new();
    let mut steps: Vec<Step> = Vec::new();
    let runtime = &scene.here.runtime;
    let Some(import) = runtime.import_images.as_deref().or(scene.stage.archives.is_empty().then_some("")) else {
        let what = format!("{}: {} loads no image archives, and the cluster file names some", scene.here.host.name, runtime.name);
        return Err(Error::new(Kind::Invalid, what).hint("name a mirror under [[images.mirror]] instead, or use containerd"));
    };
    for archive in &scene.stage.archives {
        let base = step_name(archive);
        let mut name = base.clone();
        let mut count = 1;
        while !taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}-{count}");
        }
        steps.push(step(scene, &name, archive, import));
    }
    Ok(steps)
}

/// `archive-` and the file's name without its ending, in letters that a step's path may have.
fn step_name(archive: &Archive) -> String {
    let stem = archive.path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = stem.strip_suffix(".tar").unwrap_or(&stem);
    let words: Vec<&str> = stem.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!("archive-{}", if words.is_empty() { "images".to_owned() } else { words.join("-") })
}

fn step(scene: &Scene<'_>, name: &str, archive: &Archive, import: &str) -> Step {
    let runtime = &scene.here.runtime;
    let record = format!("{DIR}/{}", archive.sha256);
    let file = format!("{record}.tar");
    let functions = format!("list_images() {{\n{}\n}}\nimport_archive() {{\n{}\n}}\n", runtime.list_images.trim(), import.trim());
    let apply = script(&[("record", &record), ("archive", &file)], &format!("{functions}{}", include_str!("archives.sh")));
    let record = quote(&record);
    let check = format!(
        "[ -s {record} ] || exit 1\nnl='\n'\npresent=$({}) || exit 1\nwhile read -r image; do\n    case $nl$present$nl in *\"$nl$image$nl\"*) ;; *) exit 1 ;; esac\ndone <{record}",
        runtime.list_images
    );
    // Names of images have no quotes in them.
    let before = format!("printf \"before='\\n%s\\n'\\n\" \"$({} | tr -d \"'\")\"\n", runtime.list_images);
    let undo = format!(
        "nl='\n'\nremove_image() {{\n{remove}\n}}\nif [ -f {record} ]; then\n    while read -r image; do\n        case $before in *\"$nl$image$nl\"*) ;; *) remove_image \"$image\" </dev/null >/dev/null 2>&1 || : ;; esac\n    done <{record}\nfi\nrm -f {record}\nrmdir {DIR} 2>/dev/null || :",
        remove = runtime.remove_image.trim(),
    );
    Step::new(
        scene.id(NAME, name),
        format!("Load the images of {}", archive.path.display()),
        "The cluster file names this archive: what is loaded from it is not pulled.",
    )
    .after(NAME, "runtime-service")
    .check(Check::Sh(check))
    .upload(Upload { from: archive.path.clone(), to: file.into(), sha256: archive.sha256.clone() })
    .sh(apply)
    .undo(Undo::Record(format!("{before}printf '%s\\n' {}", quote(&undo))))
    .detached()
    .hint("is it an archive of docker save, or an OCI layout, and has the host room for it? df -h /var/lib")
}
