//! Wakes runs that are asked to end.

use std::sync::{Arc, Weak};
use std::task::Wake;

use super::events::{Event, ProcessId};
use super::time::SECOND;
use super::world::World;

/// Wakes a run whose token was cancelled: its function ends soon.
pub(super) struct WakeRun {
    pub(super) world: Weak<World>,
    pub(super) process: ProcessId,
    pub(super) run: u64,
}

impl Wake for WakeRun {
    fn wake(self: Arc<Self>) {
        if let Some(world) = self.world.upgrade() {
            let mut state = world.state();
            let soon = state.now + SECOND / 10;
            state.plan(soon, Event::Run { process: self.process, run: self.run });
        }
    }
}
