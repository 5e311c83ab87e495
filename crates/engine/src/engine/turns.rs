//! Makes the turns of an event loop, and handles its end.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::{Result, Shutdown};

use super::event_loop::{Turns, in_thread};
use super::inbox::Inbox;
use super::lock::lock;
use super::phase::Phase;
use super::scheduler::Scheduler;

/// The maximum sleep, so that a clock change or a suspended machine is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// The turns from a start of a scheduler to its shutdown.
pub(super) struct EngineTurns {
    scheduler: Scheduler,
    inbox: Arc<Inbox>,
}

impl EngineTurns {
    pub(super) fn new(scheduler: &Scheduler, inbox: Arc<Inbox>) -> Self {
        Self { scheduler: scheduler.clone(), inbox }
    }
}

impl Turns for EngineTurns {
    fn on_wake(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.inbox.on_wake(wake);
    }

    fn turn(&self) -> Option<Duration> {
        let engine = &self.scheduler.0;
        self.inbox.enter();
        self.inbox.deliver(|event| engine.listeners.dispatch(event));
        let more = self.inbox.make_calls();
        if self.inbox.is_over() {
            return None;
        }
        engine.watch_clock();
        let ledgers = engine.record_in_turn();
        let next = self.scheduler.process_jobs(engine.now());
        let next = next.map(|next| engine.clock.sleep_until(next));
        let sleep = ledgers.into_iter().chain(next).fold(MAX_SLEEP, Duration::min);
        Some(if more { Duration::ZERO } else { sleep })
    }
}

impl Drop for EngineTurns {
    fn drop(&mut self) {
        let engine = &self.scheduler.0;
        self.inbox.close(|event| engine.listeners.dispatch(event));
        if self.inbox.is_over() || !Arc::ptr_eq(&engine.inbox(), &self.inbox) {
            return;
        }
        self.scheduler.lose_loop();
    }
}

impl Scheduler {
    /// Makes the event loop make a turn soon. Calls that need a turn do that themselves; this one is for checking with
    /// [`since_last_turn`](Self::since_last_turn) that the loop does not hang.
    pub fn wakeup(&self) {
        self.0.wake();
    }

    /// Handles the end of the loop while the scheduler is running.
    fn lose_loop(&self) {
        if self.0.begin_shutdown().is_err() {
            return;
        }
        tracing::error!(
            "the event loop of the scheduler has ended without a shutdown: no more jobs are processed"
        );
        *lock(&self.0.lost) = true;
        // The code that ends the loop may hold locks, and may run where stores can't be closed.
        let closing = Closing { scheduler: self.clone(), shutdown: Shutdown::Now };
        in_thread(move || drop(closing));
    }

    /// Shuts down without waiting, after the owner was dropped.
    pub(crate) fn abandon(&self) {
        let starting = {
            let phase = lock(&self.0.phase);
            let starting = *phase == Phase::Starting;
            *lock(&self.0.abandoned) |= starting;
            starting
        };
        if starting || self.0.begin_shutdown().is_err() {
            return;
        }
        if self.0.event_loop.closes_in_place() {
            self.finish_shutdown(Shutdown::Now);
        } else {
            self.close(Shutdown::Now);
        }
    }

    /// Begins a shutdown that waits for running jobs, and completes it elsewhere, because the
    /// caller is one of these jobs.
    pub(crate) fn shutdown_in_background(&self) -> Result<()> {
        self.0.begin_shutdown()?;
        self.close(Shutdown::Wait);
        Ok(())
    }

    fn close(&self, shutdown: Shutdown) {
        let closing = Closing { scheduler: self.clone(), shutdown };
        self.0.event_loop.call_blocking(Box::new(move || drop(closing)));
    }
}

/// A shutdown in progress. It completes when this is dropped, even if no thread can be spawned.
struct Closing {
    scheduler: Scheduler,
    shutdown: Shutdown,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.scheduler.finish_shutdown(self.shutdown);
    }
}
