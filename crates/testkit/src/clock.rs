//! A manually advanced clock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apscheduler_core::time::{Clock, Timestamp, Waker};
use chrono::TimeDelta;

/// A clock that stands still until it is moved. Moving it wakes the schedulers that use it. Clones
/// are the same clock.
///
/// # Examples
/// ```
/// use apscheduler_core::time::Clock;
/// use apscheduler_testkit::ManualClock;
///
/// let clock = ManualClock::at("2027-01-01T00:00:00Z");
/// clock.advance(chrono::TimeDelta::seconds(90));
/// assert_eq!(clock.now().to_rfc3339(), "2027-01-01T00:01:30+00:00");
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    /// The total time by which the clock was advanced.
    elapsed: Duration,
    wakers: Vec<Waker>,
}

impl ManualClock {
    /// Returns a clock that shows this instant, given in RFC 3339.
    ///
    /// # Panics
    /// If `text` is not a valid instant.
    pub fn at(text: &str) -> Self {
        match text.parse() {
            Ok(now) => Self::new(now),
            Err(error) => panic!("`{text}` is not an instant in RFC 3339: {error}"),
        }
    }

    /// Returns a clock that shows this instant.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State { now, elapsed: Duration::ZERO, wakers: Vec::new() })))
    }

    /// Advances the clock, or sets it back if `step` is negative.
    pub fn advance(&self, step: TimeDelta) {
        let now = self.state().now + step;
        self.set(now);
    }

    /// Moves the clock to an instant. Moving forward lets time pass; moving back sets the clock.
    pub fn set(&self, now: Timestamp) {
        let passed = (now - self.now()).to_std().unwrap_or_default();
        self.show(now, passed);
    }

    /// Sets the clock forward, or back if `step` is negative, without time passing: like a manual
    /// or NTP adjustment.
    pub fn adjust(&self, step: TimeDelta) {
        let now = self.state().now + step;
        self.show(now, Duration::ZERO);
    }

    fn show(&self, now: Timestamp, passed: Duration) {
        let wakers = {
            let mut state = self.state();
            state.now = now;
            state.elapsed += passed;
            state.wakers.clone()
        };
        for wake in wakers {
            wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn sleep_until(&self, until: Timestamp) -> Duration {
        // Time passes only when the clock is moved, and that wakes all sleepers.
        if until <= self.state().now { Duration::ZERO } else { Duration::MAX }
    }

    fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    fn on_moved(&self, waker: Waker) {
        self.state().wakers.push(waker);
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({})", self.state().now)
    }
}
