//! The journal of claims, read with commands that need no write permission.

use apscheduler_core::Result;
use apscheduler_core::ledger::{BatchId, Journal, OpenState, OwnerRecord};
use apscheduler_core::run::OwnerId;
use apscheduler_plugin_kit::store::text::read_journal;
use redis::Value;

use crate::answer::{texts, unexpected};
use crate::connection::{Connections, Repeat};
use crate::keys::LedgerKeys;
use crate::names::STORE_NAME;

/// How many journal entries are read at once.
const PAGE: usize = 100;

/// Returns whether each of these owners has journal entries, or open runs that it has claimed.
pub(crate) fn are_busy(
    connections: &Connections,
    keys: &LedgerKeys,
    owners: &[OwnerRecord],
) -> Result<Vec<bool>> {
    let mut counts = redis::pipe();
    for OwnerRecord { owner, .. } in owners {
        let claimed = format!("owner {} {}", owner.id, OpenState::Claimed.name());
        for (key, start) in [(&keys.batches, owner.id.to_string()), (&keys.open_index, claimed)] {
            counts.cmd("ZLEXCOUNT").arg(key).arg(format!("[{start} ")).arg(format!("({start}!"));
        }
    }
    let counts = connections.query_all(&counts)?;
    Ok(counts.chunks(2).map(|counts| counts.iter().any(|count| *count != Value::Int(0))).collect())
}

/// Returns up to `limit` journal entries of an owner, the oldest first.
pub(crate) fn of_owner(
    connections: &Connections,
    keys: &LedgerKeys,
    owner: OwnerId,
    limit: usize,
) -> Result<Vec<Journal>> {
    let mut range = redis::cmd("ZRANGEBYLEX");
    range.arg(&keys.batches).arg(format!("[{owner} ")).arg(format!("({owner}!"));
    range.arg("LIMIT").arg(0).arg(i64::try_from(limit).unwrap_or(i64::MAX));
    let batches = read_batches(connections.query(&range, Repeat::Allowed)?)?;
    read(connections, keys, &batches)
}

/// The pages of the journal, from the latest entry to the earliest.
pub(crate) struct Pages<'a> {
    connections: &'a Connections,
    keys: &'a LedgerKeys,
    /// The batches that are left, in order, once they are known.
    left: Option<Vec<BatchId>>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(connections: &'a Connections, keys: &'a LedgerKeys) -> Self {
        Self { connections, keys, left: None }
    }

    /// Returns the next page, of batches before this one. It is empty only if there are no more.
    pub(crate) fn next(&mut self, before: Option<BatchId>) -> Result<Vec<Journal>> {
        if self.left.is_none() {
            let mut all = redis::cmd("ZRANGE");
            all.arg(&self.keys.batches).arg(0).arg(-1);
            let mut batches = read_batches(self.connections.query(&all, Repeat::Allowed)?)?;
            batches.sort_unstable();
            self.left = Some(batches);
        }
        let left = self.left.get_or_insert_default();
        left.retain(|batch| before.is_none_or(|before| *batch < before));
        let mut page = Vec::new();
        while page.is_empty() && !left.is_empty() {
            let mut batches = left.split_off(left.len().saturating_sub(PAGE));
            batches.reverse();
            // Batches may be closed meanwhile.
            page = read(self.connections, self.keys, &batches)?;
        }
        Ok(page)
    }
}

/// Reads the entries of these batches, without those that are gone.
fn read(connections: &Connections, keys: &LedgerKeys, batches: &[BatchId]) -> Result<Vec<Journal>> {
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = redis::cmd("HMGET");
    read.arg(&keys.journal);
    for batch in batches {
        read.arg(batch.to_string());
    }
    let values = match connections.query(&read, Repeat::Allowed)? {
        Value::Array(values) => values,
        other => return Err(unexpected(&other)),
    };
    let mut page = Vec::new();
    for (batch, value) in batches.iter().zip(values) {
        if let Value::BulkString(value) = value {
            let journal = read_journal(*batch, &value);
            page.push(journal.map_err(|error| error.with_plugin(STORE_NAME))?);
        }
    }
    Ok(page)
}

/// Reads batches from `OWNER BATCH`.
fn read_batches(answer: Value) -> Result<Vec<BatchId>> {
    let batches = texts(answer)?.filter_map(|text| {
        let text = String::from_utf8_lossy(&text);
        text.split_once(' ')?.1.parse().ok()
    });
    Ok(batches.collect())
}
