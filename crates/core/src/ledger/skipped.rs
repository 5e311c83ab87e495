//! Run times that a claim takes without running them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Reason, RunRecord, RunState};
use crate::run::{OwnerId, RunId};
use crate::time::{Timestamp, from_micros, to_micros};

/// Run times in a row that a claim takes without running them. Times are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The identifier of their record.
    pub run_id: RunId,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many there are.
    pub count: u64,
    /// Why they do not run.
    pub reason: Reason,
}

impl Skipped {
    /// One run time.
    pub fn new(run_id: RunId, run_time: Timestamp, reason: Reason) -> Self {
        Self { run_id, first: run_time, last: run_time, count: 1, reason }
    }

    /// Makes it this many run times, up to this one.
    #[must_use]
    pub fn until(mut self, last: Timestamp, count: u64) -> Self {
        (self.last, self.count) = (last, count);
        self
    }

    /// Returns the state of their record.
    pub fn state(&self) -> RunState {
        if self.reason == Reason::Coalesced { RunState::Coalesced } else { RunState::Skipped }
    }

    /// Returns their record.
    pub fn record(&self, job_id: Arc<str>, owner: OwnerId) -> RunRecord {
        let record = RunRecord::new(self.run_id, job_id, self.first, owner, self.state());
        let record = record.reason(self.reason);
        if self.count > 1 { record.until(self.last, self.count) } else { record }
    }
}

/// In a journal: the identifier, the first and the last run time in microseconds since 1970, the count, the reason.
#[derive(Serialize, Deserialize)]
pub(super) struct SkippedText(RunId, i64, i64, u64, Reason);

impl From<&Skipped> for SkippedText {
    fn from(skipped: &Skipped) -> Self {
        let Skipped { run_id, first, last, count, reason } = *skipped;
        Self(run_id, to_micros(first), to_micros(last), count, reason)
    }
}

impl From<SkippedText> for Skipped {
    fn from(SkippedText(run_id, first, last, count, reason): SkippedText) -> Self {
        Self { run_id, first: from_micros(first), last: from_micros(last), count, reason }
    }
}
