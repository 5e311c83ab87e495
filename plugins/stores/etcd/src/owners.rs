//! The owners of runs.
//!
//! etcd has no clock, so a heartbeat is the time of the owner's own clock. It is raised in any case, so that others see a sign
//! of life even if that clock was put back. Others only compare whether it has changed.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenState, OwnerRecord, OwnerState};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, from_micros, to_micros};
use apscheduler_plugin_kit::store::text::{owner_record_text, read_owner};

use crate::access::{Access, TRIES, busy};
use crate::transaction::{Found, Operations, Query, is_empty, is_unchanged};

/// Notes that an owner is alive. Returns its state.
pub(crate) fn heartbeat(access: &Access, owner: &Owner, lease: Duration) -> Result<OwnerState> {
    let new = OwnerRecord::new(owner.clone(), OwnerState::Alive, Timestamp::MIN_UTC, lease);
    change(access, owner.id, |before| match before {
        Some(before) if before.state != OwnerState::Alive => Err(before.state),
        before => {
            let mut new = new.clone();
            new.heartbeat = later_than(before.map(|before| before.heartbeat));
            Ok(new)
        }
    })
}

/// Notes that an owner was shut down, unless it is dead.
pub(crate) fn end(access: &Access, owner: OwnerId) -> Result<()> {
    let ended = change(access, owner, |before| match before {
        Some(before) if before.state == OwnerState::Alive => {
            let heartbeat = later_than(Some(before.heartbeat));
            Ok(OwnerRecord::new(before.owner, OwnerState::Ended, heartbeat, before.lease))
        }
        _ => Err(OwnerState::Ended),
    });
    ended.map(drop)
}

/// Returns the current time, or the next one after the last sign of life.
fn later_than(last: Option<Timestamp>) -> Timestamp {
    // As it will be read again.
    let now = to_micros(SystemClock.now());
    from_micros(last.map_or(now, |last| now.max(to_micros(last).saturating_add(1))))
}

/// Changes the record of an owner, unless `change` returns a state instead. Returns its state then.
fn change(
    access: &Access,
    owner: OwnerId,
    change: impl Fn(Option<OwnerRecord>) -> Result<OwnerRecord, OwnerState>,
) -> Result<OwnerState> {
    let key = access.keys().owner(owner);
    for _ in 0..TRIES {
        let found = access.read_one(Query::key(key.clone()))?;
        let before = found.first().and_then(|found| read_owner(&owner.to_string(), &found.text()));
        let after = match change(before) {
            Ok(after) => after,
            Err(state) => return Ok(state),
        };
        let mut then = Operations::default();
        then.put(key.clone(), owner_record_text(&after));
        if access.note(vec![is_unchanged(key.clone(), found.revision())], then)? {
            return Ok(after.state);
        }
    }
    Err(busy())
}

/// Notes that an owner is dead, if it is alive and its last heartbeat is still this one.
pub(crate) fn condemn(access: &Access, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
    let keys = access.keys();
    let found = access.read_one(Query::key(keys.owner(owner)))?;
    let before = found.first().and_then(|found| read_owner(&owner.to_string(), &found.text()));
    let is_silent =
        |record: &OwnerRecord| record.state == OwnerState::Alive && record.heartbeat == heartbeat;
    let Some(mut record) = before.filter(is_silent) else { return Ok(false) };
    record.state = OwnerState::Dead;
    let mut then = Operations::default();
    then.put(keys.owner(owner), owner_record_text(&record));
    then.put(keys.dead(owner), "");
    access.note(vec![is_unchanged(keys.owner(owner), found.revision())], then)
}

/// Returns the owners that are alive, and those that have open runs.
pub(crate) fn list(access: &Access) -> Result<Vec<OwnerRecord>> {
    let owners = all(access)?.into_iter();
    let listed = owners.filter(|known| known.is_busy || known.record.state == OwnerState::Alive);
    Ok(listed.map(|known| known.record).collect())
}

/// An owner as it is stored.
struct Known {
    record: OwnerRecord,
    revision: i64,
    /// Whether it has open runs. Always `false` for one that is alive.
    is_busy: bool,
}

fn all(access: &Access) -> Result<Vec<Known>> {
    let keys = access.keys();
    let range = keys.owners();
    let found = access.read_one(Query::range(&range, usize::MAX))?;
    let records = found.entries.iter().filter_map(|entry| {
        let record = read_owner(entry.key.strip_prefix(&range.from)?, &entry.text())?;
        Some(Known { record, revision: entry.revision, is_busy: false })
    });
    let mut known: Vec<Known> = records.collect();
    let mut gone: Vec<&mut Known> =
        known.iter_mut().filter(|known| known.record.state != OwnerState::Alive).collect();
    for chunk in gone.chunks_mut(1000) {
        let queries = chunk.iter().flat_map(|known| {
            let owner = known.record.owner.id;
            [keys.busy_with(owner), keys.open_of_owner(owner, OpenState::Claimed.name())]
        });
        let mut found = access.read(queries.map(|range| Query::range(&range, 1).keys_only()))?;
        for known in chunk {
            known.is_busy = found.take_all::<2>().iter().any(|found: &Found| !found.is_empty());
        }
    }
    Ok(known)
}

/// Removes the owners that ended or died before this time and have no open runs.
pub(crate) fn prune(access: &Access, before: Timestamp) -> Result<()> {
    let keys = access.keys();
    for Known { record, revision, is_busy } in all(access)? {
        let owner = record.owner.id;
        if is_busy {
            remove_empty_batches(access, owner)?;
        } else if record.state != OwnerState::Alive && record.heartbeat < before {
            let mut remove = Operations::default();
            remove.delete(keys.owner(owner));
            remove.delete(keys.dead(owner));
            access.note(vec![is_unchanged(keys.owner(owner), revision)], remove)?;
        }
    }
    Ok(())
}

/// Removes the batches of an owner that have no entries: all of their claims were lost, and their scheduler ended then.
fn remove_empty_batches(access: &Access, owner: OwnerId) -> Result<()> {
    let batches = access.keys().busy_with(owner);
    for batch in access.read_one(Query::range(&batches, 1000).keys_only())?.entries {
        let id = batch.key.strip_prefix(&batches.from).and_then(|id| id.parse().ok());
        if let Some(id) = id {
            let mut remove = Operations::default();
            remove.delete(batch.key);
            access.note(vec![is_empty(access.keys().batch(id))], remove)?;
        }
    }
    Ok(())
}
