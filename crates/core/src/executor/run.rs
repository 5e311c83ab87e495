//! A run on its way through an executor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::{CancellationToken, Started, Timer};

use crate::event::{Missed, Outcome};
use crate::function::{JobContext, JobError, JobResult};
use crate::job::JobSpec;
use crate::store::RunTimes;
use crate::time::Timestamp;

/// Where runs come from and where their outcomes go: the engine.
pub(crate) trait RunSink: Send + Sync {
    fn now(&self) -> Timestamp;
    /// When the scheduler began to run jobs.
    fn running_since(&self) -> Timestamp;
    fn context(
        self: Arc<Self>,
        job: &Arc<JobSpec>,
        origin: &RunOrigin,
        scheduled_run_time: Timestamp,
        cancellation: Option<CancellationToken>,
    ) -> JobContext;
    fn outcome(
        &self,
        job: &Arc<JobSpec>,
        origin: &RunOrigin,
        scheduled_run_time: Timestamp,
        outcome: Outcome,
    );
    /// The job may have another instance: what is left of this one is to tell how it ended.
    fn released(&self, job: &Arc<JobSpec>, origin: &RunOrigin);
    /// The executor has let go of the run, and every outcome has been reported.
    fn gone(&self, job: &Arc<JobSpec>, origin: &RunOrigin);
}

/// Which store a run came out of.
#[derive(Clone, Debug)]
pub(crate) struct RunOrigin {
    pub(crate) jobstore: Arc<str>,
    pub(crate) store: u32,
    pub(crate) submitted: Timestamp,
    /// The job catches up: more of its run times wait in the store until this run has ended.
    pub(crate) catching_up: bool,
    /// How long nobody could know of the run times: that does not count as lateness.
    pub(crate) unseen: TimeDelta,
}

/// One instance of a job: one run time, or several when a job that does not coalesce catches up.
///
/// An executor calls [`execute`](Self::execute), or, where the function runs elsewhere, [`begin`](Self::begin) and
/// [`finish`](Self::finish) for each run time. With the last of them the instance slot is free, as in APScheduler before
/// the event is told: who hears it may add the job again. Run times that have no outcome when it is dropped are reported
/// as errors.
pub struct Run {
    job: Arc<JobSpec>,
    times: RunTimes,
    next: usize,
    begun: bool,
    cancellation: Option<CancellationToken>,
    origin: RunOrigin,
    sink: Arc<dyn RunSink>,
}

impl Run {
    pub(crate) fn new(
        job: Arc<JobSpec>,
        run_times: RunTimes,
        origin: RunOrigin,
        sink: Arc<dyn RunSink>,
    ) -> Self {
        Self { job, times: run_times, next: 0, begun: false, cancellation: None, origin, sink }
    }

    /// The job.
    pub fn job(&self) -> &Arc<JobSpec> {
        &self.job
    }

    /// The run times, in order.
    pub fn run_times(&self) -> &[Timestamp] {
        self.times.as_slice()
    }

    /// The alias of the store that keeps the job.
    pub fn jobstore(&self) -> &str {
        &self.origin.jobstore
    }

    /// How long a run may take, where the job says so. Executors that can end a run keep it.
    pub fn timeout(&self) -> Option<Duration> {
        self.job.timeout()
    }

    /// Lets the executor ask what it begins from now on to end early.
    pub fn set_cancellation(&mut self, token: CancellationToken) {
        self.cancellation = Some(token);
    }

    /// Starts the next run time. Those that are later than the job's `misfire_grace_time` allows are reported as missed
    /// and left out; `None` means that none is left.
    pub fn begin(&mut self) -> Option<Started> {
        if self.begun {
            self.fail(JobError::new(
                "the executor began the next run time before it finished this one",
            ));
        }
        while let Some(&run_time) = self.times.as_slice().get(self.next) {
            let now = self.sink.now();
            if let Some(missed) = self.missed(run_time, now) {
                self.report(Outcome::Missed(missed));
            } else {
                self.begun = true;
                let (sink, cancellation) = (Arc::clone(&self.sink), self.cancellation.clone());
                let context = sink.context(&self.job, &self.origin, run_time, cancellation);
                return Some(Started::new(Arc::clone(&self.job), context));
            }
        }
        None
    }

