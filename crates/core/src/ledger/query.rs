//! Which records to read.

use std::sync::Arc;

use super::RunState;
use crate::run::RunId;

/// Which records to read. They are returned from the latest run to the earliest.
///
/// # Examples
/// ```
/// use apscheduler_core::ledger::{RunQuery, RunState};
///
/// let query = RunQuery::new().job("backup").state(RunState::Failed).limit(10);
/// assert_eq!(query.limit, 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunQuery {
    /// Only runs of this job.
    pub job_id: Option<Arc<str>>,
    /// Only this run, with all of its attempts.
    pub run_id: Option<RunId>,
    /// Only runs in one of these states; empty means all.
    pub states: Vec<RunState>,
    /// Only runs before this one, which was the last of the page before.
    pub before: Option<RunId>,
    /// The most records to return. Default: 100.
    pub limit: usize,
}

impl Default for RunQuery {
    fn default() -> Self {
        Self { job_id: None, run_id: None, states: Vec::new(), before: None, limit: 100 }
    }
}

impl RunQuery {
    /// All runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only runs of this job.
    #[must_use]
    pub fn job(mut self, id: impl Into<Arc<str>>) -> Self {
        self.job_id = Some(id.into());
        self
    }

    /// Only this run, with all of its attempts.
    #[must_use]
    pub fn run(mut self, id: RunId) -> Self {
        self.run_id = Some(id);
        self
    }

    /// Only runs in this state, or in another one that was given.
    #[must_use]
    pub fn state(mut self, state: RunState) -> Self {
        self.states.push(state);
        self
    }

    /// Only runs before this one.
    #[must_use]
    pub fn before(mut self, run: impl Into<Option<RunId>>) -> Self {
        self.before = run.into();
        self
    }

    /// Sets the most records to return.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns whether a record with these values matches.
    pub fn matches(&self, job_id: &str, run_id: RunId, state: RunState) -> bool {
        self.job_id.as_deref().is_none_or(|wanted| wanted == job_id)
            && self.run_id.is_none_or(|wanted| wanted == run_id)
            && self.before.is_none_or(|before| run_id < before)
            && (self.states.is_empty() || self.states.contains(&state))
    }
}
