//! Futures in a coroutine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use apscheduler_plugin_kit::executor::Timer;
use may::sync::Blocker;

/// Wakes the coroutine that waits for a future.
struct Unpark(Blocker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future, in a coroutine. Returns `None` if the deadline passes first.
pub(crate) fn block_on<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
    deadline: Option<Instant>,
) -> Option<F::Output> {
    let unpark = Arc::new(Unpark(Blocker::new(false)));
    let waker = Waker::from(Arc::clone(&unpark));
    let timer = deadline.map(|deadline| {
        let waker = waker.clone();
        Timer::at(deadline, move || waker.wake())
    });
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            drop(timer);
            return Some(output);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return None;
        }
        // Not with one of may's timeouts (`park_timeout`, ...): these set the timer before the coroutine can be
        // resumed, so a timer that has already expired resumes nothing. Not with `sleep` either, which can't be
        // interrupted. An error would mean that the coroutine was cancelled, which never happens.
        let _ = unpark.0.park(None);
    }
}
