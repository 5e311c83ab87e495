//! Records as documents.

use std::sync::atomic::{AtomicU64, Ordering};

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::{Bson, Document, doc};

use crate::WHAT;

/// Marks what one handle of the store writes: `3fa9c1d2e4b5-17`. No two writes have the same mark.
#[derive(Debug)]
pub(crate) struct Writer {
    handle: String,
    writes: AtomicU64,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { handle: format!("{:012x}", random_bits(48)), writes: AtomicU64::new(0) }
    }

    /// The mark of the next write.
    pub(crate) fn mark(&self) -> String {
        format!("{}-{}", self.handle, self.writes.fetch_add(1, Ordering::Relaxed))
    }

    /// How its marks begin.
    pub(crate) fn prefix(&self) -> String {
        format!("{}-", self.handle)
    }
}

/// The handle that made a mark.
pub(crate) fn handle(mark: &str) -> &str {
    mark.split_once('-').map_or(mark, |(handle, _)| handle)
}

fn random_bits(bits: u32) -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1 & ((1 << bits) - 1)
}

/// The revision of a new record. It begins anywhere, so that a job that is added again is another one.
pub(crate) fn first_revision() -> i64 {
    i64::try_from(random_bits(60)).unwrap_or(0).max(1)
}

/// The revision behind another; 0 is that of a record whose revision a hand broke.
pub(crate) fn next_revision(revision: u64) -> i64 {
    match i64::try_from(revision) {
        Ok(revision) if revision > 0 => revision.saturating_add(1),
        _ => first_revision(),
    }
}

/// The revision behind whatever a document has, as the server works it out.
pub(crate) fn next_revision_in_server() -> Document {
    let is_ours = doc! {"$eq": [{"$type": "$revision"}, "long"]};
    let first = doc! {"$literal": first_revision()};
    doc! {"$add": [{"$cond": [is_ours, "$revision", first]}, Bson::Int64(1)]}
}

/// A run time as it is stored: in microseconds, which BSON's own dates do not have.
pub(crate) fn run_time(time: Option<Timestamp>) -> Bson {
    time.map_or(Bson::Null, |time| Bson::Int64(to_micros(time)))
}

/// The job state, which must be text.
pub(crate) fn state_text<'a>(id: &str, state: &'a JobPayload) -> Result<&'a str> {
    state.as_text().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "a job that is not serialized can't be kept in MongoDB")
            .with_plugin(WHAT)
            .with_job_id(id)
    })
}

/// What finds a record that still has the revision that was read.
pub(crate) fn unchanged(id: &str, revision: u64) -> Document {
    match i64::try_from(revision) {
        Ok(revision) if revision > 0 => doc! {"_id": id, "revision": revision},
        // A hand took the revision away.
        _ => doc! {"_id": id, "revision": {"$not": {"$gt": 0_i64}}},
    }
}

/// The record that a document is; `None` where its `_id` is none of ours. What a hand broke comes back with whatever is
/// there.
pub(crate) fn read(document: &Document) -> Option<JobRecord> {
    let id = document.get_str("_id").ok()?;
    let revision = document.get("revision").and_then(whole).unwrap_or(0);
    let next_run_time = document.get("next_run_time").and_then(whole);
    let state = match document.get("job_state") {
        Some(Bson::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
        None => "".into(),
    };
    Some(JobRecord {
        id: id.into(),
        next_run_time: next_run_time.map(from_micros),
        revision: u64::try_from(revision).unwrap_or(0),
        payload: JobPayload::Encoded(state),
    })
}

/// A whole number. A shell in JavaScript writes them as doubles.
fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int64(number) => Some(*number),
        Bson::Int32(number) => Some(i64::from(*number)),
        #[expect(clippy::cast_possible_truncation, reason = "it ends at the ends of i64")]
        Bson::Double(number) if !number.is_nan() => Some(*number as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_and_tell_their_handle() {
        let (one, other) = (Writer::new(), Writer::new());
        let (first, second) = (one.mark(), one.mark());
        assert_ne!(first, second);
        assert!(first.starts_with(&one.prefix()) && !first.starts_with(&other.prefix()));
    }

    #[test]
    fn revisions_rise() {
        let first = u64::try_from(first_revision()).unwrap();
        assert_eq!(u64::try_from(next_revision(first)).unwrap(), first + 1);
        assert!(next_revision(0) > 0);
    }

    #[test]
    fn what_a_hand_broke_comes_back() {
        let read = read(&doc! {"_id": "a", "next_run_time": 5.0, "job_state": {"a": 1}}).unwrap();
        assert_eq!((read.revision, read.next_run_time), (0, Some(from_micros(5))));
        assert_eq!(read.payload.as_text(), Some(r#"{ "a": 1 }"#));
    }

    #[test]
    fn run_times_beyond_all_instants_come_back_as_the_last() {
        for (number, expected) in [(i64::MAX, Timestamp::MAX_UTC), (i64::MIN, Timestamp::MIN_UTC)] {
            let read = read(&doc! {"_id": "a", "next_run_time": number}).unwrap();
            assert_eq!(read.next_run_time, Some(expected));
        }
        assert!(read(&doc! {"_id": 5}).is_none());
    }
}
