//! Detects changes of the system clock.

use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;

use super::lock::lock;
use apscheduler_core::time::{Clock, Timestamp};

/// The largest deviation that clock synchronization corrects gradually.
const STEP: TimeDelta = TimeDelta::seconds(1);

/// Compares the wall clock with the elapsed monotonic time between turns of the event loop.
#[derive(Debug, Default)]
pub(super) struct ClockWatch(Mutex<Option<Reading>>);

/// Both clocks, read one after the other.
#[derive(Clone, Copy, Debug)]
struct Reading {
    now: Timestamp,
    passed: Duration,
    /// The time that passed between the two reads.
    doubt: Duration,
}

impl Reading {
    fn of(clock: &dyn Clock) -> Self {
        let before = clock.elapsed();
        let now = clock.now();
        let passed = clock.elapsed();
        Self { now, passed, doubt: passed.saturating_sub(before) }
    }

    /// Returns by how much the clock was set between two readings.
    fn step_to(self, later: Self) -> Option<TimeDelta> {
        let delta = |duration: Duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let passed = delta(later.passed.saturating_sub(self.passed));
        let step = later.now.signed_duration_since(self.now).checked_sub(&passed)?;
        let tolerated = STEP.checked_add(&delta(self.doubt + later.doubt))?;
        (step.abs() > tolerated).then_some(step)
    }
}

impl ClockWatch {
    /// Starts anew: earlier readings are ignored.
    pub(super) fn start(&self, clock: &dyn Clock) {
        let reading = Reading::of(clock);
        *lock(&self.0) = Some(reading);
    }

    /// Returns by how much the clock was set since the last reading; negative if it was set back.
    pub(super) fn look(&self, clock: &dyn Clock) -> Option<TimeDelta> {
        let reading = Reading::of(clock);
        lock(&self.0).replace(reading)?.step_to(reading)
    }
}
