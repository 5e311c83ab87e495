//! Records and run times as stores pass them to databases.

use std::collections::HashSet;

use apscheduler_core::store::NewRecord;
use apscheduler_core::time::{Timestamp, to_micros};
use apscheduler_core::{Error, Result};

/// Refuses records of which two have the same id.
///
/// # Errors
/// [`ErrorKind::ConflictingId`](apscheduler_core::ErrorKind::ConflictingId) with the id.
pub fn refuse_duplicate_ids(records: &[NewRecord]) -> Result<()> {
    let mut ids = HashSet::with_capacity(records.len());
    match records.iter().find(|record| !ids.insert(&*record.id)) {
        Some(record) => Err(Error::conflicting_id(&*record.id)),
        None => Ok(()),
    }
}

/// Returns the earliest run time later than `after`, in microseconds of the Unix epoch; without `after`, the first of all.
/// `None` if there is no later one.
pub fn earliest_after(after: Option<Timestamp>) -> Option<i64> {
    after.map_or(Some(i64::MIN), |after| to_micros(after).checked_add(1))
}

#[cfg(test)]
mod tests {
    use apscheduler_core::ErrorKind;
    use apscheduler_core::store::JobPayload;

    use super::*;

    #[test]
    fn duplicate_ids_are_refused() {
        let records = |ids: &[&str]| {
            let record = |id: &&str| NewRecord::new(*id, None, JobPayload::Encoded("{}".into()));
            ids.iter().map(record).collect::<Vec<_>>()
        };
        assert!(refuse_duplicate_ids(&records(&["a", "b"])).is_ok());
        let error = refuse_duplicate_ids(&records(&["a", "b", "a"])).unwrap_err();
        assert_eq!((error.kind(), error.job_id()), (ErrorKind::ConflictingId, Some("a")));
    }

    #[test]
    fn the_first_instant_is_a_valid_run_time() {
        assert_eq!(earliest_after(None), Some(i64::MIN));
        assert_eq!(earliest_after(Some(Timestamp::UNIX_EPOCH)), Some(1));
    }
}
