//! The identity and the times of a run.

use std::sync::Arc;
use std::time::Duration;

use super::{Owner, RunId};
use crate::time::Timestamp;

/// The identity of a run, its owner, and when it was claimed, started and ended. Times are UTC, by the scheduler's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunInfo {
    /// The identifier of the run.
    pub id: RunId,
    /// The attempt number, from 1.
    pub attempt: u32,
    /// The scheduler that claimed the run.
    pub owner: Arc<Owner>,
    /// When the run was claimed.
    pub claimed: Timestamp,
    /// When the function was called. `None` if it was not, or not yet.
    pub started: Option<Timestamp>,
    /// When the run ended. `None` if it has not.
    pub ended: Option<Timestamp>,
    /// How long the function took, by a clock that is never put back.
    pub duration: Option<Duration>,
}

impl RunInfo {
    /// The first attempt of a run, which has not been started.
    pub fn new(id: RunId, owner: Arc<Owner>, claimed: Timestamp) -> Self {
        Self { id, attempt: 1, owner, claimed, started: None, ended: None, duration: None }
    }

    /// Sets the attempt number, from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Sets when the function was called.
    #[must_use]
    pub fn started(mut self, started: Timestamp) -> Self {
        self.started = Some(started);
        self
    }

    /// Sets when the run ended.
    #[must_use]
    pub fn ended(mut self, ended: Timestamp) -> Self {
        self.ended = Some(ended);
        self
    }

    /// Sets how long the function took.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }
}
