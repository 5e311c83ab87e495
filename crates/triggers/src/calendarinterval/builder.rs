//! Building a calendar interval trigger, in code or from options.

use std::time::Duration;

use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone, parse_date};
use apscheduler_core::{Error, ErrorKind, Result};
use chrono::{Datelike as _, NaiveDate, NaiveTime};
use serde::{Deserialize, Deserializer};

use super::{CalendarIntervalTrigger, LAST_YEAR, Step};
use crate::jitter::Jitter;

/// Builds a [`CalendarIntervalTrigger`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CalendarIntervalTriggerBuilder {
    years: i64,
    months: i64,
    weeks: i64,
    days: i64,
    hour: i64,
    minute: i64,
    second: i64,
    #[serde(deserialize_with = "date")]
    start_date: Option<NaiveDate>,
    from_clock: bool,
    #[serde(deserialize_with = "date")]
    end_date: Option<NaiveDate>,
    timezone: Option<Zone>,
    jitter: Option<Jitter>,
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_date(&text).map_err(serde::de::Error::custom)).transpose()
}

macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ $field:ident;)+) => {$(
        $(#[doc = $doc])+
        pub fn $field(mut self, $field: u32) -> Self {
            self.$field = $field.into();
            self
        }
    )+};
}

impl CalendarIntervalTriggerBuilder {
    numbers! {
        /// The number of years between two fires, on top of the rest.
        years;
        /// The number of months between two fires, on top of the rest.
        months;
        /// The number of weeks between two fires, on top of the rest.
        weeks;
        /// The number of days between two fires, on top of the rest.
        days;
        /// The hour to fire at, from 0 to 23; 0 if it is not set.
        hour;
        /// The minute to fire at, from 0 to 59; 0 if it is not set.
        minute;
        /// The second to fire at, from 0 to 59; 0 if it is not set.
        second;
    }

    /// The first date to fire on; today's in the trigger's zone if it is not set.
    pub fn start_date(mut self, start_date: NaiveDate) -> Self {
        self.start_date = Some(start_date);
        self
    }

    /// The last date to fire on.
    pub fn end_date(mut self, end_date: NaiveDate) -> Self {
        self.end_date = Some(end_date);
        self
    }

    /// The zone of the dates and of the time of day; that of the machine if it is not set.
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.timezone = Some(zone.into());
        self
    }

    /// Delays each run by a random time of up to `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.jitter = Some(longest.into());
        self
    }

    /// The trigger.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] where the interval is shorter than a day, the time of day does not exist, the
    /// end is before the start, or a date is behind the year 9999.
    pub fn build(self) -> Result<CalendarIntervalTrigger> {
        let zone = self.timezone.map_or_else(Zone::local, Ok)?;
        self.build_in(zone, SystemClock.now())
    }

    /// The trigger, in this zone unless one is set, starting today unless a date is set.
    pub(super) fn build_in(self, zone: Zone, now: Timestamp) -> Result<CalendarIntervalTrigger> {
        let zone = self.timezone.unwrap_or(zone);
        let start_date = self.start_date.unwrap_or_else(|| zone.wall_clock(now).date());
        for (name, date) in [("start_date", Some(start_date)), ("end_date", self.end_date)] {
            if let Some(date) = date.filter(|date| !(1..=LAST_YEAR).contains(&date.year())) {
                return Err(invalid(format!(
                    "{name}: {date} is not in the years 1 to {LAST_YEAR}"
                )));
            }
        }
        if self.end_date.is_some_and(|end| end < start_date) {
            return Err(invalid("end_date cannot be earlier than start_date".to_owned()));
        }
        Ok(CalendarIntervalTrigger {
            step: self.step()?,
            time: self.time()?,
            from_clock: self.from_clock || self.start_date.is_none(),
            start_date,
            end_date: self.end_date,
            zone,
            jitter: self.jitter.unwrap_or_default(),
        })
    }

    fn step(&self) -> Result<Step> {
        let amount = |name, value: i64| {
            u32::try_from(value).map_err(|_| {
                invalid(format!("{name}: {value} is out of range; expected 0 to {}", u32::MAX))
            })
        };
        let step = Step {
            years: amount("years", self.years)?,
            months: amount("months", self.months)?,
            weeks: amount("weeks", self.weeks)?,
            days: amount("days", self.days)?,
        };
        if step == Step::default() {
            return Err(invalid(
                "interval must be at least 1 day long; set `years`, `months`, `weeks` or `days`"
                    .to_owned(),
            ));
        }
        Ok(step)
    }

    fn time(&self) -> Result<NaiveTime> {
        let part = |name, value: i64, max: u32| {
            u32::try_from(value).ok().filter(|value| *value <= max).ok_or_else(|| {
                invalid(format!("{name}: {value} is out of range; expected 0 to {max}"))
            })
        };
        let hour = part("hour", self.hour, 23)?;
        let minute = part("minute", self.minute, 59)?;
        let second = part("second", self.second, 59)?;
        // The parts are in range, so the time exists.
        Ok(NaiveTime::from_hms_opt(hour, minute, second).unwrap_or_default())
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidTrigger, message)
}
