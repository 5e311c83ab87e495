//! The runs that the executor of a process holds.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Waker};

use apscheduler_core::executor::{CancellationToken, Cancelled, Run};

use super::submitted::Attempt;
use super::time::Micros;

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
    /// The run time that has begun.
    pub(super) current: Option<Current>,
}

/// A run time that has begun.
pub(super) struct Current {
    pub(super) attempt: Attempt,
    /// When its function returns.
    pub(super) ends: Micros,
    /// Whether the function succeeds.
    pub(super) is_ok: bool,
    /// `None` if its function does not look at its token.
    pub(super) cancellation: Option<Cancellation>,
}

/// Lets the function of a run end soon after its token was cancelled.
pub(super) struct Cancellation {
    token: CancellationToken,
    /// It wakes the run.
    _cancelled: Cancelled,
}

impl Cancellation {
    /// Watches the token of a run. The waker wakes the run.
    pub(super) fn of(token: &CancellationToken, waker: &Waker) -> Self {
        let mut cancelled = token.cancelled();
        if Pin::new(&mut cancelled).poll(&mut Context::from_waker(waker)).is_ready() {
            waker.wake_by_ref();
        }
        Self { token: token.clone(), _cancelled: cancelled }
    }
}

impl Current {
    /// Returns whether the function has noticed that it is to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancellation.as_ref().is_some_and(|watched| watched.token.is_cancelled())
    }
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
