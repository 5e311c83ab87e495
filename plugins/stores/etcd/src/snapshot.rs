//! Reads of several keys and ranges, all as of one revision.

use std::collections::VecDeque;

use apscheduler_core::Result;
use etcd_client::{ResponseHeader, Txn, TxnOpResponse, TxnResponse};

use crate::connection::{Connection, Repeat};
use crate::transaction::{Found, Operations, Query, found};

/// How many operations a path of a read may have.
const BUDGET: usize = 120;

/// The answers to queries, all as of one revision.
pub(crate) struct Snapshot {
    pub(crate) revision: i64,
    found: VecDeque<Found>,
}

impl Snapshot {
    /// Reads the responses of a transaction.
    pub(crate) fn of(answer: &TxnResponse, responses: Vec<TxnOpResponse>) -> Self {
        let revision = answer.header().map_or(0, ResponseHeader::revision);
        Self { revision, found: found(responses).into() }
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
pub(crate) fn read(
    connection: &Connection,
    queries: impl IntoIterator<Item = Query>,
) -> Result<Snapshot> {
    let mut operations = Operations::default();
    for query in queries {
        operations.read(query);
    }
    let nested = operations.nest(BUDGET);
    let shape = nested.shape();
    let transaction = Txn::new().and_then(nested.list);
    let answer = connection.transact(&transaction, Repeat::Allowed)?;
    Ok(Snapshot::of(&answer, shape.flatten(answer.op_responses())))
}
