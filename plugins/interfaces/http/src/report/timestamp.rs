//! Instants in reports: ISO 8601 in UTC.

use apscheduler_core::time::{Timestamp, Zone};
use serde::Serializer;

pub(super) fn utc<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Zone::UTC.iso(*time))
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
pub(super) fn maybe_utc<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => utc(time, serializer),
        None => serializer.serialize_none(),
    }
}
