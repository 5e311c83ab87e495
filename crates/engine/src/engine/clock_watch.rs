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
pub(super) struct ClockWatch {
    last: Mutex<Option<Reading>>,
    /// The last range that the clock has left out, because it was set forward.
    left_out: Mutex<Option<(Timestamp, Timestamp)>>,
}

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
        *lock(&self.last) = Some(reading);
        *lock(&self.left_out) = None;
    }

    /// Returns by how much the clock was set since the last reading; negative if it was set back.
    pub(super) fn look(&self, clock: &dyn Clock) -> Option<TimeDelta> {
        let reading = Reading::of(clock);
        let last = lock(&self.last).replace(reading)?;
        let step = last.step_to(reading)?;
        if step > TimeDelta::zero() {
            *lock(&self.left_out) = Some((last.now, reading.now));
        }
        Some(step)
    }

    /// Returns whether the clock was set forward past this instant.
    pub(super) fn has_left_out(&self, instant: Timestamp) -> bool {
        lock(&self.left_out).is_some_and(|(from, to)| from < instant && instant <= to)
    }
}
