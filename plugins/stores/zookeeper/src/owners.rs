//! The nodes of the owners of runs.
//!
//! The data is `STATE HEARTBEAT LEASE {...}`. The last sign of life of an owner is the time at which its node was written last,
//! by the clock of the server. That of a dead one is in its data, because the node was written once more then.

use std::time::Duration;

use apscheduler_core::ledger::{OwnerRecord, OwnerState};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{Timestamp, duration_to_micros, from_micros, to_micros};
use apscheduler_plugin_kit::store::text::{owner_text, read_owner};
use zookeeper_client::{Error as ClientError, Stat};

use crate::failure::{Attempt, Failure};
use crate::nodes::Nodes;
use crate::session::Session;
use crate::transaction::unexpected;

/// The heartbeat in the data of an owner whose node tells it.
const IN_NODE: i64 = 0;

/// An owner as it was read.
#[derive(Debug)]
pub(crate) struct Found {
    /// `None` if a manual edit broke it. It counts as dead.
    pub(crate) record: Option<OwnerRecord>,
    /// The version of its node.
    pub(crate) version: i32,
}

impl Found {
    pub(crate) fn state(&self) -> OwnerState {
        self.record.as_ref().map_or(OwnerState::Dead, |record| record.state)
    }
}

fn text(state: OwnerState, heartbeat: i64, lease: Duration, owner: &Owner) -> String {
    let lease = duration_to_micros(lease);
    format!("{} {heartbeat} {lease} {}", state.name(), owner_text(owner))
}

fn read(id: &str, data: &[u8], stat: &Stat) -> Found {
    let record = read_owner(id, &String::from_utf8_lossy(data)).map(|mut record| {
        if to_micros(record.heartbeat) == IN_NODE {
            record.heartbeat = from_micros(stat.mtime.saturating_mul(1000));
        }
        record
    });
    Found { record, version: stat.version }
}

/// Reads an owner.
pub(crate) async fn find(
    session: &Session,
    nodes: &Nodes,
    owner: OwnerId,
) -> Attempt<Option<Found>> {
    let found = session.get(&nodes.owner(owner)).await?;
    Ok(found.map(|(data, stat)| read(&owner.to_string(), &data, &stat)))
}

/// Reads all owners.
pub(crate) async fn all(session: &Session, nodes: &Nodes) -> Attempt<Vec<(OwnerId, Found)>> {
    let folder = nodes.folder("owners");
    let names = session.list(&folder).await?.ok_or(Failure::Missing)?;
    let reads: Vec<_> = names.iter().map(|name| session.get(&format!("{folder}/{name}"))).collect();
    let mut owners = Vec::with_capacity(names.len());
    for (name, found) in names.iter().zip(reads) {
        if let (Some((data, stat)), Ok(id)) = (found.await?, name.parse()) {
            owners.push((id, read(name, &data, &stat)));
        }
    }
    Ok(owners)
}

/// Notes a sign of life. Returns the state.
pub(crate) async fn heartbeat(
    session: &Session,
    nodes: &Nodes,
    owner: &Owner,
    lease: Duration,
) -> Attempt<OwnerState> {
    let path = nodes.owner(owner.id);
    let alive = text(OwnerState::Alive, IN_NODE, lease, owner);
    loop {
        let written = match find(session, nodes, owner.id).await? {
            None => {
                let options = session.persistent();
                session.client.create(&path, alive.as_bytes(), &options).await.map(drop)
            }
            Some(found) if found.state() == OwnerState::Alive => {
                let version = Some(found.version);
                session.client.set_data(&path, alive.as_bytes(), version).await.map(drop)
            }
            Some(found) => return Ok(found.state()),
        };
        match written {
            Ok(()) => return Ok(OwnerState::Alive),
            // Another process was first.
            Err(ClientError::NodeExists | ClientError::BadVersion) => {}
            // Removed just now, or all nodes are gone.
            Err(ClientError::NoNode) => {
                session.stat(&nodes.folder("owners")).await?.ok_or(Failure::Missing)?;
            }
            Err(error) => return Err(Failure::of_write(error)),
        }
    }
}

/// Notes that an owner was shut down, unless it is dead.
pub(crate) async fn end(session: &Session, nodes: &Nodes, owner: OwnerId) -> Attempt<()> {
    loop {
        let Some(Found { record: Some(record), version }) = find(session, nodes, owner).await?
        else {
            return Ok(());
        };
        if record.state != OwnerState::Alive
            || change(session, nodes, &record, (OwnerState::Ended, IN_NODE), version).await?
        {
            return Ok(());
        }
    }
}

/// Notes that an owner is dead, if its last sign of life is this one.
pub(crate) async fn condemn(
    session: &Session,
    nodes: &Nodes,
    owner: OwnerId,
    heartbeat: Timestamp,
) -> Attempt<bool> {
    match find(session, nodes, owner).await? {
        Some(Found { record: Some(record), version })
            if (record.state, record.heartbeat) == (OwnerState::Alive, heartbeat) =>
        {
            let dead = (OwnerState::Dead, to_micros(heartbeat));
            change(session, nodes, &record, dead, version).await
        }
        _ => Ok(false),
    }
}

/// Writes the state of an owner whose node has this version. Returns whether it has.
async fn change(
    session: &Session,
    nodes: &Nodes,
    record: &OwnerRecord,
    (state, heartbeat): (OwnerState, i64),
    version: i32,
) -> Attempt<bool> {
    let path = nodes.owner(record.owner.id);
    let text = text(state, heartbeat, record.lease, &record.owner);
    match session.client.set_data(&path, text.as_bytes(), Some(version)).await {
        Ok(_) => Ok(true),
        Err(ClientError::BadVersion | ClientError::NoNode) => Ok(false),
        Err(error) => Err(Failure::of_write(error)),
    }
}

/// Removes owners.
pub(crate) async fn remove(
    session: &Session,
    nodes: &Nodes,
    owners: impl IntoIterator<Item = (OwnerId, Found)>,
) -> Attempt<()> {
    for (owner, found) in owners {
        match session.client.delete(&nodes.owner(owner), Some(found.version)).await {
            Ok(()) | Err(ClientError::BadVersion | ClientError::NoNode) => {}
            Err(error) => return Err(unexpected(error)),
        }
    }
    Ok(())
}
