//! Starts a scheduler with the jobs of a file.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use apscheduler_core::Result;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::executor::Runtime;
use apscheduler_core::registry::PluginSet;
use apscheduler_engine::schedulers::{LoopScheduler, RuntimeScheduler};
use apscheduler_engine::{EventLoop, Scheduler};

use super::jobs_file::JobsFile;
use super::sync::Applied;

/// A scheduler that [`JobsFile::start`] can start.
///
/// Every [`LoopScheduler`] and every [`RuntimeScheduler`] is one, and so is every scheduler type of this crate.
pub trait StartFromFile {
    /// `Result<Applied>`, or a future of it for an async scheduler.
    type Started;

    /// Starts the scheduler and applies the file before any job runs. See [`JobsFile::start`].
    fn start_from_file(&self, file: &JobsFile) -> Self::Started;
}

impl JobsFile {
    /// Starts a scheduler of any type and applies the file before any job runs.
    ///
    /// With an async scheduler this returns a future. With a scheduler that blocks its thread, such as
    /// [`BlockingScheduler`](crate::BlockingScheduler), it returns after the shutdown.
    ///
    /// # Errors
    /// As `start` of the scheduler and [`apply`](Self::apply). If the file can't be applied, the scheduler is shut down.
    ///
    /// # Examples
    /// ```no_run
    /// use apscheduler::BlockingScheduler;
    /// use apscheduler::file::JobsFile;
    ///
    /// let file = JobsFile::load("jobs.toml")?;
    /// let scheduler = BlockingScheduler::new();
    /// file.configure(&scheduler)?;
    /// file.start(&scheduler)?;
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    ///
    /// With an async scheduler:
    /// ```ignore
    /// let applied = file.start(&tokio_scheduler).await?;
    /// ```
    pub fn start<S: StartFromFile>(&self, scheduler: &S) -> S::Started {
        scheduler.start_from_file(self)
    }

    fn log_kept_in_memory(&self, scheduler: &Scheduler) {
        if let Some(warning) = self.kept_in_memory(scheduler) {
            tracing::warn!("{warning}");
        }
    }
}

impl<L: EventLoop, P: PluginSet> StartFromFile for LoopScheduler<L, P> {
    type Started = Result<Applied>;

    fn start_from_file(&self, file: &JobsFile) -> Result<Applied> {
        file.log_kept_in_memory(self);
        // The start of a blocking scheduler returns after the shutdown, so the file is applied from within the start.
        let once = Arc::new(ApplyOnce::default());
        let listener = self.add_listener(EventMask::SCHEDULER_STARTED, {
            let (once, file) = (Arc::clone(&once), file.clone());
            let scheduler = self.handle();
            move |_| once.apply(&file, &scheduler)
        });
        let started = self.start_paused();
        self.remove_listener(listener);
        started.map_err(|error| file.locate(&error))?;
        // An event loop may deliver the event later.
        once.apply(file, self);
        once.finish()
    }
}

impl<R: Runtime, P: PluginSet> StartFromFile for RuntimeScheduler<R, P> {
    type Started = Pin<Box<dyn Future<Output = Result<Applied>> + Send>>;

    fn start_from_file(&self, file: &JobsFile) -> Self::Started {
        let (file, scheduler) = (file.clone(), self.blocking().handle());
        file.log_kept_in_memory(&scheduler);
        let started = self.start_paused();
        Box::pin(async move {
            started.await.map_err(|error| file.locate(&error))?;
            scheduler.call(move |scheduler| apply_and_resume(&file, scheduler)).await
        })
    }
}

/// Applies a file to a paused scheduler, and resumes it; shuts it down on an error.
fn apply_and_resume(file: &JobsFile, scheduler: &Scheduler) -> Result<Applied> {
    let applied = file.apply(scheduler).and_then(|applied| scheduler.resume().map(|()| applied));
    if applied.is_err() {
        // It may be stopped already.
        let _ = scheduler.shutdown(Shutdown::Wait);
    }
    applied
}

/// Applies a file once, and keeps the outcome.
#[derive(Default)]
struct ApplyOnce(Mutex<Option<Outcome>>);

/// The result, or the payload of a panic.
type Outcome = std::result::Result<Result<Applied>, Box<dyn Any + Send>>;

impl ApplyOnce {
    fn apply(&self, file: &JobsFile, scheduler: &Scheduler) {
        let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.get_or_insert_with(|| {
            let applied = catch_unwind(AssertUnwindSafe(|| apply_and_resume(file, scheduler)));
            if applied.is_err() {
                // A scheduler that stays paused would block its caller forever.
                let _ = scheduler.shutdown(Shutdown::Wait);
            }
            applied
        });
    }

    /// Returns the result, after [`apply`](Self::apply).
    fn finish(&self) -> Result<Applied> {
        let outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match outcome {
            Some(Ok(applied)) => applied,
            Some(Err(payload)) => resume_unwind(payload),
            None => Ok(Applied::default()),
        }
    }
}
