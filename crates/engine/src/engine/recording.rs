//! Starts and ends the recording of a store's runs.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::ledger::{History, RunLedger, RunRecord};
use apscheduler_core::printable;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};

use super::book::{AtOnce, Book, RecorderEvents};
use super::cancel_requests::OnCancel;
use super::following::Following;
use super::foreign::caught;
use super::heartbeat::Heartbeat;
use super::lease::Lease;
use super::lock::lock;
use super::pulse::{OnLost, OnWaiting, Patient};
use super::recorder::Recorder;
use super::settling::Settled;
use super::state::Engine;
use super::store_runner::StoreRunner;

impl Engine {
    /// Does what is due for the ledgers without I/O. Returns when to call again.
    pub(super) fn record_in_turn(&self) -> Option<Duration> {
        self.stores().values().filter_map(|store| store.record_in_turn(self)).min()
    }
}

impl StoreRunner {
    /// Starts to record the runs of the store's jobs, if the store has a ledger and its history is
    /// wanted.
    pub(super) fn start_recording(self: &Arc<Self>, engine: &Arc<Engine>) -> Result<()> {
        let settings = engine.settings();
        *lock(&self.owner) = engine.owner();
        let history = self.history(settings.history);
        self.open.clear();
        let is_needed =
            |ledger: &Arc<dyn RunLedger>| history != History::Off || ledger.has_open_runs();
        let ledger = self.store.ledger().filter(|_| !self.is_read_only);
        let Some(ledger) = ledger.filter(is_needed) else {
            engine.recorders.set(self.number, None);
            return Ok(());
        };
        self.followers.load(&*ledger)?;
        let blocking = self.capabilities.blocking;
        // A ledger without I/O that is not shared ends with the process: it has no other owners.
        let is_watched = blocking || self.capabilities.shared;
        let lease = is_watched.then(|| {
            let (clock, owner) = (&engine.clock, &self.owner);
            Lease::begin(&self.alias, &ledger, settings.lease, clock, owner).map(Arc::new)
        });
        let lease = lease.transpose()?;
        if let Some(lease) = &lease {
            let patient = Patient {
                alias: Arc::clone(&self.alias),
                ledger: Arc::clone(&ledger),
                lease: Arc::clone(lease),
                clock: Arc::clone(&engine.clock),
                retention: settings.retention,
                store: Arc::clone(&self.store),
                followers: Arc::clone(&self.followers),
                on_lost: self.on_lost(engine),
                on_waiting: self.on_waiting(engine),
                on_cancel: on_cancel(engine),
            };
            let heartbeat = Heartbeat::start(patient, blocking)?;
            *lock(&self.heartbeat) = Some(Arc::new(heartbeat));
        }
        let at_once = (!blocking).then(|| {
            let weak = Arc::downgrade(engine);
            let wake = move || {
                if let Some(engine) = weak.upgrade() {
                    engine.wake();
                }
            };
            AtOnce { wake: Arc::new(wake), writing: Mutex::default() }
        });
        let clock = Arc::clone(&engine.clock);
        let (alias, retention) = (Arc::clone(&self.alias), settings.retention);
        let followers = Arc::clone(&self.followers);
        let book = Book { alias, ledger, history, retention, followers, lease, clock };
        let recorder = Recorder::start(book, self.events(engine), at_once)?;
        engine.recorders.set(self.number, Some(Arc::clone(&recorder)));
        *lock(&self.recorder) = Some(recorder);
        Ok(())
    }

    /// Does what is due for a ledger without I/O, in a turn of the event loop: gives signs of life, and
    /// writes records again whose write failed. Returns when to call again.
    fn record_in_turn(&self, engine: &Engine) -> Option<Duration> {
        let heartbeat = lock(&self.heartbeat).clone();
        let recorder = lock(&self.recorder).clone();
        if heartbeat.is_none() && self.followers.has_ended() {
            self.follow_ended(engine);
        }
        let heartbeat = heartbeat.and_then(|heartbeat| heartbeat.turn());
        let recorder = recorder.and_then(|recorder| recorder.turn());
        heartbeat.into_iter().chain(recorder).min()
    }

    /// Follows ends of runs in a ledger that no other scheduler shares.
    fn follow_ended(&self, engine: &Engine) {
        let Some(ledger) = self.store.ledger() else { return };
        let (now, me) = (engine.now(), self.owner().id);
        let following = Following { ledger: &*ledger, store: &*self.store, me, now };
        match caught("the ledger", || following.follow_ended(&self.followers)) {
            Ok(followed) if followed.has_made => self.note_waiting(engine, now),
            Ok(_) => {}
            Err(error) => {
                let message = error.chain();
                tracing::warn!(
                    jobstore = &*self.alias,
                    "runs that follow others were not made: {message}"
                );
            }
        }
    }

