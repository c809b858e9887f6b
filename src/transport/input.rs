//! What goes to the standard input of a shell: a program, and behind it perhaps a file, a piece at a time.

use std::{path::Path, sync::Arc};

use tokio::{fs::File, io::AsyncReadExt, sync::Notify};

use crate::error::{Error, Kind, Result};

/// Bytes of the file that are in memory at once.
const PIECE: usize = 64 * 1024;

/// Hears how many bytes have been sent, and how many there are in all.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// A file that follows a program, once the program has asked for it.
pub(super) struct Freight<'a> {
    file: File,
    size: u64,
    sent: u64,
    asked: Arc<Notify>,
    progress: Progress<'a>,
}

impl<'a> Freight<'a> {
    /// # Errors
    /// `NoFile`, when the file can not be opened.
    pub(super) async fn open(path: &Path, progress: Progress<'a>) -> Result<Self> {
        let unreadable = |error| Error::new(Kind::NoFile, format!("{} cannot be read", path.display())).because(error);
        let file = File::open(path).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        Ok(Self { file, size, sent: 0, asked: Arc::new(Notify::new()), progress })
    }

    /// To be told when the program asks.
    pub(super) fn asked(&self) -> Arc<Notify> {
        Arc::clone(&self.asked)
    }
}

/// The pieces of one input.
pub(super) struct Input<'a, 'b> {
    program: Option<Vec<u8>>,
    freight: Option<&'a mut Freight<'b>>,
}

impl<'a, 'b> Input<'a, 'b> {
    pub(super) fn new(program: Vec<u8>, freight: Option<&'a mut Freight<'b>>) -> Self {
        Self { program: Some(program), freight }
    }

    /// The next piece, or none at the end. A file that can not be read to its end ends early: the host, which knows its
    /// checksum, refuses it.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(program) = self.program.take() {
            return Some(program);
        }
        let freight = self.freight.as_mut()?;
        if freight.sent == 0 {
            freight.asked.notified().await;
        } else {
            (freight.progress)(freight.sent, freight.size);
        }
        let mut piece = vec![0; PIECE];
        let length = freight.file.read(&mut piece).await.unwrap_or(0);
        piece.truncate(length);
        freight.sent += length as u64;
        (length > 0).then_some(piece)
    }
}
