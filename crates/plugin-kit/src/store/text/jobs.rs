//! The text form of run times and of jobs.

use std::sync::Arc;

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::Timestamp;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};

/// The run time of a paused job. It sorts after all others.
pub const PAUSED: &str = "paused";

/// Returns text that sorts by its bytes as the run times do.
pub fn run_time_text(time: Option<Timestamp>) -> String {
    match time {
        None => PAUSED.to_owned(),
        Some(time) => time_text(time),
    }
}

/// Returns text of 27 characters, as `2027-01-01T00:00:00.000000Z`. Times outside the years 0 to 9999 become the nearest time
/// inside.
pub fn time_text(time: Timestamp) -> String {
    let of_year = |year| {
        NaiveDate::from_ymd_opt(year, 1, 1)
            .unwrap_or_default()
            .and_time(chrono::NaiveTime::MIN)
            .and_utc()
    };
    let (first, end) = (of_year(0), of_year(10_000));
    let time = time.clamp(first, end - TimeDelta::microseconds(1));
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Parses a run time. Returns `None` if the text is invalid, and `Some(None)` for a paused job.
pub fn read_run_time(text: &str) -> Option<Option<Timestamp>> {
    if text == PAUSED { Some(None) } else { read_time(text).map(Some) }
}

/// Parses what [`time_text`] returned. Returns `None` if the text is no time.
pub fn read_time(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// Whether the text has the form of a run time. The scripts check the same.
fn is_run_time(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    text == PAUSED.as_bytes()
        || text.len() == SHAPE.len()
            && text.iter().zip(SHAPE).all(|(byte, shape)| match shape {
                b'd' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
}

/// What precedes the state in a record.
struct RecordHeader<'a> {
    revision: u64,
    run_time: &'a str,
    /// Where the state starts.
    end: usize,
}

fn head(value: &str) -> Option<RecordHeader<'_>> {
    let (revision, rest) = value.split_once(' ')?;
    let (run_time, _) = rest.split_once(' ')?;
    // Any number of 18 digits fits.
    let is_revision = (1..=18).contains(&revision.len())
        && revision.bytes().all(|byte| byte.is_ascii_digit())
        && !revision.starts_with('0');
    (is_revision && is_run_time(run_time.as_bytes())).then(|| RecordHeader {
        revision: revision.parse().unwrap_or(0),
        run_time,
        end: revision.len() + run_time.len() + 2,
    })
}

/// Returns a job as `REVISION RUN_TIME STATE`, such as `7 2027-01-01T00:00:00.000000Z {"version":1,...}`.
pub fn job_text(revision: u64, next_run_time: Option<Timestamp>, state: &str) -> String {
    format!("{revision} {} {state}", run_time_text(next_run_time))
}

/// Reads what [`job_text`] returned. If its head is invalid, its run time is `indexed`, its revision is 0, and its state is the
/// whole text, so that it is set aside and nothing is lost.
pub fn read_job(id: Arc<str>, indexed: &str, value: &[u8]) -> JobRecord {
    let value = String::from_utf8_lossy(value);
    let (revision, run_time, state) = match head(&value) {
        Some(head) => (head.revision, head.run_time, &value[head.end..]),
        None => (0, indexed, &*value),
    };
    JobRecord::new(
        id,
        read_run_time(run_time).flatten(),
        revision,
        JobPayload::Encoded(state.into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn record(value: &str) -> JobRecord {
        read_job("a".into(), "2027-01-01T00:00:00.000000Z", value.as_bytes())
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
    }

    #[test]
    fn extreme_times_keep_their_order() {
        assert_eq!(time_text(Timestamp::MAX_UTC), "9999-12-31T23:59:59.999999Z");
        assert_eq!(time_text(Timestamp::MIN_UTC), "0000-01-01T00:00:00.000000Z");
        assert!(PAUSED > time_text(Timestamp::MAX_UTC).as_str());
    }

    #[test]
    fn a_record_is_read() {
        let read = record("12 2028-02-03T04:05:06.000007Z {\"a\": 1}");
        assert_eq!(read.revision, 12);
        assert_eq!(read.next_run_time, Some(time("2028-02-03T04:05:06.000007Z")));
        assert_eq!(read.payload.as_text(), Some("{\"a\": 1}"));
        assert_eq!(record("1 paused {}").next_run_time, None);
    }

    #[test]
    fn an_invalid_record_is_kept_as_text() {
        for text in [
            "",
            "{}",
            "0 paused {}",
            "x paused {}",
            "1 soon {}",
            "1 paused",
            "1 2027-01-01 {}",
            "01 paused {}",
        ] {
            let read = record(text);
            assert_eq!((read.revision, read.payload.as_text()), (0, Some(text)));
            assert_eq!(read.next_run_time, Some(time("2027-01-01T00:00:00Z")));
        }
    }
}
