//! The rows of open runs.

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenMark, OpenQuery, OpenRun, OpenState, OwnerState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_plugin_kit::store::OpenSteps;
use futures_util::future::join3;
use serde_json::{Value, json};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::failure::Failure;
use crate::pool::write;
use crate::rows::{count, parsed};
use crate::session::Session;

/// The columns, in the order in which [`read`] reads them. As for records, order by `run.run_id`.
const COLUMNS: &str =
    "run_id::text, attempt, job_id, scheduled, state, owner::text, due, cancel, data";

/// The columns as those of a list in JSON.
const FIELDS: &str = "run_id uuid, attempt integer, job_id text, scheduled bigint, state text, owner uuid, due bigint, \
     cancel boolean, data text";

/// What a step expects of a row, as columns of a list in JSON.
const MARK_FIELDS: &str = "from_attempt integer, from_state text, from_owner uuid";

/// Finds the rows that are as steps expect.
const IS_EXPECTED: &str = "stored.run_id = step.run_id AND stored.attempt = step.from_attempt
     AND stored.state = step.from_state AND stored.owner = step.from_owner";

/// Adds rows that do not exist yet, with one statement.
pub(crate) async fn add(
    client: &Client,
    table: &str,
    runs: impl Iterator<Item = &OpenRun>,
) -> Result<u64, tokio_postgres::Error> {
    let insert = format!(
        "INSERT INTO {table} SELECT * FROM json_to_recordset($1::json) AS new ({FIELDS}) ON CONFLICT DO NOTHING"
    );
    execute(client, &insert, runs.map(row).collect()).await
}

/// Carries out steps, with three statements for each round.
pub(crate) async fn carry_out(
    client: &Client,
    table: &str,
    rounds: &[OpenSteps<'_>],
) -> Result<(), tokio_postgres::Error> {
    let change = format!(
        "UPDATE {table} AS stored
         SET attempt = step.attempt, state = step.state, owner = step.owner, due = step.due,
             cancel = step.cancel, data = step.data
         FROM json_to_recordset($1::json) AS step ({FIELDS}, {MARK_FIELDS}) WHERE {IS_EXPECTED}"
    );
    let end = format!(
        "DELETE FROM {table} AS stored
         USING json_to_recordset($1::json) AS step (run_id uuid, {MARK_FIELDS}) WHERE {IS_EXPECTED}"
    );
    for OpenSteps { added, changed, ended, .. } in rounds {
        let changed = changed.iter().map(|(from, run)| with_mark(row(run), *from)).collect();
        let ended = ended.iter().map(|(run, from)| with_mark(json!({ "run_id": run }), *from));
        let (added, changed, ended) = join3(
            add(client, table, added.iter().copied()),
            execute(client, &change, changed),
            execute(client, &end, ended.collect()),
        )
        .await;
        for carried_out in [added, changed, ended] {
            carried_out?;
        }
    }
    Ok(())
}

/// Executes a statement with a list of rows, if there are any.
async fn execute(
    client: &Client,
    statement: &str,
    rows: Vec<Value>,
) -> Result<u64, tokio_postgres::Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let rows = Value::Array(rows).to_string();
    client.execute_typed(statement, &[(&rows as _, Type::TEXT)]).await
}

/// Returns the open runs that match.
pub(crate) fn list(session: &Session, query: &OpenQuery) -> Result<Vec<OpenRun>> {
    let job = query.job_id.as_deref();
    let (run, after) = (query.run_id.map(String::from), query.after.map(String::from));
    let owner = query.owner.map(String::from);
    let state = query.state.map(OpenState::name);
    let limit = count(query.limit);
    // Only the conditions that are needed, so that each has its index.
    let mut conditions = vec!["true".to_owned()];
    let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&limit, Type::INT8)];
    let mut add = |is_given: bool, condition: &str, value| {
        if is_given {
            parameters.push((value, Type::TEXT));
            conditions.push(condition.replace('?', &format!("${}", parameters.len())));
        }
    };
    add(job.is_some(), "job_id = ?", &job);
    add(run.is_some(), "run_id = ?::uuid", &run);
    add(after.is_some(), "run_id > ?::uuid", &after);
    add(owner.is_some(), "owner = ?::uuid", &owner);
    add(state.is_some(), "state = ?", &state);
    let select = format!(
        "SELECT {COLUMNS} FROM {} AS run WHERE {} ORDER BY run.run_id LIMIT $1",
        session.tables.open,
        conditions.join(" AND ")
    );
    session.read("listing open runs", async |client| {
        client.query_typed(&select, &parameters).await?.iter().map(read).collect()
    })
}

