//! Run times that others add to a store, and that take time to be noticed.

use chrono::TimeDelta;

use apscheduler_core::time::Timestamp;

/// A store that other processes may change is looked into at least that often.
pub(super) const MAX_IDLE: TimeDelta = TimeDelta::seconds(60);

/// Run times that came to be due since the last pass, and that it did not know of: others added them. That such a run is
/// late by the time that it took to notice it does not count as a misfire.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unseen {
    /// They are later than this; `None` where there are none.
    after: Option<Timestamp>,
    /// They are earlier than this, if anything: the next run time that was known.
    before: Option<Timestamp>,
    delay: TimeDelta,
}

impl Unseen {
    /// As a pass finds it that begins now. `last` is when the one before began, where it did not fail, and `next` the next
    /// run time that it found.
    pub(super) fn since(last: Option<Timestamp>, next: Option<Timestamp>, now: Timestamp) -> Self {
        let last = last.filter(|last| *last <= now);
        let delay = last.map_or(TimeDelta::zero(), |last| (now - last).min(MAX_IDLE));
        Self { after: last, before: next, delay }
    }

    /// How long nobody could know of a run time.
    pub(super) fn delay(&self, run_time: Timestamp) -> TimeDelta {
        let is_later = self.after.is_some_and(|after| run_time > after);
        let is_unknown = self.before.is_none_or(|before| run_time < before);
        if is_later && is_unknown { self.delay } else { TimeDelta::zero() }
    }
}
