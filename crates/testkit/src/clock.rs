//! A clock that stands still until it is moved.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apscheduler_core::time::{Clock, Timestamp, Waker};
use chrono::TimeDelta;

/// A clock that stands still until it is moved; moving it wakes the schedulers that go by it. Clones are the same clock.
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
    wakers: Vec<Waker>,
}

impl ManualClock {
    /// A clock that shows this instant, given in RFC 3339.
    ///
    /// # Panics
    /// Where the text is no such instant.
    pub fn at(text: &str) -> Self {
        match text.parse() {
            Ok(now) => Self::new(now),
            Err(error) => panic!("`{text}` is no instant in RFC 3339: {error}"),
        }
    }

    /// A clock that shows this instant.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State { now, wakers: Vec::new() })))
    }

    /// Moves it forward, or back where the step is negative.
    pub fn advance(&self, step: TimeDelta) {
        let now = self.state().now + step;
        self.set(now);
    }

    /// Moves it to an instant.
    pub fn set(&self, now: Timestamp) {
        let wakers = {
            let mut state = self.state();
            state.now = now;
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
        // Time only passes by hand, and that wakes whoever sleeps.
        if until <= self.state().now { Duration::ZERO } else { Duration::MAX }
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
