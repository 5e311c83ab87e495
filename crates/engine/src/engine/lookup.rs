//! Finds stores by alias, and records by key.

use std::sync::Arc;

use super::state::Engine;
use super::store_runner::StoreRunner;
use apscheduler_core::job::JobKey;
use apscheduler_core::store::JobRecord;
use apscheduler_core::{Error, ErrorKind, Result};

impl Engine {
    pub(super) fn store(&self, alias: &str) -> Result<Arc<StoreRunner>> {
        self.stores().get(alias).cloned().ok_or_else(|| self.unknown_store(alias))
    }

    /// Returns the store with that alias, or all stores.
    pub(super) fn stores_named(&self, alias: Option<&str>) -> Result<Vec<Arc<StoreRunner>>> {
        match alias {
            Some(alias) => Ok(vec![self.store(alias)?]),
            None => Ok(self.stores().values().cloned().collect()),
        }
    }

    pub(super) fn find_record(&self, key: &JobKey) -> Result<(Arc<StoreRunner>, JobRecord)> {
        for runner in self.stores_named(key.jobstore())? {
            if let Some(record) = runner.callable()?.lookup_job(key.id())? {
                check_revision(key, record.revision)?;
                return Ok((runner, record));
            }
        }
        Err(Error::job_lookup(key.id()))
    }
}

/// Refuses a record that is not the one that the caller has read.
pub(super) fn check_revision(key: &JobKey, revision: u64) -> Result<()> {
    match key.revision() {
        Some(asked) if asked != revision => {
            let message = format!(
                "the job has been changed or has fired since it was read: its revision is {revision}, not {asked}; read it again"
            );
            Err(Error::new(ErrorKind::Outdated, message).with_job_id(key.id()))
        }
        _ => Ok(()),
    }
}
