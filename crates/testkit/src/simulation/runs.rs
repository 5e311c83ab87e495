//! The runs that the executor of a process holds.

use std::collections::{BTreeMap, VecDeque};

use apscheduler_core::executor::Run;

/// The runs of a process.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) queue: VecDeque<u64>,
    pub(super) running: usize,
    pub(super) submitted: u64,
    /// `None` while a run is being called.
    pub(super) held: BTreeMap<u64, Option<HeldRun>>,
}

/// A run that waits, or whose function takes its time.
pub(super) struct HeldRun {
    pub(super) run: Run,
    /// The run time that has begun, in microseconds since the start.
    pub(super) current: Option<i64>,
}

impl Runs {
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes the runs that have not begun.
    pub(super) fn take_waiting(&mut self) -> Vec<Run> {
        self.queue.clear();
        let is_waiting = |held: &HeldRun| held.current.is_none();
        let waiting = self.held.iter().filter(|(_, held)| held.as_ref().is_some_and(is_waiting));
        let waiting: Vec<u64> = waiting.map(|(number, _)| *number).collect();
        let taken = waiting.into_iter().filter_map(|number| self.held.remove(&number).flatten());
        taken.map(|held| held.run).collect()
    }
}
