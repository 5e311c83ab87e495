//! Notifies a thread that waits for its worker that the run is cancelled.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use apscheduler_core::executor::CancellationToken;

/// Wakes a thread from its wait for descriptors.
#[derive(Debug)]
pub(crate) struct Recall {
    reader: UnixStream,
    bell: Arc<Bell>,
}

#[derive(Debug)]
struct Bell(UnixStream);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // If there is no room, the thread will wake anyway.
        let _ = (&self.0).write(&[0]);
    }
}

impl Recall {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { reader, bell: Arc::new(Bell(writer)) })
    }

    /// Calls `wait`, during which the descriptor becomes readable if the token is cancelled.
    pub(crate) fn during<T>(&self, token: &CancellationToken, wait: impl FnOnce() -> T) -> T {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut cancelled = pin!(token.cancelled());
        if cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake_by_ref();
        }
        wait()
    }

    /// Takes the notifications. Some may be of a run that has ended.
    pub(crate) fn clear(&self) {
        let mut bytes = [0; 64];
        while (&self.reader).read(&mut bytes).is_ok_and(|count| count > 0) {}
    }
}

impl AsFd for Recall {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_notified(recall: &Recall) -> bool {
        let mut byte = [0];
        (&recall.reader).read(&mut byte).is_ok_and(|count| count > 0)
    }

    #[test]
    fn a_token_that_is_cancelled_meanwhile_or_before_notifies() {
        let recall = Recall::new().unwrap();
        let token = CancellationToken::new();
        recall.during(&token, || {
            assert!(!is_notified(&recall));
            token.cancel();
            assert!(is_notified(&recall));
        });
        recall.during(&token, || assert!(is_notified(&recall)));
        recall.during(&token, || {
            recall.clear();
            assert!(!is_notified(&recall));
        });
        recall.during(&CancellationToken::new(), || assert!(!is_notified(&recall)));
    }
}
