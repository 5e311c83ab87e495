//! Watching for changes: writers count them, and watchers ask for the sum.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::store::{ChangeNotifier, Watch};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::changes::SLOTS;
use crate::failure::Failure;
use crate::pool::{Last, read, write};
use crate::session::Session;

impl Session {
    /// Runs `work` in a transaction, and counts a change if it returns `true`.
    pub(crate) fn change<T>(
        &self,
        task: &str,
        mut work: impl FnMut(&mut Conn) -> Result<(T, bool), Failure>,
    ) -> Result<T> {
        // Directly before COMMIT, so that the counter is not locked for long.
        let count = format!(
            "UPDATE {} SET count = count + 1 WHERE slot = {}; ",
            self.tables.changes,
            fastrand::u32(..SLOTS)
        );
        let mut is_counted = false;
        let done = write(&self.pool, task, |connection| {
            let (value, is_changed) = work(connection)?;
            // Before others can see it: a change of theirs at the same time must not be taken for ours.
            if is_changed && !std::mem::replace(&mut is_counted, true) {
                self.changes.own.fetch_add(1, Ordering::AcqRel);
            }
            Ok((value, Last(if is_changed { count.clone() } else { String::new() })))
        });
        if is_counted && done.is_err() {
            self.changes.own.fetch_sub(1, Ordering::AcqRel);
        }
        done
    }

    /// Returns how many changes others have made.
    fn changes_of_others(&self) -> Result<i64> {
        let sum = format!(
            "SELECT CAST(SUM(count) AS SIGNED) FROM {} WHERE slot >= 0",
            self.tables.changes
        );
        let all = read(&self.pool, "looking for changes", |connection| {
            Ok(connection.query_first::<Option<i64>, _>(&sum)?.flatten().unwrap_or(0))
        })?;
        Ok(all - self.changes.own.load(Ordering::Acquire))
    }

    /// Polls for changes of others until the watch is dropped.
    pub(crate) fn watch(
        self: Arc<Self>,
        changed: ChangeNotifier,
        period: Duration,
    ) -> Result<Watch> {
        let notifier = self.changes.look_again.set(changed.clone());
        let mut known = self.changes_of_others()?;
        let poll = Watch::poll(period, changed, move || {
            let now = self.changes_of_others()?;
            Ok(std::mem::replace(&mut known, now) != now)
        })?;
        Ok(Watch::new((poll, notifier)))
    }

    /// Makes our own scheduler look again soon: others had due jobs locked, and may release them without a claim.
    pub(crate) fn look_again(&self) {
        let (watcher, pause) = self.changes.look_again.watcher();
        let is_scheduled = Arc::clone(&self.changes.is_scheduled);
        if watcher.strong_count() == 0 || is_scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let thread = std::thread::Builder::new().name("apscheduler-look-again".to_owned());
        let started = thread.spawn(move || {
            std::thread::sleep(pause);
            is_scheduled.store(false, Ordering::Release);
            if let Some(watcher) = watcher.upgrade() {
                watcher.notify();
            }
        });
        if let Err(error) = started {
            self.changes.is_scheduled.store(false, Ordering::Release);
            tracing::debug!("can't start a thread to check again: {error}");
        }
    }
}
