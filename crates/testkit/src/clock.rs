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
    /// How much time has passed, by being moved forward.
    elapsed: Duration,
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
        Self(Arc::new(Mutex::new(State { now, elapsed: Duration::ZERO, wakers: Vec::new() })))
    }

    /// Moves it forward, or back where the step is negative.
    pub fn advance(&self, step: TimeDelta) {
        let now = self.state().now + step;
        self.set(now);
    }

    /// Moves it to an instant. Forward, time passes; back, it is set.
    pub fn set(&self, now: Timestamp) {
        let passed = (now - self.now()).to_std().unwrap_or_default();
        self.show(now, passed);
    }

    /// Sets it forward, or back where the step is negative, as a hand or a time server does: no time passes.
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
        // Time only passes by hand, and that wakes whoever sleeps.
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
