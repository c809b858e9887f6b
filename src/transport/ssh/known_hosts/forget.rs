//! Takes a host's keys out of a known_hosts file, as a rebuilt machine needs it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use super::{Fields, matches};
use crate::config::pattern;

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Lines that are gone.
    pub removed: usize,
    /// Lines (counted from 1, as the file is now) that name the host by a pattern, which may mean others too: they stay.
    pub patterns: Vec<usize>,
}

/// Removes the lines that name the host `name`, whole: whatever other names stand in such a line are names of the same machine.
/// Authorities, revocations and patterns stay. The file is replaced in one go, with its mode; one that is not there has nothing.
///
/// # Errors
/// What the system says.
pub(in crate::transport::ssh) fn forget(file: &Path, name: &str) -> io::Result<Forgotten> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Forgotten::default()),
        read => read?,
    };
    let mut forgotten = Forgotten::default();
    let (mut kept, mut number) = (Vec::with_capacity(text.len()), 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let readable = String::from_utf8_lossy(line);
        match Fields::read(&readable).filter(|fields| fields.marker.is_none() && matches(fields.names, name)) {
            Some(fields) if fields.names.split(',').any(pattern::is_pattern) => forgotten.patterns.push(number + 1),
            Some(_) => {
                forgotten.removed += 1;
                continue;
            }
            None => {}
        }
        kept.extend_from_slice(line);
        number += 1;
    }
    if forgotten.removed > 0 {
        replace(&fs::canonicalize(file)?, &kept)?;
    }
    Ok(forgotten)
}

fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let mode = fs::metadata(file)?.permissions().mode() & 0o777;
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".slipway-{}", std::process::id()));
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = new
        .write_all(content)
        .and_then(|()| new.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
