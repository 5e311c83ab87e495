//! The table of the owners of runs. The times are those of the server, in microseconds since 1970, to the millisecond.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OwnerRecord, OwnerState};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use serde_json::{Value, json};

use crate::client::{Term, datum, now};
use crate::connection::{Connection, Repeat, Table};
use crate::document::{hex, number, whole};
use crate::writes::{self, existing};

/// The greatest whole number that a double holds.
const EXACT: i64 = 1 << 53;

fn row(connection: &Connection, owner: OwnerId) -> Term {
    connection.table(Table::Owners).get(hex(owner.as_u128()))
}

fn is_alive(row: &Term) -> Term {
    row.clone().field("state").eq(OwnerState::Alive.name())
}

fn heartbeat_now() -> Term {
    now().to_epoch_time().mul(1000_i64).round().mul(1000_i64)
}

/// Notes a sign of life. Returns the state.
pub(crate) fn heartbeat(
    connection: &Connection,
    owner: &Owner,
    lease: Duration,
) -> Result<OwnerState> {
    let beat = datum(json!({
        "id": hex(owner.id.as_u128()),
        "state": OwnerState::Alive.name(),
        "name": owner.name,
        "host": owner.host,
        "pid": owner.pid,
        "lease": duration_to_micros(lease).min(EXACT),
    }));
    let beat = beat.merge(Term::object([("heartbeat", heartbeat_now())]));
    let replace = Term::function(|found| {
        let is_free = found.clone().eq(()).or(is_alive(&found));
        is_free.branch(beat, found)
    });
    let query = row(connection, owner.id).replace(replace).with("durability", "hard");
    let query = query.with("return_changes", "always");
    let answer = connection.run(&query, Repeat::Forbidden)?;
    let written = answer.pointer("/changes/0/new_val").and_then(state_of);
    written.ok_or_else(|| connection.address().unexpected("no owner after a sign of life"))
}

/// Returns the state of an owner; `None` if nobody has this id.
pub(crate) fn state(connection: &Connection, owner: OwnerId) -> Result<Option<OwnerState>> {
    let owners = connection.committed(Table::Owners);
    let found = connection.document(&owners.get(hex(owner.as_u128())))?;
    Ok(state_of(&found))
}

/// Notes that an owner was shut down, unless it is dead.
pub(crate) fn end(connection: &Connection, owner: OwnerId) -> Result<()> {
    let ended =
        Term::object([("state", OwnerState::Ended.name().into()), ("heartbeat", heartbeat_now())]);
    let function = existing(|row| is_alive(&row).branch(row.clone().merge(ended), row));
    writes::write(connection, row(connection, owner).replace(function)).map(drop)
}

/// Notes that an owner is dead, if its last sign of life is this one.
pub(crate) fn condemn(
    connection: &Connection,
    owner: OwnerId,
    heartbeat: Timestamp,
) -> Result<bool> {
    let dead = Term::object([("state", OwnerState::Dead.name().into())]);
    let function = existing(|row| {
        let is_silent = row.clone().field("heartbeat").eq(to_micros(heartbeat));
        is_alive(&row).and(is_silent).branch(row.clone().merge(dead), row)
    });
    Ok(writes::write(connection, row(connection, owner).replace(function))?.replaced > 0)
}

/// Returns the owners that are alive, and those with these ids.
pub(crate) fn list(connection: &Connection, ids: Vec<Value>) -> Result<Vec<OwnerRecord>> {
    let ids = datum(Value::Array(ids));
    let wanted = Term::function(|row| is_alive(&row).or(ids.contains(row.field("id"))));
    let found = connection.rows(&connection.committed(Table::Owners).filter(wanted))?;
    Ok(found.iter().filter_map(read).collect())
}

/// Removes the owners that ended or died before this time, except those with these ids.
pub(crate) fn prune(connection: &Connection, before: Timestamp, busy: Vec<Value>) -> Result<()> {
    let busy = datum(Value::Array(busy));
    let old = Term::function(|row| {
        let is_old = row.clone().field("heartbeat").lt(to_micros(before).clamp(-EXACT, EXACT));
        is_alive(&row).not().and(is_old).and(busy.contains(row.field("id")).not())
    });
    writes::write(connection, connection.table(Table::Owners).filter(old).delete()).map(drop)
}

fn state_of(row: &Value) -> Option<OwnerState> {
    row.get("state").and_then(Value::as_str).and_then(OwnerState::from_name)
}

fn read(row: &Value) -> Option<OwnerRecord> {
    let id = OwnerId::from_u128(row.get("id").and_then(number)?);
    let text = |name| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let pid = row.get("pid").and_then(whole).and_then(|pid| u32::try_from(pid).ok());
    let owner = Owner::with_id(id, text("name"), text("host"), pid.unwrap_or(0));
    let heartbeat = from_micros(row.get("heartbeat").and_then(whole)?);
    let lease = duration_from_micros(row.get("lease").and_then(whole).unwrap_or(0));
    let state = state_of(row).unwrap_or(OwnerState::Dead);
    Some(OwnerRecord::new(owner, state, heartbeat, lease))
}