    /// Writes what waits to be recorded, and notes the shutdown.
    pub(super) fn stop_recording(&self) {
        let recorder = lock(&self.recorder).take();
        if let Some(recorder) = recorder {
            recorder.stop();
        }
        let heartbeat = lock(&self.heartbeat).take();
        if let Some(heartbeat) = heartbeat {
            heartbeat.stop();
        }
    }

    fn on_lost(self: &Arc<Self>, engine: &Arc<Engine>) -> OnLost {
        let (runner, engine) = (Arc::downgrade(self), Arc::downgrade(engine));
        Box::new(move |Settled { record: run, again }, owner| {
            let (Some(runner), Some(engine)) = (runner.upgrade(), engine.upgrade()) else { return };
            tracing::error!(
                jobstore = &*runner.alias,
                job_id = &*run.job_id,
                "the run {} of the job \"{}\" is lost: {owner} has died or was shut down before it ended",
                run.run_id,
                printable::line(&run.job_id)
            );
            engine.emit(EventMask::JOB_LOST, || Event::JobLost {
                job: runner.job_key(&run.job_id),
                run_id: run.run_id,
                scheduled_run_time: run.scheduled_run_time,
                owner: Arc::new(owner.clone()),
            });
            if let Some(due) = again {
                tracing::info!(
                    jobstore = &*runner.alias,
                    job_id = &*run.job_id,
                    "the run {} is run again",
                    run.run_id
                );
                runner.note_waiting(&engine, *due);
            } else {
                engine.note_deadline_of_lost(&runner, run);
            }
        })
    }

    fn on_waiting(self: &Arc<Self>, engine: &Arc<Engine>) -> OnWaiting {
        let (runner, engine) = (Arc::downgrade(self), Arc::downgrade(engine));
        Box::new(move |due| {
            if let (Some(runner), Some(engine)) = (runner.upgrade(), engine.upgrade()) {
                runner.note_waiting(&engine, due);
            }
        })
    }

    /// Causes a pass when a run that waits is due.
    pub(super) fn note_waiting(&self, engine: &Engine, due: Timestamp) {
        if self.open.waits(due) {
            self.mark_changed();
            engine.wake();
        }
    }

    fn events(self: &Arc<Self>, engine: &Arc<Engine>) -> Box<dyn RecorderEvents> {
        Box::new(Events { runner: Arc::downgrade(self), engine: Arc::downgrade(engine) })
    }
}

fn on_cancel(engine: &Arc<Engine>) -> OnCancel {
    let engine = Arc::downgrade(engine);
    Box::new(move |run| engine.upgrade().is_some_and(|engine| engine.running.cancel(run)))
}

/// Passes on what the recorder of a store tells.
struct Events {
    runner: Weak<StoreRunner>,
    engine: Weak<Engine>,
}

impl Events {
    fn with(&self, tell: impl FnOnce(&Arc<StoreRunner>, &Arc<Engine>)) {
        if let (Some(runner), Some(engine)) = (self.runner.upgrade(), self.engine.upgrade()) {
            tell(&runner, &engine);
        }
    }
}

impl RecorderEvents for Events {
    fn waiting(&self, due: Timestamp) {
        self.with(|runner, engine| runner.note_waiting(engine, due));
    }

    fn followed(&self) {
        self.with(|runner, engine| match &*lock(&runner.heartbeat) {
            Some(heartbeat) if heartbeat.ask() => {}
            // A turn follows it.
            _ => engine.wake(),
        });
    }

    fn fenced(&self, record: &RunRecord) {
        self.with(|runner, engine| {
            engine.emit(EventMask::RUN_FENCED, || Event::RunFenced {
                job: runner.job_key(&record.job_id),
                run_id: record.run_id,
                attempt: record.attempt,
                scheduled_run_time: record.scheduled_run_time,
                state: record.state,
            });
        });
    }

    fn failed(&self, error: &Error) {
        self.with(|runner, engine| {
            engine.emit(EventMask::LEDGER_ERROR, || Event::LedgerError {
                alias: Arc::clone(&runner.alias),
                error: error.chain().into(),
            });
        });
    }

    fn recovered(&self, dropped: u64) {
        self.with(|runner, engine| {
            engine.emit(EventMask::LEDGER_RECOVERED, || Event::LedgerRecovered {
                alias: Arc::clone(&runner.alias),
                dropped,
            });
        });
    }
}
