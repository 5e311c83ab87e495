//! The trigger.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone, duration_to_micros};
use apscheduler_core::trigger::Trigger;
use chrono::{DateTime, TimeDelta};

use super::options::{DAY, HOUR, IntervalOptions, MINUTE};
use crate::instant::{self, InstantOption};
use crate::jitter::{self, Jitter};
use crate::seconds::SECOND;

/// Fires at `start_date + k * interval`, in elapsed time: a day is 24 hours, also when clocks change.
///
/// The grid depends on nothing but the trigger, so it never drifts.
///
/// [`every`](Self::every) makes a trigger with the zone and the clock of the machine; with [`builder`](Self::builder) a job
/// gets those of its scheduler.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_core::trigger::Trigger;
/// use apscheduler_triggers::IntervalTrigger;
/// use chrono::{TimeDelta, TimeZone, Utc};
///
/// let start = Utc.with_ymd_and_hms(2009, 8, 4, 0, 0, 2).unwrap();
/// let trigger = IntervalTrigger::every(Duration::from_secs(90)).start_date(start);
/// assert_eq!(trigger.next_fire_time(None, start + TimeDelta::seconds(1)), Some(start + TimeDelta::seconds(90)));
/// assert_eq!(trigger.to_string(), "interval[0:01:30]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalTrigger {
    /// In microseconds; at least one.
    interval: i64,
    pub(super) start_date: Timestamp,
    /// Whether `start_date` was not given: it is one interval after the time at which the trigger was built.
    pub(super) from_clock: bool,
    pub(super) end_date: Option<Timestamp>,
    zone: Zone,
    pub(super) jitter: Jitter,
}

impl IntervalTrigger {
    /// Creates a trigger with this interval, to the microsecond. It first fires one interval from now.
    ///
    /// An interval of zero is one second, as in APScheduler.
    pub fn every(interval: Duration) -> Self {
        let interval = duration_to_micros(interval);
        Self::starting_after(SystemClock.now(), interval, instant::machine_zone())
    }

    /// Creates a trigger that first fires one interval after `now`.
    pub(super) fn starting_after(now: Timestamp, interval: i64, zone: Zone) -> Self {
        let interval = if interval == 0 { SECOND } else { interval };
        let start_date = now.checked_add_signed(TimeDelta::microseconds(interval));
        let start_date = instant::storable(start_date.unwrap_or(Timestamp::MAX_UTC));
        Self {
            interval,
            start_date,
            from_clock: true,
            end_date: None,
            zone,
            jitter: Jitter::default(),
        }
    }

    /// Sets the start of the grid, which is the first fire time.
    pub fn start_date(mut self, start_date: impl Into<Timestamp>) -> Self {
        self.start_date = instant::storable(start_date.into());
        self.from_clock = false;
        self
    }

    /// Sets the last instant at which the trigger may fire.
    pub fn end_date(mut self, end_date: impl Into<Timestamp>) -> Self {
        self.end_date = Some(instant::storable(end_date.into()));
        self
    }

    /// Sets the zone that fire times are shown in.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.zone = zone.into();
        self
    }

    /// Delays each run by a random time of at most `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.jitter = longest.into();
        self
    }

    /// Returns the time between two fires.
    pub fn interval(&self) -> TimeDelta {
        TimeDelta::microseconds(self.interval)
    }

    /// Returns the point of the grid with this number, unless it is after the end.
    fn point(&self, number: i64) -> Option<Timestamp> {
        let start = self.start_date.timestamp_micros();
        let micros = self.interval.checked_mul(number)?.checked_add(start)?;
        let point = DateTime::from_timestamp_micros(micros)?;
        self.end_date.is_none_or(|end| point <= end).then_some(point)
    }

    /// Returns the number of whole intervals between the start and an instant; negative before the start.
    fn intervals_until(&self, instant: Timestamp) -> i64 {
        let start = self.start_date.timestamp_micros();
        instant.timestamp_micros().saturating_sub(start).div_euclid(self.interval)
    }
}

