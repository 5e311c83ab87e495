//! Waits for the client's futures in the thread that calls.
//!
//! Calls come from any thread, those of the caller's own tokio among them, where tokio's `block_on` panics. The futures
//! of the client need no runtime: it is the connection that does the I/O, in a runtime of the store's own.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future; `None` where it is not ready in time.
pub(crate) fn wait_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = deadline.checked_duration_since(Instant::now())?;
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn what_is_never_ready_ends_at_the_deadline() {
        assert_eq!(wait_until(soon(), ready(1)), Some(1));
        let deadline = soon();
        assert_eq!(wait_until(deadline, pending::<()>()), None);
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn a_wake_from_another_thread_is_heard() {
        let mut polls = 0;
        let future = poll_fn(|context| {
            polls += 1;
            let waker = context.waker().clone();
            std::thread::spawn(move || waker.wake());
            if polls > 5 { Poll::Ready(()) } else { Poll::Pending }
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(wait_until(deadline, future), Some(()));
    }
}
