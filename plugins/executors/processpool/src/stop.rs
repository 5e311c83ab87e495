//! Notifies the threads of a pool, wherever they wait, of its shutdown.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// A notification of all threads, given once. As a file descriptor it becomes readable, and stays so.
#[derive(Debug)]
pub(crate) struct Stop {
    notified: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Stop {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { notified: AtomicBool::new(false), reader, writer })
    }

    pub(crate) fn notify(&self) {
        if !self.notified.swap(true, Ordering::SeqCst)
            && let Err(error) = (&self.writer).write_all(&[0])
        {
            tracing::error!("can't wake the threads of a process pool: {error}");
        }
    }

    pub(crate) fn is_notified(&self) -> bool {
        self.notified.load(Ordering::SeqCst)
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
