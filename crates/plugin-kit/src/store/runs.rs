//! Queries of runs, for ledgers that keep a journal of claims beside a table of records.

use std::cmp::Reverse;
use std::collections::HashSet;

use apscheduler_core::ledger::{BatchId, Journal, RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;

/// Returns the runs that match a query: the open ones from the journal, and those that have ended.
///
/// `page` returns the latest batches of the journal, from the latest to the earliest, before the one that it is given.
/// `have_ended` returns which of these runs have a record. `ended` returns the records that match the query. It is called
/// last, so a run that ends meanwhile is not left out.
///
/// # Errors
/// Any error from these functions.
pub fn find_runs<E>(
    query: &RunQuery,
    mut page: impl FnMut(Option<BatchId>) -> Result<Vec<Journal>, E>,
    mut have_ended: impl FnMut(&[RunId]) -> Result<HashSet<RunId>, E>,
    ended: impl FnOnce() -> Result<Vec<RunRecord>, E>,
) -> Result<Vec<RunRecord>, E> {
    let is_open = |state: &RunState| *state == RunState::Claimed;
    let mut runs = Vec::new();
    if query.states.is_empty() || query.states.iter().any(is_open) {
        let mut before = query.before;
        while runs.len() < query.limit {
            let journals = page(before)?;
            let Some(last) = journals.last() else { break };
            before = Some(last.batch.id);
            let open = journals.iter().flat_map(|journal| journal.records(RunState::Claimed));
            let open: Vec<RunRecord> =
                open.filter(|run| query.matches(&run.job_id, run.run_id, run.state)).collect();
            let ids: Vec<RunId> = open.iter().map(|run| run.run_id).collect();
            let ended = if ids.is_empty() { HashSet::new() } else { have_ended(&ids)? };
            runs.extend(open.into_iter().filter(|run| !ended.contains(&run.run_id)));
        }
    }
    if query.states.is_empty() || !query.states.iter().all(is_open) {
        // In front, so that a run that has ended meanwhile is returned with its outcome.
        runs.splice(0..0, ended()?);
    }
    runs.sort_by_key(|run| Reverse((run.run_id, run.attempt)));
    runs.dedup_by_key(|run| (run.run_id, run.attempt));
    runs.truncate(query.limit);
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use apscheduler_core::ledger::{Batch, JournalEntry};
    use apscheduler_core::run::OwnerId;
    use apscheduler_core::time::from_micros;

    use super::*;

    /// A run that ends between the two reads has its outcome.
    #[test]
    fn a_run_that_ends_meanwhile_is_returned_once() {
        let (now, owner) = (from_micros(0), OwnerId::random());
        let run = RunId::new(now);
        let entry = JournalEntry::new("a", run, vec![now]);
        let mut pages = vec![vec![Journal::new(Batch::new(owner, now), vec![entry])]];
        let runs = find_runs::<Infallible>(
            &RunQuery::new(),
            |_| Ok(pages.pop().unwrap_or_default()),
            |_| Ok(HashSet::new()),
            || Ok(vec![RunRecord::new(run, "a", now, owner, RunState::Ok)]),
        );
        let states: Vec<RunState> = runs.unwrap().iter().map(|run| run.state).collect();
        assert_eq!(states, [RunState::Ok]);
    }
}
