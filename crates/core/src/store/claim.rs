//! The vocabulary of [`JobStore::claim_due`](super::JobStore::claim_due).

use std::sync::Arc;

use super::JobRecord;
use crate::time::Timestamp;

/// Which records to claim.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Records whose next run time is not later than this instant are due.
    pub now: Timestamp,
    /// How many records to look at, at the most.
    pub limit: usize,
    /// Look at records behind this place only: those before it were looked at and left.
    pub after: Option<ClaimCursor>,
}

/// A place in the order in which a store goes through what is due: by run time, and then by what the store likes best.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimCursor {
    /// The next run time of the last record that was looked at.
    pub next_run_time: Timestamp,
    /// What orders records of equal run times.
    pub tie_breaker: TieBreaker,
}

impl ClaimCursor {
    /// The id behind which to look at this run time, in a store that goes by id; no id where the cursor is another
    /// store's, so that all of that instant is looked at.
    pub fn id(&self) -> &str {
        match &self.tie_breaker {
            TieBreaker::Id(id) => id,
            TieBreaker::Number(_) => "",
        }
    }
}

/// What orders records of equal run times in a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TieBreaker {
    /// The id of the record.
    Id(Arc<str>),
    /// A number that the store gives to the record.
    Number(u64),
}

/// The run times of one claim; nearly always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunTimes {
    /// One run time, without an allocation.
    One(Timestamp),
    /// Several run times, in order: a job that does not coalesce catches up.
    Many(Vec<Timestamp>),
}

impl RunTimes {
    /// The run times, in order.
    pub fn as_slice(&self) -> &[Timestamp] {
        match self {
            Self::One(time) => std::slice::from_ref(time),
            Self::Many(times) => times,
        }
    }
}

/// What becomes of a job after its claimed fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRun {
    /// It runs again.
    At(Timestamp),
    /// It has finished: the record is removed.
    Finished,
}

/// What a claim takes, and what it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimOutcome {
    /// The fire times that the claimer will run.
    pub run_times: RunTimes,
    /// What becomes of the record.
    pub next: NextRun,
}

/// What to do with a due record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Claim its fires and write its next run time.
    Claim(ClaimOutcome),
    /// Leave it as it is: it can't be restored here, or there is no room to run it.
    Leave,
}

/// A record whose fires this caller won.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The record as it was before the claim.
    pub record: JobRecord,
    /// What was claimed.
    pub outcome: ClaimOutcome,
}

/// What came of one call of [`JobStore::claim_due`](super::JobStore::claim_due).
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The claims that were won, in the order of the calls of `decide`.
    pub won: Vec<Claim>,
    /// Where to look on: `None` when all that is due was looked at.
    pub resume: Option<ClaimCursor>,
}
