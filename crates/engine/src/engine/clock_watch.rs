//! Detects changes of the system clock.

use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;

use super::{Engine, lock};
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
    fn look(&self, clock: &dyn Clock) -> Option<TimeDelta> {
        let reading = Reading::of(clock);
        lock(&self.0).replace(reading)?.step_to(reading)
    }
}

impl Engine {
    /// Logs a warning if the clock was set since the last turn.
    pub(super) fn watch_clock(&self) {
        let Some(step) = self.clock_watch.look(&*self.clock) else { return };
        let size = in_words(step.abs());
        if step > TimeDelta::zero() {
            tracing::warn!(
                "the clock went forward by {size}: it was set, or the machine slept; what was due in that time is late"
            );
            return;
        }
        tracing::warn!(
            "the clock was set back by {size}: each job waits until the clock shows its next run time; to run one by its \
             trigger from now on, resume it"
        );
        for store in self.stores().values() {
            store.look_for_distant_jobs();
        }
    }
}

/// Formats the two largest units, for example `2 h 5 min`.
fn in_words(time: TimeDelta) -> String {
    let mut rest = time.num_seconds();
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}
