//! How the parts of a scheduler are doing, without a call to any of them.

use std::sync::Arc;
use std::time::Duration;

use super::lock::lock;
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;
use super::store_session::StoreFailure;
use apscheduler_core::Result;
use apscheduler_core::ledger::OwnerRecord;
use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;

/// How a job store is doing, as the passes over it have found. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreHealth {
    /// The alias of the store.
    pub alias: Arc<str>,
    /// Why the last pass failed; `None` if it did not, or if there was none.
    pub failure: Option<StoreFailure>,
    /// When the last pass began. `None` before the first, and for a scheduler that is paused from its start.
    pub last_pass: Option<Timestamp>,
    /// Whether the store was opened read-only.
    pub read_only: bool,
    /// The owner of the runs that this scheduler claims from the store.
    pub owner: OwnerId,
}

impl Scheduler {
    /// Returns how the job stores are doing, sorted by alias. It calls no store, so it does not wait for one that hangs.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// scheduler.start()?;
    /// assert!(scheduler.store_health().iter().all(|store| store.failure.is_none()));
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    pub fn store_health(&self) -> Vec<StoreHealth> {
        self.0.stores().values().map(|runner| runner.health()).collect()
    }

    /// Returns the schedulers that process the jobs of a store, or that have not finished what they claimed from it. There
    /// are none if the store has no ledger.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`](apscheduler_core::ErrorKind::UnknownAlias); any error from the store.
    pub fn owners_in(&self, alias: &str) -> Result<Vec<OwnerRecord>> {
        let runner = self.0.store(alias)?;
        if self.waits() {
            return Ok(Vec::new());
        }
        runner.callable()?.ledger().map_or_else(|| Ok(Vec::new()), |ledger| ledger.owners())
    }

    /// Returns how long ago the event loop last made a turn, by a clock that is never put back. A loop makes one at least
    /// once a minute. `None` if it has made none since the start, and after a shutdown.
    pub fn since_last_turn(&self) -> Option<Duration> {
        let last = (*lock(&self.0.last_turn)).filter(|_| !self.waits());
        last.map(|last| self.0.clock.elapsed().saturating_sub(last))
    }

    /// Returns whether the event loop of the scheduler has ended without a shutdown, so that nothing makes its turns.
    pub fn lost_its_loop(&self) -> bool {
        *lock(&self.0.lost)
    }
}

impl StoreRunner {
    fn health(&self) -> StoreHealth {
        let session = self.session();
        let state = session.state();
        StoreHealth {
            alias: Arc::clone(&self.alias),
            failure: state.failure.clone(),
            last_pass: state.last,
            read_only: self.is_read_only,
            owner: self.owner().id,
        }
    }
}
