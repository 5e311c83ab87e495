//! Converts records to documents and back.

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_plugin_kit::store::random_revision;
use mongodb::bson::{Bson, Document, Uuid, doc};

/// Returns a revision for a new record. It is random, so that a job that is added again has another revision.
pub(crate) fn first_revision() -> i64 {
    i64::try_from(random_revision(60)).unwrap_or(1)
}

/// Returns the revision after another; 0 is the revision of a record whose revision was broken manually.
pub(crate) fn next_revision(revision: u64) -> i64 {
    match i64::try_from(revision) {
        Ok(revision) if revision > 0 => revision.saturating_add(1),
        _ => first_revision(),
    }
}

/// Returns an expression for the revision after that of the stored document.
pub(crate) fn next_revision_in_server() -> Document {
    let is_ours = doc! {"$eq": [{"$type": "$revision"}, "long"]};
    let first = doc! {"$literal": first_revision()};
    doc! {"$add": [{"$cond": [is_ours, "$revision", first]}, Bson::Int64(1)]}
}

/// Converts a run time: to microseconds, which BSON's own dates do not have.
pub(crate) fn run_time(time: Option<Timestamp>) -> Bson {
    time.map_or(Bson::Null, |time| Bson::Int64(to_micros(time)))
}

/// Converts an identifier to a UUID, which orders as the identifiers do.
pub(crate) fn uuid(number: u128) -> Bson {
    Uuid::from_bytes(number.to_be_bytes()).into()
}

/// Reads an identifier.
pub(crate) fn number(uuid: &Bson) -> Option<u128> {
    match uuid {
        Bson::Binary(bytes) => Some(u128::from_be_bytes(bytes.to_uuid().ok()?.bytes())),
        _ => None,
    }
}

/// Returns the filter for a record that still has the revision that was read.
pub(crate) fn unchanged(id: &str, revision: u64) -> Document {
    match i64::try_from(revision) {
        Ok(revision) if revision > 0 => doc! {"_id": id, "revision": revision},
        // The revision was removed manually.
        _ => doc! {"_id": id, "revision": {"$not": {"$gt": 0_i64}}},
    }
}

/// Reads the record from a document. Returns `None` if its `_id` is not text. Fields that were broken manually are read as
/// far as possible.
pub(crate) fn read(document: &Document) -> Option<JobRecord> {
    let id = document.get_str("_id").ok()?;
    let revision = document.get("revision").and_then(whole).unwrap_or(0);
    let next_run_time = document.get("next_run_time").and_then(whole);
    let state = match document.get("job_state") {
        Some(Bson::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
        None => "".into(),
    };
    Some(JobRecord::new(
        id,
        next_run_time.map(from_micros),
        u64::try_from(revision).unwrap_or(0),
        JobPayload::Encoded(state),
    ))
}

/// Reads a whole number. The JavaScript shell writes them as doubles.
pub(crate) fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int64(number) => Some(*number),
        Bson::Int32(number) => Some(i64::from(*number)),
        #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
        Bson::Double(number) if !number.is_nan() => Some(*number as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_rise() {
        let first = u64::try_from(first_revision()).unwrap();
        assert_eq!(u64::try_from(next_revision(first)).unwrap(), first + 1);
        assert!(next_revision(0) > 0);
    }

    #[test]
    fn a_broken_document_is_read_as_far_as_possible() {
        let read = read(&doc! {"_id": "a", "next_run_time": 5.0, "job_state": {"a": 1}}).unwrap();
        assert_eq!((read.revision, read.next_run_time), (0, Some(from_micros(5))));
        assert_eq!(read.payload.as_text(), Some(r#"{ "a": 1 }"#));
    }

    #[test]
    fn run_times_out_of_range_are_clamped() {
        for (number, expected) in [(i64::MAX, Timestamp::MAX_UTC), (i64::MIN, Timestamp::MIN_UTC)] {
            let read = read(&doc! {"_id": "a", "next_run_time": number}).unwrap();
            assert_eq!(read.next_run_time, Some(expected));
        }
        assert!(read(&doc! {"_id": 5}).is_none());
    }
}
