//! The ledger of the store: tables of records, of open runs, of owners, and of the journal.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Batch, BatchId, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention,
    RunLedger, RunQuery, RunRecord, Writes,
};
use apscheduler_core::run::{Owner, OwnerId, RunId};
use apscheduler_core::time::{
    Timestamp, duration_from_micros, duration_to_micros, from_micros, to_micros,
};
use apscheduler_plugin_kit::store::{OpenSteps, SessionSlot, find_runs};
use mysql::prelude::Queryable as _;
use mysql::{Conn, Params, Row};

use crate::failure::Failure;
use crate::open_runs;
use crate::pool::{Last, read, write};
use crate::rows::{parsed, text, value};
use crate::run_records::{self, COLUMNS};
use crate::schema::Tables;
use crate::session::Session;
use crate::statements::{answers, delete, insert_missing, literal, literals, packets};

/// How many journal entries are read at once.
const PAGE: usize = 100;

/// The time in microseconds since 1970, by the clock of the server.
const NOW: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))";

/// Keeps the runs of the jobs of a store, in the same database.
#[derive(Debug)]
pub(crate) struct MySqlLedger {
    session: Arc<SessionSlot<Session>>,
}

/// Returns the statements that write what was claimed into the journal.
pub(crate) fn note(tables: &Tables, journal: &Journal) -> Vec<String> {
    let Batch { id, owner, claimed, .. } = journal.batch;
    let entry = format!(
        "INSERT INTO {} (batch, owner, claimed, entries) VALUES ('{id}', '{owner}', {}, {})",
        tables.batches,
        to_micros(claimed),
        literal(&journal.encode())
    );
    let open = open_runs::add(&tables.open, journal.open.iter());
    std::iter::once(entry).chain(open).collect()
}

impl MySqlLedger {
    pub(crate) fn new(session: &Arc<SessionSlot<Session>>) -> Self {
        Self { session: Arc::clone(session) }
    }

    /// Returns a page of the journal: the entries of an owner from the first on, or all entries from the last on.
    fn journal_page(
        session: &Session,
        owner: Option<OwnerId>,
        before: Option<BatchId>,
        limit: usize,
    ) -> Result<Vec<Journal>> {
        let condition = match (owner, before) {
            (Some(owner), _) => format!("owner = '{owner}' ORDER BY batch"),
            (None, Some(before)) => format!("batch < '{before}' ORDER BY batch DESC"),
            (None, None) => "true ORDER BY batch DESC".to_owned(),
        };
        let query = format!(
            "SELECT batch, owner, claimed, entries FROM {} WHERE {condition} LIMIT {limit}",
            session.tables.batches
        );
        session.read("reading the journal", |connection| {
            let mut page = Vec::new();
            for row in connection.query::<Row, _>(&query)? {
                let claimed = from_micros(value(&row, 2)?);
                let batch = Batch::with_id(parsed(&row, 0)?, parsed(&row, 1)?, claimed);
                page.push(Journal::decode(batch, &text(&value::<Vec<u8>>(&row, 3)?))?);
            }
            Ok(page)
        })
    }

    fn have_ended(session: &Session, runs: &[RunId]) -> Result<HashSet<RunId>> {
        let ids: Vec<String> = runs.iter().copied().map(String::from).collect();
        let query = format!(
            "SELECT DISTINCT run_id FROM {} WHERE run_id IN ({})",
            session.tables.runs,
            literals(ids.iter().map(String::as_str))
        );
        session.read("listing runs", |connection| {
            connection.query::<Row, _>(&query)?.iter().map(|row| parsed(row, 0)).collect()
        })
    }

