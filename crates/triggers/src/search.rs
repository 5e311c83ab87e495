//! Searches that triggers share.

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use chrono::TimeDelta;

/// Returns the last time at or before `until` of a schedule, given a function for the first time at or after an instant.
///
/// `first` is a time of the schedule, or earlier than the result. Bisects: the number of calls grows with the logarithm of the
/// time span, not with the number of times in it.
pub(crate) fn last_until(
    first: Timestamp,
    until: Timestamp,
    at_or_after: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Timestamp {
    // Throughout, `last` is the best time so far and the schedule has none from `none_from` to `until`.
    let mut last = first;
    let Some(mut none_from) = until.checked_add_signed(TimeDelta::microseconds(1)) else {
        return first;
    };
    loop {
        let stretch = none_from - last;
        if stretch <= TimeDelta::microseconds(1) {
            return last;
        }
        let middle = last + (stretch / 2).max(TimeDelta::microseconds(1));
        match at_or_after(middle) {
            Some(time) if time <= until => last = time,
            _ => none_from = middle,
        }
    }
}

/// Returns the first grid time of a trigger at or after an instant.
///
/// It asks for the time after the preceding instant. Asked for a first time, `date` would return its time even if it has
/// passed.
pub(crate) fn first_from(trigger: &dyn Trigger, from: Timestamp) -> Option<Timestamp> {
    let before = from.checked_sub_signed(TimeDelta::nanoseconds(1));
    trigger.next_grid_time(before, from)
}

/// Returns the first instant after another.
pub(crate) fn after(instant: Timestamp) -> Option<Timestamp> {
    instant.checked_add_signed(TimeDelta::nanoseconds(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn bisecting_finds_the_last_time() {
        let times = [0, 3, 4, 1000, 1_000_000, 1_000_001, 5_000_000_000];
        let at_or_after = |from| times.into_iter().map(at).find(|time| *time >= from);
        for until in [0, 1, 3, 5, 999, 1000, 999_999, 1_000_001, 4_999_999_999, 9_000_000_000] {
            let expected = times.into_iter().rfind(|time| *time <= until).unwrap();
            assert_eq!(last_until(at(0), at(until), at_or_after), at(expected), "{until}");
        }
    }
}
