//! The messages between a scheduler and its workers: data, and names of registered functions.

use std::borrow::Cow;
use std::time::Duration;

use apscheduler_core::executor::Run;
use apscheduler_core::function::{Arguments, ContextParts, JobContext, JobError, JobResult};
use apscheduler_core::run::Fence;
use apscheduler_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the messages.
pub(crate) const PROTOCOL: u32 = 3;
/// The release of this crate and of core.
pub(crate) const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// From the scheduler to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToWorker<'a> {
    /// Call a function and report its result.
    Run(Box<RunMessage<'a>>),
    /// Cancel the run.
    Cancel,
    /// Exit.
    Quit,
}

/// From a worker to the scheduler.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromWorker {
    /// It accepts runs from now on.
    Ready {
        protocol: u32,
        release: String,
        /// Whether it has a log.
        logs: bool,
    },
    /// Its set-up failed.
    NotReady { reason: String },
    /// The function returned this.
    Returned(Value),
    /// The function failed.
    Failed { message: String, trace: Option<String>, panic: bool, retry: Retrying },
}

/// What a function says about another attempt.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Retrying {
    Unsaid,
    Never,
    After(Duration),
}

/// One call of a function.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunMessage<'a> {
    pub(crate) func: Cow<'a, str>,
    args: Cow<'a, [Value]>,
    kwargs: Option<Cow<'a, Map<String, Value>>>,
    job_id: Cow<'a, str>,
    job_name: Cow<'a, str>,
    jobstore: Cow<'a, str>,
    /// Microseconds since 1970.
    scheduled_run_time: i64,
    run_id: String,
    /// The revision of the job at the claim, and the attempt.
    fence: (u64, u32),
    recovering: bool,
}

impl<'a> RunMessage<'a> {
    pub(crate) fn new(run: &'a Run, context: &'a JobContext) -> Self {
        let job = run.job();
        Self {
            func: job.function().name().into(),
            args: job.arguments().args().into(),
            kwargs: job.arguments().kwargs().map(Cow::Borrowed),
            job_id: context.job_id().into(),
            job_name: context.job_name().into(),
            jobstore: context.jobstore().into(),
            scheduled_run_time: context.scheduled_run_time().timestamp_micros(),
            run_id: context.run_id().to_string(),
            fence: (context.fence().revision(), context.attempt()),
            recovering: context.recovering(),
        }
    }

    /// Returns the arguments and the context of the function.
    ///
    /// # Errors
    /// The message makes no sense.
    pub(crate) fn unpack(self) -> Result<(Arguments, ContextParts), JobError> {
        let kwargs = self.kwargs.map(Cow::into_owned).unwrap_or_default();
        let run_time = Timestamp::from_timestamp_micros(self.scheduled_run_time)
            .ok_or_else(|| JobError::new("the run time is out of range"))?;
        let parts = ContextParts::new(self.job_id, self.jobstore, run_time, self.run_id.parse()?)
            .job_name(self.job_name)
            .fence(Fence::new(self.fence.0, self.fence.1))
            .after_crash(self.recovering);
        Ok((Arguments::new(self.args.into_owned(), kwargs), parts))
    }
}

impl From<JobResult> for FromWorker {
    fn from(result: JobResult) -> Self {
        match result {
            Ok(value) => Self::Returned(value),
            Err(error) => Self::Failed {
                message: error.message().to_owned(),
                trace: error.trace().map(str::to_owned),
                panic: error.is_panic(),
                retry: match error.delay() {
                    Some(delay) => Retrying::After(delay),
                    None if error.is_fatal() => Retrying::Never,
                    None => Retrying::Unsaid,
                },
            },
        }
    }
}

/// Restores the error of a function from its worker.
pub(crate) fn failure(
    message: String,
    trace: Option<String>,
    panic: bool,
    retry: Retrying,
) -> JobError {
    let error = if panic { JobError::panic(message) } else { JobError::new(message) };
    let error = match retry {
        Retrying::Unsaid => error,
        Retrying::Never => error.fatal(),
        Retrying::After(delay) => error.retry_after(delay),
    };
    match trace {
        Some(trace) => error.with_trace(trace),
        None => error,
    }
}
