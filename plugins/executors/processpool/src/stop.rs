//! Tells the threads of a pool, wherever they wait, that it is shut down.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Told once, to everybody. Beside being asked it can be polled for: it becomes readable, and stays so.
#[derive(Debug)]
pub(crate) struct Stop {
    told: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { told: AtomicBool::new(false), reader, writer })
    }

    pub(crate) fn tell(&self) {
        if !self.told.swap(true, Ordering::SeqCst)
            && let Err(error) = (&self.writer).write_all(&[0])
        {
            tracing::error!("can't wake the threads of a process pool: {error}");
        }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
