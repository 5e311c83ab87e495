//! Time zones: an IANA name or a fixed offset.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, SecondsFormat, TimeZone as _};
use chrono_tz::{OffsetName as _, TZ_VARIANTS, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;
use super::zone_spans::{Span, Spans};
use crate::{Error, ErrorKind, Result, suggestion};

/// A time zone for wall clock times.
///
/// # Examples
/// ```
/// use apscheduler_core::time::Zone;
///
/// let zone: Zone = "Europe/Helsinki".parse()?;
/// assert_eq!(zone.to_string(), "Europe/Helsinki");
/// assert!("Europe/Helsinky".parse::<Zone>().unwrap_err().to_string().contains("Europe/Helsinki"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// A zone of the tz database.
    Named(Tz),
    /// A fixed offset from UTC, as in text dates (`+05:30`).
    Fixed(FixedOffset),
}

const UTC_OFFSET: FixedOffset = match FixedOffset::east_opt(0) {
    Some(offset) => offset,
    None => unreachable!(),
};

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self::Named(Tz::UTC);

    /// Returns the spans of constant offset; exact for every instant from 1900 to 2100.
    pub fn spans(self) -> Spans {
        match self {
            Self::Named(tz) => Spans::of(tz),
            Self::Fixed(offset) => Spans::fixed(offset.local_minus_utc()),
        }
    }

    /// Returns the offset from UTC at an instant.
    pub fn offset_at(self, instant: Timestamp) -> FixedOffset {
        match self {
            Self::Named(tz) => tz.offset_from_utc_datetime(&instant.naive_utc()).fix(),
            Self::Fixed(offset) => offset,
        }
    }

    /// Returns the abbreviation of the offset at an instant, for example `CEST`.
    pub fn abbreviation_at(self, instant: Timestamp) -> String {
        match self {
            Self::Named(tz) => {
                let offset = tz.offset_from_utc_datetime(&instant.naive_utc());
                offset.abbreviation().map_or_else(|| offset.fix().to_string(), str::to_owned)
            }
            Self::Fixed(offset) => format!("UTC{offset}"),
        }
    }

    /// Returns the instant with this zone's offset at that time.
    pub fn at(self, instant: Timestamp) -> DateTime<FixedOffset> {
        let offset = self.offset_at(instant);
        // At the ends of the range, the wall clock time may not be representable.
        let representable = instant.naive_utc().checked_add_offset(offset).is_some();
        instant.with_timezone(if representable { &offset } else { &UTC_OFFSET })
    }

    /// Returns the wall clock time in this zone at an instant.
    pub fn wall_clock(self, instant: Timestamp) -> NaiveDateTime {
        self.at(instant).naive_local()
    }

    /// Returns the instant at which a wall clock in this zone shows `local`.
    ///
    /// As in Python, a time that occurs twice means its first occurrence, and a time that is
    /// skipped by a change of offset is interpreted with the offset before the change.
    pub fn localize(self, local: NaiveDateTime) -> Timestamp {
        let wall = local.and_utc().timestamp();
        let spans = self.spans();
        // Offsets are at most 26 hours, so this span starts before any that may contain the answer.
        let mut span = spans.at(wall - 26 * 3600);
        loop {
            let instant = wall - i64::from(span.offset);
            let next = (instant >= span.end).then(|| spans.at(span.end));
            match next {
                Some(next) if wall - i64::from(next.offset) >= next.start => span = next,
                _ => return shift(local, span),
            }
        }
    }

    /// Formats `2009-08-04 00:00:02 CEST`, like APScheduler.
    pub fn display(self, instant: Timestamp) -> String {
        format!(
            "{} {}",
            self.wall_clock(instant).format("%Y-%m-%d %H:%M:%S"),
            self.abbreviation_at(instant)
        )
    }

    /// Formats `2009-08-04T00:00:02+02:00`: ISO 8601, with six decimals if the second is not whole.
    /// An offset with seconds, as in local mean time, is shown without them.
    pub fn iso(self, instant: Timestamp) -> String {
        let at = self.at(instant);
        let whole = at.timestamp_subsec_micros() == 0;
        at.to_rfc3339_opts(if whole { SecondsFormat::Secs } else { SecondsFormat::Micros }, false)
    }
}

fn shift(local: NaiveDateTime, span: Span) -> Timestamp {
    local
        .and_utc()
        .checked_sub_signed(chrono::TimeDelta::seconds(i64::from(span.offset)))
        .unwrap_or(if span.offset > 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC })
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl From<Tz> for Zone {
    fn from(tz: Tz) -> Self {
        Self::Named(tz)
    }
}

impl From<FixedOffset> for Zone {
    fn from(offset: FixedOffset) -> Self {
        Self::Fixed(offset)
    }
}

impl From<chrono::Utc> for Zone {
    fn from(_: chrono::Utc) -> Self {
        Self::UTC
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(tz) => f.write_str(tz.name()),
            Self::Fixed(offset) => write!(f, "{offset}"),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

impl FromStr for Zone {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if let Ok(tz) = Tz::from_str(name) {
            return Ok(Self::Named(tz));
        }
        if name.starts_with(['+', '-'])
            && let Ok(offset) = FixedOffset::from_str(name)
        {
            return Ok(Self::Fixed(offset));
        }
        let near = suggestion::nearest(name, TZ_VARIANTS.iter().map(|tz| tz.name()));
        let hint = near.map_or_else(|| ";".to_owned(), |near| format!("; did you mean `{near}`?"));
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "unknown time zone `{name}`{hint} expected a name of the tz database, such as `Europe/Helsinki`, or an offset, such as `+05:30`"
            ),
        ))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn localize_resolves_gaps_and_folds_like_python() {
        let zone: Zone = "Europe/Helsinki".parse().unwrap();
        let cases = [
            ("2027-03-28T02:59:59", "2027-03-28T02:59:59+02:00"),
            ("2027-03-28T03:30:00", "2027-03-28T04:30:00+03:00"),
            ("2027-03-28T04:00:00", "2027-03-28T04:00:00+03:00"),
            ("2027-10-31T03:30:00", "2027-10-31T03:30:00+03:00"),
            ("2027-10-31T04:00:00", "2027-10-31T04:00:00+02:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(zone.iso(zone.localize(local(text))), expected, "{text}");
        }
    }

    #[test]
    fn localize_agrees_with_chrono_tz_in_every_zone() {
        for tz in TZ_VARIANTS {
            for month in 1..=12 {
                let wall = chrono::NaiveDate::from_ymd_opt(2025, month, 15)
                    .unwrap()
                    .and_hms_opt(2, 30, 0)
                    .unwrap();
                let expected = tz.from_local_datetime(&wall).earliest().unwrap().to_utc();
                assert_eq!(Zone::from(tz).localize(wall), expected, "{tz} {wall}");
            }
        }
    }

    #[test]
    fn the_first_and_last_instants_can_be_displayed() {
        let zone: Zone = "Pacific/Kiritimati".parse().unwrap();
        for instant in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
            assert!(!zone.iso(instant).is_empty() && !zone.display(instant).is_empty());
        }
    }

    #[test]
    fn a_fixed_offset_is_a_zone() {
        let zone: Zone = "+05:30".parse().unwrap();
        assert_eq!(
            zone.iso(zone.localize(local("2009-11-06T16:30:05"))),
            "2009-11-06T16:30:05+05:30"
        );
        assert_eq!(zone.abbreviation_at(Timestamp::UNIX_EPOCH), "UTC+05:30");
    }
}
