//! The text form of jobs in Redis.

use std::sync::Arc;

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_plugin_kit::store::text::{PAUSED, read_run_time};

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

/// Reads a record from the hash. If its head is invalid, its run time is `indexed`, its revision is 0, and its state is the
/// whole text, so that it is set aside and nothing is lost.
pub(crate) fn read_record(id: Arc<str>, indexed: &str, value: &[u8]) -> JobRecord {
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
    use apscheduler_core::time::Timestamp;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn record(value: &str) -> JobRecord {
        read_record("a".into(), "2027-01-01T00:00:00.000000Z", value.as_bytes())
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
