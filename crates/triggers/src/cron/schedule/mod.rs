//! A cron schedule as bit sets, and the search for the next wall clock that matches.

use super::civil::{DAY_SECONDS, Date, iso_week, month_length, weekday};
use super::expression::Expression;
use super::field::Field;

/// The wall clock times that match. Bit `n` of a set represents the value `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    seconds: u64,
    minutes: u64,
    hours: u32,
    days: Days,
    weekdays: u32,
    /// `None` if every ISO week matches.
    weeks: Option<u64>,
    months: u32,
    /// `None` if every year matches.
    years: Option<Box<[Years]>>,
}

/// The days of a month that match: by number, and relative to the ends of the month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Days {
    numbers: u32,
    /// The weekdays whose first, second, ... fifth in the month match.
    positions: [u32; 5],
    last_weekdays: u32,
    last: bool,
    /// Returns whether anything but `numbers` is set.
    relative: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Years {
    first: i64,
    last: i64,
    step: i64,
}

impl Schedule {
    /// Compiles the expressions of every field.
    pub(super) fn new<'a>(expressions: impl Fn(Field) -> &'a [Expression]) -> Self {
        let set = |field| {
            expressions(field).iter().fold(0, |set, expression| set | bits(*expression, field))
        };
        let weeks = set(Field::Week);
        Self {
            seconds: set(Field::Second),
            minutes: set(Field::Minute),
            hours: low(set(Field::Hour)),
            days: Days::new(expressions(Field::Day)),
            weekdays: low(set(Field::DayOfWeek)),
            weeks: (weeks != bits(Expression::All { step: None }, Field::Week)).then_some(weeks),
            months: low(set(Field::Month)),
            years: Years::all(expressions(Field::Year)),
        }
    }

    /// Returns the first matching wall clock time at or after `wall`, both in seconds as if the clock ran in UTC.
    #[inline]
    pub(super) fn next(&self, wall: i64) -> Option<i64> {
        let (day, second) = (wall.div_euclid(DAY_SECONDS), wall.rem_euclid(DAY_SECONDS));
        let matching = self.next_day(day)?;
        if matching > day {
            return Some(matching * DAY_SECONDS + self.first_time());
        }
        if let Some(time) = self.next_time(second) {
            return Some(day * DAY_SECONDS + time);
        }
        Some(self.next_day(day + 1)? * DAY_SECONDS + self.first_time())
    }

    /// Returns the first matching second of the day at or after `second`.
    #[inline]
    fn next_time(&self, second: i64) -> Option<i64> {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let hours = self.hours >> hour;
        if hours & 1 != 0 {
            let minutes = self.minutes >> minute;
            if minutes & 1 != 0
                && let Some(wait) = lowest(self.seconds >> second)
            {
                return Some(hour * 3600 + minute * 60 + second + wait);
            }
            // The bit of this minute is shifted out.
            if let Some(wait) = lowest(minutes >> 1) {
                return Some(hour * 3600 + (minute + 1 + wait) * 60 + first(self.seconds));
            }
        }
        let wait = lowest(u64::from(hours >> 1))?;
        Some((hour + 1 + wait) * 3600 + first(self.minutes) * 60 + first(self.seconds))
    }

    #[inline]
    fn first_time(&self) -> i64 {
        first(u64::from(self.hours)) * 3600 + first(self.minutes) * 60 + first(self.seconds)
    }

    /// Returns the first matching day at or after `day`, in days of the Unix epoch. Skips whole months and years.
    #[inline]
    fn next_day(&self, day: i64) -> Option<i64> {
        let mut date = Date::from_days(day);
        // The calendar repeats after 400 years: a schedule without a match by then never matches.
        let last_year = date.year.max(Field::Year.min().into()) + 400;
        loop {
            let year = self.next_year(date.year)?;
            if year > date.year {
                date = Date::new(year, 1, 1);
            }
            if self.years.is_none() && year > last_year {
                return None;
            }
            let months = self.months >> date.month;
            if months == 0 {
                date = Date::new(year + 1, 1, 1);
                continue;
            }
            if months & 1 == 0 {
                date = Date::new(year, date.month + months.trailing_zeros(), 1);
            }
            let new_month = Date::new(year, date.month, 1).days();
            let days = self.days_of(date, new_month) >> date.day;
            if days != 0 {
                return Some(new_month + i64::from(date.day + days.trailing_zeros()) - 1);
            }
            date = if date.month == 12 {
                Date::new(year + 1, 1, 1)
            } else {
                Date::new(year, date.month + 1, 1)
            };
        }
    }

    #[inline]
    fn next_year(&self, year: i64) -> Option<i64> {
        let (min, max) = (i64::from(Field::Year.min()), i64::from(Field::Year.max()));
        match &self.years {
            None => (year <= max).then_some(year.max(min)),
            Some(years) => years.iter().filter_map(|years| years.next(year)).min(),
        }
    }

    /// Returns the matching days of the month of `date`, which starts on the day `new_month`.
    #[inline]
    fn days_of(&self, date: Date, new_month: i64) -> u32 {
        let (first, length) = (weekday(new_month), month_length(date.year, date.month));
        let mut days = self.days.of(first, length) & every_week(self.weekdays, first);
        if let Some(weeks) = self.weeks {
            days &= days_of_weeks(weeks, date.month, new_month, first);
        }
        days & (low(u64::MAX) >> (31 - length))
    }
}

