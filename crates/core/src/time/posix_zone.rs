//! POSIX zones such as `EET-2EEST,M3.5.0/3,M10.5.0/4`: the rules at the end of zone files, and one
//! form of `TZ`.

use chrono::{DateTime, Datelike as _, NaiveDate};

const HOUR: i32 = 3600;
const DAY: i64 = 86_400;

/// A standard time, and optionally a daylight saving time with the rules of its start and end.
#[derive(Debug, PartialEq)]
pub(super) struct PosixZone {
    standard: LocalTime,
    daylight: Option<Daylight>,
}

/// A name for an offset, in seconds east of UTC.
#[derive(Debug, PartialEq)]
struct LocalTime {
    name: String,
    offset: i32,
}

#[derive(Debug, PartialEq)]
struct Daylight {
    time: LocalTime,
    start: Change,
    end: Change,
}

/// The time of year at which the offset changes.
#[derive(Debug, PartialEq)]
struct Change {
    day: Day,
    /// Seconds from midnight, by the wall clock before the change.
    time: i32,
}

#[derive(Debug, PartialEq)]
enum Day {
    /// From 1 to 365; February 29 is never counted.
    NoLeap(u32),
    /// From 0 to 365.
    OfYear(u32),
    /// The n-th weekday of a month (Sunday is 0); the fifth is the last.
    Weekday { month: u32, week: u32, weekday: u32 },
}

impl PosixZone {
    /// Parses the text; returns `None` if it has another form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = Reader(text);
        // POSIX offsets are west of UTC.
        let standard = LocalTime { name: rest.name()?, offset: -rest.time(24)? };
        if rest.0.is_empty() {
            return Some(Self { standard, daylight: None });
        }
        let name = rest.name()?;
        let offset =
            if rest.0.starts_with(',') { standard.offset + HOUR } else { -rest.time(24)? };
        let start = rest.change()?;
        let end = rest.change()?;
        let daylight = Daylight { time: LocalTime { name, offset }, start, end };
        rest.0.is_empty().then_some(Self { standard, daylight: Some(daylight) })
    }

    /// Returns the name and the offset in seconds east of UTC, if there is no daylight saving time.
    pub(super) fn fixed(&self) -> Option<(&str, i32)> {
        self.daylight.is_none().then_some((&self.standard.name, self.standard.offset))
    }

    /// Returns the offset and its name at an instant, in seconds of the Unix epoch.
    pub(super) fn at(&self, seconds: i64) -> (i32, &str) {
        let time = if self.is_daylight(seconds) {
            self.daylight.as_ref().map_or(&self.standard, |daylight| &daylight.time)
        } else {
            &self.standard
        };
        (time.offset, &time.name)
    }

    fn is_daylight(&self, seconds: i64) -> bool {
        let Some(daylight) = &self.daylight else { return false };
        let standard = i64::from(self.standard.offset);
        let Some(now) = DateTime::from_timestamp(seconds.saturating_add(standard), 0) else {
            return false;
        };
        let wall_clock = |change: &Change| {
            change.day.in_year(now.year()).map(|day| day + i64::from(change.time))
        };
        let (Some(start), Some(end)) = (wall_clock(&daylight.start), wall_clock(&daylight.end))
        else {
            return false;
        };
        let (start, end) = (start - standard, end - i64::from(daylight.time.offset));
        if start < end { (start..end).contains(&seconds) } else { !(end..start).contains(&seconds) }
    }
}

impl Day {
    /// Returns midnight of the day, in seconds of the Unix epoch as if the wall clock showed UTC.
    fn in_year(&self, year: i32) -> Option<i64> {
        let date = match *self {
            Self::NoLeap(day) => {
                let leap = NaiveDate::from_ymd_opt(year, 2, 29).is_some();
                NaiveDate::from_yo_opt(year, if leap && day >= 60 { day + 1 } else { day })?
            }
            // Day 365 of a common year is the first day of the next.
            Self::OfYear(day) => {
                NaiveDate::from_yo_opt(year, 1)?.checked_add_days(chrono::Days::new(day.into()))?
            }
            Self::Weekday { month, week, weekday } => {
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                let offset = (weekday + 7 - first.weekday().num_days_from_sunday()) % 7;
                let day = 1 + offset + 7 * (week - 1);
                NaiveDate::from_ymd_opt(year, month, day)
                    .or_else(|| NaiveDate::from_ymd_opt(year, month, day - 7))?
            }
        };
        Some(i64::from(date.to_epoch_days()) * DAY)
    }
}

