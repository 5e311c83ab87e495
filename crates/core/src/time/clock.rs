//! The source of time for schedulers.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::SubsecRound as _;

use super::Timestamp;

/// Wakes a scheduler's event loop, from any thread and without blocking.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A source of the current time.
///
/// Schedulers ask it for the time and for how long to sleep. Tests can use a clock that stands
/// still until it is moved.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current instant, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// Returns how long a thread has to sleep until this clock may show `until`. The thread may
    /// wake early.
    fn sleep_until(&self, until: Timestamp) -> Duration {
        (until - self.now()).to_std().unwrap_or_default()
    }

    /// Returns the time since a fixed moment, regardless of clock changes. Schedulers use it to
    /// detect that the clock was set, and measure leases by it.
    fn elapsed(&self) -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed()
    }

    /// Calls `waker` whenever this clock is moved manually. Other clocks need not do anything.
    fn on_moved(&self, waker: Waker) {
        drop(waker);
    }
}

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now().trunc_subsecs(6)
    }
}
