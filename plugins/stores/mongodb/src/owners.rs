//! The collection of the owners of runs.
//!
//! The times are those of the server.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OwnerRecord, OwnerState};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{Timestamp, duration_from_micros, duration_to_micros, from_micros};
use mongodb::bson::{Bson, DateTime, Document, doc};

use crate::connection::Connection;
use crate::document::{number, uuid, whole};
use crate::failure::{DUPLICATE_KEY, code};

/// The filter for an owner that is alive.
fn alive(owner: OwnerId) -> Document {
    doc! {"_id": uuid(owner.as_u128()), "state": OwnerState::Alive.name()}
}

/// Converts a sign of life, which the server keeps to the millisecond.
fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.timestamp_millis())
}

/// Notes a sign of life. Returns the state.
pub(crate) fn heartbeat(
    connection: &Connection,
    owner: &Owner,
    lease: Duration,
) -> Result<OwnerState> {
    let alive = alive(owner.id);
    let beat = doc! {
        "$set": {
            "name": &owner.name,
            "host": &owner.host,
            "pid": i64::from(owner.pid),
            "lease": duration_to_micros(lease),
        },
        "$currentDate": {"heartbeat": true},
    };
    let owners = connection.owners.clone();
    let noted = connection
        .try_run(async move { owners.update_one(alive, beat).upsert(true).await.map(drop) })?;
    match noted {
        Ok(()) => Ok(OwnerState::Alive),
        // There is one with this id, and it is not alive.
        Err(error) if code(&error) == Some(DUPLICATE_KEY) => {
            Ok(state(connection, owner.id)?.unwrap_or(OwnerState::Dead))
        }
        Err(error) => Err(connection.address.explain(&error)),
    }
}

/// Returns the state of an owner; `None` if nobody has this id.
pub(crate) fn state(connection: &Connection, owner: OwnerId) -> Result<Option<OwnerState>> {
    let (owners, id) = (connection.owners.clone(), uuid(owner.as_u128()));
    let found = connection.run(async move {
        owners.find_one(doc! {"_id": id}).projection(doc! {"state": 1}).await
    })?;
    Ok(found.as_ref().and_then(state_of))
}

/// Notes that an owner was shut down, unless it is dead.
pub(crate) fn end(connection: &Connection, owner: OwnerId) -> Result<()> {
    let ended =
        doc! {"$set": {"state": OwnerState::Ended.name()}, "$currentDate": {"heartbeat": true}};
    change(connection, alive(owner), ended).map(drop)
}

/// Notes that an owner is dead, if its last sign of life is this one.
pub(crate) fn condemn(
    connection: &Connection,
    owner: OwnerId,
    heartbeat: Timestamp,
) -> Result<bool> {
    let mut silent = alive(owner);
    silent.insert("heartbeat", date(heartbeat));
    change(connection, silent, doc! {"$set": {"state": OwnerState::Dead.name()}})
}

fn change(connection: &Connection, filter: Document, update: Document) -> Result<bool> {
    let owners = connection.owners.clone();
    connection.run(async move { Ok(owners.update_one(filter, update).await?.matched_count > 0) })
}

/// Returns the owners that are alive, and those with these ids.
pub(crate) fn list(connection: &Connection, ids: Vec<Bson>) -> Result<Vec<OwnerRecord>> {
    let wanted = doc! {"$or": [{"state": OwnerState::Alive.name()}, {"_id": {"$in": ids}}]};
    let owners = connection.owners.clone();
    let found = connection.run(async move {
        let mut cursor = owners.find(wanted).await?;
        let mut found: Vec<Document> = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })?;
    Ok(found.iter().filter_map(read).collect())
}

/// Removes the owners that ended or died before this time, except those with these ids.
pub(crate) fn prune(connection: &Connection, before: Timestamp, busy: Vec<Bson>) -> Result<()> {
    let old = doc! {
        "state": {"$ne": OwnerState::Alive.name()},
        "heartbeat": {"$lt": date(before)},
        "_id": {"$nin": busy},
    };
    let owners = connection.owners.clone();
    connection.run(async move { owners.delete_many(old).await.map(drop) })
}

fn state_of(document: &Document) -> Option<OwnerState> {
    document.get_str("state").ok().and_then(OwnerState::from_name)
}

fn read(document: &Document) -> Option<OwnerRecord> {
    let id = OwnerId::from_u128(document.get("_id").and_then(number)?);
    let text = |key| document.get_str(key).unwrap_or_default();
    let pid = document.get("pid").and_then(whole).and_then(|pid| u32::try_from(pid).ok());
    let owner = Owner::with_id(id, text("name"), text("host"), pid.unwrap_or(0));
    let heartbeat = document.get_datetime("heartbeat").ok()?.timestamp_millis();
    let heartbeat = from_micros(heartbeat.saturating_mul(1000));
    let lease = duration_from_micros(document.get("lease").and_then(whole).unwrap_or(0));
    let state = state_of(document).unwrap_or(OwnerState::Dead);
    Some(OwnerRecord::new(owner, state, heartbeat, lease))
}
