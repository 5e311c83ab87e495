//! What the oracle knows of a run that an executor holds.

use std::sync::Arc;

use apscheduler_core::executor::Run;
use apscheduler_core::run::RunId;

/// A run that an executor holds: an instance of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Submitted {
    pub(super) job: Arc<str>,
    /// The run of its first run time. Those of the others follow it.
    pub(super) first_run: RunId,
    pub(super) run_times: usize,
    pub(super) attempt: u32,
}

/// An attempt of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) run: RunId,
    /// From 1.
    pub(super) number: u32,
}

impl Submitted {
    pub(super) fn of(run: &Run) -> Self {
        let submission = run.submission();
        Self {
            job: Arc::clone(run.job().id_arc()),
            first_run: submission.first_run(),
            run_times: run.run_times().len(),
            attempt: submission.attempt(),
        }
    }
}
