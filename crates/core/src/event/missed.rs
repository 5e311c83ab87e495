//! Why runs are missed.

use std::borrow::Cow;
use std::time::Duration;

/// Why a run was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How late the run would have started.
    pub lateness: Duration,
    /// The part of it that the run waited in the executor's queue.
    pub queued: Duration,
    /// The part of it in which the scheduler was not started or was paused. The rest of the lateness is a late wake-up.
    pub idle: Duration,
}

impl Missed {
    /// Returns the main reason in words.
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
