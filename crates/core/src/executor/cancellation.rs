//! A request to a run that it end early.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Asks runs to end early. Clones are the same token; it can't be taken back.
///
/// Executors cancel it when they are shut down without waiting, or when a run takes longer than it may. A job that
/// takes long should look at it now and then, or, if it is async, await it beside its work.
///
/// # Examples
/// ```
/// use apscheduler_core::executor::CancellationToken;
///
/// let token = CancellationToken::new();
/// assert!(!token.is_cancelled());
/// token.cancel();
/// assert!(token.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct CancellationToken(Arc<State>);

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl CancellationToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that has this token to end.
    pub fn cancel(&self) {
        let waiting = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.0.cancelled.store(true, Ordering::SeqCst);
            std::mem::take(&mut *waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether the run should end.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Completes when the token is cancelled. Works on any async runtime.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled(self.clone())
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancellationToken").field(&self.is_cancelled()).finish()
    }
}

/// The future of [`CancellationToken::cancelled`].
#[derive(Clone, Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Cancelled(CancellationToken);

impl Future for Cancelled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let state = &self.0.0;
        let mut waiting = state.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cancelled.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_woken() {
        let token = CancellationToken::new();
        let waiting = token.clone();
        let waiter = std::thread::spawn(move || pollster::block_on(waiting.cancelled()));
        token.cancel();
        waiter.join().unwrap();
        pollster::block_on(token.cancelled());
    }
}