    /// Returns the records of runs that have ended.
    fn ended(session: &Session, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let mut conditions = vec!["true".to_owned()];
        if let Some(job) = &query.job_id {
            conditions.push(format!("job_id = {}", literal(job)));
        }
        if let Some(before) = query.before {
            conditions.push(format!("run_id < '{before}'"));
        }
        if let Some(run) = query.run_id {
            conditions.push(format!("run_id = '{run}'"));
        }
        if !query.states.is_empty() {
            let states = literals(query.states.iter().map(|state| state.name()));
            conditions.push(format!("state IN ({states})"));
        }
        let select = format!(
            "SELECT {COLUMNS} FROM {} WHERE {} ORDER BY run_id DESC, attempt DESC LIMIT {}",
            session.tables.runs,
            conditions.join(" AND "),
            query.limit
        );
        session.read("listing runs", |connection| {
            connection.query::<Row, _>(&select)?.iter().map(run_records::read).collect()
        })
    }
}

impl RunLedger for MySqlLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let Writes { records, closed, steps, .. } = *writes;
        let session = self.session.get()?;
        let tables = &session.tables;
        let state = format!(
            "SELECT state FROM {} WHERE owner = '{owner}' LOCK IN SHARE MODE",
            tables.owners
        );
        write(&session.pool, "recording runs", |connection| {
            let state: Option<String> = connection.query_first(&state)?;
            if state.as_deref() == Some(OwnerState::Dead.name()) {
                for record in records {
                    connection.query_drop(format!(
                        "UPDATE {} SET late = {} WHERE run_id = '{}' AND attempt = {} AND state = 'lost'
                         AND late IS NULL",
                        tables.runs,
                        literal(record.state.name()),
                        record.run_id,
                        record.attempt
                    ))?;
                }
                return Ok((Appended::Fenced, Last(String::new())));
            }
            let rows = records.iter().map(run_records::row);
            let mut statements = insert_missing(&tables.runs, COLUMNS, "run_id", rows);
            statements.extend(open_runs::carry_out(&tables.open, &OpenSteps::rounds(steps)));
            if !closed.is_empty() {
                let ids: Vec<String> = closed.iter().copied().map(String::from).collect();
                statements.push(delete(&tables.batches, "batch", ids.iter().map(String::as_str)));
            }
            let mut packets = packets(statements);
            let last = packets.pop().map(|last| last + "; ").unwrap_or_default();
            for packet in packets {
                answers(connection, &packet)?;
            }
            Ok((Appended::Written, Last(last)))
        })
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let session = self.session.get()?;
        find_runs(
            query,
            |before| Self::journal_page(&session, None, before, PAGE),
            |runs| Self::have_ended(&session, runs),
            || Self::ended(&session, query),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        Self::journal_page(&*self.session.get()?, Some(owner), None, limit)
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        open_runs::list(&*self.session.get()?, query)
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        open_runs::claim(&*self.session.get()?, owner, now, limit)
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        open_runs::next_due(&*self.session.get()?)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let session = self.session.get()?;
        let owners = &session.tables.owners;
        let beat = format!(
            "INSERT INTO {owners} (owner, name, host, pid, state, heartbeat, lease)
             VALUES (?, ?, ?, ?, 'alive', {NOW}, ?)
             ON DUPLICATE KEY UPDATE heartbeat = IF(state = 'alive', VALUES(heartbeat), heartbeat),
             lease = VALUES(lease)"
        );
        let select = format!("SELECT state FROM {owners} WHERE owner = ?");
        let id = String::from(owner.id);
        write(&session.pool, "giving a sign of life", |connection| {
            let values = (&id, &owner.name, &owner.host, owner.pid, duration_to_micros(lease));
            connection.exec_drop(&beat, values)?;
            let state: Option<String> = connection.exec_first(&select, (&id,))?;
            let state = state.and_then(|state| OwnerState::from_name(&state));
            Ok((state.unwrap_or(OwnerState::Dead), Last(String::new())))
        })
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        let end = |owners: &str| {
            format!(
                "UPDATE {owners} SET state = 'ended', heartbeat = {NOW} WHERE owner = ? AND state = 'alive'"
            )
        };
        self.change_owner("noting the shutdown", end, (String::from(owner),)).map(drop)
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let session = self.session.get()?;
        let select = format!(
            "SELECT owner, name, host, pid, state, heartbeat, lease FROM {} AS owners WHERE state = 'alive'
             OR EXISTS (SELECT 1 FROM {} AS batches WHERE batches.owner = owners.owner)
             OR EXISTS (SELECT 1 FROM {} AS runs WHERE runs.owner = owners.owner AND runs.state = 'claimed')",
            session.tables.owners, session.tables.batches, session.tables.open
        );
        session.read("looking for other schedulers", |connection| {
            connection.query::<Row, _>(&select)?.iter().map(owner_record).collect()
        })
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let condemn = |owners: &str| {
            format!(
                "UPDATE {owners} SET state = 'dead' WHERE owner = ? AND heartbeat = ? AND state = 'alive'"
            )
        };
        self.change_owner("noting a death", condemn, (String::from(owner), to_micros(heartbeat)))
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let session = self.session.get()?;
        let runs = &session.tables.runs;
        let surplus = format!(
            "SELECT run_id FROM {runs} WHERE state = 'ok' ORDER BY run_id DESC LIMIT 1 OFFSET {}",
            retention.max_ok
        );
        let prune_owners = format!(
            "DELETE FROM {} WHERE state <> 'alive' AND heartbeat < ? AND owner NOT IN (SELECT owner FROM {})
             AND owner NOT IN (SELECT owner FROM {} WHERE state = 'claimed')",
            session.tables.owners, session.tables.batches, session.tables.open
        );
        read(&session.pool, "removing old records", |connection| {
            connection.exec_drop(&prune_owners, (to_micros(retention.owners_before(now)),))?;
            let mut ok = retention.ok_before(now);
            if let Some(row) = connection.query_first::<Row, _>(&surplus)? {
                // The cut is exclusive.
                ok = ok.max(parsed::<RunId>(&row, 0)?.nth(1));
            }
            let rows: Vec<Row> = connection.query(format!(
                "SELECT run_id, attempt FROM {runs} AS old
                 WHERE (run_id < '{}' OR state = 'ok' AND run_id < '{ok}') AND {}
                 ORDER BY run_id LIMIT {limit}",
                retention.other_before(now),
                has_newer(runs, retention.keep_last)
            ))?;
            let keys = rows.iter().map(|row| {
                Ok(format!("('{}', {})", parsed::<RunId>(row, 0)?, value::<i64>(row, 1)?))
            });
            let keys = keys.collect::<Result<Vec<_>, Failure>>()?;
            if !keys.is_empty() {
                connection.query_drop(format!(
                    "DELETE FROM {runs} WHERE (run_id, attempt) IN ({})",
                    keys.join(", ")
                ))?;
            }
            Ok(keys.len())
        })
    }
}

