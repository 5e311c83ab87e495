//! Why runs are missed.

use std::borrow::Cow;
use std::time::Duration;

/// Why a run was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How late the run would have started.
    pub lateness: Duration,
    /// How much of that it waited in the executor's queue.
    pub queued: Duration,
    /// How much of that the scheduler ran no jobs: it had not been started, or was paused. What is left of the lateness is a
    /// late wake-up.
    pub idle: Duration,
}

impl Missed {
    /// The reason in words: the largest part of the lateness.
    pub fn reason(&self) -> Cow<'static, str> {
        if self.queued * 2 > self.lateness {
            format!("waited {:.3} s in the queue of the executor", self.queued.as_secs_f64()).into()
        } else if self.idle * 2 > self.lateness {
            "the scheduler was not running then".into()
        } else {
            "the scheduler woke up late".into()
        }
    }
}
