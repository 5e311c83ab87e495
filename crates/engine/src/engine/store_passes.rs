//! Runs the passes over a store of a scheduler.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::foreign::caught;
use super::lock::lock;
use super::phase::Phase;
use super::scheduler::Scheduler;
use super::state::Engine;
use super::store_runner::StoreRunner;
use super::store_session::{Done, Session, StoreFailure};
use super::unseen::MAX_IDLE;
use apscheduler_core::store::ChangeNotifier;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

/// If the clock shows a time this long before the last pass, it was set back.
const PUT_BACK: TimeDelta = TimeDelta::seconds(1);

impl StoreRunner {
    /// Starts the store, its watch, and its thread if it does I/O. Waits for a shutdown that is
    /// still closing the store.
    pub(super) fn start(self: &Arc<Self>, scheduler: &Scheduler) -> Result<()> {
        self.closing.wait();
        self.store.start(&self.alias)?;
        self.start_recording(&scheduler.0)?;
        let session = Arc::new(Session::begun());
        let before = std::mem::replace(&mut *lock(&self.session), Arc::clone(&session));
        drop(before);
        if self.capabilities.watch {
            session.keep_watch(self.store.watch(self.notifier(&scheduler.0))?);
        }
        if self.capabilities.blocking {
            let (runner, scheduler) = (Arc::clone(self), scheduler.clone());
            let own = Arc::clone(&session);
            let thread = std::thread::Builder::new()
                .name(format!("apscheduler-store-{}", self.alias))
                .spawn(move || runner.work(&scheduler.0, &own))
                .map_err(|error| {
                    Error::new(ErrorKind::Other, "can't start a thread").with_source(error)
                })?;
            session.keep_worker(thread);
        }
        Ok(())
    }

    fn notifier(self: &Arc<Self>, engine: &Arc<Engine>) -> ChangeNotifier {
        let (runner, engine) = (Arc::downgrade(self), Arc::downgrade(engine));
        ChangeNotifier::new(move || {
            if let (Some(runner), Some(engine)) = (runner.upgrade(), engine.upgrade()) {
                runner.session().backlog_slot().others_changed();
                runner.open.others_changed();
                runner.mark_changed();
                engine.wake();
            }
        })
    }

    /// Starts the watch again after the watched store was replaced. If that fails, the next pass
    /// retries.
    fn watch_again(self: &Arc<Self>, engine: &Arc<Engine>, session: &Session) {
        let before = session.take_watch();
        drop(before);
        match self.store.watch(self.notifier(engine)) {
            Ok(watch) => session.keep_new_watch(watch),
            Err(error) => {
                session.state().unwatched = true;
                let message = error.chain();
                tracing::debug!(jobstore = &*self.alias, "can't watch for changes: {message}");
            }
        }
    }

    /// Makes a pass, or wakes the store's thread to make one, if one is due. Returns when the next
    /// pass is due, as far as known.
    pub(super) fn process(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let session = self.session();
        let mut state = session.state();
        let due = state.next.is_some_and(|next| next <= now);
        // Changes that the watch of a shared store misses are found anyway.
        let overdue =
            self.capabilities.shared && state.last.is_none_or(|last| now - last >= MAX_IDLE);
        // A time set before may be far away now: do not leave a failed store alone until then.
        let put_back = state.last.is_some_and(|last| last - now > PUT_BACK);
        let wanted = due || put_back || ((state.dirty || overdue) && state.failure.is_none());
        if state.stop || !wanted {
            return state.next;
        }
        if self.capabilities.blocking {
            state.requested = true;
            session.changed.notify_all();
            // The thread wakes the event loop when it knows more.
            return None;
        }
        if state.busy.is_some() {
            // A job or a listener of the current pass made this call; the pass checks `dirty` when
            // it is done.
            state.dirty = true;
            return None;
        }
        drop(state);
        self.pass(engine, &session, now)
    }

    fn work(self: &Arc<Self>, engine: &Arc<Engine>, session: &Session) {
        while session.wait_for_request() {
            self.pass(engine, session, engine.now());
            engine.wake();
        }
    }

    fn pass(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        session: &Session,
        mut now: Timestamp,
    ) -> Option<Timestamp> {
        let mut was_replaced = false;
        loop {
            let (unwatched, look_for_distant) = {
                let mut state = session.state();
                let look_for_distant = state.begin_pass(now);
                (std::mem::take(&mut state.unwatched), look_for_distant)
            };
            // Foreign code may panic in the pass; the store must not stay busy forever.
            let done = Done::of(session);
            if unwatched && self.capabilities.watch {
                self.watch_again(engine, session);
            }
            let pass = || {
                let next = engine.process_store(self, session, now)?;
                if look_for_distant && engine.phase() == Phase::Running {
                    engine.report_distant_jobs(self, now)?;
                }
                Ok(next)
            };
            let result = caught("the job store", pass);
            if let Err(error) = &result
                && error.kind() == ErrorKind::StoreReplaced
                && !std::mem::replace(&mut was_replaced, true)
            {
                if self.capabilities.watch {
                    self.watch_again(engine, session);
                }
                engine.store_replaced(self, error);
                now = engine.now();
                continue;
            }
            let mut state = session.state();
            if state.stop && result.is_err() {
                // Interrupted by the shutdown. What is in progress ends without this lock.
                drop(state);
                return None;
            }
            let recovered = state.failure.is_some() && result.is_ok();
            let first_failure = state.failure.is_none() && result.is_err();
            let since = state.failure.take().map_or(now, |failure| failure.since);
            let failure = |error: &Error| StoreFailure { since, error: error.chain().into() };
            state.failure = result.as_ref().err().map(failure);
            state.look_for_distant |= look_for_distant && result.is_err();
            state.next = match &result {
                Ok(next) => *next,
                Err(_) => Some(later(engine.now(), engine.settings().retry_interval)),
            };
            let next = state.next;
            drop(state);
            drop(done);
            if let Err(error) = &result {
                engine.store_failed(self, error, first_failure);
            } else if recovered {
                engine.store_recovered(self);
            }
            let state = session.state();
            if !state.dirty || state.failure.is_some() || state.stop {
                return next;
            }
            drop(state);
            now = engine.now();
        }
    }
}

/// Returns `time` plus `interval`, or the last representable instant on overflow.
fn later(time: Timestamp, interval: Duration) -> Timestamp {
    let interval = TimeDelta::from_std(interval).ok();
    interval.and_then(|interval| time.checked_add_signed(interval)).unwrap_or(Timestamp::MAX_UTC)
}
