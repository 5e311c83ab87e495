//! Reads all records and all open runs that match a query, page by page.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, RunLedger, RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;

/// How many records are read at once.
const PAGE: usize = 1000;

/// Calls `see` with each page of the open runs that match, in the order of their identifiers.
///
/// # Errors
/// Any error from the ledger, or from `see`.
pub(super) fn each_open_page(
    ledger: &dyn RunLedger,
    mut query: OpenQuery,
    mut see: impl FnMut(Vec<OpenRun>) -> Result<()>,
) -> Result<()> {
    loop {
        let page = ledger.open_runs(&query)?;
        let Some(last) = page.last() else { return Ok(()) };
        query = query.after(last.run_id);
        see(page)?;
    }
}

/// Returns the open runs that match, in the order of their identifiers.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn all_open(ledger: &dyn RunLedger, query: OpenQuery) -> Result<Vec<OpenRun>> {
    let mut rows = Vec::new();
    each_open_page(ledger, query, |page| {
        rows.extend(page);
        Ok(())
    })?;
    Ok(rows)
}

/// Returns the latest records that match: `limit`, and the earlier attempts of the last run among them, since the next page
/// begins before that run.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn page(ledger: &dyn RunLedger, query: &RunQuery) -> Result<Vec<RunRecord>> {
    let mut page = ledger.runs(query)?;
    if page.len() < query.limit {
        return Ok(page);
    }
    let Some((run, attempt)) = page.last().map(|last| (last.run_id, last.attempt)) else {
        return Ok(page);
    };
    if attempt > 1 {
        let attempts = ledger.runs(&query.clone().run(run).limit(PAGE))?;
        page.extend(attempts.into_iter().filter(|record| record.attempt < attempt));
    }
    Ok(page)
}

/// Calls `see` with each page of the records that match, the latest first, as long as it returns `true`.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn each_page(
    ledger: &dyn RunLedger,
    query: RunQuery,
    mut see: impl FnMut(Vec<RunRecord>) -> bool,
) -> Result<()> {
    let mut query = query.limit(PAGE);
    loop {
        let page = page(ledger, &query)?;
        let (is_last, last) = (page.len() < PAGE, page.last().map(|record| record.run_id));
        query = query.before(last);
        if !see(page) || is_last {
            return Ok(());
        }
    }
}

/// Returns the records of a job's runs from this identifier on, the latest first.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn records_from(
    ledger: &dyn RunLedger,
    job: &Arc<str>,
    from: RunId,
) -> Result<Vec<RunRecord>> {
    let query = without_changes(RunQuery::new().job(Arc::clone(job)));
    let mut found = Vec::new();
    each_page(ledger, query, |page| {
        let has_more = page.last().is_some_and(|last| last.run_id >= from);
        found.extend(page.into_iter().filter(|record| record.run_id >= from));
        has_more
    })?;
    Ok(found)
}

/// Returns the query for records of runs alone.
pub(super) fn without_changes(mut query: RunQuery) -> RunQuery {
    query.states.extend(RunState::ALL.into_iter().filter(|state| *state != RunState::Changed));
    query
}
