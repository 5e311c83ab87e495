//! The spans of constant offset of a zone.
//!
//! `chrono-tz` answers "which offset at this instant" but not "until when". Triggers need the
//! latter to step over wall clock times directly, so a zone's changes are found once, by bisection,
//! and cached.

use std::fmt;
use std::sync::OnceLock;

use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::{TZ_VARIANTS, Tz};

/// A half-open range of instants, in seconds of the Unix epoch, with a constant offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first instant of the span; `i64::MIN` if unknown.
    pub start: i64,
    /// The first instant after the span; `i64::MAX` if unknown.
    pub end: i64,
    /// Wall clock minus UTC, in seconds.
    pub offset: i32,
}

/// All spans of a zone, in order. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Spans(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Fixed(i32),
    Table(&'static [Span]),
}

const FIRST: i64 = -2_208_988_800; // 1900-01-01
const LAST: i64 = 4_133_980_800; // 2101-01-01
/// The probe interval: no zone has two changes within this time (checked by a test).
const PROBE: i64 = 36 * 3600;

static TABLES: [OnceLock<Box<[Span]>>; TZ_VARIANTS.len()] =
    [const { OnceLock::new() }; TZ_VARIANTS.len()];

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Fixed(offset) => write!(f, "Spans({offset} s)"),
            Kind::Table(spans) => write!(f, "Spans({} of them)", spans.len()),
        }
    }
}

impl Spans {
    pub(super) fn fixed(offset: i32) -> Self {
        Self(Kind::Fixed(offset))
    }

    pub(super) fn of(tz: Tz) -> Self {
        // `TZ_VARIANTS` lists the variants in declaration order.
        let table = TABLES[tz as usize].get_or_init(|| find(PROBE, |seconds| offset(tz, seconds)));
        match &**table {
            [only] => Self::fixed(only.offset),
            spans => Self(Kind::Table(spans)),
        }
    }

    /// Returns the span that contains an instant, given in seconds of the Unix epoch.
    #[inline]
    pub fn at(self, seconds: i64) -> Span {
        match self.0 {
            Kind::Fixed(offset) => Span { start: i64::MIN, end: i64::MAX, offset },
            Kind::Table(spans) => at(spans, seconds),
        }
    }

    /// Returns whether `other`, all spans of a zone in order, has the same offsets in
    /// `from..until`.
    pub(super) fn equal(self, other: &[Span], from: i64, until: i64) -> bool {
        let mut seconds = from;
        while seconds < until {
            let (mine, others) = (self.at(seconds), at(other, seconds));
            if mine.offset != others.offset {
                return false;
            }
            seconds = mine.end.min(others.end);
        }
        true
    }
}

fn at(spans: &[Span], seconds: i64) -> Span {
    let behind = spans.partition_point(|span| span.start <= seconds);
    // The first span starts at `i64::MIN`, so at least one starts at or before any instant.
    spans[behind.max(1) - 1]
}

/// Returns the spans of a function from instants, in seconds of the Unix epoch, to offsets; exact
/// from 1900 to 2100.
pub(super) fn spans_of(offset: impl Fn(i64) -> i32) -> Box<[Span]> {
    find(PROBE, offset)
}

fn offset(tz: Tz, seconds: i64) -> i32 {
    DateTime::from_timestamp(seconds, 0).map_or(0, |instant| {
        tz.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
    })
}

fn find(probe: i64, offset: impl Fn(i64) -> i32) -> Box<[Span]> {
    let mut spans = Vec::new();
    let (mut start, mut current) = (i64::MIN, offset(FIRST));
    let mut low = FIRST;
    while low < LAST {
        let high = low + probe;
        let after = offset(high);
        if after == current {
            low = high;
        } else {
            let (mut same, mut changed) = (low, high);
            while changed - same > 1 {
                let middle = i64::midpoint(same, changed);
                if offset(middle) == current {
                    same = middle;
                } else {
                    changed = middle;
                }
            }
            spans.push(Span { start, end: changed, offset: current });
            (start, current) = (changed, offset(changed));
            // The rest of this interval may contain another change: continue from here.
            low = changed;
        }
    }
    spans.push(Span { start, end: i64::MAX, offset: current });
    spans.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_listed_in_order() {
        for (index, tz) in TZ_VARIANTS.iter().enumerate() {
            assert_eq!(*tz as usize, index, "{tz}");
        }
    }

    #[test]
    fn helsinki_changes_twice_a_year() {
        let spans = Spans::of(Tz::Europe__Helsinki);
        let span = spans.at(1_800_000_000); // 2027-01-15
        assert_eq!(span.offset, 2 * 3600);
        assert_eq!(
            DateTime::from_timestamp(span.end, 0).unwrap().to_rfc3339(),
            "2027-03-28T01:00:00+00:00"
        );
        assert_eq!(spans.at(span.end).offset, 3 * 3600);
        assert_eq!(spans.at(span.end - 1), span);
    }

    #[test]
    fn no_change_is_missed_between_probes() {
        for tz in TZ_VARIANTS {
            let table = find(PROBE, |seconds| offset(tz, seconds));
            let spans = Spans(Kind::Table(&Box::leak(table)[..]));
            for hour in (0..LAST).step_by(25 * 3600) {
                assert_eq!(spans.at(hour).offset, offset(tz, hour), "{tz} at {hour}");
            }
        }
    }
}
