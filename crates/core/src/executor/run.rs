//! A run of a job in an executor.

use std::sync::Arc;
use std::time::Duration;

use super::Invocation;
use super::slot::{Fire, InstanceSlot, Outcome, Started, Submission};
use crate::function::{JobError, JobResult};
use crate::job::JobSpec;
use crate::run::CancellationToken;
use crate::store::RunTimes;
use crate::time::Timestamp;

/// One instance of a job: one run time, or several when a job that does not coalesce catches up.
///
/// An executor calls [`begin`](Self::begin) and [`finish`](Self::finish) for each run time; the kit for plugin authors
/// has a method that does so in a thread. The last outcome frees the instance slot before the event is emitted, so a
/// listener may add the job again. Run times that have no outcome when the run is dropped are reported as errors.
pub struct Run {
    slot: InstanceSlot,
    times: Times,
    started: Option<Started>,
    /// The token that the executor has set.
    cancellation: Option<CancellationToken>,
    /// The token of the run time that has begun.
    current: Option<CancellationToken>,
}

/// The run times of a run, in less memory than [`RunTimes`].
#[derive(Debug)]
enum Times {
    One(Timestamp),
    #[expect(
        clippy::box_collection,
        reason = "a run has one pointer, because many runs wait in queues"
    )]
    Many(Box<Vec<Timestamp>>),
}

impl Times {
    fn as_slice(&self) -> &[Timestamp] {
        match self {
            Self::One(time) => std::slice::from_ref(time),
            Self::Many(times) => times,
        }
    }
}

impl From<RunTimes> for Times {
    fn from(times: RunTimes) -> Self {
        match times {
            RunTimes::One(time) => Self::One(time),
            RunTimes::Many(times) => Self::Many(Box::new(times)),
        }
    }
}

impl Run {
    /// Creates a run of the job that has this slot.
    pub fn new(slot: InstanceSlot, run_times: RunTimes) -> Self {
        Self { slot, times: run_times.into(), started: None, cancellation: None, current: None }
    }

    /// Returns the job.
    pub fn job(&self) -> &Arc<JobSpec> {
        self.slot.job()
    }

    /// Returns the run times, in order.
    pub fn run_times(&self) -> &[Timestamp] {
        self.times.as_slice()
    }

    /// Returns the alias of the store that keeps the job.
    pub fn jobstore(&self) -> &str {
        &self.submission().batch().jobstore
    }

    /// Returns the identifiers of the run times, and who claimed them.
    pub fn submission(&self) -> &Submission {
        self.slot.submission()
    }

    /// Returns how long each run time may take, if the job has a timeout. The executor enforces it.
    pub fn timeout(&self) -> Option<Duration> {
        self.slot.job().timeout()
    }

    /// Returns the token that the executor has set.
    pub fn cancellation(&self) -> Option<&CancellationToken> {
        self.cancellation.as_ref()
    }

    /// Sets the token of the run times that begin from now on. The scheduler may give each a child of it, which is the token
    /// of the function's context. An executor that watches for the cancellation of a run time watches that one.
    pub fn set_cancellation(&mut self, token: CancellationToken) {
        self.cancellation = Some(token);
    }

    /// Starts the next run time. Those that are later than the job's `misfire_grace_time` allows are reported as missed
    /// and skipped. Returns `None` when none is left.
    #[inline]
    pub fn begin(&mut self) -> Option<Invocation> {
        if self.slot.begun {
            self.fail(JobError::new(
                "the executor began the next run time before it finished this one",
            ));
        }
        while let Some(mut fire) = self.fire() {
            if let Some(missed) = self.slot.missed(fire.scheduled_run_time) {
                self.report(Outcome::Missed(missed));
            } else if let Some(error) = self.slot.refused(fire.run_id) {
                self.fail(error);
            } else {
                self.slot.begun = true;
                let context = self.slot.begin(&mut fire, self.cancellation.clone());
                self.current = context.own_cancellation().cloned();
                self.started = fire.started;
                return Some(Invocation::new(Arc::clone(self.slot.job()), context));
            }
        }
        None
    }

    /// Returns the next run time, or the one that was started.
    fn fire(&self) -> Option<Fire> {
        let index = self.slot.next as usize;
        let &time = self.times.as_slice().get(index)?;
        let mut fire = Fire::new(self.submission().first_run().nth(index), time);
        fire.started = self.started;
        Some(fire)
    }

    /// Returns whether every run time has its outcome.
    pub fn is_over(&self) -> bool {
        self.slot.next as usize >= self.times.as_slice().len()
    }

    /// Reports the result of the run time that [`begin`](Self::begin) started.
    #[inline]
    pub fn finish(&mut self, result: JobResult) {
        match result {
            Ok(value) => self.report(Outcome::Executed(value)),
            Err(error) => self.fail(self.name_cause(error)),
        }
    }

    /// Adds to the error of a function that was cancelled why it was.
    fn name_cause(&self, error: JobError) -> JobError {
        if error.is_panic() {
            return error;
        }
        if self.current.as_ref().is_some_and(CancellationToken::is_requested) {
            return error.in_context("it was cancelled on request").at_cancellation();
        }
        let timed_out = self.cancellation.as_ref().and_then(CancellationToken::timed_out);
        match timed_out {
            Some(timeout) => error
                .in_context(&format!(
                    "it took longer than its timeout of {} s",
                    timeout.as_secs_f64()
                ))
                .at_timeout(),
            None => error,
        }
    }

    fn fail(&mut self, error: JobError) {
        self.report(Outcome::Error(error));
    }

    fn report(&mut self, outcome: Outcome) {
        let Some(fire) = self.fire() else { return };
        self.slot.next += 1;
        self.slot.begun = false;
        self.started = None;
        self.current = None;
        let is_last = self.is_over();
        self.slot.report(&fire, outcome, is_last);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        while !self.is_over() {
            let error = JobError::new("the executor dropped this run before it ended");
            self.fail(if self.slot.begun { error } else { error.at_cancellation() });
        }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("job_id", &self.slot.job().id())
            .field("run_times", &self.times)
            .field("done", &self.slot.next)
            .finish_non_exhaustive()
    }
}
