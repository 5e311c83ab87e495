//! Checks that a store can keep a job, and that an executor can run it.

use std::sync::Arc;

use super::store_runner::StoreRunner;
use apscheduler_core::executor::ExecutorCapabilities;
use apscheduler_core::job::JobSpec;
use apscheduler_core::job::stored::encode;
use apscheduler_core::ledger::RunLedger;
use apscheduler_core::registry::{PluginKind, Registry};
use apscheduler_core::store::JobPayload;
use apscheduler_core::{Error, ErrorKind, Result};

/// Returns the form in which the store keeps a job.
pub(super) fn payload(
    runner: &StoreRunner,
    spec: &Arc<JobSpec>,
    registry: &Registry,
) -> Result<JobPayload> {
    check_ledger(runner, spec)?;
    if !runner.capabilities.serializes {
        return unchecked_payload(runner, spec);
    }
    let kind = spec.trigger().kind();
    registry.find(PluginKind::Trigger, kind).map_err(|error| {
        let message =
            format!("its trigger could not be restored from the store `{}`", runner.alias);
        Error::new(ErrorKind::Unsupported, message).with_job_id(spec.id()).with_source(error)
    })?;
    unchecked_payload(runner, spec)
}

/// Returns the form in which the store keeps a job that is stored already.
pub(super) fn unchecked_payload(runner: &StoreRunner, spec: &Arc<JobSpec>) -> Result<JobPayload> {
    if !runner.capabilities.serializes {
        return Ok(JobPayload::Live(Arc::clone(spec)));
    }
    Ok(JobPayload::Encoded(encode(spec)?))
}

/// Checks that the store keeps open runs, if a policy of the job needs them.
fn check_ledger(runner: &StoreRunner, spec: &JobSpec) -> Result<()> {
    let Some(policy) = spec.policies().needing_open_runs() else { return Ok(()) };
    if ledger_of_open_runs(runner).is_ok() {
        return Ok(());
    }
    let message = format!(
        "the store `{}` keeps no open runs, which `{policy}` needs; choose another store, or leave `{policy}` out",
        runner.alias
    );
    Err(Error::new(ErrorKind::Unsupported, message).with_job_id(spec.id()))
}

/// Returns the ledger of the store, if it keeps open runs.
pub(super) fn ledger_of_open_runs(runner: &StoreRunner) -> Result<Arc<dyn RunLedger>> {
    runner.store.ledger().filter(|ledger| ledger.has_open_runs()).ok_or_else(|| {
        let message = format!(
            "the store `{}` keeps no open runs, which a run that somebody asks for needs; choose another store",
            runner.alias
        );
        Error::new(ErrorKind::Unsupported, message)
    })
}

pub(super) fn check_executor(spec: &JobSpec, can: ExecutorCapabilities) -> Result<()> {
    let refuse = |what: &str| {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("the executor `{}` {what}", spec.executor()),
        )
        .with_job_id(spec.id()))
    };
    if !spec.function().is_named() && !can.in_process {
        return refuse(
            "runs jobs in another process, where a closure can't be found; register the function by name",
        );
    }
    if spec.function().is_async() && !can.async_jobs {
        return refuse("does not run async functions");
    }
    if !spec.function().is_async() && !can.sync_jobs {
        return refuse("runs async functions only");
    }
    Ok(())
}
