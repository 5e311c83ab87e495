//! The fire times of a trigger.

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;

/// Iterates over the fire times of a trigger from `first` on, which is one of them or any other instant.
pub(crate) fn fires(
    trigger: &dyn Trigger,
    first: Option<Timestamp>,
) -> impl Iterator<Item = Timestamp> {
    let following = |time: &Timestamp| {
        // One that goes back or repeats a time must not cause an endless loop.
        trigger.next_fire_time(Some(*time), *time).filter(|next| next > time)
    };
    std::iter::successors(first, following)
}
