//! Start, shutdown, pause and resume.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::components::{Components, Startup, new_runner};
use super::event_loop::LoopDriver;
use super::inbox::Inbox;
use super::lock::lock;
use super::owner::new_owner;
use super::phase::{Phase, already_running};
use super::scheduler::Scheduler;
use super::state::Engine;
use super::store_closing::close_all;
use super::turns::EngineTurns;
use super::zone::SchedulerZone;
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::registry::IntoJobStore as _;
use apscheduler_core::{Error, ErrorKind, Result, Shutdown};

impl Scheduler {
    /// Applies a configuration: zone, intervals, defaults, and all stores and executors, which
    /// replace the previous ones.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`] if the scheduler has been started; any error from a plugin
    /// about its options; an error if the configuration names no zone and the machine's zone can't
    /// be determined. On an error, nothing has changed.
    pub fn configure(&self, config: &Config) -> Result<()> {
        self.0.refuse_when_started()?;
        config.job_defaults_or_default().validate()?;
        let timezone =
            config.given_timezone().map_or_else(SchedulerZone::local, SchedulerZone::Configured);
        timezone.check()?;
        let components = Components::of(config, &self.0.registry)?;
        self.replace_components(components, || {
            let mut settings = self.0.settings.write().unwrap_or_else(PoisonError::into_inner);
            settings.timezone = timezone;
            settings.retry_interval = config.retry_interval_or_default();
            settings.job_defaults = config.job_defaults_or_default();
            settings.history = config.given_history();
            settings.lease = config.lease_or_default();
            settings.retention = config.retention_or_default();
        })
    }

    /// Starts executors and stores, adds the jobs held for the start, and passes control to the
    /// event loop, which processes jobs unless `paused`. The `start` methods of the scheduler types
    /// call this.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`]; an error if no zone was configured and the machine's zone
    /// can't be determined; an error if there is no event loop to run on; any error from a store or
    /// executor that can't start; an error for an invalid held job. On an error, everything started
    /// so far is stopped again, and jobs that were not added are still held.
    pub(crate) fn start(&self, paused: bool) -> Result<()> {
        let engine = &self.0;
        {
            let mut phase = lock(&engine.phase);
            if *phase != Phase::Stopped {
                return Err(already_running());
            }
            *phase = Phase::Starting;
            *lock(&engine.lost) = false;
            *lock(&engine.last_turn) = None;
            *lock(&engine.abandoned) = false;
        }
        let timezone = engine.settings().timezone;
        if let Err(error) = timezone.check().and_then(|()| engine.event_loop.attach()) {
            engine.set_phase(Phase::Stopped);
            return Err(error);
        }
        let inbox = Arc::new(Inbox::default());
        // Until the first turn, the thread of the loop is the starting thread.
        inbox.enter();
        let before = std::mem::replace(
            &mut *engine.inbox.write().unwrap_or_else(PoisonError::into_inner),
            Arc::clone(&inbox),
        );
        drop(before);
        engine.starved.clear();
        *lock(&engine.owner) = new_owner();
        let driver = LoopDriver::new(Box::new(EngineTurns::new(self, Arc::clone(&inbox))));
        if let Err(error) = self.start_components(paused) {
            engine.stop_components(Shutdown::Now);
            inbox.end();
            drop(driver);
            engine.set_phase(Phase::Stopped);
            return Err(error);
        }
        timezone.log();
        tracing::info!("scheduler started");
        engine.emit(EventMask::SCHEDULER_STARTED, || Event::SchedulerStarted);
        engine.event_loop.run(driver).inspect_err(|_| {
            // The loop has dropped the driver.
            self.wait_until_stopped();
        })
    }

    fn start_components(&self, paused: bool) -> Result<()> {
        let engine = &self.0;
        if !engine.executors().contains_key("default") {
            let executor = engine.event_loop.default_executor(&engine.registry);
            let executor = executor.map_err(|error| {
                error.with_context(
                    "no executor has the alias `default`, and the default can't be created",
                )
            })?;
            self.insert_executor(&executor, "default", None)?;
        }
        if !engine.stores().contains_key("default") {
            let store = "memory".into_job_store().resolve(&engine.registry).map_err(|error| {
                error.with_context(
                    "no job store has the alias `default`, and the default can't be created",
                )
            })?;
            self.insert_jobstore(&new_runner(store, "default"), None)?;
        }
        let mut startup = Startup::default();
        // Components and jobs added in the meantime are held too, so this repeats until none are
        // left.
        loop {
            let added = engine.components_added.load(Ordering::SeqCst);
            // Jobs are taken first: the stores that they name have been added by now.
            let jobs = lock(&engine.pending).take();
            let result = match startup.start_new(self) {
                Ok(()) => self.add_pending(jobs),
                Err(error) => Err((error, jobs)),
            };
            if let Err((error, left)) = result {
                lock(&engine.pending).put_back(left);
                return Err(error);
            }
            let pending = lock(&engine.pending);
            let mut phase = lock(&engine.phase);
            if !pending.is_empty() || engine.components_added.load(Ordering::SeqCst) != added {
                continue;
            }
            if *lock(&engine.abandoned) {
                return Err(Error::new(
                    ErrorKind::NotRunning,
                    "the scheduler was dropped while it started",
                ));
            }
            engine.begin_running();
            let paused = paused || engine.never_processes.load(Ordering::SeqCst);
            *phase = if paused { Phase::Paused } else { Phase::Running };
            drop(phase);
            engine.phase_changed.notify_all();
            drop(pending);
            engine.note_presence(self.1.as_deref());
            return Ok(());
        }
    }

