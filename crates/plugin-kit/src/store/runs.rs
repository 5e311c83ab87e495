//! Queries of runs, for ledgers that keep a journal of claims beside a table of records.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

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
            let open: Vec<RunRecord> =
                journals.iter().flat_map(|journal| open_runs(journal, query)).collect();
            let ids: Vec<RunId> = open.iter().map(|run| run.run_id).collect();
            let ended = if ids.is_empty() { HashSet::new() } else { have_ended(&ids)? };
            runs.extend(open.into_iter().filter(|run| !ended.contains(&run.run_id)));
        }
    }
    if query.states.is_empty() || !query.states.iter().all(is_open) {
        runs.extend(ended()?);
    }
    runs.sort_by_key(|run| Reverse((run.run_id, run.attempt)));
    runs.dedup_by_key(|run| (run.run_id, run.attempt));
    runs.truncate(query.limit);
    Ok(runs)
}

/// Returns the runs of a batch that match a query, as if none had ended.
fn open_runs(journal: &Journal, query: &RunQuery) -> Vec<RunRecord> {
    let batch = journal.batch;
    let runs = journal.entries.iter().flat_map(|entry| {
        entry.runs().map(|(run, time)| {
            let job = Arc::clone(&entry.job_id);
            RunRecord::new(run, job, time, batch.owner, RunState::Claimed).claimed(batch.claimed)
        })
    });
    runs.filter(|run| query.matches(&run.job_id, run.run_id, run.state)).collect()
}