impl Days {
    fn new(expressions: &[Expression]) -> Self {
        let mut days = Self::default();
        for &expression in expressions {
            match expression {
                Expression::Weekday { position, weekday } => match days.positions.get_mut(position)
                {
                    Some(weekdays) => *weekdays |= 1 << weekday,
                    None => days.last_weekdays |= 1 << weekday,
                },
                Expression::Last => days.last = true,
                _ => days.numbers |= low(bits(expression, Field::Day)),
            }
        }
        days.relative = days != Self { numbers: days.numbers, ..Self::default() };
        days
    }

    /// Returns the days in a month whose first day is this weekday; some may be after its end.
    #[inline]
    fn of(&self, first: u32, length: u32) -> u32 {
        let mut days = self.numbers;
        if !self.relative {
            return days;
        }
        for (week, &weekdays) in (0..).zip(&self.positions) {
            // Shifted out at the top: a fifth week has at most three days.
            days |= low(u64::from(rotate(weekdays, first)) << (7 * week + 1));
        }
        // The last seven days hold each weekday once.
        days |= rotate(self.last_weekdays, (first + length) % 7) << (length - 6);
        days | u32::from(self.last) << length
    }
}

impl Years {
    fn all(expressions: &[Expression]) -> Option<Box<[Self]>> {
        if expressions.contains(&Expression::All { step: None }) {
            return None;
        }
        let years = expressions.iter().filter_map(|expression| expression.values(Field::Year));
        let years = years.map(|(first, last, step)| Self {
            first: first.into(),
            last: last.into(),
            step: step.into(),
        });
        Some(years.collect())
    }

    fn next(self, year: i64) -> Option<i64> {
        let beyond = (year - self.first).max(0);
        let next = self.first + (beyond + self.step - 1) / self.step * self.step;
        (next <= self.last).then_some(next)
    }
}

/// Returns the set of the values of an expression.
fn bits(expression: Expression, field: Field) -> u64 {
    if field == Field::Year {
        return 0;
    }
    expression.values(field).map_or(0, |(first, last, step)| {
        (first..=last).step_by(step as usize).fold(0, |set, value| set | 1 << value)
    })
}

/// Returns a set whose values are all below 32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the truncated bits are days after the end of a month"
)]
fn low(set: u64) -> u32 {
    set as u32
}

#[inline]
fn first(set: u64) -> i64 {
    i64::from(set.trailing_zeros())
}

#[inline]
fn lowest(set: u64) -> Option<i64> {
    (set != 0).then(|| first(set))
}

/// Returns a set of weekdays as seven days from the weekday `first` on.
#[inline]
fn rotate(weekdays: u32, first: u32) -> u32 {
    ((weekdays | weekdays << 7) >> first) & 0x7f
}

/// Returns the days of these weekdays in a month whose first day is the weekday `first`.
#[inline]
fn every_week(weekdays: u32, first: u32) -> u32 {
    const WEEKS: u64 = 1 << 1 | 1 << 8 | 1 << 15 | 1 << 22 | 1 << 29;
    low(u64::from(rotate(weekdays, first)) * WEEKS)
}

/// Returns the days of these ISO weeks in a month that starts on the day `new_month`, which is the weekday `first`.
fn days_of_weeks(weeks: u64, month: u32, new_month: i64, first: u32) -> u32 {
    // The first of the Mondays whose weeks overlap the month may be before it.
    let monday = new_month - i64::from(first);
    let first_week = iso_week(monday);
    let mut days = 0;
    for index in 0..6 {
        // Week numbers restart only around the new year.
        let counted_on = !matches!(month, 1 | 12);
        let week =
            if counted_on { first_week + index } else { iso_week(monday + 7 * i64::from(index)) };
        if weeks >> week & 1 != 0 {
            // Bit 7 is the first Monday here, so that days before the month have bits too.
            days |= 0x7f << (7 * (index + 1));
        }
    }
    low(days >> (6 + first))
}

#[cfg(test)]
mod tests;
