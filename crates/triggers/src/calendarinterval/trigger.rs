//! The trigger.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::Trigger;
use chrono::{NaiveDate, NaiveTime, TimeDelta, Timelike as _};

use super::options::CalendarIntervalOptions;
use super::step::Step;
use crate::jitter::{self, Jitter};

/// Fires on the dates that follow `start_date` in steps of the interval, always at the same time of day in its zone.
///
/// Each step first adds the years and months, repeatedly until the day of the month exists, then the weeks and days. A start
/// on the 31st therefore skips the shorter months, and one on February 29th skips most years. A date is skipped if a change
/// of offset skips the time of day on it; if the time is repeated, the first occurrence counts.
///
/// # Examples
/// ```
/// use apscheduler_core::time::Zone;
/// use apscheduler_core::trigger::Trigger;
/// use apscheduler_triggers::CalendarIntervalTrigger;
/// use chrono::{NaiveDate, TimeZone, Utc};
///
/// let zone: Zone = "Europe/Berlin".parse()?;
/// let start = NaiveDate::from_ymd_opt(2016, 3, 31).unwrap();
/// let trigger = CalendarIntervalTrigger::builder().months(1).hour(8).start_date(start).timezone(zone).build()?;
/// assert_eq!(trigger.to_string(), "calendarinterval[months=1, time='08:00:00']");
///
/// let first = trigger.next_fire_time(None, Utc.with_ymd_and_hms(2016, 1, 1, 0, 0, 0).unwrap()).unwrap();
/// assert_eq!(zone.iso(first), "2016-03-31T08:00:00+02:00");
/// let second = trigger.next_fire_time(Some(first), first).unwrap();
/// assert_eq!(zone.iso(second), "2016-05-31T08:00:00+02:00");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarIntervalTrigger {
    pub(super) step: Step,
    pub(super) time: NaiveTime,
    pub(super) start_date: NaiveDate,
    /// Whether `start_date` was not given: it is the date on which the trigger was built.
    pub(super) from_clock: bool,
    pub(super) end_date: Option<NaiveDate>,
    pub(super) zone: Zone,
    pub(super) jitter: Jitter,
}

impl CalendarIntervalTrigger {
    /// Returns the fire times on a date and on the dates that follow it.
    fn fires_from(&self, date: NaiveDate) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(Some(date), |date| self.step.after(*date))
            .take_while(|date| self.end_date.is_none_or(|end| *date <= end))
            .filter_map(|date| self.fire_on(date))
    }

    /// Returns the fire time on a date, unless the zone skips it.
    fn fire_on(&self, date: NaiveDate) -> Option<Timestamp> {
        let wall = date.and_time(self.time);
        let fire = self.zone.localize(wall);
        (self.zone.wall_clock(fire) == wall).then_some(fire)
    }

    /// Returns the fire times on the grid, starting at the last one that is not later than `instant`, or at the first.
    fn grid_near(&self, instant: Timestamp) -> impl Iterator<Item = Timestamp> {
        let date = self.zone.wall_clock(instant).date();
        self.fires_from(self.step.near(self.start_date, date))
    }

    /// Returns the last time of the grid that is not later than an instant.
    fn last_until(&self, until: Timestamp) -> Option<Timestamp> {
        let mut latest = self.zone.wall_clock(until).date();
        latest = self.end_date.map_or(latest, |end| end.min(latest));
        while latest >= self.start_date {
            let date = self.step.near(self.start_date, latest);
            if let Some(fire) = self.fire_on(date).filter(|fire| *fire <= until) {
                return Some(fire);
            }
            latest = date.pred_opt()?;
        }
        None
    }

    /// Returns the last microsecond of the last date.
    fn end(&self) -> Option<Timestamp> {
        let midnight = self.end_date?.succ_opt()?.and_time(NaiveTime::MIN);
        self.zone.localize(midnight).checked_sub_signed(TimeDelta::microseconds(1))
    }
}

impl Trigger for CalendarIntervalTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let grid_time = self.next_grid_time(previous, now)?;
        Some(jitter::fire_at(self, grid_time, Timestamp::MAX_UTC))
    }

    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        match previous {
            None => self.grid_near(now).find(|fire| *fire >= now),
            Some(previous) => self.grid_near(previous).find(|fire| *fire > previous),
        }
    }

    fn add_jitter(&self, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
        if self.jitter.is_off() {
            return grid_time;
        }
        self.jitter.delay(grid_time, self.end().map_or(latest, |end| end.min(latest)))
    }

    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        match self.last_until(until) {
            Some(last) if last > first => self.add_jitter(last, until),
            _ => first,
        }
    }

    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let start_date = self.zone.wall_clock(now).date();
        let ahead = self.from_clock && self.start_date > start_date;
        ahead.then(|| Arc::new(Self { start_date, ..self.clone() }) as _)
    }

    fn kind(&self) -> &'static str {
        "calendarinterval"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        let Step { years, months, weeks, days } = self.step;
        Box::new(CalendarIntervalOptions {
            years: years.into(),
            months: months.into(),
            weeks: weeks.into(),
            days: days.into(),
            hour: self.time.hour().into(),
            minute: self.time.minute().into(),
            second: self.time.second().into(),
            start_date: Some(self.start_date),
            from_clock: self.from_clock,
            end_date: self.end_date,
            timezone: Some(self.zone),
            jitter: self.jitter.option(),
        })
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        self.zone
    }
}

/// The interval and the time of day: `calendarinterval[years=1, months=2, time='03:00:08']`.
impl fmt::Display for CalendarIntervalTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("calendarinterval[")?;
        for (name, amount) in self.step.parts() {
            write!(f, "{name}={amount}, ")?;
        }
        write!(f, "time='{}']", self.time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn jitter_never_moves_the_grid() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let builder =
            CalendarIntervalTrigger::builder().months(1).hour(23).minute(59).timezone(zone);
        let plain = builder.start_date(date(2020, 1, 31));
        let jittered = plain.clone().jitter(Duration::from_secs(3600)).build().unwrap();
        let plain = plain.build().unwrap();
        let (mut base, mut delayed) = (None, None);
        for _ in 0..50 {
            base = plain.next_fire_time(base, Timestamp::UNIX_EPOCH);
            delayed = jittered.next_fire_time(delayed, Timestamp::UNIX_EPOCH);
            let delay = delayed.unwrap() - base.unwrap();
            assert!((0..=3600).contains(&delay.num_seconds()), "{delay}");
        }
    }

    #[test]
    fn jitter_stays_on_the_last_date() {
        let builder =
            CalendarIntervalTrigger::builder().days(1).hour(23).minute(59).timezone(Zone::UTC);
        let builder = builder.start_date(date(2020, 1, 1)).end_date(date(2020, 1, 1));
        let trigger = builder.jitter(Duration::from_secs(86400)).build().unwrap();
        for _ in 0..100 {
            let fire = trigger.next_fire_time(None, Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(fire.date_naive(), date(2020, 1, 1));
            assert_eq!(trigger.next_fire_time(Some(fire), fire), None);
        }
    }
}
