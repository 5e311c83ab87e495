//! Executors that had no room for a due job.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::lock::lock;

/// The aliases of executors for which due jobs were left in a store.
#[derive(Debug, Default)]
pub(super) struct Starved {
    aliases: Mutex<BTreeSet<Arc<str>>>,
    /// Whether there are any. A cheap check for every ended run.
    any: AtomicBool,
}

impl Starved {
    pub(super) fn add(&self, alias: Arc<str>) {
        lock(&self.aliases).insert(alias);
        self.any.store(true, Ordering::SeqCst);
    }

    pub(super) fn clear(&self) {
        lock(&self.aliases).clear();
        self.any.store(false, Ordering::SeqCst);
    }

    /// Returns whether an executor is starved, and clears its mark.
    pub(super) fn take(&self, alias: &str) -> bool {
        if !self.any.load(Ordering::SeqCst) {
            return false;
        }
        let mut aliases = lock(&self.aliases);
        let found = aliases.remove(alias);
        self.any.store(!aliases.is_empty(), Ordering::SeqCst);
        found
    }

    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst)
    }

    /// Returns the starved executors.
    pub(super) fn list(&self) -> Vec<Arc<str>> {
        if !self.any.load(Ordering::SeqCst) {
            return Vec::new();
        }
        lock(&self.aliases).iter().cloned().collect()
    }

    pub(super) fn contains(&self, alias: &str) -> bool {
        self.any.load(Ordering::SeqCst) && lock(&self.aliases).contains(alias)
    }
}
