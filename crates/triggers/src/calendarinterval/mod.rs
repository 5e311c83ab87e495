//! `calendarinterval`: every so many days, weeks, months or years, at one time of day.

mod builder;

use std::fmt;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::registry::Plugin;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Timelike as _};

pub use builder::CalendarIntervalTriggerBuilder;

use crate::instant;
use crate::jitter::{self, Jitter};

const WHAT: &str = "trigger `calendarinterval`";
const LAST_YEAR: i32 = 9999;

/// The descriptor of this trigger.
///
/// | option | |
/// |---|---|
/// | `years`, `months`, `weeks`, `days` | the interval is their sum, at least a day |
/// | `hour`, `minute`, `second` | the time of day; midnight by default |
/// | `start_date`, `end_date` | the first and the last date to fire on, as `2016-03-05`; from today by default |
/// | `timezone` | the zone of the dates and of the time of day |
/// | `jitter` | each run is delayed by a random time of up to so many seconds |
/// | `from_clock` | stores write it: `start_date` was not given |
pub static PLUGIN: Plugin = Plugin::trigger("calendarinterval", &build)
    .classes(&["apscheduler.triggers.calendarinterval:CalendarIntervalTrigger"])
    .summary("fires every so many days, weeks, months or years, at one time of day")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

/// Fires on the dates that come from `start_date` by adding the interval again and again, always at the same time of
/// day in its zone.
///
/// First the years and months are added, again and again until the day of the month exists; then the weeks and days.
/// A start on the 31st therefore skips the shorter months, and one on February 29th most years. A date on which the time of day
/// is skipped by a change of offset is skipped too; where the time is repeated, the first occurrence counts.
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
    step: Step,
    time: NaiveTime,
    start_date: NaiveDate,
    /// `start_date` was not given: it is the date at which the trigger was made.
    from_clock: bool,
    end_date: Option<NaiveDate>,
    zone: Zone,
    jitter: Jitter,
}

impl CalendarIntervalTrigger {
    /// Starts building a trigger.
    pub fn builder() -> CalendarIntervalTriggerBuilder {
        CalendarIntervalTriggerBuilder::default()
    }

    /// The fire times on a date and those that follow it.
    fn fires_from(&self, date: NaiveDate) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(Some(date), |date| self.step.after(*date))
            .take_while(|date| self.end_date.is_none_or(|end| *date <= end))
            .filter_map(|date| self.fire_on(date))
    }

    /// The fire time on a date, unless the zone skips it.
    fn fire_on(&self, date: NaiveDate) -> Option<Timestamp> {
        let wall = date.and_time(self.time);
        let fire = self.zone.localize(wall);
        (self.zone.wall_clock(fire) == wall).then_some(fire)
    }

    /// The fire times on the dates of the grid, from one that is not later than `instant`, or the first.
    fn grid_near(&self, instant: Timestamp) -> impl Iterator<Item = Timestamp> {
        let date = self.zone.wall_clock(instant).date();
        self.fires_from(self.step.near(self.start_date, date))
    }

    /// The last time of the grid that is not later than an instant.
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

    /// The last microsecond of the last date.
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

    fn righted(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let start_date = self.zone.wall_clock(now).date();
        let ahead = self.from_clock && self.start_date > start_date;
        ahead.then(|| Arc::new(Self { start_date, ..self.clone() }) as _)
    }

    fn config(&self) -> TriggerConfig {
        let mut config = TriggerConfig::new("calendarinterval");
        for (name, amount) in self.step.parts() {
            config = config.option(name, amount);
        }
        let (hour, minute, second) = (self.time.hour(), self.time.minute(), self.time.second());
        config = config
            .option("hour", hour)
            .option("minute", minute)
            .option("second", second)
            .option("start_date", self.start_date.to_string());
        config = instant::mark_from_clock(config, self.from_clock);
        if let Some(end) = self.end_date {
            config = config.option("end_date", end.to_string());
        }
        self.jitter.write(config.option("timezone", self.zone.to_string()))
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

/// The distance of two dates; not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Step {
    years: u32,
    months: u32,
    weeks: u32,
    days: u32,
}

