//! The journal of claims.
//!
//! Each request that claims adds an entry, whose name is the owner, the batch, and the number of the request.

use std::collections::HashSet;

use apscheduler_core::ledger::{Batch, BatchId, Journal};
use apscheduler_core::run::OwnerId;
use apscheduler_plugin_kit::store::text::read_journal;

use crate::failure::{Attempt, Failure};
use crate::names::STORE_NAME;
use crate::nodes::Nodes;
use crate::session::Session;

/// An entry, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) owner: OwnerId,
    pub(crate) batch: BatchId,
    pub(crate) name: String,
}

/// Returns all entries, the oldest batches first.
pub(crate) async fn parts(session: &Session, nodes: &Nodes) -> Attempt<Vec<Part>> {
    let names = session.list(&nodes.folder("journal")).await?.ok_or(Failure::Missing)?;
    let part = |name: String| {
        let mut words = name.splitn(3, ' ');
        let (owner, batch) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Part { owner, batch, name })
    };
    let mut parts: Vec<Part> = names.into_iter().filter_map(part).collect();
    parts.sort_unstable_by(|one, other| (one.batch, &one.name).cmp(&(other.batch, &other.name)));
    Ok(parts)
}

/// Reads the batches that these entries belong to, in their order.
pub(crate) async fn read(
    session: &Session,
    nodes: &Nodes,
    parts: &[Part],
) -> Attempt<Vec<Journal>> {
    let reads: Vec<_> = parts.iter().map(|part| session.get(&nodes.journal(&part.name))).collect();
    let mut journals: Vec<Journal> = Vec::new();
    for (part, read) in parts.iter().zip(reads) {
        // It may be closed meanwhile.
        let Some((data, _)) = read.await? else { continue };
        let journal =
            read_journal(part.batch, &data).map_err(|error| error.with_plugin(STORE_NAME))?;
        let Batch { id, .. } = journal.batch;
        match journals.last_mut() {
            Some(last) if last.batch.id == id => last.entries.extend(journal.entries),
            _ => journals.push(journal),
        }
    }
    Ok(journals)
}

/// Returns those of these entries that belong to the first `count` batches.
pub(crate) fn first_batches(parts: Vec<Part>, count: usize) -> Vec<Part> {
    let mut batches = HashSet::new();
    let is_first = |part: &Part| {
        batches.insert(part.batch);
        batches.len() <= count
    };
    parts.into_iter().take_while(is_first).collect()
}

/// Returns the owners that have entries.
pub(crate) async fn owners(session: &Session, nodes: &Nodes) -> Attempt<HashSet<OwnerId>> {
    Ok(parts(session, nodes).await?.into_iter().map(|part| part.owner).collect())
}