impl Trigger for IntervalTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let grid_time = self.next_grid_time(previous, now)?;
        Some(jitter::fire_at(self, grid_time, Timestamp::MAX_UTC))
    }

    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        // The first point at or after `now` is the first one after the nanosecond before it.
        let before = previous.or_else(|| now.checked_sub_signed(TimeDelta::nanoseconds(1)));
        let passed = self.intervals_until(before.unwrap_or(now));
        self.point(passed.saturating_add(1).max(0))
    }

    fn add_jitter(&self, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
        self.jitter.delay(grid_time, self.end_date.map_or(latest, |end| end.min(latest)))
    }

    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let latest = self.end_date.map_or(until, |end| end.min(until));
        let passed = self.intervals_until(latest);
        // Before the start there are no points, and `first` need not be one.
        match (passed >= 0).then(|| self.point(passed)).flatten() {
            Some(base) if base > first => self.jitter.delay(base, latest),
            _ => first,
        }
    }

    fn count_fire_times(&self, first: Timestamp, until: Timestamp) -> u64 {
        let latest = self.end_date.map_or(until, |end| end.min(until));
        // The start is the point 0, and none lies before it.
        let points = |time| self.intervals_until(time).max(-1);
        u64::try_from(points(latest) - points(first)).unwrap_or(0)
    }

    fn diagnose(&self, _now: Timestamp) -> Option<String> {
        let end = self.end_date.filter(|end| *end < self.start_date)?;
        let (end, start) = (self.zone.iso(end), self.zone.iso(self.start_date));
        Some(format!(
            "it ends before its first fire time: `end_date` is {end}, `start_date` is {start}"
        ))
    }

    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let start_date = Self::starting_after(now, self.interval, self.zone).start_date;
        let ahead = self.from_clock && self.start_date > start_date;
        ahead.then(|| Arc::new(Self { start_date, ..self.clone() }) as _)
    }

    fn kind(&self) -> &'static str {
        "interval"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        Box::new(IntervalOptions {
            start_date: Some(InstantOption::stored(self.start_date, self.zone)),
            from_clock: self.from_clock,
            end_date: self.end_date.map(|end| InstantOption::stored(end, self.zone)),
            timezone: Some(self.zone),
            jitter: self.jitter.option(),
            ..IntervalOptions::of_interval(self.interval)
        })
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        self.zone
    }
}

/// The interval in the form of Python's `timedelta`: `interval[1 day, 2:00:00]`.
impl fmt::Display for IntervalTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interval[")?;
        match self.interval / DAY {
            0 => {}
            1 => f.write_str("1 day, ")?,
            days => write!(f, "{days} days, ")?,
        }
        let (hours, minutes) = (self.interval % DAY / HOUR, self.interval % HOUR / MINUTE);
        write!(f, "{hours}:{minutes:02}:{:02}", self.interval % MINUTE / SECOND)?;
        match self.interval % SECOND {
            0 => f.write_str("]"),
            micros => write!(f, ".{micros:06}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_timedelta() {
        let cases = [
            (0.0, "interval[0:00:01]"),
            (0.5, "interval[0:00:00.500000]"),
            (26.0 * 3600.0, "interval[1 day, 2:00:00]"),
            (14.0 * 86_400.0, "interval[14 days, 0:00:00]"),
        ];
        for (seconds, text) in cases {
            assert_eq!(IntervalTrigger::every(Duration::from_secs_f64(seconds)).to_string(), text);
        }
    }

    #[test]
    fn the_longest_interval_fires_once() {
        let trigger = IntervalTrigger::every(Duration::MAX).start_date(Timestamp::UNIX_EPOCH);
        let first = trigger.next_fire_time(None, Timestamp::UNIX_EPOCH);
        assert_eq!(first, Some(Timestamp::UNIX_EPOCH));
        assert_eq!(trigger.next_fire_time(first, Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn the_last_fire_time_is_computed_without_stepping() {
        let start = Timestamp::UNIX_EPOCH;
        let trigger = IntervalTrigger::every(Duration::from_secs(7)).start_date(start);
        let at = |seconds| start + TimeDelta::seconds(seconds);
        assert_eq!(trigger.last_fire_time(at(7), at(7_000_000_006)), at(7_000_000_000));
        assert_eq!(trigger.last_fire_time(at(7), at(13)), at(7));
        assert_eq!(trigger.end_date(at(20)).last_fire_time(at(7), at(100)), at(14));
    }
}
