//! A job that is about to be changed, and the change.

use std::sync::Arc;

use apscheduler_core::job::JobSpec;
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};

use super::due::NotRun;

/// A job to be changed, with its next run time.
pub(super) struct Stored<'a> {
    pub(super) job: StoredJob<'a>,
    pub(super) next_run_time: Option<Timestamp>,
}

#[derive(Clone, Copy)]
pub(super) enum StoredJob<'a> {
    Whole(&'a Arc<JobSpec>),
    /// A job that can't be restored.
    Broken {
        id: &'a Arc<str>,
        text: &'a str,
        reason: &'a Error,
    },
}

impl Stored<'_> {
    pub(super) fn spec(&self) -> Result<&Arc<JobSpec>> {
        match self.job {
            StoredJob::Whole(spec) => Ok(spec),
            StoredJob::Broken { reason, .. } => Err(reason.repeated()),
        }
    }
}

/// The changes to a job; a field that is `None` stays as it is.
pub(super) struct Changed {
    pub(super) spec: Option<JobSpec>,
    pub(super) next_run_time: Option<Option<Timestamp>>,
    /// Whether the store and the executor of the job have to be able to run it.
    pub(super) is_checked: bool,
    /// The run times that do not run because of the change.
    pub(super) skipped: Option<NotRun>,
}

impl Changed {
    /// A change of the next run time alone.
    pub(super) fn next(next_run_time: Option<Option<Timestamp>>) -> Self {
        Self { spec: None, next_run_time, is_checked: true, skipped: None }
    }
}
