//! Lengths of time as options carry them: seconds, whole or not; kept as microseconds.

use apscheduler_core::options::number_text;
use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::Value;

pub(crate) const SECOND: i64 = 1_000_000;
/// In seconds.
const YEAR: i64 = 366 * 86_400;

/// Microseconds in `amount` units of so many seconds, rounded as Python's `timedelta` does.
///
/// # Errors
/// [`ErrorKind::InvalidTrigger`] where that is not a number or longer than 292,000 years.
#[expect(clippy::cast_possible_truncation, reason = "whole, and checked against the range of i64")]
#[expect(clippy::cast_precision_loss, reason = "units are small")]
pub(crate) fn micros(amount: f64, unit_seconds: i64) -> Result<i64> {
    let unit = (unit_seconds * SECOND) as f64;
    // Apart, since a float of many units has no room for microseconds.
    let (whole, part) = (amount.trunc() * unit, (amount.fract() * unit).round_ties_even());
    let total = whole + part;
    if total.is_finite() && total.abs() < i64::MAX as f64 {
        Ok(whole as i64 + part as i64)
    } else {
        let message = format!(
            "{} is too long a time; expected less than {} years",
            number_text(amount),
            i64::MAX / SECOND / YEAR
        );
        Err(Error::new(ErrorKind::InvalidTrigger, message))
    }
}

/// The option that means so many microseconds: a whole number of seconds where it is one.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
pub(crate) fn option(micros: i64) -> Value {
    if micros % SECOND == 0 {
        Value::from(micros / SECOND)
    } else {
        Value::from(micros as f64 / SECOND as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_the_way_there_and_back() {
        for given in [0, 1, 25, 500_000, SECOND, 86_399_999_999, 3_155_760_000_000_001] {
            let number = option(given).as_f64().unwrap();
            assert_eq!(micros(number, 1).unwrap(), given);
        }
        assert_eq!(option(90 * SECOND).to_string(), "90");
        assert_eq!(option(SECOND / 2).to_string(), "0.5");
    }

    #[test]
    fn what_is_not_a_length_of_time_is_an_error() {
        for amount in [f64::NAN, f64::INFINITY, -1e300] {
            assert!(micros(amount, 604_800).is_err());
        }
    }
}
