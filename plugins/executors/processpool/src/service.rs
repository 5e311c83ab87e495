//! The work of each thread of the pool: it executes runs in a worker process of its own.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use apscheduler_core::executor::Run;
use apscheduler_core::function::{JobContext, JobError, JobResult};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::executor::QueuedRuns;

use crate::message::{RunMessage, ToWorker};
use crate::process::{Lost, WorkerProcess};
use crate::recall::Recall;
use crate::stop::Stop;

/// How many workers to try if they die before the run has begun.
const TRIES: u32 = 5;

/// The state that the threads of a pool share.
#[derive(Debug)]
pub(crate) struct Pool {
    max_tasks: Option<NonZeroU32>,
    /// A new one for each start.
    stop: Mutex<Option<Arc<Stop>>>,
}

impl Pool {
    pub(crate) fn new(max_tasks: Option<NonZeroU32>) -> Self {
        Self { max_tasks, stop: Mutex::default() }
    }

    /// Allows runs to be executed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the system has no pipe left.
    pub(crate) fn start(&self) -> Result<()> {
        let stop = Stop::new().map_err(|error| {
            Error::new(ErrorKind::Io, "a process pool can't be started").with_source(error)
        })?;
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(stop));
        Ok(())
    }

    /// Ends the runs that are being executed.
    pub(crate) fn stop(&self) {
        if let Some(stop) = self.current_stop() {
            stop.notify();
        }
    }

    fn current_stop(&self) -> Option<Arc<Stop>> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Executes runs until there are no more.
    pub(crate) fn serve(&self, runs: &mut QueuedRuns) {
        let mut desk = WorkerSlot { max_tasks: self.max_tasks, worker: None, recall: None };
        let mut last_stop = None;
        for run in runs {
            match self.current_stop() {
                Some(stop) => {
                    desk.serve(run, &stop);
                    last_stop = Some(stop);
                }
                // The executor was never started.
                None => drop(run),
            }
        }
        // The executor may have been started again meanwhile, with another stop.
        if let Some(stop) = last_stop {
            desk.dismiss(&stop);
        }
    }
}

/// The worker process of a thread, which is replaced when it has died or has run its number of jobs.
#[derive(Debug)]
struct WorkerSlot {
    max_tasks: Option<NonZeroU32>,
    worker: Option<WorkerProcess>,
    /// Tells that a run is cancelled.
    recall: Option<Recall>,
}

impl WorkerSlot {
    fn serve(&mut self, mut run: Run, stop: &Stop) {
        while !run.is_over() {
            // The worker comes first: `begin` checks for a misfire, and the run should start right after that.
            let ready = self.worker(stop).map(drop);
            let Some(started) = run.begin() else {
                return;
            };
            let result = match ready {
                Ok(()) => self.call(&run, started.context(), stop),
                Err(error) => Err(error),
            };
            run.finish(result);
            let worn =
                |worker: &WorkerProcess| self.max_tasks.is_some_and(|max| worker.runs >= max.get());
            if self.worker.as_ref().is_some_and(worn) {
                self.dismiss(stop);
            }
        }
    }

    /// Returns the worker, and starts one if there is none.
    fn worker(&mut self, stop: &Stop) -> Result<&mut WorkerProcess, JobError> {
        if stop.is_notified() {
            return Err(JobError::new("the executor was shut down before the job began"));
        }
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => start(stop)?,
        };
        Ok(self.worker.insert(worker))
    }

    fn call(&mut self, run: &Run, context: &JobContext, stop: &Stop) -> JobResult {
        let message = ToWorker::Run(Box::new(RunMessage::new(run, context)));
        for _ in 0..TRIES {
            self.worker(stop)?;
            let recall = match self.recall.take() {
                Some(recall) => recall,
                None => Recall::new().map_err(|error| {
                    JobError::new(format!("a worker process can't be watched: {error}"))
                })?,
            };
            let recall = self.recall.insert(recall);
            let Some(worker) = self.worker.as_mut() else { continue };
            let id = worker.id();
            let attempt = (context.run_id(), context.attempt());
            let wakers = (stop, (&*recall, context.cancellation()));
            let lost = match worker.call(&message, attempt, wakers, run.timeout()) {
                Ok(result) => return result,
                Err(lost) => lost,
            };
            let Some(mut worker) = self.worker.take() else { continue };
            let text = match lost {
                Lost::NotBegun => {
                    let (status, _) = worker.reap_dead();
                    tracing::warn!("the worker process {id} died while it had no job: {status}");
                    continue;
                }
                Lost::Died => {
                    format!("the worker process {id} died during the job: {}", worker.reap_dead().0)
                }
                Lost::TimedOut => {
                    drop(worker);
                    let timeout = run.timeout().unwrap_or_default().as_secs_f64();
                    let text = format!(
                        "took longer than its timeout of {timeout} s; the worker process {id} was killed"
                    );
                    return Err(JobError::new(text).at_timeout());
                }
                Lost::Stopped => {
                    drop(worker);
                    format!(
                        "the executor was shut down without waiting; the worker process {id} was ended"
                    )
                }
                Lost::Cancelled => {
                    drop(worker);
                    format!("it did not end; the worker process {id} was ended")
                }
                Lost::Broken(reason) => reason,
            };
            return Err(JobError::new(text));
        }
        Err(JobError::new(format!("{TRIES} worker processes died before the job began")))
    }

    fn dismiss(&mut self, stop: &Stop) {
        if let Some(worker) = self.worker.take() {
            worker.quit(stop);
        }
    }
}

fn start(stop: &Stop) -> Result<WorkerProcess, JobError> {
    let mut tries = 1;
    loop {
        match WorkerProcess::start(stop) {
            Ok(worker) => return Ok(worker),
            Err((message, worth_a_try)) if worth_a_try && tries < TRIES => {
                tracing::warn!("{message}");
                tries += 1;
            }
            Err((message, _)) => return Err(JobError::new(message)),
        }
    }
}
