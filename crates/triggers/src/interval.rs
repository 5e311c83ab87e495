//! `interval`: on a grid of elapsed time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::options::{self, Options};
use apscheduler_core::registry::Plugin;
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use apscheduler_core::{Error, ErrorKind, Result};
use chrono::{DateTime, TimeDelta};
use serde::Deserialize;

use crate::instant::{self, InstantOption};
use crate::jitter::{self, Jitter};
use crate::seconds::{self, SECOND};

const WHAT: &str = "trigger `interval`";
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The descriptor of this trigger.
///
/// | option | |
/// |---|---|
/// | `weeks`, `days`, `hours`, `minutes`, `seconds` | the interval is their sum, fractions are fine; one second if it is zero |
/// | `start_date` | a fire time, from which the grid goes on; by default the present plus the interval |
/// | `end_date` | the last instant at which it may fire |
/// | `timezone` | the zone that the dates are read in and fire times are shown in |
/// | `jitter` | each run is delayed by a random time of up to so many seconds |
/// | `from_clock` | stores write it: `start_date` was not given |
pub static PLUGIN: Plugin = Plugin::trigger("interval", &build)
    .classes(&["apscheduler.triggers.interval:IntervalTrigger"])
    .summary("fires again and again, with the same time between")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// Fires at `start_date + k * interval`, in elapsed time: a day is 24 hours, whatever clocks do.
///
/// The grid depends on nothing but the trigger, so it never drifts.
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
    start_date: Timestamp,
    /// `start_date` was not given: it lies one interval after the time at which the trigger was made.
    from_clock: bool,
    end_date: Option<Timestamp>,
    zone: Zone,
    jitter: Jitter,
}

impl IntervalTrigger {
    /// Fires at this distance, to the microsecond, for the first time when it has passed once.
    ///
    /// An interval of zero is one second, as in APScheduler.
    pub fn every(interval: Duration) -> Self {
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
        Self::starting_behind(SystemClock.now(), interval, instant::shown_in())
    }

    fn starting_behind(now: Timestamp, interval: i64, zone: Zone) -> Self {
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

    /// The grid starts at this instant, which is the first fire time.
    pub fn start_date(mut self, start_date: impl Into<Timestamp>) -> Self {
        self.start_date = instant::storable(start_date.into());
        self.from_clock = false;
        self
    }

    /// Does not fire later than at this instant.
    pub fn end_date(mut self, end_date: impl Into<Timestamp>) -> Self {
        self.end_date = Some(instant::storable(end_date.into()));
        self
    }

    /// Shows fire times in this zone.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.zone = zone.into();
        self
    }

