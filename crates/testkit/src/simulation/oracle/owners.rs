//! The owners of runs, and the processes that they belong to.

use std::collections::{HashMap, HashSet};

use apscheduler_core::run::OwnerId;

use super::super::events::ProcessId;
use super::super::time::Micros;

/// What is known of owners and processes.
#[derive(Debug, Default)]
pub(super) struct Owners {
    known: HashMap<OwnerId, OwnerHistory>,
    killed: HashSet<ProcessId>,
    shut_down: HashSet<ProcessId>,
}

#[derive(Debug)]
struct OwnerHistory {
    process: ProcessId,
    heartbeat: Micros,
    is_dead: bool,
    /// It is dead or was shut down.
    has_ended: bool,
}

impl Owners {
    /// A sign of life was committed.
    pub(super) fn heartbeat(&mut self, process: ProcessId, owner: OwnerId, now: Micros) {
        let new = OwnerHistory { process, heartbeat: now, is_dead: false, has_ended: false };
        self.known.entry(owner).or_insert(new).heartbeat = now;
    }

    pub(super) fn ended(&mut self, owner: OwnerId) {
        if let Some(owner) = self.known.get_mut(&owner) {
            owner.has_ended = true;
        }
    }

    /// Notes that an owner was found dead. Returns when it gave its last sign of life.
    pub(super) fn condemned(&mut self, owner: OwnerId) -> Option<Micros> {
        let history = self.known.get_mut(&owner)?;
        (history.is_dead, history.has_ended) = (true, true);
        Some(history.heartbeat)
    }

    pub(super) fn killed(&mut self, process: ProcessId) {
        self.killed.insert(process);
    }

    pub(super) fn shut_down(&mut self, process: ProcessId) {
        self.shut_down.insert(process);
    }

    pub(super) fn process_of(&self, owner: OwnerId) -> Option<ProcessId> {
        self.known.get(&owner).map(|owner| owner.process)
    }

    pub(super) fn is_dead(&self, owner: OwnerId) -> bool {
        self.known.get(&owner).is_some_and(|owner| owner.is_dead)
    }

    pub(super) fn has_ended(&self, owner: OwnerId) -> bool {
        self.known.get(&owner).is_some_and(|owner| owner.has_ended)
    }

    pub(super) fn was_shut_down(&self, process: ProcessId) -> bool {
        self.shut_down.contains(&process)
    }

    /// Returns whether a process wrote everything that it had to write.
    pub(super) fn is_reliable(&self, process: ProcessId) -> bool {
        let was_fenced = self.known.values().any(|owner| owner.process == process && owner.is_dead);
        !was_fenced && !self.killed.contains(&process) && !self.shut_down.contains(&process)
    }
}
