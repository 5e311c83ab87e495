//! How a run is asked to end, and how long it may take.

use std::time::{Duration, Instant};

/// How long a run may take to end when the pool is shut down without waiting, and again after TERM.
pub(crate) const GRACE: Duration = Duration::from_millis(250);

/// How long a run may take to end that somebody has cancelled, until TERM.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// How to treat a worker that does not answer while the pool is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Give it up at once.
    None,
    /// Let its job end by itself.
    WithJobs,
}

/// How a run was asked to end, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hurry {
    None,
    /// By the cancellation token.
    Asked(Instant),
    /// By TERM.
    Told(Instant),
}

impl Hurry {
    pub(crate) fn until(self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::Asked(until) | Self::Told(until) => Some(until),
        }
    }
}
