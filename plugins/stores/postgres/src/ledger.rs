//! The ledger of the store: tables of records, of open runs and of owners, and the journal in the table of claims.

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
use futures_util::future::join3;
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::failure::Failure;
use crate::open_runs;
use crate::pool::write;
use crate::rows::{count, parsed};
use crate::run_records::{self, COLUMNS, FIELDS};
use crate::schema::Tables;
use crate::session::Session;

/// How many journal entries are read at once.
const PAGE: usize = 100;

/// The time in microseconds since 1970, by the clock of the server.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8";

/// A journal entry as the columns of a row of the table of claims.
#[derive(Debug, Default)]
pub(crate) struct JournalRow {
    pub(crate) batch: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) claimed: Option<i64>,
    pub(crate) entries: Option<String>,
}

impl JournalRow {
    pub(crate) fn new(journal: &Journal) -> Self {
        let Batch { id, owner, claimed, .. } = journal.batch;
        Self {
            batch: Some(id.to_string()),
            owner: Some(owner.to_string()),
            claimed: Some(to_micros(claimed)),
            entries: Some(journal.encode()),
        }
    }
}

/// Keeps the runs of the jobs of a store, in the same database.
#[derive(Debug)]
pub(crate) struct PostgresLedger {
    session: Arc<SessionSlot<Session>>,
}

impl PostgresLedger {
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
        let order = if owner.is_some() { "owner = $1::uuid" } else { "$1 IS NULL" };
        let direction = if owner.is_some() { "ASC" } else { "DESC" };
        let query = format!(
            "SELECT batch::text, owner::text, claimed, entries FROM {} AS claim
             WHERE batch IS NOT NULL AND {order} AND ($2::uuid IS NULL OR batch < $2::uuid)
             ORDER BY claim.batch {direction} LIMIT $3",
            session.tables.claims
        );
        let (owner, before) = (owner.map(String::from), before.map(String::from));
        let limit = count(limit);
        session.read("reading the journal", async |client| {
            let parameters =
                [(&owner as _, Type::TEXT), (&before as _, Type::TEXT), (&limit as _, Type::INT8)];
            let mut page = Vec::new();
            for row in client.query_typed(&query, &parameters).await? {
                let batch = Batch::with_id(
                    parsed(&row, 0)?,
                    parsed(&row, 1)?,
                    from_micros(row.try_get::<_, i64>(2)?),
                );
                page.push(Journal::decode(batch, row.try_get::<_, &str>(3)?)?);
            }
            Ok(page)
        })
    }

    fn have_ended(session: &Session, runs: &[RunId]) -> Result<HashSet<RunId>> {
        let ids: Vec<String> = runs.iter().copied().map(String::from).collect();
        let query = format!(
            "SELECT DISTINCT run_id::text FROM {} WHERE run_id = ANY ($1::text[]::uuid[])",
            session.tables.runs
        );
        session.read("listing runs", async |client| {
            let rows = client.query_typed(&query, &[(&ids as _, Type::TEXT_ARRAY)]).await?;
            rows.iter().map(|row| parsed(row, 0)).collect()
        })
    }

    /// Returns the records of runs that have ended.
    fn ended(session: &Session, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let (job, before) = (query.job_id.as_deref(), query.before.map(String::from));
        let run = query.run_id.map(String::from);
        let states: Vec<&str> = query.states.iter().map(|state| state.name()).collect();
        let limit = count(query.limit);
        // Only the conditions that are needed, so that each has its index.
        let mut conditions = vec!["true".to_owned()];
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&limit, Type::INT8)];
        let mut add = |condition: &str, value: (_, Type)| {
            parameters.push(value);
            conditions.push(condition.replace('?', &format!("${}", parameters.len())));
        };
        if job.is_some() {
            add("job_id = ?", (&job, Type::TEXT));
        }
        if before.is_some() {
            add("run_id < ?::uuid", (&before, Type::TEXT));
        }
        if run.is_some() {
            add("run_id = ?::uuid", (&run, Type::TEXT));
        }
        if !states.is_empty() {
            add("state = ANY (?)", (&states, Type::TEXT_ARRAY));
        }
        let select = format!(
            "SELECT {COLUMNS} FROM {} AS run WHERE {} ORDER BY run.run_id DESC, attempt DESC LIMIT $1",
            session.tables.runs,
            conditions.join(" AND ")
        );
        session.read("listing runs", async |client| {
            client.query_typed(&select, &parameters).await?.iter().map(run_records::read).collect()
        })
    }
}

