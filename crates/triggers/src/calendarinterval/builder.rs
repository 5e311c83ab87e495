//! Builds calendar interval triggers, in code or from options.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone};
use chrono::{Datelike as _, NaiveDate};

use super::options::{CalendarIntervalOptions, WHAT, invalid};
use super::step::LAST_YEAR;
use super::trigger::CalendarIntervalTrigger;
use crate::deferred::deferred_trigger;

/// Builds a [`CalendarIntervalTrigger`].
///
/// A job takes the builder as it is; a start and a zone that are not set are then those of its scheduler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalendarIntervalTriggerBuilder(CalendarIntervalOptions);

deferred_trigger!(CalendarIntervalTriggerBuilder, WHAT);

impl CalendarIntervalTrigger {
    /// Starts building a trigger.
    pub fn builder() -> CalendarIntervalTriggerBuilder {
        CalendarIntervalTriggerBuilder::default()
    }
}

macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ $field:ident;)+) => {$(
        $(#[doc = $doc])+
        pub fn $field(mut self, $field: u32) -> Self {
            self.0.$field = $field.into();
            self
        }
    )+};
}

impl CalendarIntervalTriggerBuilder {
    numbers! {
        /// Sets the number of years, which are added to the other parts of the interval.
        years;
        /// Sets the number of months, which are added to the other parts of the interval.
        months;
        /// Sets the number of weeks, which are added to the other parts of the interval.
        weeks;
        /// Sets the number of days, which are added to the other parts of the interval.
        days;
        /// Sets the hour to fire at, from 0 to 23. Default: 0.
        hour;
        /// Sets the minute to fire at, from 0 to 59. Default: 0.
        minute;
        /// Sets the second to fire at, from 0 to 59. Default: 0.
        second;
    }

    /// Sets the first date to fire on. Default: today in the trigger's zone.
    pub fn start_date(mut self, start_date: NaiveDate) -> Self {
        self.0.start_date = Some(start_date);
        self
    }

    /// Sets the last date to fire on.
    pub fn end_date(mut self, end_date: NaiveDate) -> Self {
        self.0.end_date = Some(end_date);
        self
    }

    /// Sets the zone of the dates and of the time of day. Default: the scheduler's, or the machine's for
    /// [`build`](Self::build).
    pub fn timezone(mut self, zone: impl Into<Zone>) -> Self {
        self.0.timezone = Some(zone.into());
        self
    }

    /// Delays each run by a random time of at most `longest`.
    pub fn jitter(mut self, longest: Duration) -> Self {
        self.0.jitter = Some(longest.into());
        self
    }

    /// Builds the trigger with the zone and the clock of this machine.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](apscheduler_core::ErrorKind::InvalidTrigger) if the interval is shorter than a day, the
    /// time of day does not exist, the end is before the start, or a date is after the year 9999.
    pub fn build(self) -> Result<CalendarIntervalTrigger> {
        let zone = self.0.timezone.map_or_else(Zone::local, Ok)?;
        self.build_in(zone, SystemClock.now())
    }

    pub(super) fn from_options(given: &Options) -> Result<Self> {
        options::parse(WHAT, given).map(Self)
    }

    fn build_in(self, zone: Zone, now: Timestamp) -> Result<CalendarIntervalTrigger> {
        let Self(options) = self;
        let zone = options.timezone.unwrap_or(zone);
        let start_date = options.start_date.unwrap_or_else(|| zone.wall_clock(now).date());
        for (name, date) in [("start_date", Some(start_date)), ("end_date", options.end_date)] {
            if let Some(date) = date.filter(|date| !(1..=LAST_YEAR).contains(&date.year())) {
                return Err(invalid(format!(
                    "{name}: {date} is not in the years 1 to {LAST_YEAR}"
                )));
            }
        }
        if options.end_date.is_some_and(|end| end < start_date) {
            return Err(invalid("end_date cannot be earlier than start_date".to_owned()));
        }
        Ok(CalendarIntervalTrigger {
            step: options.step()?,
            time: options.time()?,
            from_clock: options.from_clock || options.start_date.is_none(),
            start_date,
            end_date: options.end_date,
            zone,
            jitter: options.jitter.unwrap_or_default(),
        })
    }
}
