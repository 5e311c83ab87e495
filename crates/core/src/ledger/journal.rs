//! The journal of claims: which run times were claimed, and by whom.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::skipped::SkippedText;
use super::{OpenRun, RunRecord, RunState, Skipped};
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
    /// The run times that were taken with them, and do not run.
    pub skipped: Option<Skipped>,
}

/// An entry as text: the id of the job, the first run, the run times in microseconds since 1970, and what does not run.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum EntryText<T> {
    Plain(T, RunId, Vec<i64>),
    Skipping(T, RunId, Vec<i64>, SkippedText),
}

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

    /// Returns the records of the run times that do not run.
    pub fn skipped(&self) -> impl Iterator<Item = RunRecord> {
        let Batch { owner, claimed, .. } = self.batch;
        self.entries.iter().filter_map(move |entry| {
            let record = entry.skipped?.record(Arc::clone(&entry.job_id), owner);
            Some(record.claimed(claimed).ended(claimed))
        })
    }

    /// Returns the entries as the text that a store keeps.
    pub fn encode(&self) -> String {
        let entries = self.entries.iter().map(|entry| {
            let run_times = entry.run_times.iter().copied().map(to_micros).collect();
            let (id, first) = (&*entry.job_id, entry.first_run);
            match &entry.skipped {
                Some(skipped) => EntryText::Skipping(id, first, run_times, skipped.into()),
                None => EntryText::Plain(id, first, run_times),
            }
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
        let entries = entries.into_iter().map(|entry| {
            let (job_id, first_run, run_times, skipped) = match entry {
                EntryText::Plain(id, first, times) => (id, first, times, None),
                EntryText::Skipping(id, first, times, skipped) => (id, first, times, Some(skipped)),
            };
            let run_times = run_times.into_iter().map(from_micros).collect();
            JournalEntry::new(job_id, first_run, run_times).skipped(skipped.map(Skipped::from))
        });
        Ok(Self::new(batch, entries.collect()))
    }
}

impl JournalEntry {
    /// The run times of this job. `first_run` identifies the first, and the identifiers that follow it the others.
    pub fn new(job_id: impl Into<Arc<str>>, first_run: RunId, run_times: Vec<Timestamp>) -> Self {
        Self { job_id: job_id.into(), first_run, run_times, skipped: None }
    }

    /// Sets the run times that were taken with them, and do not run.
    #[must_use]
    pub fn skipped(mut self, skipped: impl Into<Option<Skipped>>) -> Self {
        self.skipped = skipped.into();
        self
    }

    /// Returns the runs: their identifiers and their scheduled starts.
    pub fn runs(&self) -> impl Iterator<Item = (RunId, Timestamp)> {
        self.run_times.iter().enumerate().map(|(index, time)| (self.first_run.nth(index), *time))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reason;
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let batch = Batch::new(OwnerId::random(), at(9));
        let entry = JournalEntry::new("a \"b\"", RunId::from_u128(5), vec![at(1), at(2)]);
        let skipped = Skipped::new(RunId::from_u128(3), at(-5), Reason::Coalesced).until(at(0), 6);
        let skipping = JournalEntry::new("b", RunId::from_u128(4), vec![at(1)]).skipped(skipped);
        let journal = Journal::new(batch, vec![entry, skipping]);
        assert_eq!(Journal::decode(batch, &journal.encode()).unwrap(), journal);
        let records: Vec<RunRecord> = journal.skipped().collect();
        assert_eq!((records.len(), records[0].count), (1, 6));
        assert_eq!(records[0].state, RunState::Coalesced);
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