    /// Makes this scheduler one that never processes jobs: it starts paused and can't be resumed. Intended for programs that
    /// show and change the jobs of stores which other schedulers process. A run that is asked for waits in the store for one
    /// of them.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`] if the scheduler has been started.
    pub fn never_process(&self) -> Result<()> {
        self.0.refuse_when_started()?;
        self.0.never_processes.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Stops processing, executors and stores.
    ///
    /// With [`Shutdown::Wait`], it returns when all running jobs have ended. With [`Shutdown::Now`],
    /// the cancellation tokens of running jobs are cancelled, which each executor follows as far as
    /// it can, and a job store that does not close within 2 s is left to its own thread.
    ///
    /// Called within a job or a listener, it does not wait for that job.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started, or if its event loop has
    /// ended.
    pub fn shutdown(&self, shutdown: Shutdown) -> Result<()> {
        self.0.begin_shutdown()?;
        self.finish_shutdown(shutdown);
        Ok(())
    }

    pub(super) fn finish_shutdown(&self, shutdown: Shutdown) {
        let engine = &self.0;
        engine.stop_components(shutdown);
        let inbox = engine.inbox();
        engine.set_phase(Phase::Stopped);
        tracing::info!("scheduler has been shut down");
        engine.emit(EventMask::SCHEDULER_SHUTDOWN, || Event::SchedulerShutdown);
        inbox.end();
        inbox.wake();
    }

    /// Stops processing jobs until [`resume`](Self::resume). Running jobs continue.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started.
    pub fn pause(&self) -> Result<()> {
        if self.0.switch(Phase::Running, Phase::Paused)? {
            tracing::info!("paused job processing");
            self.0.note_presence(self.1.as_deref());
            self.0.emit(EventMask::SCHEDULER_PAUSED, || Event::SchedulerPaused);
        }
        Ok(())
    }

    /// Resumes processing jobs.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] if the scheduler has not been started; [`ErrorKind::Unsupported`] after
    /// [`never_process`](Self::never_process).
    pub fn resume(&self) -> Result<()> {
        if self.0.never_processes.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this scheduler shows and changes the jobs of its stores, and runs none: resume one that runs them",
            ));
        }
        if self.0.switch(Phase::Paused, Phase::Running)? {
            tracing::info!("resumed job processing");
            self.0.note_presence(self.1.as_deref());
            self.0.emit(EventMask::SCHEDULER_RESUMED, || Event::SchedulerResumed);
            self.0.request_pass();
        }
        Ok(())
    }

    /// Blocks until the scheduler has been shut down. For schedulers that block.
    pub fn wait_until_stopped(&self) {
        let mut phase = lock(&self.0.phase);
        while *phase != Phase::Stopped {
            phase = self.0.phase_changed.wait(phase).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Engine {
    pub(super) fn set_phase(&self, phase: Phase) {
        *lock(&self.phase) = phase;
        self.phase_changed.notify_all();
    }

    /// Begins a shutdown: from now on no jobs are processed, and no other call can shut down.
    pub(super) fn begin_shutdown(&self) -> Result<()> {
        let mut phase = lock(&self.phase);
        if !matches!(*phase, Phase::Running | Phase::Paused) {
            return Err(self.not_running());
        }
        *phase = Phase::Stopping;
        Ok(())
    }

    fn not_running(&self) -> Error {
        let message = if *lock(&self.lost) {
            "the scheduler is not running: its event loop has ended"
        } else {
            "the scheduler is not running"
        };
        Error::new(ErrorKind::NotRunning, message)
    }

    /// Switches from one phase to another; returns `false` if the current phase is not `from`.
    fn switch(&self, from: Phase, to: Phase) -> Result<bool> {
        let mut phase = lock(&self.phase);
        if matches!(*phase, Phase::Stopped | Phase::Starting) {
            return Err(self.not_running());
        }
        let switched = *phase == from;
        if switched {
            if to == Phase::Running {
                self.begin_running();
            }
            *phase = to;
        }
        Ok(switched)
    }

    /// Returns the inbox of the current start, if there is one.
    pub(super) fn present_start(&self, phase: Phase) -> Option<Arc<Inbox>> {
        matches!(phase, Phase::Running | Phase::Paused).then(|| self.inbox())
    }

    /// Records when processing of jobs began.
    fn begin_running(&self) {
        self.clock_watch.start(&*self.clock);
        *lock(&self.running_since) = self.now();
    }

    pub(super) fn refuse_when_started(&self) -> Result<()> {
        if self.phase() == Phase::Stopped { Ok(()) } else { Err(already_running()) }
    }

    /// Stops passes first, because the executors of claimed jobs must still be open. Closes stores
    /// last, because running jobs may use them. The loop keeps running: jobs may run on it.
    fn stop_components(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        let stores = self.stores();
        for store in stores.values() {
            store.stop(wait);
        }
        self.drop_all_buffered();
        for executor in self.executors().values() {
            executor.shutdown(shutdown);
        }
        for store in stores.values() {
            self.note_absence(store);
        }
        close_all(&stores, wait);
    }
}
