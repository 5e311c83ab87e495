//! Run times as text that sorts as they do.

use apscheduler_core::time::Timestamp;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta};

/// The run time of a paused job. It sorts after all others.
pub const PAUSED: &str = "paused";

/// Returns text that sorts by its bytes as the run times do, and [`PAUSED`] for a job without one.
pub fn run_time_text(time: Option<Timestamp>) -> String {
    match time {
        None => PAUSED.to_owned(),
        Some(time) => time_text(time),
    }
}

/// Returns text of 27 characters, as `2027-01-01T00:00:00.000000Z`, in UTC. A time outside the years 0 to 9999 becomes the
/// nearest time inside.
pub fn time_text(time: Timestamp) -> String {
    let of_year = |year| {
        NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
    };
    let (first, end) = (of_year(0), of_year(10_000));
    let time = time.clamp(first, end - TimeDelta::microseconds(1));
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Reads what [`run_time_text`] returned. Returns `None` if the text is invalid, and `Some(None)` for a paused job.
pub fn read_run_time(text: &str) -> Option<Option<Timestamp>> {
    if text == PAUSED { Some(None) } else { read_time(text).map(Some) }
}

/// Reads what [`time_text`] returned.
pub fn read_time(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_kept_to_the_microsecond() {
        for text in [
            "0001-01-01T00:00:00.000001Z",
            "1969-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            assert_eq!(time_text(time(text)), text);
            assert_eq!(read_run_time(text), Some(Some(time(text))));
        }
        assert_eq!((read_run_time("soon"), read_run_time(PAUSED)), (None, Some(None)));
    }

    #[test]
    fn extreme_times_keep_their_order() {
        assert_eq!(time_text(Timestamp::MAX_UTC), "9999-12-31T23:59:59.999999Z");
        assert_eq!(time_text(Timestamp::MIN_UTC), "0000-01-01T00:00:00.000000Z");
        assert!(PAUSED > time_text(Timestamp::MAX_UTC).as_str());
    }
}
