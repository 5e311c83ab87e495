//! Short waits that work on every executor, and without one.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(1);

/// The wakers that wait for the next tick.
struct Waiting {
    wakers: Mutex<Vec<Waker>>,
    some: Condvar,
}

static WAITING: LazyLock<&Waiting> = LazyLock::new(|| {
    let waiting: &Waiting =
        Box::leak(Box::new(Waiting { wakers: Mutex::default(), some: Condvar::new() }));
    std::thread::spawn(move || {
        loop {
            let mut wakers = waiting.wakers();
            while wakers.is_empty() {
                wakers = waiting.some.wait(wakers).unwrap_or_else(PoisonError::into_inner);
            }
            drop(wakers);
            std::thread::sleep(MOMENT);
            let wakers = std::mem::take(&mut *waiting.wakers());
            wakers.into_iter().for_each(Waker::wake);
        }
    });
    waiting
});

impl Waiting {
    fn wakers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blocks the thread briefly.
pub(super) fn sleep() {
    std::thread::sleep(MOMENT);
}

/// Completes after a short time.
pub(super) fn tick() -> impl Future<Output = ()> + Send {
    Tick(false)
}

/// Completes immediately, but not in the first poll.
pub(super) fn yield_once() -> impl Future<Output = ()> + Send {
    let mut yielded = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

struct Tick(bool);

impl Future for Tick {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        WAITING.wakers().push(context.waker().clone());
        WAITING.some.notify_one();
        Poll::Pending
    }
}
