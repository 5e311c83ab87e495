//! Builds cron triggers, in code or from options.

use std::fmt;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Options};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, Zone};

use super::expression::Expression;
use super::field::Field;
use super::options::{CronOptions, FieldText, WHAT, misnamed};
use super::schedule::Schedule;
use super::trigger::CronTrigger;
use crate::deferred::deferred_trigger;
use crate::instant::InstantOption;

/// Builds a [`CronTrigger`]; its documentation describes the fields.
///
/// A field that is not set matches everything. If it is less significant than all fields that are set, it matches only its
/// lowest value instead (`week` and `day_of_week` still match everything): `hour = 3` alone means 03:00:00.
///
/// A job takes the builder as it is; a zone that is not set is then that of its scheduler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CronTriggerBuilder(CronOptions);

deferred_trigger!(CronTriggerBuilder, WHAT);

impl CronTrigger {
    /// Starts building a trigger.
    pub fn builder() -> CronTriggerBuilder {
        CronTriggerBuilder::default()
    }

    /// Creates a trigger from the five fields of a crontab line: minute, hour, day, month, weekday (0 is Monday).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](apscheduler_core::ErrorKind::InvalidTrigger) if the line does not have five fields, or
    /// that names the field whose expression is not valid.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::time::Zone;
    /// use apscheduler_triggers::CronTrigger;
    ///
    /// let trigger = CronTrigger::from_crontab("*/5 8-18 * * mon-fri", Zone::UTC)?;
    /// let error = CronTrigger::from_crontab("* * * *", Zone::UTC).unwrap_err();
    /// assert!(error.to_string().contains("expected 5"));
    /// # Ok::<(), apscheduler_core::Error>(())
    /// ```
    pub fn from_crontab(line: &str, zone: impl Into<Zone>) -> Result<Self> {
        Self::builder().crontab(line).timezone(zone).build()
    }
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident;)+) => {$(
        $(#[doc = $doc])+
        pub fn $field(mut self, expressions: impl fmt::Display) -> Self {
            self.0.$field = Some(FieldText(expressions.to_string()));
            self
        }
    )+};
}

impl CronTriggerBuilder {
    fields! {
        /// Sets the year, from 1970 to 9999.
        year;
        /// Sets the month, from 1 to 12 or by name.
        month;
        /// Sets the day of the month, from 1 to 31; `last`, or a weekday as `2nd tue` or `last fri`.
        day;
        /// Sets the ISO week, from 1 to 53.
        week;
        /// Sets the weekday, from 0 (Monday) to 6 or by name.
        day_of_week;
        /// Sets the hour, from 0 to 23.
        hour;
        /// Sets the minute, from 0 to 59.
        minute;
        /// Sets the second, from 0 to 59.
        second;
    }

    /// Sets the five fields of a crontab line, instead of single fields: minute, hour, day, month, weekday.
    ///
    /// As in APScheduler, weekday 0 is Monday, and if a line restricts both day and weekday, both have to match.
    pub fn crontab(mut self, line: impl Into<String>) -> Self {
        self.0.crontab = Some(line.into());
        self
    }

    /// Sets the first instant at which the trigger may fire.
    pub fn start_date(mut self, start_date: impl Into<Timestamp>) -> Self {
        self.0.start_date = Some(start_date.into().into());
        self
    }

    /// Sets the last instant at which the trigger may fire.
    pub fn end_date(mut self, end_date: impl Into<Timestamp>) -> Self {
        self.0.end_date = Some(end_date.into().into());
        self
    }

    /// Sets the zone whose wall clock has to match. Default: the scheduler's, or the machine's for
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

    /// Builds the trigger, with the zone of this machine if none is set.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`](apscheduler_core::ErrorKind::InvalidTrigger) that names the field whose expression is
    /// not valid, and what is allowed.
    pub fn build(self) -> Result<CronTrigger> {
        let zone = self.0.timezone.map_or_else(Zone::local, Ok)?;
        self.build_in(zone, SystemClock.now())
    }

    pub(super) fn from_options(given: &Options) -> Result<Self> {
        match given.keys().find_map(|key| misnamed(key)) {
            Some(error) => Err(error),
            None => options::parse(WHAT, given).map(Self),
        }
    }

    fn build_in(self, zone: Zone, _now: Timestamp) -> Result<CronTrigger> {
        let Self(mut options) = self;
        options.read_crontab()?;
        let zone = options.timezone.unwrap_or(zone);
        let date = |name, date: Option<InstantOption>| -> Result<Option<Timestamp>> {
            date.map(|date| date.resolve(name, zone).map(|(instant, _)| instant)).transpose()
        };
        let start_date = date("start_date", options.start_date.take())?;
        let end_date = date("end_date", options.end_date.take())?;

        let least = Field::ALL.iter().rposition(|field| options.field(*field).is_some());
        let mut fields = [const { Vec::new() }; Field::ALL.len()];
        for (index, field) in Field::ALL.into_iter().enumerate() {
            let text = match options.field(field) {
                Some(text) => text,
                None if least.is_some_and(|least| index > least) => field.least(),
                None => "*",
            };
            fields[index] = Expression::parse_list(field, text)?;
        }
        let given = Field::ALL
            .map(|field| options.field(field).is_some().then(|| shown(&fields[field as usize])));
        Ok(CronTrigger {
            schedule: Schedule::new(|field| &fields[field as usize]),
            given,
            zone,
            spans: zone.spans(),
            start_date,
            end_date,
            jitter: options.jitter.unwrap_or_default(),
        })
    }
}

fn shown(expressions: &[Expression]) -> String {
    let shown: Vec<String> = expressions.iter().map(Expression::to_string).collect();
    shown.join(",")
}
