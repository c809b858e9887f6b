//! A program that stands between the kubelet and a runtime that does not speak its language: cri-dockerd.

use super::{super::images, NAME};
use crate::{
    error::{Error, Kind, Result},
    lower::quote,
    scene::Scene,
    step::{Check, File, Step, Undo},
};

/// The step that puts it on the host, for a runtime that needs one. One that is there already is kept.
pub(super) fn step(scene: &Scene<'_>) -> Result<Option<Step>> {
    let (runtime, facts) = (&scene.here.runtime, &scene.here.facts);
    let Some((socket, Some(shim))) = runtime.cri(scene.stage.version.minor) else { return Ok(None) };
    let Some(archive) = shim.archives.get(&facts.arch) else {
        let what = format!("{}: there is no {} for {}", scene.here.host.name, shim.program, facts.arch);
        return Err(Error::new(Kind::Invalid, what).hint("use containerd on this host"));
    };
    let sandbox = images::sandbox(scene);
    let unit_text = shim.unit_text.line(&[("program", &shim.program), ("sandbox_image", &sandbox)])?;
    let file = File::new(format!("/etc/systemd/system/{}", shim.unit), unit_text.trim_start());
    let path = quote(&file.path.to_string_lossy());
    let (program, unit, socket) = (quote(&shim.program), quote(&shim.unit), quote(socket));
    let name = shim.program.rsplit('/').next().unwrap_or_default();
    let title = format!("Put {name} between the kubelet and {}", runtime.name);
    Ok(Some(
        Step::new(
            scene.id(NAME, "runtime-shim"),
            title,
            format!("From Kubernetes 1.24 on the kubelet itself does not speak to {} any more.", runtime.name),
        )
        .after(NAME, "runtime-service")
        .check(Check::SameAnd(
            vec![file.clone()],
            format!("[ -x {program} ] && systemctl is-active -q {unit} && systemctl is-enabled -q {unit} && [ -S {socket} ]"),
        ))
        .sh(format!(
            "if [ ! -x {program} ] && own=$(command -v {name}); then
    mkdir -p {dir}
    ln -sf \"$own\" {program}
elif [ ! -x {program} ]; then
    fetch {url} \"$RUN/shim.tgz\"
    has_sha256 \"$RUN/shim.tgz\" {sha256} ||
        give_up {url}' is refused: its SHA-256 is not that of the archive that is wanted' remedy='see what is between this host and that address, or put the program in place yourself'
    mkdir -p {dir}
    tar -xzOf \"$RUN/shim.tgz\" {member} >{program}.new
    chmod 755 {program}.new
    mv -f {program}.new {program}
    rm -f \"$RUN/shim.tgz\"
fi",
            name = quote(name),
            url = quote(&archive.url),
            sha256 = quote(&archive.sha256),
            member = quote(&shim.member),
            dir = quote(shim.program.rsplit_once('/').map_or("/usr/local/bin", |(dir, _)| dir)),
        ))
        .write(file)
        .sh(format!(
            "systemctl daemon-reload\nsystemctl enable -q {unit}\nsystemctl restart {unit}\nwait_for 30 {socket} test -S {socket}"
        ))
        // Undone last to first: the host's own unit is back before systemd looks, and what ran by it runs by it again.
        .undo(Undo::Record(format!(
            "if systemctl is-active -q {unit}; then printf '%s\\n' {}; fi",
            quote(&format!("systemctl restart {unit} || :"))
        )))
        .undo(Undo::Sh("systemctl daemon-reload || :".to_owned()))
        .undo(Undo::Record(format!("keep {path}")))
        .undo(Undo::Record(format!(
            "[ -x {program} ] || printf '%s\\n' {}\nsystemctl is-enabled -q {unit} || printf '%s\\n' {}",
            quote(&format!("rm -f {program}")),
            quote(&format!("systemctl disable -q --now {unit} 2>/dev/null || :")),
        )))
        .detached()
        .hint(format!("journalctl -u {} -n 30", shim.unit)),
    ))
}
