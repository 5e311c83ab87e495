//! Signals the process group of a tree, where there is no `/proc` to find more.

use std::process::Child;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::marker::TreeId;

/// Nothing: the group is asked.
#[derive(Debug)]
pub(super) struct Snapshot;

impl Snapshot {
    pub(super) fn take() -> Self {
        Self
    }
}

/// What is known of a tree.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The process group of the tree.
    group: Option<Pid>,
}

impl Search {
    /// Takes a process that was just started for the first one of the tree.
    pub(super) fn begin(&mut self, child: &Child) {
        self.group = Some(Pid::from_child(child));
    }

    /// The process group of the tree.
    pub(super) fn group(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }

    // The number of a group is not given away while any process is in it.
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
            // Nobody is left in the group, or only zombies are.
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
