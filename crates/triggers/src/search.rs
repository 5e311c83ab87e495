//! Searches that triggers share.

use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use chrono::TimeDelta;

/// The last time at or before `until` of a schedule that is asked for its first time at or after an instant.
///
/// `first` is a time of the schedule, or earlier than the wanted one. Bisects: the number of questions grows with
/// the logarithm of the stretch, not with the times in it.
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

/// The first grid time of a trigger at or after an instant.
///
/// Asked for the time after the instant before it, and not for a first time, a trigger does not return a time that has
/// passed, as `date` does.
pub(crate) fn first_from(trigger: &dyn Trigger, from: Timestamp) -> Option<Timestamp> {
    let before = from.checked_sub_signed(TimeDelta::nanoseconds(1));
    trigger.next_grid_time(before, from)
}

/// The first instant behind another.
pub(crate) fn behind(instant: Timestamp) -> Option<Timestamp> {
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
