//! Runs the passes over a store of a scheduler.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;

use super::restored::RestoredJobs;
use super::store_closing::Closing;
use super::store_session::{Done, Session};
use super::unseen::{MAX_IDLE, Unseen};
use super::{Engine, Phase, Scheduler, lock};
use apscheduler_core::function::JobError;
use apscheduler_core::store::{ChangeNotifier, JobStore, StoreCapabilities};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result};

/// A store with its alias and the state of its passes.
///
/// One thread at a time makes a pass over the store. A store that does I/O has its own thread, so
/// that it delays neither the event loop nor other stores.
pub(super) struct StoreRunner {
    pub(super) alias: Arc<str>,
    /// A number that identifies the store where the alias is not needed.
    pub(super) number: u32,
    pub(super) store: Arc<dyn JobStore>,
    pub(super) capabilities: StoreCapabilities,
    /// A new one for each start, so that a pass that outlives a shutdown can't take part in the
    /// next start.
    session: Mutex<Arc<Session>>,
    pub(super) closing: Arc<Closing>,
    pub(super) restored: RestoredJobs,
    /// The records that were reported as broken, with the revision reported.
    pub(super) broken: Mutex<HashMap<Arc<str>, u64>>,
}

/// If the clock shows a time this long before the last pass, it was set back.
const PUT_BACK: TimeDelta = TimeDelta::seconds(1);

impl StoreRunner {
    pub(super) fn new(alias: Arc<str>, number: u32, store: Arc<dyn JobStore>) -> Self {
        Self {
            alias,
            number,
            capabilities: store.capabilities(),
            store,
            session: Mutex::new(Arc::new(Session::ended())),
            closing: Arc::default(),
            restored: RestoredJobs::default(),
            broken: Mutex::default(),
        }
    }

    pub(super) fn session(&self) -> Arc<Session> {
        Arc::clone(&lock(&self.session))
    }

    /// Starts the store, its watch, and its thread if it does I/O. Waits for a shutdown that is
    /// still closing the store.
    pub(super) fn start(self: &Arc<Self>, scheduler: &Scheduler) -> Result<()> {
        self.closing.wait();
        self.store.start(&self.alias)?;
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

    /// Stops passes. With `wait`, it returns when none is in progress, unless it is called within
    /// one.
    pub(super) fn stop(&self, wait: bool) {
        self.session().stop(&self.alias, wait);
    }

    /// Stops and closes a store that is not, or no longer, part of the scheduler.
    pub(super) fn abandon(&self) {
        self.stop(true);
        self.close();
    }

    fn notifier(self: &Arc<Self>, engine: &Arc<Engine>) -> ChangeNotifier {
        let (runner, engine) = (Arc::downgrade(self), Arc::downgrade(engine));
        ChangeNotifier::new(move || {
            if let (Some(runner), Some(engine)) = (runner.upgrade(), engine.upgrade()) {
                runner.session().shelf().others_changed();
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

    /// Returns the run times that the current pass is the first to see.
    pub(super) fn unseen(&self) -> Unseen {
        if self.capabilities.shared { self.session().state().unseen } else { Unseen::default() }
    }

    /// Notes that the store has changed.
    pub(super) fn mark_changed(&self) {
        self.session().state().dirty = true;
    }

    /// Notes that a job was written.
    pub(super) fn mark_written(&self, id: &Arc<str>, next_run_time: Option<Timestamp>) {
        if let Some(time) = next_run_time {
            self.session().shelf().written(id, time);
        }
    }

    /// Causes the next pass to look for jobs that wait much longer than their triggers specify.
    pub(super) fn look_for_distant_jobs(&self) {
        let session = self.session();
        let mut state = session.state();
        state.look_for_distant = true;
        state.dirty = true;
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
        let wanted = due || put_back || ((state.dirty || overdue) && !state.failing);
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
            let result = catch_unwind(AssertUnwindSafe(pass)).unwrap_or_else(|payload| {
                let message = format!("the job store {}", JobError::from_panic(&*payload));
                Err(Error::new(ErrorKind::Store, message))
            });
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
            let recovered = state.failing && result.is_ok();
            let first_failure = !state.failing && result.is_err();
            state.failing = result.is_err();
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
            if !state.dirty || state.failing || state.stop {
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