    /// Whether every run time has its outcome.
    pub fn is_over(&self) -> bool {
        self.next >= self.times.as_slice().len()
    }

    /// Reports how the run time ended that [`begin`](Self::begin) started.
    pub fn finish(&mut self, result: JobResult) {
        match result {
            Ok(value) => self.report(Outcome::Executed(value)),
            Err(error) => self.fail(self.name_timeout(error)),
        }
    }

    /// A function that was asked to end at its timeout may fail in its own words.
    fn name_timeout(&self, error: JobError) -> JobError {
        let timed_out = self.cancellation.as_ref().and_then(CancellationToken::timed_out);
        match timed_out.filter(|_| !error.is_panic()) {
            Some(timeout) => error.in_context(&format!(
                "it took longer than its timeout of {} s",
                timeout.as_secs_f64()
            )),
            None => error,
        }
    }

    /// Runs the function for all run times, in this thread. At the `timeout` of the job its token is cancelled.
    ///
    /// An async function is driven to its end without a runtime: it blocks the thread, and what needs a reactor (the
    /// timers and sockets of tokio, say) does not work in it.
    pub fn execute(mut self) {
        let token = self.cancellation.clone();
        loop {
            let timer = self.start_timer(token.as_ref());
            let Some(started) = self.begin() else { break };
            let result = started.call();
            drop(timer);
            self.finish(result);
        }
    }

    /// Gives the next run time a token of its own, which is cancelled at the timeout of the job. `None` where it has none.
    fn start_timer(&mut self, token: Option<&CancellationToken>) -> Option<Timer> {
        let timeout = self.timeout()?;
        if let Err(error) = Timer::prepare() {
            tracing::error!(job_id = self.job.id(), "its timeout can't be kept: {}", error.chain());
            return None;
        }
        let end = Instant::now().checked_add(timeout)?;
        let own = token.map_or_else(CancellationToken::new, CancellationToken::child);
        self.cancellation = Some(own.clone());
        Some(Timer::at(end, move || own.cancel_at_timeout(timeout)))
    }

    /// Runs an async function for all run times. A plain one blocks the task.
    pub async fn execute_async(mut self) {
        while let Some(started) = self.begin() {
            let result = started.call_async().await;
            self.finish(result);
        }
    }

    fn missed(&self, run_time: Timestamp, now: Timestamp) -> Option<Missed> {
        let grace = self.job.misfire_grace_time()?;
        let lateness = now - run_time;
        let grace = TimeDelta::seconds(i64::from(grace)) + self.origin.unseen;
        (lateness > grace).then(|| Missed {
            lateness: lateness.to_std().unwrap_or_default(),
            queued: (now - self.origin.submitted).to_std().unwrap_or_default(),
            idle: (self.sink.running_since() - run_time).to_std().unwrap_or_default(),
        })
    }

    fn fail(&mut self, error: JobError) {
        self.report(Outcome::Error(error));
    }

    fn report(&mut self, outcome: Outcome) {
        let Some(&run_time) = self.times.as_slice().get(self.next) else {
            return;
        };
        self.next += 1;
        self.begun = false;
        if self.is_over() {
            self.sink.released(&self.job, &self.origin);
        }
        self.sink.outcome(&self.job, &self.origin, run_time, outcome);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        while !self.is_over() {
            self.fail(JobError::new("the executor let go of this run before it ended"));
        }
        self.sink.gone(&self.job, &self.origin);
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("job_id", &self.job.id())
            .field("run_times", &self.times)
            .field("done", &self.next)
            .finish_non_exhaustive()
    }
}
