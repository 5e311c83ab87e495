//! Starts and ends the recording of a store's runs.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::ledger::History;
use apscheduler_core::printable;

use super::heartbeat::{Heartbeat, OnLost, Patient};
use super::lock::lock;
use super::recorder::Recorder;
use super::state::Engine;
use super::store_runner::StoreRunner;

impl StoreRunner {
    /// Starts to record the runs of the store's jobs, if the store has a ledger and its history is
    /// wanted.
    pub(super) fn start_recording(self: &Arc<Self>, engine: &Arc<Engine>) -> Result<()> {
        let settings = engine.settings();
        *lock(&self.owner) = engine.owner();
        let history = self.history(settings.history);
        let Some(ledger) = self.store.ledger().filter(|_| history != History::Off) else {
            engine.recorders.set(self.number, None);
            return Ok(());
        };
        // Without I/O, the ledger ends with the process, so there are no other owners.
        let blocking = self.capabilities.blocking;
        if blocking {
            let heartbeat = Heartbeat::start(Patient {
                alias: Arc::clone(&self.alias),
                ledger: Arc::clone(&ledger),
                lease: settings.lease,
                clock: Arc::clone(&engine.clock),
                owner: Arc::clone(&self.owner),
                on_lost: self.on_lost(engine),
            })?;
            *lock(&self.heartbeat) = Some(heartbeat);
        }
        let recorder = Recorder::start(&self.alias, ledger, history, blocking)?;
        engine.recorders.set(self.number, Some(Arc::clone(&recorder)));
        *lock(&self.recorder) = Some(recorder);
        Ok(())
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
        Box::new(move |run, owner| {
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
        })
    }
}
