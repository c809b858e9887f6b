//! `slipway new`: a first cluster file.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    cli,
    config::{new::Draft, ssh_config},
    error::{Error, Kind, Result},
    ui,
};

pub(super) fn new(file: &Path, wanted: cli::New) -> Result<u8> {
    let to_stdout = file == Path::new("-");
    if !to_stdout && file.exists() && !wanted.force {
        return Err(Error::new(Kind::Usage, format!("{} is there already", file.display()))
            .hint("choose another with -c FILE, or overwrite it with --force"));
    }
    let mut hosts = wanted.host;
    if let Some(source) = &wanted.ssh_config {
        hosts.extend(ssh_config::parse(&read(source)?)?);
    }
    let draft = Draft {
        name: wanted.name,
        kubernetes: wanted.kubernetes,
        cni: wanted.cni,
        cni_sha256: wanted.cni_sha256,
        hosts,
        user: wanted.user,
        keys: wanted.key,
    };
    let text = draft.render(file)?;
    if to_stdout {
        ui::print(&text)?;
        return Ok(0);
    }
    fs::write(file, text)
        .map_err(|error| Error::new(Kind::Invalid, format!("{} cannot be written", file.display())).because(error))?;
    let option = if file == Path::new("cluster.toml") { String::new() } else { format!(" -c {}", file.display()) };
    ui::tell(&format!("wrote {}; next: slipway plan{option}, then slipway up{option}\n", file.display()));
    Ok(0)
}

fn read(source: &PathBuf) -> Result<String> {
    let mut text = String::new();
    let read = if source == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(|_| ())
    } else {
        fs::read_to_string(source).map(|all| text = all)
    };
    read.map_err(|error| {
        Error::new(Kind::NoFile, format!("{} cannot be read", source.display()))
            .because(error)
            .hint("`vagrant ssh-config | slipway new --ssh-config -` needs no file")
    })?;
    Ok(text)
}