/// The rest of a text to parse.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// Reads three or more letters, or any text between `<` and `>`.
    fn name(&mut self) -> Option<String> {
        let (name, rest) = if let Some(quoted) = self.0.strip_prefix('<') {
            quoted.split_once('>')?
        } else {
            let letters = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
            self.0.split_at(letters)
        };
        self.0 = rest;
        let known = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '-';
        (name.len() >= 3 && name.chars().all(known)).then(|| name.to_owned())
    }

    fn number(&mut self, least: u32, most: u32) -> Option<u32> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok().filter(|number| (least..=most).contains(number))
    }

    /// Reads `[+-]hh[:mm[:ss]]`, in seconds.
    fn time(&mut self, most_hours: u32) -> Option<i32> {
        let negative = self.literal("-").is_some();
        if !negative {
            let _ = self.literal("+");
        }
        let mut seconds = self.number(0, most_hours)? * 3600;
        for unit in [60, 1] {
            if self.literal(":").is_none() {
                break;
            }
            seconds += self.number(0, 59)? * unit;
        }
        let seconds = i32::try_from(seconds).ok()?;
        Some(if negative { -seconds } else { seconds })
    }

    fn change(&mut self) -> Option<Change> {
        self.literal(",")?;
        let day = if self.literal("M").is_some() {
            let month = self.number(1, 12)?;
            self.literal(".")?;
            let week = self.number(1, 5)?;
            self.literal(".")?;
            Day::Weekday { month, week, weekday: self.number(0, 6)? }
        } else if self.literal("J").is_some() {
            Day::NoLeap(self.number(1, 365)?)
        } else {
            Day::OfYear(self.number(0, 365)?)
        };
        let time = if self.literal("/").is_some() { self.time(167)? } else { 2 * HOUR };
        Some(Change { day, time })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::time::zone_spans::{Spans, spans_of};

    #[test]
    fn rules_give_the_offsets_of_their_zones() {
        let cases = [
            ("EET-2EEST,M3.5.0/3,M10.5.0/4", Tz::Europe__Helsinki),
            ("EST5EDT,M3.2.0,M11.1.0", Tz::America__New_York),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", Tz::Australia__Sydney),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", Tz::Europe__Dublin),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", Tz::Australia__Lord_Howe),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", Tz::America__Nuuk),
            ("JST-9", Tz::Asia__Tokyo),
        ];
        // 2024 to 2100.
        let (from, until) = (1_704_067_200, 4_102_444_800);
        for (text, tz) in cases {
            let zone = PosixZone::parse(text).unwrap();
            let spans = spans_of(|seconds| zone.at(seconds).0);
            assert!(Spans::of(tz).equal(&spans, from, until), "{text}");
        }
    }

    #[test]
    fn days_of_the_year_are_counted_with_and_without_leap_days() {
        let day = |text: &str, year| {
            let zone = PosixZone::parse(&format!("AAA0BBB,{text},J365")).unwrap();
            let midnight = zone.daylight.unwrap().start.day.in_year(year).unwrap();
            DateTime::from_timestamp(midnight, 0).unwrap().date_naive().to_string()
        };
        assert_eq!(day("J60", 2027), "2027-03-01");
        assert_eq!(day("J60", 2028), "2028-03-01");
        assert_eq!(day("59", 2027), "2027-03-01");
        assert_eq!(day("59", 2028), "2028-02-29");
        assert_eq!(day("J1", 2028), "2028-01-01");
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "JST",
            "J9",
            "JST-25",
            "JST-9:60",
            "EET-2EEST",
            "EET-2EEST,M13.1.0,M10.5.0",
            "JST-9 ",
        ] {
            assert_eq!(PosixZone::parse(text), None, "{text}");
        }
    }
}
