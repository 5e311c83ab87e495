//! Converts records to documents and back.
//!
//! RethinkDB's numbers are doubles, which hold whole numbers up to 2^53. Times have more digits than that, so they are pairs:
//! seconds since 1970, and microseconds.

use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_plugin_kit::store::random_revision;
use serde_json::{Value, json};

use crate::client::{Term, datum};
use crate::keys::job_of;

/// The fields with the key of a job, and with its id if the key is derived, in the table of jobs.
pub(crate) const JOB_FIELDS: [&str; 2] = ["id", "job"];

/// The same fields in the other tables.
pub(crate) const JOB_REFERENCE: [&str; 2] = ["job", "job_id"];

const SECOND: i64 = 1_000_000;

/// Returns a revision for a new record, with room for as many writes below 2^53.
pub(crate) fn first_revision() -> u64 {
    random_revision(52)
}

/// Returns the revision after another; 0 is the revision of a record whose revision was broken manually.
pub(crate) fn next_revision(revision: u64) -> u64 {
    if revision == 0 { first_revision() } else { revision + 1 }
}

/// Returns a term for the revision of a document; 0 if it was broken manually.
pub(crate) fn revision_of(row: &Term) -> Term {
    let revision = || row.clone().field("revision");
    let is_number = revision().default(()).type_of().eq("NUMBER");
    is_number.and(revision().gt(0_i64)).branch(revision(), 0_i64)
}

/// Returns a term for the revision after that of the stored document.
pub(crate) fn next_revision_in_server(row: &Term) -> Term {
    let revision = revision_of(row);
    revision.clone().gt(0_i64).branch(revision.add(1_i64), first_revision())
}

/// Converts a time.
pub(crate) fn time(time: Timestamp) -> Value {
    micros_pair(to_micros(time))
}

/// Converts microseconds since 1970.
fn micros_pair(micros: i64) -> Value {
    json!([micros.div_euclid(SECOND), micros.rem_euclid(SECOND)])
}

/// Converts a time that there may be.
pub(crate) fn optional_time(given: Option<Timestamp>) -> Value {
    given.map_or(Value::Null, time)
}

/// Returns the value of an index on a time and something else.
pub(crate) fn place(at: Timestamp, then: impl Into<Term>) -> Term {
    datum(time(at)).append(then)
}

/// Reads a time, if it is one to the index of run times too.
pub(crate) fn read_time(value: &Value) -> Option<Timestamp> {
    let [seconds, micros] = value.as_array()?.as_slice() else { return None };
    let exact = |part: &Value| {
        let is_whole = part.is_i64() || part.as_f64().is_some_and(|part| part.fract() == 0.0);
        whole(part).filter(|_| is_whole).map(i128::from)
    };
    let (seconds, micros) = (exact(seconds)?, exact(micros)?);
    if !(0..i128::from(SECOND)).contains(&micros) {
        return None;
    }
    let micros = seconds * i128::from(SECOND) + micros;
    let clamped = micros.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(clamped).ok().map(from_micros)
}

/// Converts an identifier to text that orders as the identifiers do.
pub(crate) fn hex(number: u128) -> String {
    format!("{number:032x}")
}

/// Reads an identifier.
pub(crate) fn number(value: &Value) -> Option<u128> {
    u128::from_str_radix(value.as_str().filter(|text| text.len() == 32)?, 16).ok()
}

/// Reads a whole number.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    let rounded = || value.as_f64().map(|number| number as i64);
    value.as_i64().or_else(rounded)
}

/// Reads the record of a job. Returns `None` if its key is not text. Fields that were broken manually are read as far as
/// possible.
pub(crate) fn read(document: &Value) -> Option<JobRecord> {
    let id = document.get("id").filter(|key| key.is_string()).and(job_of(document, JOB_FIELDS))?;
    let revision = document.get("revision").and_then(whole).unwrap_or(0);
    let state = match document.get("job_state") {
        Some(Value::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
        None => "".into(),
    };
    Some(JobRecord::new(
        id,
        document.get("next_run_time").and_then(read_time),
        u64::try_from(revision).unwrap_or(0),
        JobPayload::Encoded(state),
    ))
}

/// Returns the fields of a job.
pub(crate) const RECORD: [&str; 5] = ["id", "job", "next_run_time", "revision", "job_state"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_times_are_kept() {
        for micros in [i64::MIN, -1, 0, 1, 253_402_300_799_999_999, i64::MAX] {
            let pair = micros_pair(micros);
            let doubles: Vec<f64> =
                pair.as_array().unwrap().iter().map(|part| part.as_f64().unwrap()).collect();
            assert!(doubles.iter().all(|part| part.abs() < 9_007_199_254_740_992.0));
            assert_eq!(read_time(&json!(doubles)), Some(from_micros(micros)));
        }
        for broken in [
            json!(null),
            json!(5),
            json!([1]),
            json!([1, "2"]),
            json!([1, 2, 3]),
            json!([1, -5]),
            json!([1.5, 0]),
        ] {
            assert_eq!(read_time(&broken), None);
        }
    }

    #[test]
    fn revisions_rise_and_are_exact() {
        let first = first_revision();
        assert_eq!(next_revision(first), first + 1);
        assert!(next_revision(0) > 0 && first < 1 << 52);
    }

    #[test]
    fn a_broken_document_is_read_as_far_as_possible() {
        let broken =
            json!({"id": "a", "next_run_time": [5.0, 0], "revision": "x", "job_state": {"a": 1}});
        let read = read(&broken).unwrap();
        assert_eq!((read.revision, read.next_run_time), (0, Some(from_micros(5_000_000))));
        assert_eq!(read.payload.as_text(), Some(r#"{"a":1}"#));
        assert!(super::read(&json!({"id": 5, "job": "a"})).is_none());
    }

    #[test]
    fn identifiers_keep_their_order() {
        for id in [0, 1, 255, u128::MAX] {
            assert_eq!(number(&hex(id).into()), Some(id));
        }
        assert!(hex(9) < hex(10) && number(&"1".into()).is_none());
    }
}
