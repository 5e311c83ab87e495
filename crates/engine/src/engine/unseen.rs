//! Run times added by other processes, which take time to be noticed.

use chrono::TimeDelta;

use apscheduler_core::time::Timestamp;

/// The maximum time between passes over a store that other processes may change.
pub(super) const MAX_IDLE: TimeDelta = TimeDelta::seconds(60);

/// Run times that came due since the last pass and were unknown to it, because other processes
/// added them. The time until they were noticed does not count towards a misfire.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unseen {
    /// The run times are later than this; `None` if there are none.
    after: Option<Timestamp>,
    /// The run times are earlier than this, if it is set: the next run time that was known.
    before: Option<Timestamp>,
    delay: TimeDelta,
}

impl Unseen {
    /// Returns the unseen run times of a pass that begins at `now`. `last` is the start of the
    /// previous pass if it succeeded, and `next` the next run time that it found.
    pub(super) fn since(last: Option<Timestamp>, next: Option<Timestamp>, now: Timestamp) -> Self {
        let last = last.filter(|last| *last <= now);
        let delay = last.map_or(TimeDelta::zero(), |last| (now - last).min(MAX_IDLE));
        Self { after: last, before: next, delay }
    }

    /// Returns how long a run time could not have been noticed.
    pub(super) fn delay(&self, run_time: Timestamp) -> TimeDelta {
        let is_later = self.after.is_some_and(|after| run_time > after);
        let is_unknown = self.before.is_none_or(|before| run_time < before);
        if is_later && is_unknown { self.delay } else { TimeDelta::zero() }
    }
}
