//! What a recorder works with: what it writes to, and what it tells.

use std::sync::{Arc, Mutex};

use apscheduler_core::Error;
use apscheduler_core::ledger::{History, Retention, RunLedger, RunRecord};
use apscheduler_core::time::{Clock, Timestamp, Waker};

use super::followers::Followers;
use super::lease::Lease;

/// What a recorder writes to.
pub(super) struct Book {
    /// The alias of the store.
    pub(super) alias: Arc<str>,
    pub(super) ledger: Arc<dyn RunLedger>,
    /// Which runs are recorded, if their job asks for nothing else.
    pub(super) history: History,
    /// How much of a result or an error is recorded.
    pub(super) retention: Retention,
    pub(super) followers: Arc<Followers>,
    /// `None` if the ledger ends with the process.
    pub(super) lease: Option<Arc<Lease>>,
    /// Its monotonic time says when a write that failed is tried again.
    pub(super) clock: Arc<dyn Clock>,
}

/// What writing without a worker needs.
pub(super) struct AtOnce {
    /// Wakes the event loop, whose turns try again.
    pub(super) wake: Waker,
    /// Held while records are written: a batch is closed after the last of its records was written.
    /// The ledger does no I/O.
    pub(super) writing: Mutex<()>,
}

/// What a recorder tells the scheduler.
pub(super) trait RecorderEvents: Send + Sync {
    /// A run waits, and is due then.
    fn waiting(&self, due: Timestamp);
    /// A run has ended that others follow.
    fn followed(&self);
    /// The outcome of a run was refused.
    fn fenced(&self, record: &RunRecord);
    /// A write has failed, and is tried again.
    fn failed(&self, error: &Error);
    /// Writes succeed again. So many records were not kept.
    fn recovered(&self, dropped: u64);
}
