//! The Gregorian calendar on integers: days of the Unix epoch to dates and back.

pub(super) const DAY_SECONDS: i64 = 86_400;

/// A date; years are those of the Gregorian calendar, months and days start at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: u32,
    pub(super) day: u32,
}

// Both conversions count years from March, so that the leap day is the last day of a year, and eras of 400 years,
// after which the calendar repeats. 719,468 days lie between 0000-03-01 and 1970-01-01.
const ERA_DAYS: i64 = 146_097;
const EPOCH: i64 = 719_468;

impl Date {
    pub(super) fn new(year: i64, month: u32, day: u32) -> Self {
        Self { year, month, day }
    }

    /// Returns the date this many days after 1970-01-01.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "months and days are small"
    )]
    pub(super) fn from_days(days: i64) -> Self {
        let days = days + EPOCH;
        let era = days.div_euclid(ERA_DAYS);
        let of_era = days.rem_euclid(ERA_DAYS);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self::new(year, month as u32, day as u32)
    }

    /// Returns the number of days from 1970-01-01.
    pub(super) fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let from_march = i64::from((self.month + 9) % 12);
        let of_year = (153 * from_march + 2) / 5 + i64::from(self.day) - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * ERA_DAYS + of_era - EPOCH
    }
}

/// Returns the number of days of a month.
pub(super) fn month_length(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the weekday of a day of the Unix epoch, from Monday (0) to Sunday (6).
#[expect(clippy::cast_possible_truncation, reason = "less than seven")]
pub(super) fn weekday(days: i64) -> u32 {
    // 1970-01-01 was a Thursday.
    (days + 3).rem_euclid(7) as u32
}

/// Returns the number of the ISO week that contains a day of the Unix epoch.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 53")]
pub(super) fn iso_week(days: i64) -> u32 {
    // A week belongs to the year of its Thursday.
    let thursday = days - i64::from(weekday(days)) + 3;
    let new_year = Date::new(Date::from_days(thursday).year, 1, 1);
    ((thursday - new_year.days()) / 7 + 1) as u32
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike as _, NaiveDate};

    use super::*;

    #[test]
    fn every_day_agrees_with_chrono() {
        let mut expected = NaiveDate::from_ymd_opt(1899, 12, 1).unwrap();
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let first = expected.signed_duration_since(epoch).num_days();
        for days in first..first + 2 * ERA_DAYS {
            let date = Date::from_days(days);
            let parts = (i64::from(expected.year()), expected.month(), expected.day());
            assert_eq!((date.year, date.month, date.day), parts);
            assert_eq!(date.days(), days);
            assert_eq!(weekday(days), expected.weekday().num_days_from_monday());
            assert_eq!(iso_week(days), expected.iso_week().week());
            assert_eq!(
                month_length(date.year, date.month),
                u32::from(expected.num_days_in_month())
            );
            expected = expected.succ_opt().unwrap();
        }
    }
}
