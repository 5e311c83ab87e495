//! The record of a run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::{OwnerId, RunId};
use crate::time::Timestamp;

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// It waits: for its next attempt, or to be claimed.
    Waiting,
    /// It was claimed, and has no outcome yet.
    Claimed,
    /// Its function has been called, and has not ended. Only the scheduler that runs it knows that: ledgers keep no such record,
    /// and others see the run as claimed.
    Running,
    /// The function returned a value.
    Ok,
    /// The function returned an error or panicked, or its executor dropped the run.
    Failed,
    /// The function was ended at its timeout, or failed after it.
    TimedOut,
    /// The run was cancelled: before it began, or while it ran.
    Cancelled,
    /// Nobody knows how it ended: its owner died.
    Lost,
    /// It would have started too late.
    Missed,
    /// It was not started; the [`Reason`] says why.
    Skipped,
    /// A later run of the job stands for it.
    Coalesced,
    /// It is no run: the job was changed. The result is a [`Change`](super::Change).
    Changed,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Claimed,
        Self::Running,
        Self::Ok,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Lost,
        Self::Missed,
        Self::Skipped,
        Self::Coalesced,
        Self::Changed,
    ];

    /// Returns the name of the state, such as `timed_out`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Missed => "missed",
            Self::Skipped => "skipped",
            Self::Coalesced => "coalesced",
            Self::Changed => "changed",
        }
    }

    /// Returns the state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a run time did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The scheduler woke up too late, or the run waited too long in the queue of its executor.
    Late,
    /// No scheduler was running at that time, or it was paused.
    AllDown,
    /// The job had its maximum of running instances.
    Overlap,
    /// Another run time of the job was due as well, and stands for it.
    Coalesced,
    /// The job was paused.
    Paused,
    /// As many runs as the job allows were waiting already.
    Limit,
    /// No executor of the scheduler had the job's alias.
    NoExecutor,
    /// The job could not be restored.
    BrokenRecord,
    /// The clock was set forward past it.
    ClockJump,
    /// The executor was full.
    PoolFull,
    /// More run times were overdue than the job's `catchup_limit`.
    CatchUpLimit,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::Late,
        Self::AllDown,
        Self::Overlap,
        Self::Coalesced,
        Self::Paused,
        Self::Limit,
        Self::NoExecutor,
        Self::BrokenRecord,
        Self::ClockJump,
        Self::PoolFull,
        Self::CatchUpLimit,
    ];

    /// Returns the code of the reason, such as `all_down`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::AllDown => "all_down",
            Self::Overlap => "overlap",
            Self::Coalesced => "coalesced",
            Self::Paused => "paused",
            Self::Limit => "limit",
            Self::NoExecutor => "no_executor",
            Self::BrokenRecord => "broken_record",
            Self::ClockJump => "clock_jump",
            Self::PoolFull => "pool_full",
            Self::CatchUpLimit => "catch_up_limit",
        }
    }

    /// Returns the reason with this code.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a run, or of several run times in a row that did not run. Times are UTC.
///
/// # Examples
/// ```
/// use apscheduler_core::ledger::{RunRecord, RunState};
/// use apscheduler_core::run::{OwnerId, RunId};
/// use apscheduler_core::time::{Clock, SystemClock};
///
/// let now = SystemClock.now();
/// let record = RunRecord::new(RunId::new(now), "backup", now, OwnerId::random(), RunState::Ok).result("42");
/// assert_eq!((record.attempt, record.count, record.result.as_deref()), (1, 1, Some("42")));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunRecord {
    /// The identifier of the run; for several run times, that of the first.
    pub run_id: RunId,
    /// The attempt number, from 1.
    pub attempt: u32,
    /// The id of the job.
    pub job_id: Arc<str>,
    /// The alias of the store, in records that a scheduler returns.
    pub jobstore: Option<Arc<str>>,
    /// The scheduled start.
    pub scheduled_run_time: Timestamp,
    /// The last scheduled start, if the record is about several run times.
    pub until: Option<Timestamp>,
    /// How many run times the record is about.
    pub count: u64,
    /// The state.
    pub state: RunState,
    /// Why it did not run.
    pub reason: Option<Reason>,
    /// The scheduler that claimed it.
    pub owner: OwnerId,
    /// When it was claimed.
    pub claimed: Option<Timestamp>,
    /// When the function was called.
    pub started: Option<Timestamp>,
    /// When the run ended, or when it was decided that it does not run.
    pub ended: Option<Timestamp>,
    /// How long the function took, by a clock that is never put back.
    pub duration: Option<Duration>,
    /// The return value, as JSON.
    pub result: Option<Arc<str>>,
    /// The error, with its causes.
    pub error: Option<Arc<str>>,
    /// How a run that is lost did end, if its owner told later.
    pub late: Option<RunState>,
}

impl RunRecord {
    /// The record of one run in this state.
    pub fn new(
        run_id: RunId,
        job_id: impl Into<Arc<str>>,
        scheduled_run_time: Timestamp,
        owner: OwnerId,
        state: RunState,
    ) -> Self {
        Self {
            run_id,
            attempt: 1,
            job_id: job_id.into(),
            jobstore: None,
            scheduled_run_time,
            until: None,
            count: 1,
            state,
            reason: None,
            owner,
            claimed: None,
            started: None,
            ended: None,
            duration: None,
            result: None,
            error: None,
            late: None,
        }
    }

    /// Sets the alias of the store.
    #[must_use]
    pub fn jobstore(mut self, alias: impl Into<Arc<str>>) -> Self {
        self.jobstore = Some(alias.into());
        self
    }

    /// Sets the attempt number, from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Makes it the record of this many run times in a row, up to this one.
    #[must_use]
    pub fn until(mut self, until: Timestamp, count: u64) -> Self {
        (self.until, self.count) = (Some(until), count);
        self
    }

    /// Sets why it did not run.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<Option<Reason>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Sets when it was claimed.
    #[must_use]
    pub fn claimed(mut self, time: impl Into<Option<Timestamp>>) -> Self {
        self.claimed = time.into();
        self
    }

    /// Sets when the function was called.
    #[must_use]
    pub fn started(mut self, time: impl Into<Option<Timestamp>>) -> Self {
        self.started = time.into();
        self
    }

    /// Sets when it ended.
    #[must_use]
    pub fn ended(mut self, time: impl Into<Option<Timestamp>>) -> Self {
        self.ended = time.into();
        self
    }

    /// Sets how long the function took.
    #[must_use]
    pub fn duration(mut self, duration: impl Into<Option<Duration>>) -> Self {
        self.duration = duration.into();
        self
    }

    /// Sets the return value, as JSON.
    #[must_use]
    pub fn result(mut self, json: impl Into<Arc<str>>) -> Self {
        self.result = Some(json.into());
        self
    }

    /// Sets the error.
    #[must_use]
    pub fn error(mut self, error: impl Into<Arc<str>>) -> Self {
        self.error = Some(error.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_serialized() {
        for state in RunState::ALL {
            assert_eq!(RunState::from_name(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.name()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        assert_eq!((RunState::from_name("planned"), Reason::from_name("")), (None, None));
    }
}
