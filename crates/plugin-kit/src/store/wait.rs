//! Waits for a driver's futures in the calling thread.

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

/// Waits for a future in the calling thread. Returns `None` if it is not ready by the deadline.
///
/// For stores with an async driver. Calls come from any thread, also from threads of a tokio runtime, where tokio's `block_on`
/// panics. The future must need no runtime: the connection does the I/O, in the store's own runtime.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// use apscheduler_plugin_kit::store::wait_until;
///
/// let deadline = Instant::now() + Duration::from_millis(5);
/// assert_eq!(wait_until(deadline, std::future::ready(1)), Some(1));
/// assert_eq!(wait_until(deadline, std::future::pending::<()>()), None);
/// ```
pub fn wait_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
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
    fn waiting_ends_at_the_deadline() {
        assert_eq!(wait_until(soon(), ready(1)), Some(1));
        let deadline = soon();
        assert_eq!(wait_until(deadline, pending::<()>()), None);
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn another_thread_can_wake_the_waiter() {
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
