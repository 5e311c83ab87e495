//! What a session knows about changes: its own, and who to tell of those of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use apscheduler_plugin_kit::store::LookAgain;

/// The number of counters of changes. There are several so that writers do not wait for each other.
pub(crate) const SLOTS: u32 = 16;

/// The changes that this session has made, and its watcher.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// How many changes this session has counted.
    pub(crate) own: AtomicI64,
    pub(crate) look_again: LookAgain,
    /// Whether a thread is waiting to notify the watcher.
    pub(crate) is_scheduled: Arc<AtomicBool>,
}
