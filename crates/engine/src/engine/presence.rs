//! Records when a scheduler processes the jobs of a store.
//!
//! Without these records nobody could tell later that a run time was missed because no scheduler
//! was there.

use apscheduler_core::ledger::ChangeKind;

use super::lock::lock;
use super::phase::{Phase, Presence};
use super::state::Engine;
use super::store_runner::StoreRunner;

impl Engine {
    /// Records for every store that jobs are processed from now on, or no more.
    pub(super) fn note_presence(&self, actor: Option<&str>) {
        for runner in self.stores().values() {
            self.note_presence_in(runner, actor);
        }
    }

    /// Records it for one store, unless it was recorded already.
    pub(super) fn note_presence_in(&self, runner: &StoreRunner, actor: Option<&str>) {
        let phase = self.phase();
        let what = {
            let mut presence = lock(&runner.presence);
            let (next, what) = match (*presence, phase) {
                (Presence::None, Phase::Running) => {
                    (Presence::Processing, ChangeKind::SchedulerStarted)
                }
                (Presence::Paused, Phase::Running) => {
                    (Presence::Processing, ChangeKind::SchedulerResumed)
                }
                (Presence::Processing, Phase::Paused) => {
                    (Presence::Paused, ChangeKind::SchedulerPaused)
                }
                _ => return,
            };
            *presence = next;
            what
        };
        if let Some(audit) = self.audit_of(runner, actor) {
            audit.of_store(what);
        }
    }

    /// Records that a scheduler that has processed jobs is shut down.
    pub(super) fn note_absence(&self, runner: &StoreRunner) {
        let before = std::mem::take(&mut *lock(&runner.presence));
        if before != Presence::None
            && let Some(audit) = self.audit_of(runner, None)
        {
            audit.of_store(ChangeKind::SchedulerStopped);
        }
    }
}
