//! Building a cron trigger, in code or from options.

use std::fmt;
use std::time::Duration;

use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::{Error, ErrorKind, Result};
use serde::de::{Deserialize, Deserializer, Visitor};

use super::CronTrigger;
use super::expression::Expression;
use super::field::Field;
use super::schedule::Schedule;
use crate::instant::InstantOption;
use crate::jitter::Jitter;

/// Builds a [`CronTrigger`]; see there for what fields may be.
///
/// A field that is not given matches everything, or only its lowest value (`*` for `week` and `day_of_week`) where it
/// is less significant than all fields that are given: `hour = 3` alone means 03:00:00.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct CronTriggerBuilder {
    year: Option<FieldText>,
    month: Option<FieldText>,
    day: Option<FieldText>,
    week: Option<FieldText>,
    day_of_week: Option<FieldText>,
    hour: Option<FieldText>,
    minute: Option<FieldText>,
    second: Option<FieldText>,
    crontab: Option<String>,
    start_date: Option<InstantOption>,
    end_date: Option<InstantOption>,
    timezone: Option<Zone>,
    jitter: Option<Jitter>,
}

/// The expressions of a field as they were given: text, or a number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldText(String);

impl<'de> Deserialize<'de> for FieldText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = FieldText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or text")
            }

            fn visit_i64<E>(self, number: i64) -> Result<FieldText, E> {
                Ok(FieldText(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<FieldText, E> {
                Ok(FieldText(number.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<FieldText, E> {
                Ok(FieldText(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident;)+) => {$(
        $(#[doc = $doc])+
        pub fn $field(mut self, expressions: impl fmt::Display) -> Self {
            self.$field = Some(FieldText(expressions.to_string()));
            self
        }
    )+};
}

impl CronTriggerBuilder {
    fields! {
        /// The year, from 1970 to 9999.
        year;
        /// The month, from 1 to 12 or by name.
        month;
        /// The day of the month, from 1 to 31; `last`, or a weekday as `2nd tue` or `last fri`.
        day;
        /// The ISO week, from 1 to 53.
        week;
        /// The weekday, from 0 (Monday) to 6 or by name.
        day_of_week;
        /// The hour, from 0 to 23.
        hour;
        /// The minute, from 0 to 59.
        minute;
        /// The second, from 0 to 59.
        second;
    }

    /// The five fields of a crontab line, instead of single fields: minute, hour, day, month, weekday.
    ///
    /// As in APScheduler, weekday 0 is Monday, and a line that restricts both day and weekday wants both to match.
    pub fn crontab(mut self, line: impl Into<String>) -> Self {
        self.crontab = Some(line.into());
        self
    }

    /// Does not fire earlier than at this instant.
    pub fn start_date(mut self, start_date: impl Into<Timestamp>) -> Self {
        self.start_date = Some(start_date.into().into());
        self
    }

    /// Does not fire later than at this instant.
    pub fn end_date(mut self, end_date: impl Into<Timestamp>) -> Self {
        self.end_date = Some(end_date.into().into());
        self
    }

    /// The zone whose wall clock has to match; that of the machine if it is not set.
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
    /// [`ErrorKind::InvalidTrigger`] that names the field whose expression is wrong and says what would be right.
    pub fn build(self) -> Result<CronTrigger> {
        let zone = self.timezone.map_or_else(Zone::local, Ok)?;
        self.build_in(zone)
    }

    /// The trigger, in this zone unless one is set.
    pub(super) fn build_in(mut self, zone: Zone) -> Result<CronTrigger> {
        self.read_crontab()?;
        let zone = self.timezone.unwrap_or(zone);
        let date = |name, date: Option<InstantOption>| -> Result<Option<Timestamp>> {
            date.map(|date| date.resolve(name, zone).map(|(instant, _)| instant)).transpose()
        };
        let start_date = date("start_date", self.start_date.take())?;
        let end_date = date("end_date", self.end_date.take())?;

        let least = Field::ALL.iter().rposition(|field| self.field(*field).is_some());
        let mut fields = [const { Vec::new() }; Field::ALL.len()];
        for (index, field) in Field::ALL.into_iter().enumerate() {
            let text = match self.field(field) {
                Some(FieldText(text)) => text.as_str(),
                None if least.is_some_and(|least| index > least) => field.least(),
                None => "*",
            };
            fields[index] = Expression::parse_list(field, text)?;
        }
        let given = Field::ALL
            .map(|field| self.field(field).is_some().then(|| shown(&fields[field as usize])));
        Ok(CronTrigger {
            schedule: Schedule::new(|field| &fields[field as usize]),
            given,
            zone,
            spans: zone.spans(),
            start_date,
            end_date,
            jitter: self.jitter.unwrap_or_default(),
        })
    }

    fn field(&self, field: Field) -> Option<&FieldText> {
        match field {
            Field::Year => self.year.as_ref(),
            Field::Month => self.month.as_ref(),
            Field::Day => self.day.as_ref(),
            Field::Week => self.week.as_ref(),
            Field::DayOfWeek => self.day_of_week.as_ref(),
            Field::Hour => self.hour.as_ref(),
            Field::Minute => self.minute.as_ref(),
            Field::Second => self.second.as_ref(),
        }
    }

    fn read_crontab(&mut self) -> Result<()> {
        let Some(line) = self.crontab.take() else {
            return Ok(());
        };
        let invalid = |message: String| {
            Err(Error::new(ErrorKind::InvalidTrigger, format!("crontab: {message}")))
        };
        if let Some(field) = Field::ALL.into_iter().find(|field| self.field(*field).is_some()) {
            return invalid(format!("can't be given together with `{}`", field.name()));
        }
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [minute, hour, day, month, day_of_week] = parts[..] else {
            let count = parts.len();
            return invalid(format!(
                "`{line}` has {count} fields; expected 5: minute, hour, day of the month, month, day of the week"
            ));
        };
        *self = std::mem::take(self)
            .minute(minute)
            .hour(hour)
            .day(day)
            .month(month)
            .day_of_week(day_of_week);
        Ok(())
    }
}

fn shown(expressions: &[Expression]) -> String {
    let shown: Vec<String> = expressions.iter().map(Expression::to_string).collect();
    shown.join(",")
}
