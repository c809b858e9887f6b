//! Files that a program on a host sends, on their way to the operator's disk: a line at a time, for the operator alone to read, and in
//! place only when they are there to the last byte.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Line, Transport};
use crate::{
    error::{Error, Kind, Result},
    lower::{Frame, Program},
};

/// A file that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// As the host calls it.
    pub name: String,
    pub path: PathBuf,
    pub size: u64,
    /// 64 hex digits.
    pub sha256: String,
}

/// Files under way.
struct Download<'a> {
    nonce: &'a str,
    /// Where a file goes, by the name that the host gives: it can choose no place of its own.
    places: &'a BTreeMap<&'a str, PathBuf>,
    open: Option<Part>,
    received: Vec<Received>,
    /// What went wrong on this side.
    wrong: Option<Error>,
    said: String,
}

/// A file of which there is a part.
struct Part {
    name: String,
    place: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    size: u64,
}

impl Transport {
    /// Runs a program that calls `send_file`, and puts each file in its place, which must be free: mode 0600, whole or not at all.
    ///
    /// # Errors
    /// As `run`; `Lost` when a file did not come whole, `Invalid` when it can not be written, `Step` with the last words of a program that
    /// failed. Nothing that came is left then.
    pub async fn download(&self, program: &Program, nonce: &str, places: &BTreeMap<&str, PathBuf>) -> Result<Vec<Received>> {
        let mut download = Download { nonce, places, open: None, received: Vec::new(), wrong: None, said: String::new() };
        let ended = self.run(program, &mut |line| download.take(line)).await;
        let status = ended.map(|exit| exit.status);
        let finished = download.finish(status);
        if finished.is_err() {
            download.received.iter().for_each(|file| _ = fs::remove_file(&file.path));
        }
        finished.map(|()| std::mem::take(&mut download.received))
    }
}

impl Download<'_> {
    fn take(&mut self, line: Line) {
        if line.stderr {
            self.said = line.text;
        } else if self.wrong.is_none() {
            // The host is heard to its end all the same: it has to clear away what it made for this.
            self.wrong = self.frame(Frame::parse(self.nonce, &line.text)).err();
        }
    }

    fn frame(&mut self, frame: Frame) -> Result<()> {
        match (frame, self.open.as_mut()) {
            (Frame::File(name), None) => {
                let Some(place) = self.places.get(name.as_str()) else {
                    return Err(Error::new(Kind::Lost, format!("the host sends a file that was not asked for: {name:?}")));
                };
                self.open = Some(Part::new(name, place)?);
                Ok(())
            }
            (Frame::Data(bytes), Some(part)) => part.write(&bytes),
            (Frame::End { name, size, sha256 }, Some(part)) if part.name == name => {
                part.settle(size, &sha256)?;
                if let Some(part) = self.open.take() {
                    self.received.push(Received { name, path: part.place.clone(), size, sha256 });
                }
                Ok(())
            }
            // What is printed outside of a file is none.
            (Frame::Data(_) | Frame::Other, None) => Ok(()),
            (_, _) => Err(Error::new(Kind::Lost, "what the host sends is no file, or not one after another")),
        }
    }

    fn finish(&mut self, status: Result<i32>) -> Result<()> {
        let status = status?;
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        if status != 0 {
            let said = self.said.strip_prefix("error: ").unwrap_or(&self.said);
            return Err(Error::new(Kind::Step, if said.is_empty() { format!("exit code {status}") } else { said.to_owned() }));
        }
        match &self.open {
            Some(part) => Err(Error::new(Kind::Lost, format!("{} was cut short after {} bytes", part.name, part.size))),
            None => Ok(()),
        }
    }
}

impl Part {
    fn new(name: String, place: &Path) -> Result<Self> {
        let mut path = place.as_os_str().to_owned();
        path.push(format!(".{}.part", std::process::id()));
        let path = PathBuf::from(path);
        // Nothing is there that could be opened instead: a link, or a file that others may read.
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| unwritable(&path, error))?;
        Ok(Self { name, place: place.to_owned(), path, file: BufWriter::new(file), hash: Sha256::new(), size: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| unwritable(&self.path, error))
    }

    /// Puts a file in its place that is what the host says it is.
    fn settle(&mut self, size: u64, sha256: &str) -> Result<()> {
        let found: String = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if (self.size, found.as_str()) != (size, sha256) {
            let what = format!("{} came as {} bytes with SHA-256 {found}, not as {size} with {sha256}", self.name, self.size);
            return Err(Error::new(Kind::Lost, what));
        }
        let settled = self.file.flush().and_then(|()| self.file.get_ref().sync_all()).and_then(|()| {
            if self.place.symlink_metadata().is_ok() {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            fs::rename(&self.path, &self.place)
        });
        settled.map_err(|error| unwritable(&self.place, error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be written", path.display())).because(error)
}

#[cfg(test)]
#[path = "download/tests.rs"]
mod tests;