impl Step {
    /// The date that follows another, up to the year 9999.
    fn after(self, date: NaiveDate) -> Option<NaiveDate> {
        let months = self.whole_months();
        let mut moved = date;
        if months > 0 {
            let mut month = month_number(date)?;
            moved = loop {
                month += months;
                if month / 12 > LAST_YEAR.unsigned_abs().into() {
                    return None;
                }
                if let Some(exists) = day_in_month(month, date.day()) {
                    break exists;
                }
            };
        }
        moved.checked_add_days(Days::new(self.fixed_days())).filter(|date| date.year() <= LAST_YEAR)
    }

    /// The last date on the way from `start` that is not later than `date`, or the start.
    fn near(self, start: NaiveDate, date: NaiveDate) -> NaiveDate {
        let Ok(passed) = u64::try_from((date - start).num_days()) else {
            return start;
        };
        match (self.whole_months(), self.fixed_days()) {
            (0, days) => start + Days::new(passed - passed % days),
            (months, 0) => near_in_months(start, date, months).unwrap_or(start),
            // Where both are added, only the way itself tells which days of the month it meets.
            _ => std::iter::successors(Some(start), |date| self.after(*date))
                .take_while(|reached| *reached <= date)
                .last()
                .unwrap_or(start),
        }
    }

    fn whole_months(self) -> u64 {
        u64::from(self.years) * 12 + u64::from(self.months)
    }

    fn fixed_days(self) -> u64 {
        u64::from(self.weeks) * 7 + u64::from(self.days)
    }

    fn parts(self) -> impl Iterator<Item = (&'static str, u32)> {
        [("years", self.years), ("months", self.months), ("weeks", self.weeks), ("days", self.days)]
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
    }
}

/// The months since the year 0.
fn month_number(date: NaiveDate) -> Option<u64> {
    Some(u64::try_from(date.year()).ok()? * 12 + u64::from(date.month0()))
}

/// A day of the month with this number, where it has that day.
fn day_in_month(month: u64, day: u32) -> Option<NaiveDate> {
    let (year, month) = (i32::try_from(month / 12).ok()?, u32::try_from(month % 12).ok()?);
    NaiveDate::from_ymd_opt(year, month + 1, day)
}

/// The last date that is not later than `date` and a multiple of `step` months after `start`, on the same day of the month.
fn near_in_months(start: NaiveDate, date: NaiveDate, step: u64) -> Option<NaiveDate> {
    let first = month_number(start)?;
    let passed = month_number(date)?.checked_sub(first)? / step;
    (0..=passed)
        .rev()
        .filter_map(|count| day_in_month(first + count * step, start.day()))
        .find(|reached| *reached <= date)
}

fn build(given: &Options, context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    let given: CalendarIntervalTriggerBuilder = options::parse(WHAT, given)?;
    let trigger =
        given.build_in(context.timezone, context.now).map_err(|error| error.with_context(WHAT))?;
    Ok(Arc::new(trigger))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn months_come_before_days() {
        let step = Step { years: 1, months: 5, weeks: 6, days: 8 };
        assert_eq!(step.after(date(2016, 3, 5)), Some(date(2017, 9, 24)));
    }

    #[test]
    fn dates_that_do_not_exist_are_skipped_and_the_calendar_ends() {
        let yearly = Step { years: 1, ..Step::default() };
        assert_eq!(yearly.after(date(2096, 2, 29)), Some(date(2104, 2, 29)));
        assert_eq!(yearly.after(date(9996, 2, 29)), None);
        let daily = Step { days: 1, ..Step::default() };
        assert_eq!(daily.after(date(9999, 12, 31)), None);
        let eons = Step { years: u32::MAX, months: u32::MAX, weeks: u32::MAX, days: u32::MAX };
        assert_eq!(eons.after(date(2000, 1, 1)), None);
    }

    #[test]
    fn a_grid_of_days_is_entered_by_division() {
        let step = Step { weeks: 1, days: 3, ..Step::default() };
        let start = date(2020, 1, 1);
        for (given, expected) in [
            (date(2019, 5, 5), start),
            (date(2020, 1, 10), start),
            (date(2020, 1, 11), date(2020, 1, 11)),
        ] {
            assert_eq!(step.near(start, given), expected);
        }
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
