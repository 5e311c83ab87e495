//! Looks for due jobs again when an executor has room.

use std::sync::Arc;

use apscheduler_core::executor::Executor;

use super::state::Engine;

impl Engine {
    /// Called when a run has started or ended. If due jobs wait for room in its executor, starts
    /// another pass.
    pub(super) fn has_more_room(&self, alias: &Arc<str>) {
        if self.starved.contains(alias)
            && let Some(executor) = self.executors().get(alias)
        {
            self.request_pass_if_room(alias, &**executor);
        }
    }

    pub(super) fn request_pass_if_room(&self, alias: &str, executor: &dyn Executor) {
        if self.starved.contains(alias)
            && executor.room() > 0
            && self.starved.take(alias, self.now())
        {
            self.request_pass();
        }
    }
}
