//! Reports outages of stores and broken records.

use std::sync::Arc;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobKey;
use apscheduler_core::ledger::Reason;
use apscheduler_core::{Error, ErrorKind};

use super::decide::Reports;
use super::lock::lock;
use super::state::Engine;
use super::store_runner::{Broken, StoreRunner};

impl Engine {
    pub(super) fn store_failed(&self, runner: &StoreRunner, error: &Error, first: bool) {
        let message = error.chain();
        let seconds = self.settings().retry_interval.as_secs_f64();
        tracing::warn!(
            jobstore = &*runner.alias,
            "the job store failed, trying again in {seconds} s: {message}"
        );
        if first {
            self.emit(EventMask::JOBSTORE_ERROR, || Event::JobStoreError {
                alias: Arc::clone(&runner.alias),
                error: message.into(),
            });
        }
    }

    pub(super) fn store_recovered(&self, runner: &StoreRunner) {
        tracing::info!(jobstore = &*runner.alias, "the job store works again");
        self.emit(EventMask::JOBSTORE_RECOVERED, || Event::JobStoreRecovered {
            alias: Arc::clone(&runner.alias),
        });
    }

    /// Discards what is known of a store that was replaced or emptied.
    pub(super) fn store_replaced(&self, runner: &StoreRunner, error: &Error) {
        let reason = error.chain();
        tracing::warn!(jobstore = &*runner.alias, "the jobs of the store were replaced: {reason}");
        lock(&runner.broken).clear();
        self.emit(EventMask::JOBSTORE_REPLACED, || Event::JobStoreReplaced {
            alias: Arc::clone(&runner.alias),
            reason: reason.into(),
        });
    }

    /// Reports each broken record once, and each restored record.
    pub(super) fn report_broken(&self, runner: &StoreRunner, reports: Reports) {
        for (id, revision, error) in reports.broken {
            let reason = match error.kind() {
                ErrorKind::UnknownAlias => Reason::NoExecutor,
                _ => Reason::BrokenRecord,
            };
            let before = lock(&runner.broken).insert(Arc::clone(&id), Broken { revision, reason });
            if before.is_some_and(|before| before.revision == revision) {
                continue;
            }
            let reason = error.chain();
            tracing::error!(
                jobstore = &*runner.alias,
                job_id = &*id,
                "the job was set aside: {reason}"
            );
            self.emit(EventMask::JOB_BROKEN, || Event::JobBroken {
                job: JobKey::in_store(Arc::clone(&runner.alias), id),
                reason: reason.into(),
            });
        }
        for id in reports.restored {
            if lock(&runner.broken).remove(&id).is_some() {
                tracing::info!(jobstore = &*runner.alias, job_id = &*id, "the job was restored");
                self.emit(EventMask::JOB_RESTORED, || {
                    Event::JobRestored(JobKey::in_store(Arc::clone(&runner.alias), id))
                });
            }
        }
    }
}
