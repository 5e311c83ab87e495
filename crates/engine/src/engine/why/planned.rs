//! The times around an instant at which a trigger fires.

use apscheduler_core::Result;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use chrono::{TimeDelta, Timelike as _};
use serde_json::Value;

use super::super::foreign::caught;

/// The most fire times that are visited to find the last one before an instant.
const MOST_STEPS: usize = 10_000;

/// How far back to look for the fire time before an instant.
const FARTHEST: TimeDelta = TimeDelta::days(300 * 365);

/// The times around an instant at which a trigger fires, without random delays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Planned {
    /// The fire time that the instant stands for.
    pub(super) at: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
    pub(super) after: Option<Timestamp>,
    /// Whether the trigger adds a random delay.
    pub(super) is_random: bool,
}

/// Returns the end of the span that an instant stands for: lists show times without fractions, so a whole second stands for
/// all instants in it.
pub(super) fn end_of(asked: Timestamp) -> Timestamp {
    let span =
        if asked.nanosecond() == 0 { TimeDelta::seconds(1) } else { TimeDelta::microseconds(1) };
    asked.checked_add_signed(span).unwrap_or(Timestamp::MAX_UTC)
}

impl Planned {
    /// Returns the end of the span in which the run lies that an instant stands for: with a random delay, it may run at any
    /// time before the next fire time.
    pub(super) fn end_of(&self, asked: Timestamp) -> Timestamp {
        let end = self.after.filter(|_| self.is_random && self.at.is_some());
        end.unwrap_or_else(|| end_of(asked))
    }
}

/// Returns the times around an instant at which a trigger fires.
///
/// # Errors
/// If the trigger panics.
pub(super) fn planned(trigger: &dyn Trigger, asked: Timestamp) -> Result<Planned> {
    caught("the trigger", || {
        let first = first_from(trigger, asked);
        let at = first.filter(|first| *first < end_of(asked));
        let after = match at {
            Some(at) => trigger.next_grid_time(Some(at), at),
            None => first,
        };
        let is_random = is_random(trigger);
        Ok(Planned { at, before: last_before(trigger, asked, is_random), after, is_random })
    })
}

/// Returns the first fire time at or after an instant.
fn first_from(trigger: &dyn Trigger, instant: Timestamp) -> Option<Timestamp> {
    // A trigger that fires once returns its time even if that has passed, unless it is given a previous one.
    let previous = instant.checked_sub_signed(TimeDelta::microseconds(1))?;
    trigger.next_grid_time(Some(previous), instant).filter(|first| *first >= instant)
}

/// Returns the last fire time before an instant, by looking back in spans that grow.
fn last_before(trigger: &dyn Trigger, end: Timestamp, is_random: bool) -> Option<Timestamp> {
    let latest = end.checked_sub_signed(TimeDelta::microseconds(1))?;
    let mut span = TimeDelta::minutes(1);
    while span < FARTHEST {
        let first = latest.checked_sub_signed(span)?;
        let last = if is_random {
            last_grid_time(trigger, first, latest)
        } else {
            trigger.last_fire_time(first, latest)
        };
        if last > first && last <= latest {
            return Some(last);
        }
        span = span * 8;
    }
    None
}

/// As [`Trigger::last_fire_time`], without a random delay.
fn last_grid_time(trigger: &dyn Trigger, first: Timestamp, latest: Timestamp) -> Timestamp {
    let mut last = first;
    for _ in 0..MOST_STEPS {
        match trigger.next_grid_time(Some(last), latest) {
            Some(next) if next <= latest && next > last => last = next,
            _ => break,
        }
    }
    last
}

/// Returns whether a trigger, or one that it combines, adds a random delay.
fn is_random(trigger: &dyn Trigger) -> bool {
    serde_json::to_value(trigger).is_ok_and(|options| has_jitter(&options))
}

fn has_jitter(options: &Value) -> bool {
    match options {
        Value::Object(options) => options.iter().any(|(name, value)| {
            let is_set = name == "jitter" && value.as_f64().is_some_and(|seconds| seconds > 0.0);
            is_set || has_jitter(value)
        }),
        Value::Array(options) => options.iter().any(has_jitter),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use apscheduler_triggers::{CronTrigger, DateTrigger, IntervalTrigger};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nightly() -> CronTrigger {
        CronTrigger::builder().hour(3).timezone(chrono::Utc).build().unwrap()
    }

    #[test]
    fn a_fire_time_has_neighbours() {
        let planned = planned(&nightly(), at("2027-01-02T03:00:00Z")).unwrap();
        assert_eq!(planned.at, Some(at("2027-01-02T03:00:00Z")));
        assert_eq!(planned.before, Some(at("2027-01-01T03:00:00Z")));
        assert_eq!(planned.after, Some(at("2027-01-03T03:00:00Z")));
    }

    #[test]
    fn another_time_lies_between_two() {
        let planned = planned(&nightly(), at("2027-01-02T04:00:00Z")).unwrap();
        assert_eq!((planned.at, planned.is_random), (None, false));
        assert_eq!(planned.before, Some(at("2027-01-02T03:00:00Z")));
        assert_eq!(planned.after, Some(at("2027-01-03T03:00:00Z")));
    }

    #[test]
    fn a_whole_second_stands_for_the_instants_in_it() {
        let start = at("2027-01-01T00:00:00.25Z");
        let trigger = IntervalTrigger::every(Duration::from_secs(60)).start_date(start);
        let trigger = trigger.timezone(chrono::Utc);
        let found = |text| planned(&trigger, at(text)).unwrap().at;
        assert_eq!(found("2027-01-01T00:01:00Z"), Some(at("2027-01-01T00:01:00.25Z")));
        assert_eq!(found("2027-01-01T00:01:00.1Z"), None);
        assert_eq!(found("2027-01-01T00:01:00.25Z"), Some(at("2027-01-01T00:01:00.25Z")));
    }

    #[test]
    fn a_trigger_that_fires_once_has_a_past_and_no_future() {
        let trigger = DateTrigger::at(at("2020-01-01T00:00:00Z")).timezone(chrono::Utc);
        let later = planned(&trigger, at("2027-01-01T00:00:00Z")).unwrap();
        assert_eq!((later.at, later.after), (None, None));
        assert_eq!(later.before, Some(at("2020-01-01T00:00:00Z")));
        let earlier = planned(&trigger, at("2019-01-01T00:00:00Z")).unwrap();
        assert_eq!((earlier.at, earlier.before), (None, None));
        assert_eq!(earlier.after, Some(at("2020-01-01T00:00:00Z")));
    }

    #[test]
    fn random_delays_are_left_out() {
        let trigger = CronTrigger::builder().hour(3).timezone(chrono::Utc);
        let trigger = trigger.jitter(Duration::from_secs(600)).build().unwrap();
        let planned = planned(&trigger, at("2027-01-02T03:00:00Z")).unwrap();
        assert!(planned.is_random);
        assert_eq!(planned.at, Some(at("2027-01-02T03:00:00Z")));
        assert_eq!(planned.before, Some(at("2027-01-01T03:00:00Z")));
        let end = |text| planned.end_of(at(text));
        assert_eq!(end("2027-01-02T03:00:00Z"), at("2027-01-03T03:00:00Z"));
    }
}
