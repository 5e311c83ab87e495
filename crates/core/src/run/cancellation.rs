//! Cancellation of runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Asks runs to end early. Clones are the same token. A cancellation can't be undone.
///
/// Executors cancel it when they are shut down without waiting, or when a run exceeds its timeout. The scheduler cancels it
/// when somebody asks for that. A long-running job should check it regularly, or, if it is async, await it alongside its work.
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
    parent: Option<CancellationToken>,
    cancelled: AtomicBool,
    cause: OnceLock<Cause>,
    waiting: Mutex<Vec<Waker>>,
}

/// Why a run was cancelled, if it was not with others.
#[derive(Clone, Copy)]
enum Cause {
    Timeout(Duration),
    Request,
}

impl CancellationToken {
    /// Creates a token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a token that is cancelled with this one, or on its own.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(Arc::new(State { parent: Some(self.clone()), ..State::default() }))
    }

    /// Asks the runs that have this token to end.
    pub fn cancel(&self) {
        let waiting = {
            let mut waiting = self.waiting();
            self.0.cancelled.store(true, Ordering::SeqCst);
            std::mem::take(&mut *waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Cancels the token because a run has exceeded this timeout. If the run then fails, its error names the timeout.
    pub fn cancel_at_timeout(&self, timeout: Duration) {
        self.cancel_because(Cause::Timeout(timeout));
    }

    /// Returns the timeout at which the token was cancelled; `None` if it was not, or for another reason.
    pub fn timed_out(&self) -> Option<Duration> {
        match self.0.cause.get() {
            Some(Cause::Timeout(timeout)) => Some(*timeout),
            _ => None,
        }
    }

    /// Cancels the token because somebody asks for it. If the run then fails, its error says that it was cancelled.
    pub fn cancel_on_request(&self) {
        self.cancel_because(Cause::Request);
    }

    /// Returns whether the token was cancelled because somebody asked for it.
    pub fn is_requested(&self) -> bool {
        matches!(self.0.cause.get(), Some(Cause::Request))
    }

    fn cancel_because(&self, cause: Cause) {
        if !self.is_cancelled() {
            // An earlier call may have set it.
            let _ = self.0.cause.set(cause);
        }
        self.cancel();
    }

    /// Returns whether the run should end.
    pub fn is_cancelled(&self) -> bool {
        self.ancestry().any(|token| token.0.cancelled.load(Ordering::SeqCst))
    }

    /// Completes when the token is cancelled. Works on any async runtime.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { token: self.clone(), waker: None }
    }

    /// Returns this token and its ancestors.
    fn ancestry(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |token| token.0.parent.as_ref())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancellationToken").field(&self.is_cancelled()).finish()
    }
}

/// The future of [`CancellationToken::cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Cancelled {
    token: CancellationToken,
    /// The waker that is registered with the tokens.
    waker: Option<Waker>,
}

impl Cancelled {
    /// Removes the waker from the tokens, which may outlive this future by far.
    fn deregister(&mut self) {
        if let Some(waker) = self.waker.take() {
            for token in self.token.ancestry() {
                let left = {
                    let mut waiting = token.waiting();
                    let place = waiting.iter().position(|other| other.will_wake(&waker));
                    place.map(|place| waiting.swap_remove(place))
                };
                // Wakers are foreign: dropping the last one may drop a task.
                drop(left);
            }
        }
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let is_known = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if !is_known {
            self.deregister();
            for token in self.token.ancestry() {
                let waker = context.waker().clone();
                token.waiting().push(waker);
            }
            self.waker = Some(context.waker().clone());
        }
        // Checked last: a later cancellation wakes the task.
        if self.token.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Clone for Cancelled {
    fn clone(&self) -> Self {
        self.token.cancelled()
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.deregister();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_woken() {
        let token = CancellationToken::new();
        let waiting = token.clone();
        let waiter = std::thread::spawn(move || pollster::block_on(waiting.cancelled()));
        token.cancel();
        waiter.join().unwrap();
        pollster::block_on(token.cancelled());
    }

    #[test]
    fn a_child_ends_with_its_parent_or_alone() {
        let parent = CancellationToken::new();
        let (first, second) = (parent.child(), parent.child());
        first.cancel();
        assert!(first.is_cancelled() && !second.is_cancelled() && !parent.is_cancelled());
        let waiting = second.clone();
        let waiter = std::thread::spawn(move || pollster::block_on(waiting.cancelled()));
        parent.cancel();
        waiter.join().unwrap();
        assert!(second.is_cancelled());
    }

    #[test]
    fn only_the_first_reason_counts() {
        let timeout = Duration::from_secs(3);
        let parent = CancellationToken::new();
        let (first, second) = (parent.child(), parent.child());
        first.cancel_at_timeout(timeout);
        assert!(first.is_cancelled() && !parent.is_cancelled());
        parent.cancel();
        second.cancel_at_timeout(timeout);
        assert_eq!((first.timed_out(), second.timed_out()), (Some(timeout), None));
        first.cancel_on_request();
        assert!(!first.is_requested());
        let asked = CancellationToken::new();
        asked.cancel_on_request();
        asked.cancel_at_timeout(timeout);
        assert!(asked.is_requested() && asked.timed_out().is_none());
    }

    #[test]
    fn dropped_waiters_are_removed() {
        let parent = CancellationToken::new();
        for _ in 0..3 {
            let child = parent.child();
            let mut cancelled = child.cancelled();
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..2 {
                assert!(Pin::new(&mut cancelled).poll(&mut context).is_pending());
            }
            assert_eq!((parent.waiting().len(), child.waiting().len()), (1, 1));
        }
        assert!(parent.waiting().is_empty());
    }
}
