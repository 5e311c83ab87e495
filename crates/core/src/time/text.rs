//! Text dates in APScheduler's formats.

use chrono::{FixedOffset, NaiveDate, NaiveDateTime};

use super::{Timestamp, Zone};
use crate::{Error, ErrorKind, Result};

const EXPECTED: &str = "expected `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS.ffffff`, \
    the last two optionally followed by `Z` or `+HH:MM`";

/// Parses `2009-11-06`, `2009-11-06 16:30:05`, `2009-11-06T16:30:05.000001+02:00` and similar
/// forms.
///
/// Text without an offset is a wall clock time in `zone`. The returned zone is the one in which the
/// text was read. As in APScheduler, the digits after the dot are a number of microseconds: `.25`
/// is 25 µs.
///
/// # Errors
/// [`ErrorKind::Config`] if the text has another form or is not a valid date.
pub fn parse_datetime(text: &str, zone: Zone) -> Result<(Timestamp, Zone)> {
    let (wall, given) = parse(text).ok_or_else(|| invalid(text))?;
    let zone = given.unwrap_or(zone);
    Ok((zone.localize(wall), zone))
}

/// Parses `2009-11-06`.
///
/// # Errors
/// [`ErrorKind::Config`] if the text has another form or is not a valid date.
pub fn parse_date(text: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10).ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("invalid date `{text}`; expected `YYYY-MM-DD`"))
    })
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::Config, format!("invalid date `{text}`; {EXPECTED}"))
}

fn parse(text: &str) -> Option<(NaiveDateTime, Option<Zone>)> {
    let mut rest = Cursor(text);
    let year = rest.number(4, 4)?;
    rest.literal("-")?;
    let month = rest.number(1, 2)?;
    rest.literal("-")?;
    let day = rest.number(1, 2)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    if rest.is_empty() {
        return Some((date.and_hms_opt(0, 0, 0)?, None));
    }
    rest.literal(" ").or_else(|| rest.literal("T"))?;
    let hour = rest.number(1, 2)?;
    rest.literal(":")?;
    let minute = rest.number(1, 2)?;
    rest.literal(":")?;
    let second = rest.number(1, 2)?;
    let micro = if rest.literal(".").is_some() { rest.number(1, 6)? } else { 0 };
    let wall = date.and_hms_micro_opt(hour, minute, second, micro)?;
    Some((wall, rest.zone()?))
}

/// The rest of a text to parse.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    fn zone(&mut self) -> Option<Option<Zone>> {
        let sign = match self.0 {
            "" => return Some(None),
            "Z" => return Some(Some(Zone::UTC)),
            text if text.starts_with('+') => 1,
            text if text.starts_with('-') => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        let hours = self.number(2, 2)?;
        self.literal(":")?;
        let minutes = self.number(2, 2)?;
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        let offset = FixedOffset::east_opt(sign * seconds)?;
        self.is_empty().then_some(Some(Zone::Fixed(offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let zone: Zone = "Europe/Helsinki".parse().unwrap();
        let cases = [
            ("2009-11-06", "2009-11-06T00:00:00+02:00"),
            ("2009-11-6 6:3:5", "2009-11-06T06:03:05+02:00"),
            ("2009-11-06T16:30:05.25", "2009-11-06T16:30:05.000025+02:00"),
            ("2009-11-06 16:30:05Z", "2009-11-06T16:30:05+00:00"),
            ("2009-11-06 16:30:05.000001-03:00", "2009-11-06T16:30:05.000001-03:00"),
        ];
        for (text, expected) in cases {
            let (instant, zone) = parse_datetime(text, zone).unwrap();
            assert_eq!(zone.iso(instant), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_apscheduler_refuses() {
        for text in [
            "",
            "now",
            "2009-13-06",
            "2009-11-31",
            "2009-11-06 10:00",
            "2009-11-06 16:30:05+0530",
            "2009-11-06Z",
        ] {
            let error = parse_datetime(text, Zone::UTC).unwrap_err().to_string();
            assert!(error.contains("expected `YYYY-MM-DD`"), "{error}");
        }
    }
}
