//! What goes to the standard input of a shell: perhaps a password, a program, and behind it perhaps a file, a piece at a time.

use std::{io::SeekFrom, path::Path, sync::Arc, time::Duration};

use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    sync::watch,
};

use super::root::GO;
use crate::error::{Error, Kind, Result};

/// How long sudo may take over a password: some wait for a directory server.
const SUDO_TAKES: Duration = Duration::from_secs(60);

/// Bytes of the file that are in memory at once.
const PIECE: usize = 64 * 1024;

/// Hears how many bytes are there, first those of an earlier try, and how many there are in all.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// A file that follows a program, once the program has asked for it.
pub(super) struct Freight<'a> {
    file: File,
    size: u64,
    /// How much of it is there, once the program has asked.
    sent: Option<u64>,
    asked: Asked,
    progress: Progress<'a>,
}

/// From which byte on a program wants its file, once it has said so.
#[derive(Clone)]
pub(super) struct Asked(Arc<watch::Sender<Option<u64>>>);

impl Asked {
    pub(super) fn from(&self, byte: u64) {
        self.0.send_replace(Some(byte));
    }
}

impl<'a> Freight<'a> {
    /// # Errors
    /// `NoFile`, when the file can not be opened.
    pub(super) async fn open(path: &Path, progress: Progress<'a>) -> Result<Self> {
        let unreadable = |error| Error::new(Kind::NoFile, format!("{} cannot be read", path.display())).because(error);
        let file = File::open(path).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        Ok(Self { file, size, sent: None, asked: Asked(Arc::new(watch::Sender::new(None))), progress })
    }

    /// To be told when the program asks.
    pub(super) fn asked(&self) -> Asked {
        self.asked.clone()
    }

    /// The next piece, once the program has asked.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let sent = match self.sent {
            Some(sent) => {
                (self.progress)(sent, self.size);
                sent
            }
            None => {
                let from = (*self.asked.0.subscribe().wait_for(Option::is_some).await.ok()?)?;
                self.file.seek(SeekFrom::Start(from)).await.ok()?;
                (self.progress)(from, self.size);
                from
            }
        };
        let mut piece = vec![0; PIECE];
        let length = self.file.read(&mut piece).await.unwrap_or(0);
        piece.truncate(length);
        self.sent = Some(sent + length as u64);
        (length > 0).then_some(piece)
    }
}

/// Whether root's shell is there to take a program: whoever reads the output tells whoever writes the input.
#[derive(Clone)]
pub(super) struct Door(Arc<watch::Sender<Stands>>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Unknown,
    Open,
    /// sudo did not take the password.
    Shut,
}

impl Door {
    pub(super) fn set(&self, stands: Stands) {
        self.0.send_replace(stands);
    }

    pub(super) fn stands(&self) -> Stands {
        *self.0.borrow()
    }
}

/// The pieces of one input.
pub(super) struct Input<'a, 'b> {
    password: Option<Vec<u8>>,
    door: Option<Door>,
    program: Option<Vec<u8>>,
    freight: Option<&'a mut Freight<'b>>,
}

impl<'a, 'b> Input<'a, 'b> {
    /// With a password, the program waits behind a door that has to be opened.
    pub(super) fn new(program: Vec<u8>, freight: Option<&'a mut Freight<'b>>, password: Option<&str>) -> (Self, Option<Door>) {
        let door = password.map(|_| Door(Arc::new(watch::Sender::new(Stands::Unknown))));
        let password = password.map(|password| format!("{password}\n").into_bytes());
        let program = if door.is_some() { [format!("{GO}\n").into_bytes(), program].concat() } else { program };
        (Self { password, door: door.clone(), program: Some(program), freight }, door)
    }

    /// The next piece, or none at the end. A file that can not be read to its end ends early: the host, which knows its
    /// checksum, refuses it.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(password) = self.password.take() {
            return Some(password);
        }
        if let Some(door) = self.door.take() {
            let mut stands = door.0.subscribe();
            let moved = tokio::time::timeout(SUDO_TAKES, stands.wait_for(|stands| *stands != Stands::Unknown)).await;
            if !moved.is_ok_and(|stands| stands.is_ok_and(|stands| *stands == Stands::Open)) {
                // An end of the input is an end of sudo's questions.
                (self.program, self.freight) = (None, None);
                return None;
            }
        }
        if let Some(program) = self.program.take() {
            return Some(program);
        }
        self.freight.as_mut()?.next().await
    }
}
