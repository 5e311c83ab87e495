//! Systems without process groups and signals: the program itself can be ended, and at once.

use std::process::Command;
use std::time::Duration;

use super::{SharedChild, lock};

/// How often it is looked whether the program has exited.
const LOOK: Duration = Duration::from_millis(20);

/// The program.
#[derive(Clone, Debug)]
pub(super) struct Leader(SharedChild);

pub(super) fn lead_a_group(_command: &mut Command) {}

impl Leader {
    pub(super) fn of(child: &SharedChild) -> Self {
        Self(SharedChild::clone(child))
    }

    pub(super) fn terminate(&self) {
        self.kill();
    }

    pub(super) fn kill(&self) {
        if let Err(error) = lock(&self.0).kill() {
            tracing::warn!(target: "apscheduler::command", "can't end a program: {error}");
        }
    }

    pub(super) fn group_exists(&self) -> bool {
        false
    }

    pub(super) fn wait_for_exit(&self) {
        while matches!(lock(&self.0).try_wait(), Ok(None)) {
            std::thread::sleep(LOOK);
        }
    }
}
