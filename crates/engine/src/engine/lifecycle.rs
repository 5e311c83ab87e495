//! Start, shutdown, pause, resume.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::components::{Components, Startup, new_runner};
use super::inbox::Inbox;
use super::store_closing::close_all;
use super::zone::SchedulerZone;
use super::{Engine, LoopDriver, Phase, Scheduler, lock};
use apscheduler_core::config::Config;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::registry::IntoJobStore as _;
use apscheduler_core::{Error, ErrorKind, Result, Shutdown};

impl Scheduler {
    /// Takes over a configuration: zone, intervals, defaults, and all stores and executors in place of those before.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`] when it was started; what the plugins say of their options; that the configuration
    /// names no zone and that of the machine can't be told. On an error nothing has changed.
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
        })
    }

    /// Starts executors and stores, adds the jobs that wait for the start, and hands over to the event loop, which begins
    /// to process jobs unless `paused`. What `start` of a scheduler type calls.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyRunning`]; that the zone of the machine can't be told where no other was configured; that there is
    /// no event loop to run on; what a store or executor says that can't
    /// start; what is wrong with a waiting job. On an error everything that had been started is stopped again, and
    /// waiting jobs that were not added still wait.
    pub(crate) fn start(&self, paused: bool) -> Result<()> {
        let engine = &self.0;
        {
            let mut phase = lock(&engine.phase);
            if *phase != Phase::Stopped {
                return Err(already_running());
            }
            *phase = Phase::Starting;
            *lock(&engine.lost) = false;
            *lock(&engine.abandoned) = false;
        }
        let timezone = engine.settings().timezone;
        if let Err(error) = timezone.check().and_then(|()| engine.event_loop.attach()) {
            engine.set_phase(Phase::Stopped);
            return Err(error);
        }
        let inbox = Arc::new(Inbox::default());
        // Until it makes its first turn, the loop is where it was started.
        inbox.enter();
        let before = std::mem::replace(
            &mut *engine.inbox.write().unwrap_or_else(PoisonError::into_inner),
            Arc::clone(&inbox),
        );
        drop(before);
        engine.starved.clear();
        let driver = LoopDriver::new(self, Arc::clone(&inbox));
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
            // The loop has let go of the driver.
            self.wait_until_stopped();
        })
    }

    fn start_components(&self, paused: bool) -> Result<()> {
        let engine = &self.0;
        if !engine.executors().contains_key("default") {
            let executor = engine.event_loop.default_executor(&engine.registry);
            let executor = executor.map_err(|error| {
                error.with_context(
                    "no executor has the alias `default`, and the stand-in can't be built",
                )
            })?;
            self.insert_executor(&executor, "default", None)?;
        }
        if !engine.stores().contains_key("default") {
            let store = "memory".into_job_store().resolve(&engine.registry).map_err(|error| {
                error.with_context(
                    "no job store has the alias `default`, and the stand-in can't be built",
                )
            })?;
            self.insert_jobstore(&new_runner(store, "default"), None)?;
        }
        let mut startup = Startup::default();
        // What is added meanwhile waits too, so look until nothing does.
        loop {
            let added = engine.components_added.load(Ordering::SeqCst);
            // Jobs first: the stores that they name are there by now.
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
            *phase = if paused { Phase::Paused } else { Phase::Running };
            drop(phase);
            engine.phase_changed.notify_all();
            return Ok(());
        }
    }

    /// Stops processing, executors and stores. With [`Shutdown::Wait`] it returns when all running jobs have ended;
    /// running jobs are not interrupted either way. With [`Shutdown::Now`], a job store that does not close within 2 s is left to a thread of its
    /// own.
    ///
    /// From within a job or a listener it does not wait for that very job.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it was not started, and when its event loop has ended.
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

    /// Stops processing jobs until [`resume`](Self::resume). Running jobs go on.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it was not started.
    pub fn pause(&self) -> Result<()> {
        if self.0.switch(Phase::Running, Phase::Paused)? {
            tracing::info!("paused job processing");
            self.0.emit(EventMask::SCHEDULER_PAUSED, || Event::SchedulerPaused);
        }
        Ok(())
    }

    /// Goes on processing jobs.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it was not started.
    pub fn resume(&self) -> Result<()> {
        if self.0.switch(Phase::Paused, Phase::Running)? {
            tracing::info!("resumed job processing");
            self.0.emit(EventMask::SCHEDULER_RESUMED, || Event::SchedulerResumed);
            self.0.look_again();
        }
        Ok(())
    }

    /// Returns when the scheduler has been shut down. For schedulers that block.
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

    /// From now on no jobs are processed, and nobody else can shut it down.
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

    /// Goes from one phase to another; `false` where it is not in the first.
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

    /// What stands for the present start, while there is one.
    pub(super) fn present_start(&self, phase: Phase) -> Option<Arc<Inbox>> {
        matches!(phase, Phase::Running | Phase::Paused).then(|| self.inbox())
    }

    /// Notes when jobs began to be processed.
    fn begin_running(&self) {
        self.clock_watch.start(&*self.clock);
        *lock(&self.running_since) = self.now();
    }

    pub(super) fn refuse_when_started(&self) -> Result<()> {
        if self.phase() == Phase::Stopped { Ok(()) } else { Err(already_running()) }
    }

    /// Passes first: what one has claimed must find its executor open. Stores close last: jobs that are still
    /// running may use them. The loop goes on: jobs may run on it.
    fn stop_components(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        let stores = self.stores();
        for store in stores.values() {
            store.stop(wait);
        }
        for executor in self.executors().values() {
            executor.shutdown(shutdown);
        }
        close_all(&stores, wait);
    }
}

pub(super) fn already_running() -> Error {
    Error::new(ErrorKind::AlreadyRunning, "the scheduler is already running")
}