/// Claims waiting runs that are due, those that were due first, unless the owner is dead.
pub(crate) fn claim(
    session: &Session,
    owner: OwnerId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<OpenRun>> {
    let (open, owners) = (&session.tables.open, &session.tables.owners);
    // The owner is locked first, so that it does not die before the claim is committed.
    let claim = format!(
        "WITH me AS (
           SELECT state FROM {owners} WHERE owner = $1::uuid FOR SHARE
         ), due AS (
           SELECT run_id, due FROM {open}
           WHERE state = 'waiting' AND due <= $2 AND NOT EXISTS (SELECT FROM me WHERE state = '{}')
           ORDER BY due, run_id LIMIT $3 FOR UPDATE SKIP LOCKED
         ), claimed AS (
           UPDATE {open} AS stored SET state = 'claimed', owner = $1::uuid, due = NULL
           FROM due WHERE stored.run_id = due.run_id RETURNING stored.*, due.due AS was_due
         )
         SELECT {COLUMNS} FROM claimed ORDER BY was_due, claimed.run_id",
        OwnerState::Dead.name()
    );
    let owner = String::from(owner);
    let (now, limit) = (to_micros(now), count(limit));
    write(&session.pool, "claiming runs that wait", async |client| {
        let parameters =
            [(&owner as _, Type::TEXT), (&now as _, Type::INT8), (&limit as _, Type::INT8)];
        client.query_typed(&claim, &parameters).await?.iter().map(read).collect()
    })
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(session: &Session) -> Result<Option<Timestamp>> {
    let select = format!(
        "SELECT due FROM {} WHERE state = 'waiting' AND due IS NOT NULL ORDER BY due, run_id LIMIT 1",
        session.tables.open
    );
    session.read("looking for runs that wait", async |client| {
        let row = client.query_typed_opt(&select, &[]).await?;
        let due = row.map(|row| row.try_get::<_, i64>(0)).transpose()?;
        Ok(due.map(from_micros))
    })
}

/// Returns an open run as a row in JSON.
fn row(run: &OpenRun) -> Value {
    json!({
        "run_id": run.run_id,
        "attempt": run.attempt,
        "job_id": &*run.job_id,
        "scheduled": to_micros(run.scheduled_run_time),
        "state": run.state.name(),
        "owner": run.owner,
        "due": run.due.map(to_micros),
        "cancel": run.cancel,
        "data": &*run.data,
    })
}

/// Adds what a step expects to a row in JSON.
fn with_mark(mut row: Value, OpenMark { attempt, state, owner, .. }: OpenMark) -> Value {
    row["from_attempt"] = attempt.into();
    row["from_state"] = state.name().into();
    row["from_owner"] = String::from(owner).into();
    row
}

fn read(row: &Row) -> Result<OpenRun, Failure> {
    let (run_id, owner): (RunId, OwnerId) = (parsed(row, 0)?, parsed(row, 5)?);
    let (job_id, data): (&str, &str) = (row.try_get(2)?, row.try_get(8)?);
    let scheduled = from_micros(row.try_get(3)?);
    let run = OpenRun::new(run_id, job_id, scheduled, owner, data)
        .attempt(row.try_get::<_, i32>(1)?.cast_unsigned())
        .cancel(row.try_get(7)?);
    let due: Option<i64> = row.try_get(6)?;
    let is_waiting = row.try_get::<_, &str>(4)? == OpenState::Waiting.name();
    Ok(if is_waiting { run.waiting(due.map(from_micros)) } else { run })
}
