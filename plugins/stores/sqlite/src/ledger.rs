//! The ledger of the store: a table of records, and the journal of claims.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Batch, BatchId, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Reason,
    Retention, RunLedger, RunQuery, RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use apscheduler_plugin_kit::store::find_runs;
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, Transaction, params};

use crate::access::Access;
use crate::failure::Failure;
use crate::ledger_statements::LedgerStatements;
use crate::open_runs;
use crate::rows::{id_bytes, owner_bytes, sql_limit};

/// How many journal entries are read at once.
const PAGE: usize = 100;

/// Keeps the runs of the jobs of a store, in the same file.
#[derive(Debug)]
pub(crate) struct SqliteLedger {
    access: Arc<Access>,
}

impl SqliteLedger {
    pub(crate) fn new(access: &Arc<Access>) -> Self {
        Self { access: Arc::clone(access) }
    }

    fn statements(&self) -> &LedgerStatements {
        &self.access.ledger
    }

    /// Returns the records of runs that have ended.
    fn ended(&self, connection: &Connection, query: &RunQuery) -> Result<Vec<RunRecord>, Failure> {
        let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
        let states = (!states.is_empty()).then(|| serde_json::json!(states).to_string());
        let values = params![
            query.job_id.as_deref(),
            query.before.map(id_bytes),
            states,
            sql_limit(query.limit),
            query.run_id.map(id_bytes)
        ];
        let sql = if query.job_id.is_some() {
            &self.statements().runs_of_job
        } else {
            &self.statements().all_runs
        };
        let mut select = connection.prepare_cached(sql)?;
        let rows = select.query_map(values, |row| Ok(record(row)))?;
        let mut records = Vec::new();
        for row in rows {
            // A record that a manual edit broke is left out.
            records.extend(row?.ok());
        }
        Ok(records)
    }

    fn has_ended(&self, connection: &Connection, run: RunId) -> Result<bool, Failure> {
        let mut exists = connection.prepare_cached(&self.statements().run_exists)?;
        Ok(exists.query_row([id_bytes(run)], |row| row.get(0))?)
    }

    /// Returns a page of the journal: the entries of an owner from the first on, or all entries from the last on.
    fn journal_page(
        &self,
        connection: &Connection,
        owner: Option<OwnerId>,
        before: Option<BatchId>,
        limit: usize,
    ) -> Result<Vec<Journal>, Failure> {
        let sql = if owner.is_some() {
            &self.statements().journal_of_owner
        } else {
            &self.statements().journal
        };
        let mut select = connection.prepare_cached(sql)?;
        let values = params![owner.map(owner_bytes), before.map(id_bytes), sql_limit(limit)];
        let rows = select.query_map(values, |row| {
            let batch = Batch::with_id(
                RunId::from_u128(u128::from_be_bytes(row.get(0)?)),
                OwnerId::from_u128(u128::from_be_bytes(row.get(1)?)),
                from_micros(row.get(2)?),
            );
            Ok((batch, row.get::<_, String>(3)?))
        })?;
        let mut page = Vec::new();
        for row in rows {
            let (batch, entries) = row?;
            page.push(Journal::decode(batch, &entries)?);
        }
        Ok(page)
    }
}

impl RunLedger for SqliteLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        self.access.write(|transaction| {
            if owner_state(transaction, self.statements(), owner)? == Some(OwnerState::Dead) {
                let mut add_late = transaction.prepare_cached(&self.statements().add_late)?;
                for record in writes.records {
                    let values = (id_bytes(record.run_id), record.attempt, record.state.name());
                    add_late.execute(values)?;
                }
                return Ok(Appended::Fenced);
            }
            let mut insert = transaction.prepare_cached(&self.statements().insert_run)?;
            for record in writes.records {
                insert_run(&mut insert, record)?;
            }
            let mut close = transaction.prepare_cached(&self.statements().close_batch)?;
            for batch in writes.closed {
                close.execute([id_bytes(*batch)])?;
            }
            open_runs::carry_out(transaction, self.statements(), writes.steps)?;
            Ok(Appended::Written)
        })
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        self.access.read(|connection| {
            // One view of all tables.
            let transaction = connection.transaction()?;
            let runs = find_runs(
                query,
                |before| self.journal_page(&transaction, None, before, PAGE),
                |runs| {
                    let mut ended = HashSet::new();
                    for run in runs {
                        if self.has_ended(&transaction, *run)? {
                            ended.insert(*run);
                        }
                    }
                    Ok(ended)
                },
                || self.ended(&transaction, query),
            );
            transaction.commit()?;
            runs
        })
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        self.access.read(|connection| self.journal_page(connection, Some(owner), None, limit))
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        self.access.read(|connection| open_runs::list(connection, self.statements(), query))
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        self.access.write(|transaction| {
            if owner_state(transaction, self.statements(), owner)? == Some(OwnerState::Dead) {
                return Ok(Vec::new());
            }
            open_runs::claim(transaction, self.statements(), owner, now, limit)
        })
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        self.access.read(|connection| open_runs::next_due(connection, self.statements()))
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        self.access.write(|transaction| {
            transaction.prepare_cached(&self.statements().heartbeat)?.execute(params![
                owner_bytes(owner.id),
                owner.name,
                owner.host,
                owner.pid,
                duration_to_micros(lease)
            ])?;
            let state = owner_state(transaction, self.statements(), owner.id)?;
            Ok(state.unwrap_or(OwnerState::Alive))
        })
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        self.access.write(|transaction| {
            let mut end = transaction.prepare_cached(&self.statements().end_owner)?;
            end.execute([owner_bytes(owner)])?;
            Ok(())
        })
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        self.access.read(|connection| {
            let mut select = connection.prepare_cached(&self.statements().owners)?;
            let rows = select.query_map([], owner_record)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        self.access.write(|transaction| {
            let values = (owner_bytes(owner), to_micros(heartbeat));
            let mut condemn = transaction.prepare_cached(&self.statements().condemn)?;
            Ok(condemn.execute(values)? > 0)
        })
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        // It may look at many records, so it holds no lock. What is recorded meanwhile only makes it too low.
        let surplus = self
            .access
            .read(|connection| surplus(connection, self.statements(), retention.max_ok))?;
        self.access.write(|transaction| {
            let owners = to_micros(retention.owners_before(now));
            transaction.prepare_cached(&self.statements().prune_owners)?.execute([owners])?;
            let ok = surplus.unwrap_or_default().max(id_bytes(retention.ok_before(now)));
            let values = params![
                ok,
                id_bytes(retention.other_before(now)),
                sql_limit(retention.keep_last),
                sql_limit(limit)
            ];
            Ok(transaction.prepare_cached(&self.statements().prune)?.execute(values)?)
        })
    }
}

