//! Transactions that add jobs in several requests, and were not completed.

use std::sync::Arc;

use apscheduler_core::time::Timestamp;
use chrono::TimeDelta;
use zookeeper_client::Error as ClientError;

use crate::access::Access;
use crate::failure::{Attempt, Failure};
use crate::jobs::{Change, read};
use crate::nodes::{Nodes, id_of};
use crate::session::Session;
use crate::transaction::commit;

/// What the node of a transaction says that was aborted.
const ABORTED: &str = "aborted";

/// How old a transaction is that nobody completes any more.
const OLD: TimeDelta = TimeDelta::hours(1);

/// Aborts a transaction, and removes its jobs. It may have ended already.
pub(crate) async fn abort(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    transaction: &str,
) -> Attempt<()> {
    let path = nodes.adding(transaction);
    match session.client.set_data(&path, ABORTED.as_bytes(), None).await {
        Ok(_) => {}
        Err(ClientError::NoNode) => return Ok(()),
        Err(error) => return Err(Failure::of_write(error)),
    }
    let pages = session.list(&path).await?.unwrap_or_default();
    for page in pages {
        let page = format!("{path}/{page}");
        let Some((ids, _)) = session.get(&page).await? else { continue };
        let ids = String::from_utf8_lossy(&ids);
        let ids = ids.lines().filter_map(id_of).map(|id| (Arc::from(id), None));
        let found = read(session, nodes, ids).await?;
        let is_its =
            |transaction_of: &Option<String>| transaction_of.as_deref() == Some(transaction);
        let left = found.iter().flatten().filter(|stored| is_its(&stored.transaction));
        let removals: Vec<_> =
            left.map(|stored| commit(session, &Change::remove(nodes, stored).operations)).collect();
        for removal in removals {
            // If it is refused, another process does the same.
            removal.await?;
        }
        session.discard(&page);
    }
    session.discard(&path);
    access.buckets.forget();
    Ok(())
}

/// Aborts the transactions whose processes have ended long ago.
pub(crate) async fn prune(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    now: Timestamp,
) -> Attempt<()> {
    let transactions = session.list(&nodes.folder("adding")).await?.ok_or(Failure::Missing)?;
    for transaction in transactions {
        let stat = session.stat(&nodes.adding(&transaction)).await?;
        let before = (now - OLD).timestamp_millis();
        if stat.is_some_and(|stat| stat.mtime < before) {
            abort(access, (session, nodes), &transaction).await?;
        }
    }
    Ok(())
}
