//! Notice of changes: writers count them, and watchers ask for the sum.
//!
//! There are several counters, so that writers do not wait for each other.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::store::{ChangeNotifier, Watch};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::failure::Failure;
use crate::pool::{Last, read, write};
use crate::store::Open;

/// How many counters there are.
pub(crate) const SLOTS: u32 = 16;

/// Our own part in the changes, and who wants to hear of those of others.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    own: AtomicI64,
    watcher: Mutex<Weak<ChangeNotifier>>,
    looks_again: Arc<AtomicBool>,
}

impl Open {
    /// Does all of `work` or nothing of it, and counts a change where it says that it made one.
    pub(crate) fn change<T>(
        &self,
        task: &str,
        mut work: impl FnMut(&mut Conn) -> Result<(T, bool), Failure>,
    ) -> Result<T> {
        // As the last thing before COMMIT, so that nobody waits long for the counter.
        let count = format!(
            "UPDATE {} SET count = count + 1 WHERE slot = {}; ",
            self.tables.changes,
            fastrand::u32(..SLOTS)
        );
        let mut is_counted = false;
        let done = write(&self.pool, task, |connection| {
            let (value, is_changed) = work(connection)?;
            // Before it can be seen: a change of another that comes with it must not be taken for ours.
            if is_changed && !std::mem::replace(&mut is_counted, true) {
                self.notices.own.fetch_add(1, Ordering::AcqRel);
            }
            Ok((value, Last(if is_changed { count.clone() } else { String::new() })))
        });
        if is_counted && done.is_err() {
            self.notices.own.fetch_sub(1, Ordering::AcqRel);
        }
        done
    }

    /// How many changes others made.
    fn changes_of_others(&self) -> Result<i64> {
        let sum = format!(
            "SELECT CAST(SUM(count) AS SIGNED) FROM {} WHERE slot >= 0",
            self.tables.changes
        );
        let all = read(&self.pool, "looking for changes", |connection| {
            Ok(connection.query_first::<Option<i64>, _>(&sum)?.flatten().unwrap_or(0))
        })?;
        Ok(all - self.notices.own.load(Ordering::Acquire))
    }

    /// Looks for changes of others until the watch is dropped.
    pub(crate) fn watch(
        self: Arc<Self>,
        changed: ChangeNotifier,
        period: Duration,
    ) -> Result<Watch> {
        let notifier = Arc::new(changed.clone());
        *self.notices.watcher.lock().unwrap_or_else(PoisonError::into_inner) =
            Arc::downgrade(&notifier);
        let mut known = self.changes_of_others()?;
        let poll = Watch::poll(period, changed, move || {
            let now = self.changes_of_others()?;
            Ok(std::mem::replace(&mut known, now) != now)
        })?;
        Ok(Watch::new((poll, notifier)))
    }

    /// Has our own scheduler look again soon: others held due jobs locked, and may have let go of them without a claim.
    pub(crate) fn look_again(&self) {
        let watcher = self.notices.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let looks_again = Arc::clone(&self.notices.looks_again);
        if watcher.strong_count() == 0 || looks_again.swap(true, Ordering::AcqRel) {
            return;
        }
        // Not all at the same time.
        let pause = Duration::from_millis(fastrand::u64(20..100));
        let thread = std::thread::Builder::new().name("apscheduler-look-again".to_owned());
        let started = thread.spawn(move || {
            std::thread::sleep(pause);
            looks_again.store(false, Ordering::Release);
            if let Some(watcher) = watcher.upgrade() {
                watcher.notify();
            }
        });
        if let Err(error) = started {
            self.notices.looks_again.store(false, Ordering::Release);
            tracing::debug!("can't start a thread to look again: {error}");
        }
    }
}