fn insert_run(insert: &mut Statement<'_>, record: &RunRecord) -> rusqlite::Result<usize> {
    insert.execute(params![
        id_bytes(record.run_id),
        record.attempt,
        &*record.job_id,
        to_micros(record.scheduled_run_time),
        record.until.map(to_micros),
        record.count.cast_signed(),
        record.state.name(),
        record.reason.map(Reason::name),
        owner_bytes(record.owner),
        record.claimed.map(to_micros),
        record.started.map(to_micros),
        record.ended.map(to_micros),
        record.duration.map(duration_to_micros),
        record.result.as_deref(),
        record.error.as_deref(),
        record.late.map(RunState::name),
    ])
}

fn owner_state(
    connection: &Connection,
    statements: &LedgerStatements,
    owner: OwnerId,
) -> Result<Option<OwnerState>, Failure> {
    let mut select = connection.prepare_cached(&statements.owner_state)?;
    let state = select.query_row([owner_bytes(owner)], |row| row.get::<_, String>(0)).optional()?;
    Ok(state.and_then(|state| OwnerState::from_name(&state)))
}

fn owner_record(row: &Row<'_>) -> rusqlite::Result<OwnerRecord> {
    let id = OwnerId::from_u128(u128::from_be_bytes(row.get(0)?));
    let (name, host): (String, String) = (row.get(1)?, row.get(2)?);
    let owner = Owner::with_id(id, name, host, row.get(3)?);
    let state = OwnerState::from_name(&row.get::<_, String>(4)?).unwrap_or(OwnerState::Dead);
    let lease = duration_from_micros(row.get(6)?);
    Ok(OwnerRecord::new(owner, state, from_micros(row.get(5)?), lease))
}

/// Writes what was claimed into the journal, in the transaction of the claim.
pub(crate) fn note(
    transaction: &Transaction<'_>,
    statements: &LedgerStatements,
    journal: &Journal,
) -> Result<(), Failure> {
    let Batch { id, owner, claimed, .. } = journal.batch;
    transaction.prepare_cached(&statements.note_claims)?.execute(params![
        id_bytes(id),
        owner_bytes(owner),
        to_micros(claimed),
        journal.encode()
    ])?;
    open_runs::add(transaction, statements, &journal.open)
}

/// Returns the latest run of those that succeeded which are more than `most`.
fn surplus(
    connection: &Connection,
    statements: &LedgerStatements,
    most: usize,
) -> Result<Option<[u8; 16]>, Failure> {
    let mut select = connection.prepare_cached(&statements.nth_latest_ok)?;
    let found = select.query_row([sql_limit(most)], |row| row.get::<_, [u8; 16]>(0)).optional()?;
    // The cut is exclusive.
    Ok(found.map(|id| (u128::from_be_bytes(id) + 1).to_be_bytes()))
}

fn record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let time = |index| row.get::<_, Option<i64>>(index).map(|time| time.map(from_micros));
    let (state, reason): (String, Option<String>) = (row.get(6)?, row.get(7)?);
    // A state of a later release is shown as failed rather than left out.
    let state = RunState::from_name(&state).unwrap_or(RunState::Failed);
    let mut record = RunRecord::new(
        RunId::from_u128(u128::from_be_bytes(row.get(0)?)),
        row.get::<_, String>(2)?,
        from_micros(row.get(3)?),
        OwnerId::from_u128(u128::from_be_bytes(row.get(8)?)),
        state,
    )
    .attempt(row.get(1)?)
    .reason(reason.and_then(|reason| Reason::from_name(&reason)))
    .claimed(time(9)?)
    .started(time(10)?)
    .ended(time(11)?)
    .duration(row.get::<_, Option<i64>>(12)?.map(duration_from_micros));
    (record.until, record.count) = (time(4)?, row.get::<_, i64>(5)?.cast_unsigned());
    record.result = row.get::<_, Option<String>>(13)?.map(Arc::from);
    record.error = row.get::<_, Option<String>>(14)?.map(Arc::from);
    record.late = row.get::<_, Option<String>>(15)?.and_then(|late| RunState::from_name(&late));
    Ok(record)
}
