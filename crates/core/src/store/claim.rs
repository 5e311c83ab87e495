//! The types of [`JobStore::claim_due`](super::JobStore::claim_due).

use std::sync::Arc;

use super::JobRecord;
use crate::ledger::{Batch, BatchId, Journal, JournalEntry, OpenRun, Skipped};
use crate::run::{OwnerId, RunId};
use crate::time::Timestamp;

/// Which records to claim.
///
/// # Examples
/// ```
/// use apscheduler_core::store::{ClaimCursor, ClaimRequest};
/// use apscheduler_core::time::{Clock, SystemClock};
///
/// let now = SystemClock.now();
/// let first = ClaimRequest::new(now, 1000);
/// let next = ClaimRequest::new(now, 1000).after(ClaimCursor::at_id(now, "backup"));
/// assert!(first.after.is_none() && next.after.is_some());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Records whose next run time is not later than this instant are due.
    pub now: Timestamp,
    /// The most records to look at.
    pub limit: usize,
    /// Only records after this place are looked at; those before it were looked at and left.
    pub after: Option<ClaimCursor>,
    /// The batch that the claims belong to. A store that has a [ledger](crate::ledger) writes the claims that belong to it
    /// into its journal, in the transaction of the claim.
    pub batch: Option<Batch>,
}

impl ClaimRequest {
    /// At most `limit` records that are due at `now`, from the beginning.
    pub fn new(now: Timestamp, limit: usize) -> Self {
        Self { now, limit, after: None, batch: None }
    }

    /// Looks only at records after this place; `None` is the beginning.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<ClaimCursor>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the batch that the claims belong to.
    #[must_use]
    pub fn batch(mut self, batch: impl Into<Option<Batch>>) -> Self {
        self.batch = batch.into();
        self
    }

    /// Returns what a store with a [ledger](crate::ledger) writes into its journal: those of these claims that belong to the
    /// batch of the request. `None` if there are none.
    pub fn journal<'a>(
        &self,
        claims: impl IntoIterator<Item = (&'a JobRecord, &'a ClaimOutcome)>,
    ) -> Option<Journal> {
        let batch = self.batch?;
        let (mut entries, mut open) = (Vec::new(), Vec::new());
        for (record, outcome) in claims {
            let Some(first) = outcome.first_run.filter(|_| outcome.batch == Some(batch.id)) else {
                continue;
            };
            let run_times = outcome.run_times.as_slice().to_vec();
            let entry = JournalEntry::new(Arc::clone(&record.id), first, run_times)
                .skipped(outcome.skipped);
            if let Some(data) = &outcome.open {
                open.extend(entry.runs().map(|(run, time)| {
                    OpenRun::new(run, Arc::clone(&record.id), time, batch.owner, Arc::clone(data))
                }));
            }
            entries.push(entry);
        }
        (!entries.is_empty()).then(|| Journal::new(batch, entries).open(open))
    }
}

/// A place in the order in which a store visits due records: by run time, then by a store-specific tie-breaker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ClaimCursor {
    /// The next run time of the last record that was looked at.
    pub next_run_time: Timestamp,
    /// What orders records with equal run times.
    pub tie_breaker: TieBreaker,
}

impl ClaimCursor {
    /// The place of a record with this run time and tie-breaker.
    pub fn new(next_run_time: Timestamp, tie_breaker: TieBreaker) -> Self {
        Self { next_run_time, tie_breaker }
    }

    /// The place of a record in a store that orders equal run times by id.
    pub fn at_id(next_run_time: Timestamp, id: impl Into<Arc<str>>) -> Self {
        Self::new(next_run_time, TieBreaker::Id(id.into()))
    }

    /// The place of a record in a store that orders equal run times by a number of its own.
    pub fn at_number(next_run_time: Timestamp, number: u64) -> Self {
        Self::new(next_run_time, TieBreaker::Number(number))
    }

    /// The place before all records.
    pub fn beginning() -> Self {
        Self::at_id(Timestamp::MIN_UTC, "")
    }

