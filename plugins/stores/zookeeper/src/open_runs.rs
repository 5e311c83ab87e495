//! Queries and claims of open runs.

use std::collections::HashSet;

use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OwnerState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use zookeeper_client::Error as ClientError;

use crate::failure::{Attempt, Failure};
use crate::nodes::{Nodes, job_hash};
use crate::open_rows::{IndexEntry, Row, index, read, write};
use crate::owners;
use crate::session::Session;
use crate::transaction::{Operation, Outcome, Room, commit, unexpected};
use crate::writing::MAX_TRIES;

/// Returns the open runs that match, in the order of their identifiers.
pub(crate) async fn list(
    session: &Session,
    nodes: &Nodes,
    query: &OpenQuery,
) -> Attempt<Vec<OpenRun>> {
    let mut runs = if let Some(run) = query.run_id {
        vec![run]
    } else {
        let job = query.job_id.as_deref().map(job_hash);
        let is_in_state =
            |entry: &IndexEntry, state| entry.is_waiting == (state == OpenState::Waiting);
        let is_wanted = |entry: &IndexEntry| {
            job.as_ref().is_none_or(|job| *job == entry.job)
                && query.owner.is_none_or(|owner| owner == entry.owner)
                && query.after.is_none_or(|after| entry.run > after)
                && query.state.is_none_or(|state| is_in_state(entry, state))
        };
        let index = index(session, nodes).await?;
        index.into_iter().filter(is_wanted).map(|entry| entry.run).collect()
    };
    let mut found = Vec::new();
    while found.len() < query.limit && !runs.is_empty() {
        let rest = runs.split_off((query.limit - found.len()).min(runs.len()));
        let rows = read(session, nodes, &runs).await?;
        // A row may change meanwhile.
        let rows = rows.into_iter().flatten().filter_map(|row| row.run);
        found.extend(rows.filter(|run| query.matches(run)));
        runs = rest;
    }
    Ok(found)
}

/// Returns when the first of the waiting runs is due.
pub(crate) async fn next_due(session: &Session, nodes: &Nodes) -> Attempt<Option<Timestamp>> {
    let waiting = index(session, nodes).await?.into_iter().filter(|entry| entry.is_waiting);
    Ok(waiting.filter_map(|entry| entry.due).min())
}

/// Returns the owners that have claimed runs.
pub(crate) async fn owners(session: &Session, nodes: &Nodes) -> Attempt<HashSet<OwnerId>> {
    let claimed = index(session, nodes).await?.into_iter().filter(|entry| !entry.is_waiting);
    Ok(claimed.map(|entry| entry.owner).collect())
}

/// Claims waiting runs that are due, those first that were due first. A dead owner gets none.
pub(crate) async fn claim(
    session: &Session,
    nodes: &Nodes,
    owner: OwnerId,
    now: Timestamp,
    limit: usize,
) -> Attempt<Vec<OpenRun>> {
    let is_due =
        |run: &OpenRun| run.state == OpenState::Waiting && run.due.is_some_and(|due| due <= now);
    let mut due: Vec<(Timestamp, RunId)> = index(session, nodes)
        .await?
        .into_iter()
        .filter(|entry| entry.is_waiting)
        .filter_map(|entry| Some((entry.due.filter(|due| *due <= now)?, entry.run)))
        .collect();
    due.sort_unstable();
    due.truncate(limit);
    let mut left: Vec<RunId> = due.into_iter().map(|(_, run)| run).collect();
    let order = left.clone();
    let mut claimed: Vec<OpenRun> = Vec::new();
    let mut last = ClientError::BadVersion;
    for _ in 0..MAX_TRIES {
        let check = match owners::find(session, nodes, owner).await? {
            Some(found) if found.state() == OwnerState::Dead => return Ok(claimed),
            Some(found) => {
                Some(Operation::Check { path: nodes.owner(owner), version: found.version })
            }
            None => None,
        };
        // Those that others have claimed meanwhile do not wait any more.
        let rows = read(session, nodes, &left).await?;
        let (mut requests, mut room) = (Vec::new(), Room::default());
        for Row { run, version } in rows.into_iter().flatten() {
            let Some(run) = run.filter(is_due) else { continue };
            let ours = run.clone().claimed_by(owner);
            let operations = write(nodes, version, &run, &ours);
            if !room.take(&operations) || requests.is_empty() {
                requests.push((Vec::new(), check.iter().cloned().collect::<Vec<_>>()));
                room = Room::default();
                room.take(&operations);
            }
            if let Some((runs, request)) = requests.last_mut() {
                runs.push(ours);
                request.extend(operations);
            }
        }
        let sent: Vec<_> = requests.iter().map(|(_, request)| commit(session, request)).collect();
        left.clear();
        for ((runs, _), sent) in requests.into_iter().zip(sent) {
            match sent.await? {
                Outcome::Committed => claimed.extend(runs),
                Outcome::Refused(
                    _,
                    error @ (ClientError::BadVersion
                    | ClientError::NoNode
                    | ClientError::NodeExists),
                ) => {
                    left.extend(runs.iter().map(|run| run.run_id));
                    last = error;
                }
                Outcome::Refused(_, error) => return Err(Failure::Refused(error)),
            }
        }
        if left.is_empty() {
            break;
        }
    }
    if !left.is_empty() && claimed.is_empty() {
        return Err(unexpected(last));
    }
    claimed.sort_by_key(|run| order.iter().position(|other| *other == run.run_id));
    Ok(claimed)
}
