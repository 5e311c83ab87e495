//! Signals the process group of a tree, on systems without `/proc`.

use std::process::Child;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::marker::TreeId;

/// Empty: the system is asked about the group.
#[derive(Debug)]
pub(super) struct Snapshot;

impl Snapshot {
    pub(super) fn take() -> Self {
        Self
    }
}

/// Finds the processes of a tree.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The process group of the tree.
    group: Option<Pid>,
}

impl Search {
    /// Sets the first process of the tree, which was just started.
    pub(super) fn begin(&mut self, child: &Child) {
        self.group = Some(Pid::from_child(child));
    }

    /// Returns the process group of the tree.
    pub(super) fn group(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }

    // A group id is not reused while any process is in the group.
    pub(super) fn is_empty(&mut self, _id: &TreeId, _snapshot: &Snapshot) -> bool {
        self.group.is_none_or(|group| test_kill_process_group(group).is_err())
    }

    pub(super) fn grace(&mut self, id: &TreeId, snapshot: &Snapshot) -> Option<Duration> {
        (!self.is_empty(id, snapshot)).then_some(Duration::ZERO)
    }

    pub(super) fn terminate(&mut self, _id: &TreeId, _snapshot: &Snapshot) {
        self.send(Signal::TERM);
    }

    pub(super) fn kill(&mut self, _id: &TreeId, _snapshot: &Snapshot) {
        self.send(Signal::KILL);
    }

    fn send(&self, signal: Signal) {
        let Some(group) = self.group else { return };
        match kill_process_group(group, signal) {
            // The group is empty, or has only zombies.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => {
                tracing::warn!(
                    "can't signal the process group {}: {error}",
                    group.as_raw_nonzero()
                );
            }
        }
    }

    pub(super) fn describe(&mut self, _id: &TreeId, _snapshot: &Snapshot) -> String {
        format!("the group {}", self.group().unwrap_or_default())
    }
}