impl MySqlLedger {
    /// Updates an owner. Returns whether it was changed.
    fn change_owner(
        &self,
        task: &str,
        statement: impl Fn(&str) -> String,
        values: impl Into<Params>,
    ) -> Result<bool> {
        let session = self.session.get()?;
        let statement = statement(&session.tables.owners);
        let values: Params = values.into();
        write(&session.pool, task, |connection: &mut Conn| {
            connection.exec_drop(&statement, &values)?;
            Ok((connection.affected_rows() > 0, Last(String::new())))
        })
    }
}

/// Returns the condition that a job has at least this many records that are newer than `old`.
fn has_newer(runs: &str, count: usize) -> String {
    match count.checked_sub(1) {
        None => "true".to_owned(),
        Some(others) => format!(
            "(SELECT newer.run_id FROM {runs} AS newer WHERE newer.job_id = old.job_id
              AND newer.run_id > old.run_id ORDER BY newer.run_id LIMIT 1 OFFSET {others}) IS NOT NULL"
        ),
    }
}

fn owner_record(row: &Row) -> Result<OwnerRecord, Failure> {
    let string = |column| value::<Vec<u8>>(row, column).map(|bytes| text(&bytes).to_string());
    let owner = Owner::with_id(parsed(row, 0)?, string(1)?, string(2)?, value(row, 3)?);
    let state = OwnerState::from_name(&string(4)?).unwrap_or(OwnerState::Dead);
    let heartbeat = from_micros(value(row, 5)?);
    Ok(OwnerRecord::new(owner, state, heartbeat, duration_from_micros(value(row, 6)?)))
}
