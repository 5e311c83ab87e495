//! Executors that had no room for a due job.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::time::Timestamp;

use super::lock::lock;

/// The aliases of executors for which due jobs were left in a store.
#[derive(Debug, Default)]
pub(super) struct Starved {
    aliases: Mutex<BTreeMap<Arc<str>, Timestamp>>,
    /// When each was starved the last time: from when, and until when.
    before: Mutex<BTreeMap<Arc<str>, (Timestamp, Timestamp)>>,
    /// Whether there are any. A cheap check for every ended run.
    any: AtomicBool,
}

impl Starved {
    pub(super) fn add(&self, alias: Arc<str>, now: Timestamp) {
        lock(&self.aliases).entry(alias).or_insert(now);
        self.any.store(true, Ordering::SeqCst);
    }

    pub(super) fn clear(&self) {
        lock(&self.aliases).clear();
        lock(&self.before).clear();
        self.any.store(false, Ordering::SeqCst);
    }

    /// Returns whether an executor is starved, and clears its mark.
    pub(super) fn take(&self, alias: &str, now: Timestamp) -> bool {
        if !self.any.load(Ordering::SeqCst) {
            return false;
        }
        let mut aliases = lock(&self.aliases);
        let found = aliases.remove_entry(alias);
        self.any.store(!aliases.is_empty(), Ordering::SeqCst);
        drop(aliases);
        let Some((alias, since)) = found else { return false };
        lock(&self.before).insert(alias, (since, now));
        true
    }

    /// Returns whether an executor was known to have no room at some moment between two instants.
    pub(super) fn was_full(&self, alias: &str, from: Timestamp, to: Timestamp) -> bool {
        lock(&self.aliases).get(alias).is_some_and(|since| *since <= to)
            || lock(&self.before)
                .get(alias)
                .is_some_and(|(since, until)| *since <= to && *until >= from)
    }

    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst)
    }

    /// Returns the starved executors.
    pub(super) fn list(&self) -> Vec<Arc<str>> {
        if !self.any.load(Ordering::SeqCst) {
            return Vec::new();
        }
        lock(&self.aliases).keys().cloned().collect()
    }

    pub(super) fn contains(&self, alias: &str) -> bool {
        self.any.load(Ordering::SeqCst) && lock(&self.aliases).contains_key(alias)
    }
}
