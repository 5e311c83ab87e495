//! Settles the runs that an owner had open when it died or was shut down.

use std::collections::BTreeMap;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, Journal, OpenQuery, OpenRun, OpenState, OpenStep, RunLedger, RunQuery,
    RunRecord, RunState, Writes,
};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;

use super::chain::release;
use super::open_data::OpenData;
use super::paging::all_open;

/// How many batches, or rows of open runs, are settled at once.
const PAGE: usize = 100;

/// What became of a run whose owner died or was shut down.
pub(super) struct Settled {
    /// Its record: it is lost.
    pub(super) record: RunRecord,
    /// When it is run again, if it is.
    pub(super) again: Option<Timestamp>,
}

/// Settles the runs that an owner had open when it died or was shut down: they are lost, because
/// nobody knows how they ended. Those that may be run again wait for it. Calls `settled` for each.
///
/// # Errors
/// Any error from the ledger. What has been settled stays so.
pub(super) fn settle(
    ledger: &dyn RunLedger,
    (me, owner): (OwnerId, OwnerId),
    now: Timestamp,
    settled: &mut dyn FnMut(&Settled),
) -> Result<()> {
    let mut rows = rows_of(ledger, owner)?;
    loop {
        let page = ledger.journal(owner, PAGE)?;
        if page.is_empty() {
            break;
        }
        let mut lost = Vec::new();
        // The record of a run may be about the next ones too: this many.
        let mut told: u64 = 0;
        for run in page.iter().flat_map(|journal| journal.records(RunState::Lost)) {
            if told > 0 {
                told -= 1;
                continue;
            }
            let found = ledger.runs(&records_of(&run))?;
            match found.iter().map(|record| record.count).max() {
                Some(count) => told = count.saturating_sub(1),
                // Its scheduler may have put it back, and another one may have claimed it since.
                None if is_with_others(ledger, owner, &run)? => {}
                None => lost.push(run.ended(now)),
            }
        }
        // Nobody may have recorded them; those that were recorded stay as they are.
        let skipped = page.iter().flat_map(Journal::skipped);
        let closed: Vec<BatchId> = page.iter().map(|journal| journal.batch.id).collect();
        // Its row is changed in the transaction of its record.
        let rows = lost.iter().filter_map(|run| rows.remove(&run.run_id)).collect();
        lost.extend(skipped);
        if !write(ledger, me, now, (lost, rows), &closed, settled)? {
            return Ok(());
        }
    }
    // Further attempts, and runs that no claim of their job began, are in no journal.
    let rows: Vec<OpenRun> = rows.into_values().collect();
    for rows in rows.chunks(PAGE) {
        // A run that had no row was in the journal, and has ended: somebody asked too late to cancel it.
        let is_open = |row: &&OpenRun| !OpenData::read(&row.data).is_request;
        let lost = rows.iter().filter(is_open).map(|row| {
            let (id, time) = (Arc::clone(&row.job_id), row.scheduled_run_time);
            let record = RunRecord::new(row.run_id, id, time, owner, RunState::Lost);
            record.attempt(row.attempt).ended(now)
        });
        if !write(ledger, me, now, (lost.collect(), rows.to_vec()), &[], settled)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks for the records of a run, and not for what is open: that would read the journal of all owners, of which an entry may
/// be one that only a later release can read. The job is named because some ledgers find the records of a job faster.
fn records_of(run: &RunRecord) -> RunQuery {
    let is_record = |state: &RunState| !matches!(state, RunState::Claimed | RunState::Waiting);
    let query = RunQuery::new().run(run.run_id).job(Arc::clone(&run.job_id));
    RunState::ALL.into_iter().filter(is_record).fold(query, RunQuery::state)
}

/// Returns whether a run waits to be claimed, or was claimed by another owner than this one.
fn is_with_others(ledger: &dyn RunLedger, owner: OwnerId, run: &RunRecord) -> Result<bool> {
    let rows = ledger.open_runs(&OpenQuery::new().run(run.run_id))?;
    Ok(rows.iter().any(|row| row.state == OpenState::Waiting || row.owner != owner))
}

/// Returns the rows that an owner has claimed.
fn rows_of(ledger: &dyn RunLedger, owner: OwnerId) -> Result<BTreeMap<RunId, OpenRun>> {
    let rows = all_open(ledger, OpenQuery::new().owner(owner).state(OpenState::Claimed))?;
    Ok(rows.into_iter().map(|row| (row.run_id, row)).collect())
}

/// Writes lost runs, with what becomes of their rows. Returns `false` if this scheduler has been
/// found dead itself; its next sign of life tells it.
fn write(
    ledger: &dyn RunLedger,
    me: OwnerId,
    now: Timestamp,
    (lost, rows): (Vec<RunRecord>, Vec<OpenRun>),
    closed: &[BatchId],
    settled: &mut dyn FnMut(&Settled),
) -> Result<bool> {
    let mut steps: Vec<OpenStep> = Vec::new();
    for row in rows {
        let next = OpenData::read(&row.data).next;
        let step = after_crash(row, now);
        let has_ended = step.to.is_none();
        steps.push(step);
        if let Some(next) = next.filter(|_| has_ended) {
            steps.extend(release(ledger, next, me, now)?);
        }
    }
    let writes = Writes::new().records(&lost).closed(closed).steps(&steps);
    if ledger.append(me, &writes)? == Appended::Fenced {
        return Ok(false);
    }
    for record in lost.into_iter().filter(|run| run.state == RunState::Lost) {
        let step = steps.iter().find(|step| step.run_id == record.run_id);
        let again = step.and_then(|step| step.to.as_ref()?.due);
        settled(&Settled { record, again });
    }
    Ok(true)
}

/// Returns the step of a row whose owner has died: it waits for another attempt, or ends.
fn after_crash(row: OpenRun, now: Timestamp) -> OpenStep {
    let data = OpenData::read(&row.data);
    let is_cancelled = row.cancel || data.cancelled_by.is_some();
    match data.rerun().filter(|_| !is_cancelled) {
        Some(data) => {
            let mark = row.mark();
            let mut next = row.waiting(now);
            next.attempt += 1;
            next.data = data.text();
            OpenStep::change(mark, next)
        }
        None => OpenStep::end(row.run_id, row.mark()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use apscheduler_core::ledger::{Batch, JournalEntry};

    use super::*;

    fn journal(owner: OwnerId, run_times: usize) -> Journal {
        let now = Timestamp::UNIX_EPOCH;
        let first = RunId::reserve(now, run_times);
        let entry = JournalEntry::new("a", first, vec![now; run_times]);
        Journal::new(Batch::new(owner, now), vec![entry])
    }

    /// Has a journal whose first runs were skipped together.
    #[derive(Debug)]
    struct SkippedRuns(Mutex<Option<Journal>>);

    impl RunLedger for SkippedRuns {
        fn append(&self, _owner: OwnerId, _writes: &Writes<'_>) -> Result<Appended> {
            *self.0.lock().unwrap() = None;
            Ok(Appended::Written)
        }

        fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
            let journal = self.0.lock().unwrap();
            let first =
                journal.iter().flat_map(|journal| journal.records(RunState::Skipped)).next();
            let first = first.filter(|first| query.run_id == Some(first.run_id));
            Ok(first.map(|first| first.until(Timestamp::UNIX_EPOCH, 3)).into_iter().collect())
        }

        fn journal(&self, _owner: OwnerId, _limit: usize) -> Result<Vec<Journal>> {
            Ok(self.0.lock().unwrap().clone().into_iter().collect())
        }
    }

    #[test]
    fn runs_that_were_skipped_together_are_not_lost() {
        let owner = OwnerId::random();
        let journal = journal(owner, 5);
        let first = journal.entries[0].first_run;
        let ledger = SkippedRuns(Mutex::new(Some(journal)));
        let mut lost = Vec::new();
        settle(&ledger, (OwnerId::random(), owner), Timestamp::UNIX_EPOCH, &mut |run| {
            lost.push(run.record.run_id);
        })
        .unwrap();
        assert_eq!(lost, [first.nth(3), first.nth(4)]);
    }

    /// Has a journal with one run, which its owner has put back, and the row of that run.
    #[derive(Debug)]
    struct PutBack(Mutex<Option<Journal>>, OpenRun);

    impl RunLedger for PutBack {
        fn append(&self, _owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
            assert!(writes.records.is_empty() && writes.steps.is_empty(), "{writes:?}");
            *self.0.lock().unwrap() = None;
            Ok(Appended::Written)
        }

        fn runs(&self, _query: &RunQuery) -> Result<Vec<RunRecord>> {
            Ok(Vec::new())
        }

        fn journal(&self, _owner: OwnerId, _limit: usize) -> Result<Vec<Journal>> {
            Ok(self.0.lock().unwrap().clone().into_iter().collect())
        }

        fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
            Ok([&self.1].into_iter().filter(|row| query.matches(row)).cloned().collect())
        }
    }

    #[test]
    fn a_run_that_was_put_back_and_claimed_by_another_owner_is_not_lost() {
        let [owner, other] = [0; 2].map(|_| OwnerId::random());
        let journal = journal(owner, 1);
        let (first, now) = (journal.entries[0].first_run, Timestamp::UNIX_EPOCH);
        let claimed = OpenRun::new(first, "a", now, other, "{}");
        let waiting = OpenRun::new(first, "a", now, owner, "{}").waiting(now);
        for row in [waiting, claimed] {
            let ledger = PutBack(Mutex::new(Some(journal.clone())), row);
            let lost = &mut |run: &Settled| panic!("{:?} is not lost", run.record);
            settle(&ledger, (OwnerId::random(), owner), now, lost).unwrap();
            assert!(ledger.0.lock().unwrap().is_none(), "the batch is closed");
        }
    }

    /// Refuses everything: the scheduler that settles is dead itself.
    #[derive(Debug)]
    struct Refusing;

    impl RunLedger for Refusing {
        fn append(&self, _owner: OwnerId, _writes: &Writes<'_>) -> Result<Appended> {
            Ok(Appended::Fenced)
        }

        fn runs(&self, _query: &RunQuery) -> Result<Vec<RunRecord>> {
            Ok(Vec::new())
        }

        fn journal(&self, owner: OwnerId, _limit: usize) -> Result<Vec<Journal>> {
            Ok(vec![journal(owner, 1)])
        }
    }

    #[test]
    fn a_scheduler_that_is_dead_itself_settles_nothing() {
        let owners = (OwnerId::random(), OwnerId::random());
        let lost = &mut |run: &Settled| panic!("{:?} is not known to be lost", run.record);
        settle(&Refusing, owners, Timestamp::UNIX_EPOCH, lost).unwrap();
    }
}
