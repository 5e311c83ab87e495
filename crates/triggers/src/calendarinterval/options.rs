//! The options of the trigger, as configs and stores have them.

use apscheduler_core::time::{Zone, parse_date};
use apscheduler_core::{Error, ErrorKind, Result};
use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::step::Step;
use crate::jitter::Jitter;

pub(super) const WHAT: &str = "trigger `calendarinterval`";

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct CalendarIntervalOptions {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) years: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) months: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) weeks: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) days: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    #[serde(deserialize_with = "read_date", serialize_with = "write_date")]
    pub(super) start_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) from_clock: bool,
    #[serde(deserialize_with = "read_date", serialize_with = "write_date")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timezone: Option<Zone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<Jitter>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn read_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_date(&text).map_err(serde::de::Error::custom)).transpose()
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "as serde calls it")]
fn write_date<S: Serializer>(date: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
    date.map(|date| date.to_string()).serialize(serializer)
}

impl CalendarIntervalOptions {
    /// Returns the interval.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if a number is out of range, or all are zero.
    pub(super) fn step(&self) -> Result<Step> {
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

    /// Returns the time of day.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if a number is out of range.
    pub(super) fn time(&self) -> Result<NaiveTime> {
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

pub(super) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidTrigger, message)
}
