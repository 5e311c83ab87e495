//! The clock that all time comes through.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::SubsecRound as _;

use super::Timestamp;

/// Wakes a scheduler's event loop, from any thread and without blocking.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A source of the present time.
///
/// Schedulers ask it for the time and for how long to sleep; tests put a clock in that stands still until it is moved.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present instant, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// How long a thread has to sleep until this clock may show `until`. It may wake early.
    fn sleep_until(&self, until: Timestamp) -> Duration {
        (until - self.now()).to_std().unwrap_or_default()
    }

    /// How much time has passed since some moment, whatever the clock was set to meanwhile. By that a scheduler notices that
    /// the clock was set.
    fn elapsed(&self) -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed()
    }

    /// Calls `waker` whenever this clock is moved by hand. Clocks that nobody moves need not do anything.
    fn on_moved(&self, waker: Waker) {
        drop(waker);
    }
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now().trunc_subsecs(6)
    }
}
