//! An event loop that is a thread which sleeps until the next job is due.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use crate::engine::{EventLoop, Scheduler};

/// No sleep is longer, so that a clock that was changed, or a laptop that was closed, is noticed.
const MAX_SLEEP: Duration = Duration::from_mins(1);

/// Wakes and ends the thread that is in [`run`](Self::run).
#[derive(Debug, Default)]
pub(super) struct ThreadLoop {
    signal: Mutex<Signal>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Signal {
    wake: bool,
    stop: bool,
    runner: Option<ThreadId>,
}

impl ThreadLoop {
    fn signal(&self) -> MutexGuard<'_, Signal> {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets that it was stopped; comes before every start.
    pub(super) fn reset(&self) {
        *self.signal() = Signal::default();
    }

    /// Lets [`stop`](EventLoop::stop) wait for this thread, which is in [`run`](Self::run).
    pub(super) fn adopt(&self, thread: JoinHandle<()>) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Processes jobs until it is stopped.
    pub(super) fn run(&self, scheduler: &Scheduler) {
        self.signal().runner = Some(std::thread::current().id());
        loop {
            let clock = scheduler.clock();
            let next = scheduler.process_jobs(clock.now());
            let sleep = next.map_or(MAX_SLEEP, |next| clock.sleep_until(next).min(MAX_SLEEP));
            let mut signal = self.signal();
            if !signal.wake && !signal.stop && !sleep.is_zero() {
                signal = self
                    .changed
                    .wait_timeout(signal, sleep)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
            signal.wake = false;
            if signal.stop {
                signal.runner = None;
                return;
            }
        }
    }
}

impl EventLoop for ThreadLoop {
    fn wake(&self) {
        self.signal().wake = true;
        self.changed.notify_all();
    }

    fn stop(&self, wait: bool) {
        let thread = {
            let mut signal = self.signal();
            signal.stop = true;
            let inside = signal.runner == Some(std::thread::current().id());
            let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            thread.filter(|_| wait && !inside)
        };
        self.changed.notify_all();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread of the scheduler panicked");
        }
    }
}
