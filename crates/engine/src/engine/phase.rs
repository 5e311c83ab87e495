//! The phases of a scheduler.

use apscheduler_core::{Error, ErrorKind};

/// The state of a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerState {
    /// It has not been started, or has been shut down.
    Stopped,
    /// It has been started and processes jobs.
    Running,
    /// It has been started and processes no jobs until it is resumed.
    Paused,
}

/// The state of a scheduler, in finer steps than [`SchedulerState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Stopped,
    Starting,
    Running,
    Paused,
    Stopping,
}

/// What was recorded last of a scheduler and a store, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing: no job was processed yet.
    #[default]
    None,
    Processing,
    Paused,
}

/// The error of a call that needs a stopped scheduler.
pub(super) fn already_running() -> Error {
    Error::new(ErrorKind::AlreadyRunning, "the scheduler is already running")
}
