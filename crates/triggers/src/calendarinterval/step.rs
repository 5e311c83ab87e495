//! The interval between two dates.

use chrono::{Datelike as _, Days, NaiveDate};

/// The last year of a schedule.
pub(super) const LAST_YEAR: i32 = 9999;

/// The distance between two dates; not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) years: u32,
    pub(super) months: u32,
    pub(super) weeks: u32,
    pub(super) days: u32,
}

impl Step {
    /// Returns the date that follows another, up to the year 9999.
    pub(super) fn after(self, date: NaiveDate) -> Option<NaiveDate> {
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

    /// Returns the last date in steps from `start` that is not later than `date`, or the start.
    pub(super) fn near(self, start: NaiveDate, date: NaiveDate) -> NaiveDate {
        let Ok(passed) = u64::try_from((date - start).num_days()) else {
            return start;
        };
        match (self.whole_months(), self.fixed_days()) {
            (0, days) => start + Days::new(passed - passed % days),
            (months, 0) => near_in_months(start, date, months).unwrap_or(start),
            // With both months and days, only stepping shows which days of the month are reached.
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

    /// Returns the parts that are not zero, with the names of their options.
    pub(super) fn parts(self) -> impl Iterator<Item = (&'static str, u32)> {
        [("years", self.years), ("months", self.months), ("weeks", self.weeks), ("days", self.days)]
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
    }
}

/// Returns the number of months since the year 0.
fn month_number(date: NaiveDate) -> Option<u64> {
    Some(u64::try_from(date.year()).ok()? * 12 + u64::from(date.month0()))
}

/// Returns a day of the month with this number, if the month has that day.
fn day_in_month(month: u64, day: u32) -> Option<NaiveDate> {
    let (year, month) = (i32::try_from(month / 12).ok()?, u32::try_from(month % 12).ok()?);
    NaiveDate::from_ymd_opt(year, month + 1, day)
}

/// Returns the last date that is not later than `date` and a multiple of `step` months after `start`, on the same day of the
/// month.
fn near_in_months(start: NaiveDate, date: NaiveDate, step: u64) -> Option<NaiveDate> {
    let first = month_number(start)?;
    let passed = month_number(date)?.checked_sub(first)? / step;
    (0..=passed)
        .rev()
        .filter_map(|count| day_in_month(first + count * step, start.day()))
        .find(|reached| *reached <= date)
}

#[cfg(test)]
mod tests {
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
    fn a_grid_of_days_is_computed_by_division() {
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
}
