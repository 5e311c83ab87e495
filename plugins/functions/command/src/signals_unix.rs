//! Signals to a process group.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use super::{SharedChild, lock};

/// The first process of a group, by whose id the group goes.
#[derive(Clone, Debug)]
pub(super) struct Leader(Pid);

pub(super) fn lead_a_group(command: &mut Command) {
    command.process_group(0);
}

impl Leader {
    pub(super) fn of(child: &SharedChild) -> Self {
        Self(Pid::from_child(&lock(child)))
    }

    pub(super) fn terminate(&self) {
        self.send(Signal::TERM);
    }

    pub(super) fn kill(&self) {
        self.send(Signal::KILL);
    }

    fn send(&self, signal: Signal) {
        match kill_process_group(self.0, signal) {
            // Nobody is left in the group, or only zombies are.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => tracing::warn!(
                target: "apscheduler::command",
                "can't signal the process group {}: {error}",
                self.0.as_raw_nonzero()
            ),
        }
    }

    pub(super) fn group_exists(&self) -> bool {
        test_kill_process_group(self.0).is_ok()
    }

    /// Returns when the process has exited, and leaves it to be reaped.
    pub(super) fn wait_for_exit(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(self.0), options), Err(Errno::INTR)) {}
    }
}
