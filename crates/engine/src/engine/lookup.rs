//! Finds stores by alias, and records by key.

use std::sync::Arc;

use super::state::Engine;
use super::store_runner::StoreRunner;
use apscheduler_core::job::JobKey;
use apscheduler_core::store::JobRecord;
use apscheduler_core::{Error, Result};

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
                return Ok((runner, record));
            }
        }
        Err(Error::job_lookup(key.id()))
    }
}
