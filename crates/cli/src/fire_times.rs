//! The fire times of a trigger.

use apscheduler::time::Timestamp;
use apscheduler::trigger::{Trigger, schedule_warning};

use crate::stderr;

/// Iterates over the fire times of a trigger, starting at `now`.
pub(crate) struct FireTimes<'a> {
    trigger: &'a dyn Trigger,
    previous: Option<Timestamp>,
    now: Timestamp,
}

impl<'a> FireTimes<'a> {
    pub(crate) fn new(trigger: &'a dyn Trigger, now: Timestamp) -> Self {
        Self { trigger, previous: None, now }
    }
}

impl Iterator for FireTimes<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let fire = self.trigger.next_fire_time(self.previous, self.now)?;
        (self.previous, self.now) = (Some(fire), fire);
        Some(fire)
    }
}

/// Prints a warning if a schedule has ended or never fires.
pub(crate) fn warn_of_schedule(trigger: &dyn Trigger, now: Timestamp) {
    if let Some(warning) = schedule_warning(trigger, now) {
        stderr::warning(&warning);
    }
}
