//! Lengths of time: seconds in options, microseconds in triggers.

use apscheduler_core::options::number_text;
use apscheduler_core::{Error, ErrorKind, Result};
use serde::Serializer;

pub(crate) const SECOND: i64 = 1_000_000;
/// In seconds.
const YEAR: i64 = 366 * 86_400;

/// Returns the microseconds in `amount` units of `unit_seconds` seconds, rounded as Python's `timedelta` does.
///
/// # Errors
/// [`ErrorKind::InvalidTrigger`] if `amount` is not a number, or the result is longer than 292,000 years.
#[expect(clippy::cast_possible_truncation, reason = "whole, and checked against the range of i64")]
#[expect(clippy::cast_precision_loss, reason = "units are small")]
pub(crate) fn micros(amount: f64, unit_seconds: i64) -> Result<i64> {
    let unit = (unit_seconds * SECOND) as f64;
    // Separately, because a float of many units has no digits left for microseconds.
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

/// Returns microseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
pub(crate) fn from_micros(micros: i64) -> f64 {
    micros as f64 / SECOND as f64
}

/// Writes microseconds as seconds, as an integer if they are whole.
pub(crate) fn serialize_micros<S: Serializer>(
    micros: i64,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if micros % SECOND == 0 {
        serializer.serialize_i64(micros / SECOND)
    } else {
        serializer.serialize_f64(from_micros(micros))
    }
}

/// Writes a number as an integer if it is whole.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(crate) fn serialize_number<S: Serializer>(
    number: &f64,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(micros: i64) -> serde_json::Value {
        serialize_micros(micros, serde_json::value::Serializer).unwrap()
    }

    #[test]
    fn options_round_trip() {
        for given in [0, 1, 25, 500_000, SECOND, 86_399_999_999, 3_155_760_000_000_001] {
            let number = option(given).as_f64().unwrap();
            assert_eq!(micros(number, 1).unwrap(), given);
        }
        assert_eq!(option(90 * SECOND).to_string(), "90");
        assert_eq!(option(SECOND / 2).to_string(), "0.5");
    }

    #[test]
    fn invalid_numbers_of_seconds_are_errors() {
        for amount in [f64::NAN, f64::INFINITY, -1e300] {
            assert!(micros(amount, 604_800).is_err());
        }
    }
}
