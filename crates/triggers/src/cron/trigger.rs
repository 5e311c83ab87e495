//! The trigger.

use std::fmt;

use apscheduler_core::time::{Spans, Timestamp, Zone};
use apscheduler_core::trigger::Trigger;
use chrono::DateTime;

use super::field::Field;
use super::options::CronOptions;
use super::schedule::Schedule;
use crate::instant::InstantOption;

use crate::jitter::{self, Jitter};
use crate::search;

/// Fires at every instant at which the wall clock of its zone matches all fields.
///
/// A wall clock time that a change of offset skips does not fire; one that is repeated fires twice.
///
/// # Fields
/// Every field takes expressions, separated by commas. At least one of them has to match:
///
/// | expression | field | matches |
/// |---|---|---|
/// | `*` | any | every value |
/// | `*/a` | any | every a-th value, starting at the lowest |
/// | `a` | any | this value |
/// | `a-b` | any | the values from a to b |
/// | `a-b/c`, `a/c` | any | every c-th value from a to b, or from a to the highest |
/// | `xxx`, `xxx-yyy` | month, `day_of_week` | by name: `jan`, `mon-fri` |
/// | `xth y` | day | the x-th weekday y of the month: `1st mon`, `last fri` |
/// | `last` | day | the last day of the month |
///
/// # Examples
/// ```
/// use apscheduler_core::time::Zone;
/// use apscheduler_core::trigger::Trigger;
/// use apscheduler_triggers::CronTrigger;
/// use chrono::{TimeZone, Utc};
///
/// let zone: Zone = "Europe/Helsinki".parse()?;
/// let trigger = CronTrigger::builder().month("1-3").hour("*/2").timezone(zone).build()?;
/// assert_eq!(trigger.to_string(), "cron[month='1-3', hour='*/2']");
///
/// let now = Utc.with_ymd_and_hms(2027, 5, 1, 0, 0, 0).unwrap();
/// let fire = trigger.next_fire_time(None, now).unwrap();
/// assert_eq!(zone.iso(fire), "2028-01-01T00:00:00+02:00");
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone)]
pub struct CronTrigger {
    pub(super) schedule: Schedule,
    /// The normalized text of the fields that were given.
    pub(super) given: [Option<String>; Field::ALL.len()],
    pub(super) zone: Zone,
    pub(super) spans: Spans,
    pub(super) start_date: Option<Timestamp>,
    pub(super) end_date: Option<Timestamp>,
    pub(super) jitter: Jitter,
}

impl CronTrigger {
    /// Returns the first match at or after `from` in seconds of the Unix epoch, between the start and the end.
    #[inline]
    fn at_or_after(&self, from: i64) -> Option<Timestamp> {
        let from = self.start_date.map_or(from, |start| from.max(whole_second(start)));
        let fire = DateTime::from_timestamp(self.next_second(from)?, 0)?;
        self.end_date.is_none_or(|end| fire <= end).then_some(fire)
    }

    /// Returns the first match at or after `from`, both in seconds of the Unix epoch.
    #[inline]
    fn next_second(&self, from: i64) -> Option<i64> {
        let mut span = self.spans.at(from);
        let mut wall = from + i64::from(span.offset);
        // The first match at or after `wall`. The clock may skip it; the spans tell.
        let mut matching = self.schedule.next(wall);
        loop {
            let fire = matching.map(|matching| matching - i64::from(span.offset));
            if let Some(fire) = fire.filter(|fire| *fire < span.end) {
                return Some(fire);
            }
            if span.end == i64::MAX {
                return None;
            }
            span = self.spans.at(span.end);
            let start = span.start + i64::from(span.offset);
            // The clock was set forward over the match, or back to before the start of the search: search again.
            if start < wall || matching.is_some_and(|matching| matching < start) {
                wall = start;
                matching = self.schedule.next(wall);
            }
        }
    }
}

impl Trigger for CronTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let grid_time = self.next_grid_time(previous, now)?;
        Some(if self.jitter.is_off() {
            grid_time
        } else {
            jitter::fire_at(self, grid_time, Timestamp::MAX_UTC)
        })
    }

    #[inline]
    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let from = match previous {
            Some(previous) => previous.timestamp() + 1,
            None => whole_second(now),
        };
        self.at_or_after(from)
    }

    fn add_jitter(&self, grid_time: Timestamp, latest: Timestamp) -> Timestamp {
        self.jitter.delay(grid_time, self.end_date.map_or(latest, |end| end.min(latest)))
    }

    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let latest = self.end_date.map_or(until, |end| end.min(until));
        let last = search::last_until(first, latest, |from| self.at_or_after(whole_second(from)));
        if last > first { self.jitter.delay(last, latest) } else { first }
    }

    fn diagnose(&self, _now: Timestamp) -> Option<String> {
        // Years start with 1970, which in some zones starts a day earlier in UTC.
        const FIRST: i64 = -86_400;
        if self.at_or_after(FIRST).is_some() {
            return None;
        }
        if self.next_second(FIRST).is_none() {
            let given: Vec<String> =
                self.given().map(|(field, text)| format!("{}='{text}'", field.name())).collect();
            return Some(format!(
                "nothing in the calendar matches all of {}; the last day of a month is `day = \"last\"`",
                given.join(", ")
            ));
        }
        let date = |date: Option<Timestamp>| date.map(|date| self.zone.iso(date));
        Some(match (date(self.start_date), date(self.end_date)) {
            (Some(start), Some(end)) => {
                format!("it has no fire time from `start_date` {start} to `end_date` {end}")
            }
            (Some(start), None) => format!("it has no fire time after `start_date` {start}"),
            (None, end) => {
                format!("it has no fire time before `end_date` {}", end.unwrap_or_default())
            }
        })
    }

    fn kind(&self) -> &'static str {
        "cron"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        let date =
            |date: Option<Timestamp>| date.map(|date| InstantOption::stored(date, self.zone));
        let mut options = CronOptions {
            start_date: date(self.start_date),
            end_date: date(self.end_date),
            timezone: Some(self.zone),
            jitter: self.jitter.option(),
            ..CronOptions::default()
        };
        for (field, text) in self.given() {
            options.set(field, text);
        }
        Box::new(options)
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        self.zone
    }
}

impl CronTrigger {
    fn given(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL
            .into_iter()
            .zip(&self.given)
            .filter_map(|(field, text)| Some((field, text.as_deref()?)))
    }
}

/// The fields that were given: `cron[month='1-3', hour='*/2']`.
impl fmt::Display for CronTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cron[")?;
        for (index, (field, text)) in self.given().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}='{text}'", field.name())?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for CronTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is easier to read than the bit sets.
        f.debug_struct("CronTrigger")
            .field("given", &format_args!("{self}"))
            .field("zone", &self.zone)
            .field("start_date", &self.start_date)
            .field("end_date", &self.end_date)
            .field("jitter", &self.jitter)
            .finish_non_exhaustive()
    }
}

/// Returns the first whole second at or after an instant.
fn whole_second(instant: Timestamp) -> i64 {
    instant.timestamp() + i64::from(instant.timestamp_subsec_nanos() > 0)
}