    /// Returns the id after which to look at this run time, for a store that orders by id. It is empty if the cursor is
    /// another store's, so that all records of that instant are looked at.
    pub fn id(&self) -> &str {
        match &self.tie_breaker {
            TieBreaker::Id(id) => id,
            TieBreaker::Number(_) => "",
        }
    }
}

/// What orders records with equal run times in a store.
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
    /// Returns the run times, in order.
    pub fn as_slice(&self) -> &[Timestamp] {
        match self {
            Self::One(time) => std::slice::from_ref(time),
            Self::Many(times) => times,
        }
    }
}

impl From<Timestamp> for RunTimes {
    fn from(time: Timestamp) -> Self {
        Self::One(time)
    }
}

impl From<Vec<Timestamp>> for RunTimes {
    fn from(times: Vec<Timestamp>) -> Self {
        Self::Many(times)
    }
}

/// What happens to a job after its claimed runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRun {
    /// It runs again.
    At(Timestamp),
    /// It has finished: the record is removed.
    Finished,
}

/// What a claim takes, and what it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimOutcome {
    /// The run times that the claimer runs.
    pub run_times: RunTimes,
    /// What happens to the record.
    pub next: NextRun,
    /// The identifier of the run of the first run time. Those of the others follow it, one for each run time.
    pub first_run: Option<RunId>,
    /// The batch that the claim belongs to, if it is to be written into the journal.
    pub batch: Option<BatchId>,
    /// The scheduler that claims, if it is known. A claim whose answer was lost may be returned when its scheduler has been
    /// found dead, and is another owner.
    pub owner: Option<OwnerId>,
    /// The [data](OpenRun::data) of its runs, if they need rows of their own in the ledger.
    pub open: Option<Arc<str>>,
    /// The run times that are taken too, and do not run.
    pub skipped: Option<Skipped>,
}

impl ClaimOutcome {
    /// Takes these run times, and leaves the record to its next run.
    pub fn new(run_times: impl Into<RunTimes>, next: NextRun) -> Self {
        Self {
            run_times: run_times.into(),
            next,
            first_run: None,
            batch: None,
            owner: None,
            open: None,
            skipped: None,
        }
    }

    /// Sets the batch that the claim belongs to.
    #[must_use]
    pub fn batch(mut self, batch: impl Into<Option<BatchId>>) -> Self {
        self.batch = batch.into();
        self
    }

    /// Sets the scheduler that claims.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Option<OwnerId>>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets the data of its runs, if they need rows of their own in the ledger.
    #[must_use]
    pub fn open(mut self, data: impl Into<Option<Arc<str>>>) -> Self {
        self.open = data.into();
        self
    }

    /// Sets the run times that are taken too, and do not run.
    #[must_use]
    pub fn skipped(mut self, skipped: impl Into<Option<Skipped>>) -> Self {
        self.skipped = skipped.into();
        self
    }

    /// Sets the identifier of the run of the first run time.
    #[must_use]
    pub fn first_run(mut self, id: RunId) -> Self {
        self.first_run = Some(id);
        self
    }
}

/// What to do with a due record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Claim its run times and write its next run time.
    Claim(ClaimOutcome),
    /// Leave it unchanged: it can't be restored here, or there is no room to run it.
    Leave,
}

/// A record whose run times this caller won.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The record as it was before the claim.
    pub record: JobRecord,
    /// What was claimed.
    pub outcome: ClaimOutcome,
}

impl Claim {
    /// A claim on this record, as it was before.
    pub fn new(record: JobRecord, outcome: ClaimOutcome) -> Self {
        Self { record, outcome }
    }
}

/// The result of one call of [`JobStore::claim_due`](super::JobStore::claim_due).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claims {
    /// The claims that were won, in the order of the calls of `decide`.
    pub won: Vec<Claim>,
    /// Where to continue, or `None` if everything that is due was looked at.
    pub resume: Option<ClaimCursor>,
}

impl Claims {
    /// These claims were won, and the caller continues after `resume`.
    pub fn new(won: Vec<Claim>, resume: Option<ClaimCursor>) -> Self {
        Self { won, resume }
    }
}
