//! Reads of several keys and ranges, all as of one revision.

use std::collections::VecDeque;

use apscheduler_core::Result;
use etcd_client::{ResponseHeader, Txn, TxnOp, TxnResponse};

use crate::connection::{Connection, Repeat};
use crate::transaction::{Found, Query, found};

/// The most queries of one transaction.
const MOST_QUERIES: usize = 120;

/// The answers to queries, all as of one revision.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) revision: i64,
    found: VecDeque<Found>,
}

impl Snapshot {
    /// Reads the responses of a transaction.
    pub(crate) fn of(answer: &TxnResponse) -> Self {
        let revision = answer.header().map_or(0, ResponseHeader::revision);
        Self { revision, found: found(answer.op_responses()).into() }
    }

    /// Returns what the next query has found.
    pub(crate) fn take(&mut self) -> Found {
        self.found.pop_front().unwrap_or_default()
    }

    /// Returns what the next queries have found.
    pub(crate) fn take_all<const N: usize>(&mut self) -> [Found; N] {
        std::array::from_fn(|_| self.take())
    }
}

/// Reads, all as of one revision.
///
/// No transaction is nested: the server would send it through its log, as if it wrote.
pub(crate) fn read(
    connection: &Connection,
    queries: impl IntoIterator<Item = Query>,
) -> Result<Snapshot> {
    let mut queries = queries.into_iter();
    let mut next = |revision: Option<i64>| {
        let queries = queries.by_ref().take(MOST_QUERIES);
        let queries = queries.map(|query| match revision {
            Some(revision) => query.at(revision),
            None => query,
        });
        let operations: Vec<TxnOp> = queries.map(Query::into_operation).collect();
        (!operations.is_empty()).then(|| Txn::new().and_then(operations))
    };
    let Some(first) = next(None) else { return Ok(Snapshot::default()) };
    let answer = connection.transact(first, Repeat::Allowed)?;
    let mut snapshot = Snapshot::of(&answer);
    let rest: Vec<Txn> = std::iter::from_fn(|| next(Some(snapshot.revision))).collect();
    if !rest.is_empty() {
        for answer in connection.read_all(rest)? {
            snapshot.found.extend(found(answer.op_responses()));
        }
    }
    Ok(snapshot)
}
