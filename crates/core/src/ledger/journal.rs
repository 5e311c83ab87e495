//! The journal of claims: which run times were claimed, and by whom.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{OpenRun, RunRecord, RunState};
use crate::run::{OwnerId, RunId};
use crate::time::{Timestamp, from_micros, to_micros};
use crate::{Error, ErrorKind, Result};

/// Identifies a batch of claims. It is drawn from the same sequence as the identifiers of runs.
pub type BatchId = RunId;

/// The batch that a claim belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Its identifier.
    pub id: BatchId,
    /// The scheduler that claims.
    pub owner: OwnerId,
    /// When it claims.
    pub claimed: Timestamp,
}

impl Batch {
    /// A batch with a new identifier.
    pub fn new(owner: OwnerId, claimed: Timestamp) -> Self {
        Self { id: RunId::new(claimed), owner, claimed }
    }

    /// A batch that was written into a journal.
    pub fn with_id(id: BatchId, owner: OwnerId, claimed: Timestamp) -> Self {
        Self { id, owner, claimed }
    }
}

/// A batch of claims in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Journal {
    /// The batch.
    pub batch: Batch,
    /// What was claimed.
    pub entries: Vec<JournalEntry>,
    /// Those of the runs that need a row of their own. They are no part of the text of the entry.
    pub open: Vec<OpenRun>,
}

/// The run times of one job in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalEntry {
    /// The id of the job.
    pub job_id: Arc<str>,
    /// The identifier of the run of the first run time. Those of the others follow it.
    pub first_run: RunId,
    /// The run times, in order.
    pub run_times: Vec<Timestamp>,
}

/// An entry as text: the id of the job, the first run, the run times in microseconds since 1970.
#[derive(Serialize, Deserialize)]
struct EntryText<T>(T, RunId, Vec<i64>);

impl Journal {
    /// The journal of a batch with these entries.
    pub fn new(batch: Batch, entries: Vec<JournalEntry>) -> Self {
        Self { batch, entries, open: Vec::new() }
    }

    /// Sets the runs that need a row of their own.
    #[must_use]
    pub fn open(mut self, runs: Vec<OpenRun>) -> Self {
        self.open = runs;
        self
    }

    /// Returns a record in this state of each run.
    pub fn records(&self, state: RunState) -> impl Iterator<Item = RunRecord> {
        let Batch { owner, claimed, .. } = self.batch;
        self.entries.iter().flat_map(move |entry| {
            entry.runs().map(move |(run, time)| {
                let job = Arc::clone(&entry.job_id);
                RunRecord::new(run, job, time, owner, state).claimed(claimed)
            })
        })
    }

    /// Returns the entries as the text that a store keeps.
    pub fn encode(&self) -> String {
        let entries = self.entries.iter().map(|entry| {
            let run_times = entry.run_times.iter().copied().map(to_micros).collect();
            EntryText(&*entry.job_id, entry.first_run, run_times)
        });
        let entries: Vec<_> = entries.collect();
        // Text and numbers are always valid JSON.
        serde_json::to_string(&entries).unwrap_or_default()
    }

    /// Reads the text that [`encode`](Self::encode) returned.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] if the text is something else.
    pub fn decode(batch: Batch, text: &str) -> Result<Self> {
        let entries: Vec<EntryText<String>> = serde_json::from_str(text).map_err(|error| {
            let message = format!("the journal entry {} is damaged", batch.id);
            Error::new(ErrorKind::Store, message).with_source(error)
        })?;
        let entries = entries.into_iter().map(|EntryText(job_id, first_run, run_times)| {
            let run_times = run_times.into_iter().map(from_micros).collect();
            JournalEntry::new(job_id, first_run, run_times)
        });
        Ok(Self::new(batch, entries.collect()))
    }
}

impl JournalEntry {
    /// The run times of this job. `first_run` identifies the first, and the identifiers that follow it the others.
    pub fn new(job_id: impl Into<Arc<str>>, first_run: RunId, run_times: Vec<Timestamp>) -> Self {
        Self { job_id: job_id.into(), first_run, run_times }
    }

    /// Returns the runs: their identifiers and their scheduled starts.
    pub fn runs(&self) -> impl Iterator<Item = (RunId, Timestamp)> {
        self.run_times.iter().enumerate().map(|(index, time)| (self.first_run.nth(index), *time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let batch = Batch::new(OwnerId::random(), at(9));
        let entry = JournalEntry::new("a \"b\"", RunId::from_u128(5), vec![at(1), at(2)]);
        let journal = Journal::new(batch, vec![entry]);
        assert_eq!(Journal::decode(batch, &journal.encode()).unwrap(), journal);
        let runs: Vec<_> = journal.entries[0].runs().collect();
        assert_eq!(runs, [(RunId::from_u128(5), at(1)), (RunId::from_u128(6), at(2))]);
    }

    #[test]
    fn damaged_text_is_an_error() {
        let batch = Batch::new(OwnerId::random(), at(9));
        let error = Journal::decode(batch, "[[1]]").unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
}
