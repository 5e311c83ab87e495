//! [`Scheduler::runs`]: the runs that the ledgers know, and which of them run here at this moment.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{RunQuery, RunRecord, RunState};

use super::paging::without_changes;
use super::records::{cut_page, runs_of};
use super::running::RunningRuns;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;

impl Scheduler {
    /// Returns the recorded runs of all stores that have a ledger, the latest first. Records of
    /// changes are left out, unless the query asks for that state.
    ///
    /// A run that has not ended is `claimed`, or `running` once its function has been called. Only the
    /// scheduler that runs it knows the latter.
    ///
    /// The attempts of a run stay together, so there may be more records than the query's limit: the
    /// next page begins before the last run of this one.
    ///
    /// # Errors
    /// Any error from a store.
    pub fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let stores = self.0.stores();
        let runners: Vec<&Arc<StoreRunner>> = stores.values().collect();
        runs(&self.0.running, &runners, &runs_alone(query))
    }

    /// Returns the recorded runs of one store, like [`runs`](Self::runs). There are none if it has no
    /// ledger.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`](apscheduler_core::ErrorKind::UnknownAlias); any error from the
    /// store.
    pub fn runs_in(&self, alias: &str, query: &RunQuery) -> Result<Vec<RunRecord>> {
        runs(&self.0.running, &[&self.0.store(alias)?], &runs_alone(query))
    }
}

/// Returns the query without records of changes, unless it asks for some.
fn runs_alone(query: &RunQuery) -> RunQuery {
    let query = query.clone();
    if query.states.is_empty() && query.run_id.is_none() { without_changes(query) } else { query }
}

fn runs(
    running: &RunningRuns,
    runners: &[&Arc<StoreRunner>],
    query: &RunQuery,
) -> Result<Vec<RunRecord>> {
    let asks_for = |state| query.states.contains(&state);
    if asks_for(RunState::Claimed) == asks_for(RunState::Running) {
        let mut found = runs_of(runners.iter().copied(), query)?;
        note_begun(running, &mut found);
        return Ok(found);
    }
    // To a ledger, both are claimed.
    let mut asked = query.clone();
    if !asks_for(RunState::Claimed) {
        asked.states.push(RunState::Claimed);
    }
    let mut found = Vec::new();
    loop {
        let mut page = runs_of(runners.iter().copied(), &asked)?;
        let (is_last, last) = (page.len() < query.limit, page.last().map(|run| run.run_id));
        asked.before = last;
        note_begun(running, &mut page);
        found.extend(page.into_iter().filter(|run| asks_for(run.state)));
        if is_last || last.is_none() || found.len() >= query.limit {
            cut_page(&mut found, query.limit);
            return Ok(found);
        }
    }
}

/// Notes which of the claimed runs have begun here.
pub(super) fn note_begun(running: &RunningRuns, runs: &mut [RunRecord]) {
    for run in runs.iter_mut().filter(|run| run.state == RunState::Claimed) {
        if let Some(since) = running.begun(run.run_id) {
            run.state = RunState::Running;
            run.started = Some(since);
        }
    }
}
