//! A time before which no job is due, so that nobody looks at what was there before.
//!
//! Until a compaction, the server keeps deleted keys, and passes them in each range that it reads: the places of all jobs
//! that have run since. So `floor` says where the places begin. Whoever writes an earlier place lowers it in the same
//! transaction. It is raised now and then by those who claim.

use apscheduler_core::Result;
use etcd_client::{Compare, CompareOp};

use crate::access::Access;
use crate::keys::{KeyRange, Keys};
use crate::transaction::{Operations, is_empty, is_unchanged};

/// Lowers the floor if it is above the earliest of these run times, as they are written.
pub(crate) fn lower<'a>(
    then: &mut Operations,
    keys: &Keys,
    times: impl IntoIterator<Item = &'a str>,
) {
    let Some(earliest) = times.into_iter().min() else { return };
    let mut lower = Operations::default();
    lower.put(keys.floor(), earliest);
    // Without a floor, this does not hold.
    let is_above = Compare::value(keys.floor(), CompareOp::Greater, earliest);
    then.nested(vec![is_above], lower, Operations::default(), 1);
}

/// Raises the floor from `floor`, which has this revision, to the run time of the first place.
pub(crate) fn raise(access: &Access, floor: &str, revision: i64, first: &str) -> Result<()> {
    let keys = access.keys();
    let passed = KeyRange { from: keys.due(floor, ""), to: keys.due(first, "") };
    let passed = keys.all_due().starting_at(passed.from).before(passed.to);
    if passed.from >= passed.to {
        return Ok(());
    }
    let mut then = Operations::default();
    then.put(keys.floor(), first);
    let when = vec![is_unchanged(keys.floor(), revision), is_empty(passed)];
    access.note(when, then).map(drop)
}
