//! Why runs are missed.

use std::borrow::Cow;
use std::time::Duration;

use crate::ledger::Reason;

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
    /// What else kept it from running, if that is known: no executor, a broken record, a clock that was set forward, or an
    /// executor that was full.
    pub cause: Option<Reason>,
}

impl Missed {
    /// A run that would have started this late.
    pub const fn by(lateness: Duration) -> Self {
        Self { lateness, queued: Duration::ZERO, idle: Duration::ZERO, cause: None }
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

    /// Sets what else kept it from running.
    pub const fn cause(mut self, cause: Option<Reason>) -> Self {
        self.cause = cause;
        self
    }

    /// Returns the code of the main reason.
    pub fn code(&self) -> Reason {
        if self.was_idle() { Reason::AllDown } else { self.cause.unwrap_or(Reason::Late) }
    }

    /// Returns whether the main reason is that the scheduler was not started or was paused.
    pub fn was_idle(&self) -> bool {
        self.idle * 2 > self.lateness
    }

    /// Returns the main reason in words.
    pub fn reason(&self) -> Cow<'static, str> {
        match self.code() {
            Reason::AllDown => "the scheduler was not running then".into(),
            Reason::NoExecutor => "no executor had the alias that the job names".into(),
            Reason::BrokenRecord => "the job could not be restored".into(),
            Reason::ClockJump => {
                "the clock was set forward past its run time, or the machine slept".into()
            }
            Reason::PoolFull => "the executor was full".into(),
            _ if self.queued * 2 > self.lateness => {
                let seconds = self.queued.as_secs_f64();
                format!("waited {seconds:.3} s in the queue of the executor").into()
            }
            _ => "the scheduler woke up late".into(),
        }
    }
}
