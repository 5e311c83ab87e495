//! Reads what a ledger knows of a job, and of the schedulers on its store.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;

use super::super::paging::without_changes;
use super::super::records::runs_of;
use super::super::running::RunningRuns;
use super::super::runs::note_begun;
use super::super::store_runner::StoreRunner;

/// The records that are read at once.
const PAGE: usize = 1000;

/// The most pages that are read for one question, so that an answer does not take for ever.
const MOST_PAGES: usize = 20;

/// How many records of all jobs tell which schedulers were alive.
const TRACES: usize = 300;

/// Reads the ledger of a store.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) runner: &'a Arc<StoreRunner>,
    pub(super) running: &'a RunningRuns,
}

/// The records of a run time.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) records: Vec<RunRecord>,
    /// Whether there were more records than are read for one question.
    pub(super) is_cut: bool,
}

impl Found {
    /// Returns the record of the run of this time: of the latest run, and of its latest attempt. A range counts only if the
    /// time may be one of its run times.
    pub(super) fn best(&self, run_time: Timestamp, may_be_in_range: bool) -> Option<&RunRecord> {
        let wanted = |record: &&RunRecord| may_be_in_range || record.until.is_none();
        let rank = |record: &&RunRecord| {
            let is_exact = record.scheduled_run_time == run_time;
            (record.until.is_none(), is_exact, record.run_id, record.attempt)
        };
        self.records.iter().filter(wanted).max_by_key(rank)
    }
}

/// Returns whether a record is about a run time from `from` until `end`, or about a range that contains one.
fn covers(record: &RunRecord, from: Timestamp, end: Timestamp) -> bool {
    let first = record.scheduled_run_time;
    record.state != RunState::Changed && first < end && record.until.unwrap_or(first) >= from
}

impl Reader<'_> {
    fn page(self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let mut page = runs_of([self.runner], query)?;
        note_begun(self.running, &mut page);
        Ok(page)
    }

    /// Returns all records of changes of a job, the latest first; with an empty id, those about all jobs and schedulers.
    pub(super) fn changes(self, job_id: &str) -> Result<Vec<RunRecord>> {
        let query = RunQuery::new().job(job_id).state(RunState::Changed).limit(PAGE);
        Ok(self.pages(query, |_| false)?.0)
    }

    /// Returns records of runs of all jobs that were claimed before `time`, the latest first.
    pub(super) fn traces(self, time: Timestamp) -> Result<Vec<RunRecord>> {
        let end = time.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(time);
        let query = RunQuery::new().before(RunId::first_of(end)).limit(TRACES);
        self.page(&without_changes(query))
    }

    /// Returns whether anything is recorded of a job.
    pub(super) fn knows(self, job_id: &str) -> Result<bool> {
        let mut query = RunQuery::new().job(job_id).limit(1);
        query.states.extend(RunState::ALL);
        Ok(!self.page(&query)?.is_empty())
    }

    /// Returns the attempts of a run, the latest first.
    pub(super) fn attempts(self, run: RunId) -> Result<Vec<RunRecord>> {
        self.page(&RunQuery::new().run(run))
    }

    /// Returns the records of the run times of a job from `from` until `end`.
    ///
    /// A run has its identifier from its claim, so its record lies soon after its run time, unless no scheduler was alive
    /// then. It is searched in spans that grow.
    pub(super) fn fire(
        self,
        job_id: &str,
        from: Timestamp,
        end: Timestamp,
        now: Timestamp,
    ) -> Result<Found> {
        let mut found = Found::default();
        let mut lower = RunId::first_of(from);
        for span in [TimeDelta::minutes(1), TimeDelta::hours(1), TimeDelta::days(1), TimeDelta::MAX]
        {
            let upper = end.checked_add_signed(span).filter(|upper| *upper < now);
            let upper = upper.map(RunId::first_of);
            let query = without_changes(RunQuery::new().job(job_id).before(upper).limit(PAGE));
            let (records, is_cut) = self.pages(query, |record| record.run_id < lower)?;
            found.is_cut |= is_cut;
            found.records.extend(records.into_iter().filter(|record| covers(record, from, end)));
            let has_run = found.records.iter().any(|record| record.until.is_none());
            match upper {
                Some(upper) if !has_run => lower = upper,
                _ => break,
            }
        }
        // A pause with an end records at its begin what it holds back.
        let query = RunQuery::new().job(job_id).state(RunState::Skipped);
        let earlier = self.page(&query.before(RunId::first_of(from)).limit(TRACES))?;
        found.records.extend(earlier.into_iter().filter(|record| covers(record, from, end)));
        Ok(found)
    }

    /// Reads pages until a record is the last that counts. Returns whether there were more pages than are read.
    fn pages(
        self,
        mut query: RunQuery,
        is_enough: impl Fn(&RunRecord) -> bool,
    ) -> Result<(Vec<RunRecord>, bool)> {
        let mut records = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self.page(&query)?;
            let last = page.last().filter(|last| page.len() == query.limit && !is_enough(last));
            query.before = last.map(|last| last.run_id);
            records.extend(page);
            if query.before.is_none() {
                return Ok((records, false));
            }
        }
        Ok((records, true))
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::OwnerId;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn record(second: i64, state: RunState) -> RunRecord {
        RunRecord::new(RunId::new(at(second)), "a", at(second), OwnerId::random(), state)
    }

    #[test]
    fn a_record_covers_its_run_time_or_its_range() {
        let single = record(10, RunState::Ok);
        assert!(covers(&single, at(10), at(11)));
        assert!(!covers(&single, at(11), at(12)) && !covers(&single, at(9), at(10)));
        let range = record(10, RunState::Skipped).until(at(20), 11);
        assert!([10, 15, 20].into_iter().all(|second| covers(&range, at(second), at(second + 1))));
        assert!(!covers(&range, at(21), at(22)) && !covers(&range, at(8), at(9)));
    }

    #[test]
    fn a_run_counts_more_than_a_range_and_a_later_run_more_than_an_earlier() {
        let range = record(5, RunState::Skipped).until(at(20), 16);
        let (first, again) = (record(10, RunState::Failed), record(10, RunState::Ok));
        let retried = first.clone().attempt(2);
        let mut found = Found { records: vec![range.clone()], is_cut: false };
        assert_eq!(found.best(at(10), true), Some(&range));
        assert_eq!(found.best(at(10), false), None);
        found.records.extend([first, retried.clone()]);
        assert_eq!(found.best(at(10), true), Some(&retried));
        found.records.push(again.clone());
        assert_eq!(found.best(at(10), true), Some(&again));
    }
}