impl RunLedger for PostgresLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let session = self.session.get()?;
        let Tables { runs, claims, open, owners, .. } = &session.tables;
        let records = writes.records.iter().map(run_records::row).collect::<Value>().to_string();
        let closed: Vec<String> = writes.closed.iter().copied().map(String::from).collect();
        let rounds = OpenSteps::rounds(writes.steps);
        let state = format!("SELECT state FROM {owners} WHERE owner = $1::uuid FOR SHARE");
        let insert = format!(
            "INSERT INTO {runs} SELECT * FROM json_to_recordset($1::json) AS new ({FIELDS}) ON CONFLICT DO NOTHING"
        );
        let close = format!("DELETE FROM {claims} WHERE batch = ANY ($1::text[]::uuid[])");
        let late = format!(
            "UPDATE {runs} AS stored SET late = new.state
             FROM json_to_recordset($1::json) AS new ({FIELDS})
             WHERE stored.run_id = new.run_id AND stored.attempt = new.attempt AND stored.state = 'lost'
             AND stored.late IS NULL"
        );
        write(&session.pool, "recording runs", async |client| {
            let owner = String::from(owner);
            let found = client.query_typed_opt(&state, &[(&owner as _, Type::TEXT)]).await?;
            let state = found.map(|row| row.try_get::<_, String>(0)).transpose()?;
            let records = [(&records as _, Type::TEXT)];
            if state.as_deref() == Some(OwnerState::Dead.name()) {
                client.execute_typed(&late, &records).await?;
                return Ok(Appended::Fenced);
            }
            let closed = [(&closed as _, Type::TEXT_ARRAY)];
            let (inserted, closed, carried_out) = join3(
                client.execute_typed(&insert, &records),
                client.execute_typed(&close, &closed),
                open_runs::carry_out(client, open, &rounds),
            )
            .await;
            inserted?;
            closed?;
            carried_out?;
            Ok(Appended::Written)
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
            "INSERT INTO {owners} AS owner (owner, name, host, pid, state, heartbeat, lease)
             VALUES ($1::uuid, $2, $3, $4, 'alive', {NOW}, $5)
             ON CONFLICT (owner) DO UPDATE SET heartbeat = excluded.heartbeat, lease = excluded.lease
             WHERE owner.state = 'alive'"
        );
        let (id, pid, lease) =
            (String::from(owner.id), i64::from(owner.pid), duration_to_micros(lease));
        write(&session.pool, "giving a sign of life", async |client| {
            let parameters = [
                (&id as _, Type::TEXT),
                (&owner.name as _, Type::TEXT),
                (&owner.host as _, Type::TEXT),
                (&pid as _, Type::INT8),
                (&lease as _, Type::INT8),
            ];
            // A row that was not changed belongs to an owner that is not alive.
            let changed = client.execute_typed(&beat, &parameters).await?;
            if changed > 0 { Ok(OwnerState::Alive) } else { state_of(client, owners, &id).await }
        })
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        let session = self.session.get()?;
        let end = format!(
            "UPDATE {} SET state = 'ended', heartbeat = {NOW} WHERE owner = $1::uuid AND state = 'alive'",
            session.tables.owners
        );
        let id = String::from(owner);
        write(&session.pool, "noting the shutdown", async |client| {
            client.execute_typed(&end, &[(&id as _, Type::TEXT)]).await?;
            Ok(())
        })
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let session = self.session.get()?;
        let select = format!(
            "SELECT owner::text, name, host, pid, state, heartbeat, lease FROM {} AS owner
             WHERE state = 'alive' OR {}",
            session.tables.owners,
            has_open_runs(&session.tables)
        );
        session.read("looking for other schedulers", async |client| {
            client.query_typed(&select, &[]).await?.iter().map(owner_record).collect()
        })
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let session = self.session.get()?;
        let condemn = format!(
            "UPDATE {} SET state = 'dead' WHERE owner = $1::uuid AND heartbeat = $2 AND state = 'alive'",
            session.tables.owners
        );
        let (id, heartbeat) = (String::from(owner), to_micros(heartbeat));
        write(&session.pool, "noting a death", async |client| {
            let parameters = [(&id as _, Type::TEXT), (&heartbeat as _, Type::INT8)];
            Ok(client.execute_typed(&condemn, &parameters).await? > 0)
        })
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let session = self.session.get()?;
        let runs = &session.tables.runs;
        let prune = format!(
            "WITH surplus AS (
               SELECT run_id FROM {runs} WHERE state = 'ok' ORDER BY run_id DESC LIMIT 1 OFFSET $3
             ), cut AS (
               SELECT greatest($1::uuid, (SELECT run_id FROM surplus)) AS ok,
                      EXISTS (SELECT FROM surplus WHERE run_id >= $1::uuid) AS inclusive
             )
             DELETE FROM {runs} WHERE (run_id, attempt) IN (
               SELECT run_id, attempt FROM {runs} AS old, cut
               WHERE (run_id < $2::uuid
                      OR state = 'ok' AND (run_id < cut.ok OR cut.inclusive AND run_id = cut.ok))
               AND $4 <= (SELECT count(*) FROM (
                 SELECT 1 FROM {runs} AS later
                 WHERE later.job_id = old.job_id AND later.run_id > old.run_id LIMIT $4) AS newer)
               ORDER BY run_id LIMIT $5)"
        );
        let ok = String::from(retention.ok_before(now));
        let other = String::from(retention.other_before(now));
        let (most, last, limit) =
            (count(retention.max_ok), count(retention.keep_last), count(limit));
        let prune_owners = format!(
            "DELETE FROM {} AS owner WHERE state <> 'alive' AND heartbeat < $1 AND NOT ({})",
            session.tables.owners,
            has_open_runs(&session.tables)
        );
        let owners = to_micros(retention.owners_before(now));
        let removed = write(&session.pool, "removing old records", async |client| {
            client.execute_typed(&prune_owners, &[(&owners as _, Type::INT8)]).await?;
            let parameters = [
                (&ok as _, Type::TEXT),
                (&other as _, Type::TEXT),
                (&most as _, Type::INT8),
                (&last as _, Type::INT8),
                (&limit as _, Type::INT8),
            ];
            Ok(client.execute_typed(&prune, &parameters).await?)
        })?;
        Ok(usize::try_from(removed).unwrap_or(usize::MAX))
    }
}

