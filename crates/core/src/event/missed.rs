//! Why runs are missed.

use std::borrow::Cow;
use std::time::Duration;

/// Why a run was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missed {
    /// How late the run would have started.
    pub lateness: Duration,
    /// The part of it that the run waited in the executor's queue.
    pub queued: Duration,
    /// The part of it in which the scheduler was not started or was paused. The rest of the lateness is a late wake-up.
    pub idle: Duration,
}

impl Missed {
    /// A run that would have started this late.
    pub const fn by(lateness: Duration) -> Self {
        Self { lateness, queued: Duration::ZERO, idle: Duration::ZERO }
    }

    /// Sets the part of the lateness that the run waited in the executor's queue.
    pub const fn queued(mut self, queued: Duration) -> Self {
        self.queued = queued;
        self
    }

    /// Sets the part of the lateness in which the scheduler was not started or was paused.
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Returns whether the main reason is that the scheduler was not started or was paused.
    pub fn was_idle(&self) -> bool {
        self.idle * 2 > self.lateness
    }

    /// Returns the main reason in words.
    pub fn reason(&self) -> Cow<'static, str> {
        if self.queued * 2 > self.lateness {
            format!("waited {:.3} s in the queue of the executor", self.queued.as_secs_f64()).into()
        } else if self.was_idle() {
            "the scheduler was not running then".into()
        } else {
            "the scheduler woke up late".into()
        }
    }
}
