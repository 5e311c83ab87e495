//! The ledger of the store.
//!
//! The [journal] is in the documents of the jobs. The records of [runs], the rows of [open runs](open_rows) and the [owners]
//! are in tables of their own. RethinkDB has no transactions over several documents: each step is atomic, can be repeated, and
//! leaves what the next one needs.
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
//! may both write a record of the same run. The key of a record is its run and attempt, so exactly one of them stays, the
//! first. If it says that the run is lost, the outcome is added to it as `late`, as if the owner had been refused. If it is
//! the outcome, the scheduler that settles reports a lost run that was not. A row that others have moved on has another owner
//! or state by then, so the steps of the condemned owner do nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention, RunLedger, RunQuery,
    RunRecord, Writes,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::{SessionSlot, find_runs};
use serde_json::Value;

use crate::connection::Connection;
use crate::journal::{self, Wanted};
use crate::names::STORE_NAME;
use crate::{open_rows, open_runs, open_steps, owners, pruning, runs, schema};

/// Keeps the runs of the jobs of a store, in the same database.
#[derive(Debug)]
pub(crate) struct RethinkDbLedger {
    connection: Arc<SessionSlot<Connection>>,
}

impl RethinkDbLedger {
    pub(crate) fn new(connection: &Arc<SessionSlot<Connection>>) -> Self {
        Self { connection: Arc::clone(connection) }
    }

    fn connection(&self) -> Result<Arc<Connection>> {
        self.connection.get().map_err(|error| error.with_plugin(STORE_NAME))
    }
}

impl RunLedger for RethinkDbLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let connection = self.connection()?;
        if owners::state(&connection, owner)? == Some(OwnerState::Dead) {
            runs::note_late(&connection, writes.records)?;
            return Ok(Appended::Fenced);
        }
        let outcomes = open_steps::carry_out(&connection, writes)?;
        runs::insert(&connection, writes.records)?;
        outcomes.remove(&connection)?;
        journal::close(&connection, writes.closed)?;
        Ok(Appended::Written)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let connection = self.connection()?;
        let wanted = match query {
            RunQuery { run_id: Some(run), .. } => Wanted::OfRun(*run),
            RunQuery { job_id: Some(job), .. } => Wanted::OfJob(job),
            _ => Wanted::All,
        };
        // All at once: there are as many as runs that are open.
        let mut is_read = false;
        find_runs(
            query,
            |before| {
                if std::mem::replace(&mut is_read, true) {
                    return Ok(Vec::new());
                }
                let journals = journal::read(&connection, &wanted)?.into_values().rev();
                let is_before = |journal: &Journal| before.is_none_or(|id| journal.batch.id < id);
                Ok(journals.filter(is_before).collect())
            },
            |open| runs::have_ended(&connection, open),
            || runs::ended(&connection, query),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        let connection = self.connection()?;
        // The caller is about to settle these batches.
        open_rows::confirm_all(&connection, owner)?;
        open_steps::record_outcomes(&connection)?;
        let journals = journal::read(&connection, &Wanted::OfOwner(owner))?;
        Ok(journals.into_values().take(limit).collect())
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
        let alive: HashSet<OwnerId> = alive.iter().map(|record| record.owner.id).collect();
        open_rows::prune(&connection, &alive)?;
        open_steps::record_outcomes(&connection)?;
        schema::remove_expired(&connection)?;
        pruning::prune(&connection, now, retention, limit)
    }
}

/// Returns the owners that have open runs, as they are in the documents.
fn busy(connection: &Connection) -> Result<Vec<Value>> {
    let mut owners = journal::owners(connection)?;
    owners.extend(open_runs::owners(connection)?);
    Ok(owners)
}
