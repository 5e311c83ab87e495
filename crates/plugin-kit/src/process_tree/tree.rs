//! A tree, shared by its owner and the registry.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::marker::TreeId;
use super::system::{Search, Snapshot};

/// The polling interval for a tree that is ending.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// How long processes may take to exit after KILL. A process in an uninterruptible system call takes longer.
const DEATH: Duration = Duration::from_secs(5);

/// A process tree.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) id: TreeId,
    pub(super) grace: Duration,
    pub(super) origin: Origin,
    state: Mutex<State>,
}

/// The process that starts and ends the processes of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This process.
    Ours,
    /// This process, which asks them to end in another way before it sends TERM.
    Worker,
    /// A worker of this process, which has a keeper for them.
    InWorker,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) search: Search,
    /// TERM was sent, and KILL follows at this time.
    pub(super) kill_at: Option<Instant>,
}

impl Tree {
    pub(super) fn new(id: TreeId, grace: Duration, origin: Origin) -> Self {
        Self { id, grace, origin, state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn kill_at(&self) -> Option<Instant> {
        self.state().kill_at
    }

    pub(super) fn is_empty(&self, snapshot: &Snapshot) -> bool {
        self.state().search.is_empty(&self.id, snapshot)
    }

    pub(super) fn terminate(&self) -> Instant {
        let mut state = self.state();
        if let Some(kill_at) = state.kill_at {
            return kill_at;
        }
        let snapshot = Snapshot::take();
        let inherited = state.search.grace(&self.id, &snapshot).unwrap_or_default();
        let kill_at = after(self.grace.max(inherited));
        state.kill_at = Some(kill_at);
        state.search.terminate(&self.id, &snapshot);
        kill_at
    }

    pub(super) fn kill(&self) {
        let deadline = Instant::now() + DEATH;
        loop {
            let snapshot = Snapshot::take();
            if self.is_empty(&snapshot) {
                return;
            }
            if Instant::now() >= deadline {
                tracing::warn!(
                    "processes that a job has started can't be killed: {}",
                    self.state().search.describe(&self.id, &snapshot)
                );
                return;
            }
            self.state().search.kill(&self.id, &snapshot);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Returns the end of a grace period that begins now. If the clock can't represent it, the period is a year.
pub(super) fn after(grace: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(grace).unwrap_or_else(|| now + Duration::from_secs(24 * 365 * 60 * 60))
}
