//! The options of the trigger, as configs and stores have them.

use apscheduler_core::time::Zone;
use apscheduler_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::instant::InstantOption;
use crate::jitter::Jitter;
use crate::seconds::{self, SECOND};

pub(super) const WHAT: &str = "trigger `interval`";
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct IntervalOptions {
    #[serde(skip_serializing_if = "is_zero", serialize_with = "seconds::serialize_number")]
    pub(super) weeks: f64,
    #[serde(skip_serializing_if = "is_zero", serialize_with = "seconds::serialize_number")]
    pub(super) days: f64,
    #[serde(skip_serializing_if = "is_zero", serialize_with = "seconds::serialize_number")]
    pub(super) hours: f64,
    #[serde(skip_serializing_if = "is_zero", serialize_with = "seconds::serialize_number")]
    pub(super) minutes: f64,
    #[serde(skip_serializing_if = "is_zero", serialize_with = "seconds::serialize_number")]
    pub(super) seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_date: Option<InstantOption>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) from_clock: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_date: Option<InstantOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timezone: Option<Zone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<Jitter>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl IntervalOptions {
    /// Returns the options of an interval in microseconds, split into days, hours, minutes and seconds.
    #[expect(clippy::cast_precision_loss, reason = "the parts are small")]
    pub(super) fn of_interval(interval: i64) -> Self {
        Self {
            days: (interval / DAY) as f64,
            hours: (interval % DAY / HOUR) as f64,
            minutes: (interval % HOUR / MINUTE) as f64,
            seconds: seconds::from_micros(interval % MINUTE),
            ..Self::default()
        }
    }

    /// Returns the interval in microseconds: the sum of its parts.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTrigger`] if a part is too long, or the sum is negative.
    pub(super) fn interval(&self) -> Result<i64> {
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
            let message = format!(
                "the interval must not be negative; its parts add up to {} seconds",
                seconds::from_micros(interval)
            );
            return Err(Error::new(ErrorKind::InvalidTrigger, message));
        }
        Ok(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_interval_is_an_error() {
        let options = IntervalOptions { minutes: -1.0, seconds: 1.0, ..IntervalOptions::default() };
        assert_eq!(
            options.interval().unwrap_err().to_string(),
            "the interval must not be negative; its parts add up to -59 seconds"
        );
    }
}
