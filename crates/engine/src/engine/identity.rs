//! The identity of runs and of their jobs, as events and counts have it.

use std::sync::Arc;

use apscheduler_core::executor::{RunId, Submission};
use apscheduler_core::job::{JobKey, JobSpec};
use apscheduler_core::run::RunInfo;

use super::instances::InstanceKey;

/// Returns a run that was claimed.
pub(super) fn run_info(run: &Submission, id: RunId) -> RunInfo {
    let batch = run.batch();
    RunInfo::new(id, Arc::clone(&batch.owner), batch.claimed).attempt(run.attempt())
}

pub(super) fn instance_key(job: &JobSpec, run: &Submission) -> InstanceKey {
    InstanceKey { store: run.batch().store, job_id: Arc::clone(job.id_arc()) }
}

pub(super) fn job_key(job: &JobSpec, run: &Submission) -> JobKey {
    JobKey::in_store(Arc::clone(&run.batch().jobstore), Arc::clone(job.id_arc()))
}