    /// Delays each run by a random time of up to `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.jitter = longest.into();
        self
    }

    /// The time between two fires.
    pub fn interval(&self) -> TimeDelta {
        TimeDelta::microseconds(self.interval)
    }

    /// The point of the grid with this number, unless it is behind the end.
    fn point(&self, number: i64) -> Option<Timestamp> {
        let start = self.start_date.timestamp_micros();
        let micros = self.interval.checked_mul(number)?.checked_add(start)?;
        let point = DateTime::from_timestamp_micros(micros)?;
        self.end_date.is_none_or(|end| point <= end).then_some(point)
    }

    /// How many whole intervals lie between the start and an instant; negative before the start.
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
        // The first point at or after `now` is the first one behind the nanosecond before it.
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

    fn problem(&self, _now: Timestamp) -> Option<String> {
        let end = self.end_date.filter(|end| *end < self.start_date)?;
        let (end, start) = (self.zone.iso(end), self.zone.iso(self.start_date));
        Some(format!(
            "it ends before its first fire time: `end_date` is {end}, `start_date` is {start}"
        ))
    }

    fn righted(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let start_date = Self::starting_behind(now, self.interval, self.zone).start_date;
        let ahead = self.from_clock && self.start_date > start_date;
        ahead.then(|| Arc::new(Self { start_date, ..self.clone() }) as _)
    }

    fn config(&self) -> TriggerConfig {
        let mut config = TriggerConfig::new("interval");
        let parts = [
            ("days", self.interval / DAY),
            ("hours", self.interval % DAY / HOUR),
            ("minutes", self.interval % HOUR / MINUTE),
        ];
        for (name, amount) in parts.into_iter().filter(|(_, amount)| *amount > 0) {
            config = config.option(name, amount);
        }
        if self.interval % MINUTE > 0 {
            config = config.option("seconds", seconds::option(self.interval % MINUTE));
        }
        config = config.option("start_date", instant::text(self.start_date, self.zone));
        config = instant::mark_from_clock(config, self.from_clock);
        if let Some(end) = self.end_date {
            config = config.option("end_date", instant::text(end, self.zone));
        }
        self.jitter.write(config.option("timezone", self.zone.to_string()))
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct IntervalOptions {
    weeks: f64,
    days: f64,
    hours: f64,
    minutes: f64,
    seconds: f64,
    start_date: Option<InstantOption>,
    end_date: Option<InstantOption>,
    timezone: Option<Zone>,
    jitter: Option<Jitter>,
    from_clock: bool,
}

impl IntervalOptions {
    fn interval(&self) -> Result<i64> {
        let parts = [
            ("weeks", self.weeks, 7 * DAY),
            ("days", self.days, DAY),
            ("hours", self.hours, HOUR),
            ("minutes", self.minutes, MINUTE),
            ("seconds", self.seconds, SECOND),
        ];
        let mut interval = 0_i64;
        for (name, amount, unit) in parts {
            let part =
                seconds::micros(amount, unit / SECOND).map_err(|error| error.with_context(name))?;
            interval = interval.saturating_add(part);
        }
        if interval < 0 {
            let seconds = seconds::option(interval);
            let message =
                format!("the interval must not be negative; its parts add up to {seconds} seconds");
            return Err(Error::new(ErrorKind::InvalidTrigger, message));
        }
        Ok(interval)
    }

    fn build(self, context: &TriggerContext<'_>) -> Result<IntervalTrigger> {
        let zone = self.timezone.unwrap_or(context.timezone);
        let resolve = |name, date: Option<InstantOption>| {
            date.map(|date| date.resolve(name, zone))
                .transpose()
                .map(|date| date.map(|(instant, _)| instant))
        };
        let mut trigger = IntervalTrigger::starting_behind(context.now, self.interval()?, zone);
        if let Some(start) = resolve("start_date", self.start_date)? {
            trigger.start_date = start;
            trigger.from_clock = self.from_clock;
        }
        trigger.end_date = resolve("end_date", self.end_date)?;
        trigger.jitter = self.jitter.unwrap_or_default();
        Ok(trigger)
    }
}

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    let given: IntervalOptions = options::parse(WHAT, given)?;
    let trigger = given.build(context).map_err(|error| error.with_context(WHAT))?;
    Ok(Arc::new(trigger))
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
    fn the_longest_interval_fires_never_again() {
        let trigger = IntervalTrigger::every(Duration::MAX).start_date(Timestamp::UNIX_EPOCH);
        let first = trigger.next_fire_time(None, Timestamp::UNIX_EPOCH);
        assert_eq!(first, Some(Timestamp::UNIX_EPOCH));
        assert_eq!(trigger.next_fire_time(first, Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn the_last_fire_time_is_a_division_away() {
        let start = Timestamp::UNIX_EPOCH;
        let trigger = IntervalTrigger::every(Duration::from_secs(7)).start_date(start);
        let at = |seconds| start + TimeDelta::seconds(seconds);
        assert_eq!(trigger.last_fire_time(at(7), at(7_000_000_006)), at(7_000_000_000));
        assert_eq!(trigger.last_fire_time(at(7), at(13)), at(7));
        assert_eq!(trigger.end_date(at(20)).last_fire_time(at(7), at(100)), at(14));
    }

    #[test]
    fn a_negative_interval_is_an_error() {
        let options = IntervalOptions { minutes: -1.0, seconds: 1.0, ..IntervalOptions::default() };
        assert_eq!(
            options.interval().unwrap_err().to_string(),
            "the interval must not be negative; its parts add up to -59 seconds"
        );
    }
}