/// Returns the condition that an owner has journal entries or claimed open runs.
fn has_open_runs(Tables { claims, open, .. }: &Tables) -> String {
    // The first of a sorted list: with `EXISTS`, PostgreSQL may read all runs that wait.
    format!(
        "EXISTS (SELECT FROM {claims} AS claim WHERE claim.owner = owner.owner)
         OR (SELECT run_id FROM {open} AS run WHERE run.owner = owner.owner AND run.state = 'claimed'
             ORDER BY run_id LIMIT 1) IS NOT NULL"
    )
}

async fn state_of(client: &Client, owners: &str, id: &String) -> Result<OwnerState, Failure> {
    let select = format!("SELECT state FROM {owners} WHERE owner = $1::uuid");
    let row = client.query_typed_opt(&select, &[(id as _, Type::TEXT)]).await?;
    let state = row.map(|row| row.try_get::<_, String>(0)).transpose()?;
    Ok(state.and_then(|state| OwnerState::from_name(&state)).unwrap_or(OwnerState::Dead))
}

fn owner_record(row: &Row) -> Result<OwnerRecord, Failure> {
    let pid = u32::try_from(row.try_get::<_, i64>(3)?).unwrap_or(0);
    let (name, host): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
    let owner = Owner::with_id(parsed(row, 0)?, name, host, pid);
    let state = OwnerState::from_name(row.try_get(4)?).unwrap_or(OwnerState::Dead);
    let heartbeat = from_micros(row.try_get::<_, i64>(5)?);
    Ok(OwnerRecord::new(owner, state, heartbeat, duration_from_micros(row.try_get(6)?)))
}
