//! The ledger of the store.
//!
//! The [journal] is in the documents of the jobs. The records of [runs], the rows of [open runs](open_runs) and the [owners]
//! are in collections of their own. A standalone server has no transactions over several documents, so there is none here:
//! each step is atomic, can be repeated, and leaves what the next one needs.
//!
//! 1. A claim writes the journal entry of a job together with its next run time, so there is an entry if, and only if, the
//!    claim was won.
//! 2. [`append`](RunLedger::append) [carries out the steps](open_steps) of open runs. Each names the state that a row leaves,
//!    so it is made once.
//! 3. It inserts the records. A run that has a record is not lost, whether it has an entry or not.
//! 4. Then it closes the batches. A process that ends before leaves entries, whose runs the next scheduler that looks finds
//!    recorded.
//!
//! An owner may be condemned between the check of its state and its insert. Then it and the scheduler that settles its runs
//! may both write a record of the same run. The `_id` of a record is its run and attempt, so exactly one of them stays, the
//! first. If it says that the run is lost, the outcome is added to it as `late`, as if the owner had been refused. If it is
//! the outcome, the scheduler that settles reports a lost run that was not. A row that others have moved on has another owner
//! or state by then, so the steps of the condemned owner do nothing.
//!
//! `append` takes up to four round trips, for any number of records and batches up to the limits of a command: the state of
//! the owner, the records, the hidden jobs to remove, the entries to remove. There is one more if some of the runs had a
//! record, and up to five for steps: rows that are added, changed, removed, and the outcomes and rows to remove after the
//! records were inserted. Several steps of one run take more.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention, RunLedger,
    RunQuery, RunRecord, Writes,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::{SessionSlot, find_runs};
use mongodb::bson::{Bson, Document, doc};

use crate::connection::Connection;
use crate::document::uuid;
use crate::journal::Order;
use crate::names::STORE_NAME;
use crate::{journal, open_runs, open_steps, owners, runs};

/// How many batches of the journal are read at once.
const PAGE: usize = 100;

/// Keeps the runs of the jobs of a store, in the same database.
#[derive(Debug)]
pub(crate) struct MongoDbLedger {
    connection: Arc<SessionSlot<Connection>>,
}

impl MongoDbLedger {
    pub(crate) fn new(connection: &Arc<SessionSlot<Connection>>) -> Self {
        Self { connection: Arc::clone(connection) }
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        self.connection.get().map_err(|error| error.with_plugin(STORE_NAME))
    }
}

/// The filter for journal entries of a query in batches before this one.
fn entries_of(query: &RunQuery, before: Option<BatchId>) -> Document {
    let mut batch = doc! {"$gte": uuid(0)};
    if let Some(before) = before {
        batch.insert("$lt", uuid(before.as_u128()));
    }
    let mut wanted = doc! {"open.batch": batch};
    if let Some(job) = &query.job_id {
        wanted.insert("_id", &**job);
    }
    if let Some(run) = query.run_id {
        wanted.insert("open.runs", uuid(run.as_u128()));
    }
    wanted
}

impl RunLedger for MongoDbLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let connection = self.connection()?;
        if owners::state(&connection, owner)? == Some(OwnerState::Dead) {
            runs::note_late(&connection, writes.records)?;
            return Ok(Appended::Fenced);
        }
        let outcomes = open_steps::carry_out(&connection, writes)?;
        let existing = runs::insert(&connection, writes.records)?;
        runs::note_late(&connection, existing)?;
        outcomes.remove(&connection)?;
        journal::close(&connection, writes.closed)?;
        Ok(Appended::Written)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let connection = self.connection()?;
        let mut has_more = true;
        find_runs(
            query,
            |before| {
                if !has_more {
                    return Ok(Vec::new());
                }
                let wanted = entries_of(query, before);
                let page = journal::page(&connection, &wanted, Order::LatestFirst, PAGE)?;
                has_more = page.len() == PAGE;
                Ok(page)
            },
            |open| runs::have_ended(&connection, open),
            || runs::ended(&connection, query),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        let connection = self.connection()?;
        // The caller is about to settle these batches.
        open_runs::confirm_all(&connection, owner)?;
        open_steps::record_outcomes(&connection)?;
        let wanted = doc! {"open.owner": uuid(owner.as_u128())};
        journal::page(&connection, &wanted, Order::OldestFirst, limit)
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        open_runs::list(&*self.connection()?, query)
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        let connection = self.connection()?;
        if owners::state(&connection, owner)? == Some(OwnerState::Dead) {
            return Ok(Vec::new());
        }
        open_runs::claim(&connection, owner, now, limit)
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        open_runs::next_due(&*self.connection()?)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        owners::heartbeat(&*self.connection()?, owner, lease)
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        owners::end(&*self.connection()?, owner)
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let connection = self.connection()?;
        owners::list(&connection, busy(&connection)?)
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        owners::condemn(&*self.connection()?, owner, heartbeat)
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let connection = self.connection()?;
        let busy = busy(&connection)?;
        owners::prune(&connection, retention.owners_before(now), busy)?;
        let alive = owners::list(&connection, Vec::new())?;
        open_runs::prune(&connection, &alive.iter().map(|record| record.owner.id).collect())?;
        open_steps::record_outcomes(&connection)?;
        runs::prune(&connection, now, retention, limit)
    }
}

/// Returns the owners that have open runs, as they are in the documents.
fn busy(connection: &Connection) -> Result<Vec<Bson>> {
    let mut owners = journal::owners(connection)?;
    owners.extend(open_runs::owners(connection)?);
    Ok(owners)
}
