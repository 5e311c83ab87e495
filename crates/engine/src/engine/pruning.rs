//! Removes old records of runs on request.

use apscheduler_core::Result;
use apscheduler_core::ledger::Retention;

use super::pulse::{BREATHER, PIECE};
use super::scheduler::Scheduler;
use super::store_runner::StoreRunner;

impl Scheduler {
    /// Removes the records of runs that the retention does not keep, in all stores. Returns how many it removed.
    ///
    /// They are removed in pieces; after each, `progress` is called with the number of records removed so far. Running
    /// schedulers do the same once a minute, with the [retention](apscheduler_core::config::Config::retention) of their
    /// configuration. Records of changes are kept as long as those of runs that did not succeed.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`](apscheduler_core::ErrorKind::NotRunning) if the scheduler has not been started; any error
    /// from a store. What has been removed stays so.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use apscheduler::ledger::Retention;
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// scheduler.start()?;
    /// let one_day = Retention::default().ok_age(Duration::from_secs(24 * 60 * 60));
    /// let removed = scheduler.prune_runs(&one_day, |_| ())?;
    /// println!("{removed} records were removed");
    /// # Ok::<(), apscheduler::Error>(())
    /// ```
    pub fn prune_runs(
        &self,
        retention: &Retention,
        mut progress: impl FnMut(usize),
    ) -> Result<usize> {
        self.refuse_before_start()?;
        let mut removed = 0;
        for runner in self.0.stores().values() {
            removed = self.prune(runner, retention, removed, &mut progress)?;
        }
        Ok(removed)
    }

    /// Removes records of one store, like [`prune_runs`](Self::prune_runs).
    ///
    /// # Errors
    /// [`ErrorKind::UnknownAlias`](apscheduler_core::ErrorKind::UnknownAlias); as [`prune_runs`](Self::prune_runs).
    pub fn prune_runs_in(
        &self,
        alias: &str,
        retention: &Retention,
        mut progress: impl FnMut(usize),
    ) -> Result<usize> {
        self.refuse_before_start()?;
        let runner = self.0.store(alias)?;
        self.prune(&runner, retention, 0, &mut progress)
    }

    fn prune(
        &self,
        runner: &StoreRunner,
        retention: &Retention,
        mut removed: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<usize> {
        let Some(ledger) = runner.store.ledger() else { return Ok(removed) };
        loop {
            let piece = ledger.prune(self.0.now(), retention, PIECE)?;
            removed += piece;
            if piece > 0 {
                progress(removed);
            }
            if piece < PIECE {
                return Ok(removed);
            }
            std::thread::sleep(BREATHER);
        }
    }

    /// Returns which records of runs this scheduler keeps, as it was configured.
    pub fn retention(&self) -> Retention {
        self.0.settings().retention
    }
}
