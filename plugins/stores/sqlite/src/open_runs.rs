//! The rows of open runs.

use apscheduler_core::ledger::{OpenMark, OpenQuery, OpenRun, OpenState, OpenStep, OwnerState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::failure::Failure;
use crate::ledger::{id_bytes, owner_bytes, owner_state};
use crate::ledger_statements::LedgerStatements;
use crate::rows::{micros, sql_limit};

/// Adds rows that do not exist yet.
pub(crate) fn add(
    transaction: &Transaction<'_>,
    statements: &LedgerStatements,
    runs: &[OpenRun],
) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(&statements.add_open)?;
    for run in runs {
        insert.execute(params![
            id_bytes(run.run_id),
            run.attempt,
            &*run.job_id,
            to_micros(run.scheduled_run_time),
            run.state.name(),
            owner_bytes(run.owner),
            micros(run.due),
            run.cancel,
            &*run.data,
        ])?;
    }
    Ok(())
}

/// Carries out steps. One whose row is not as it expects does nothing.
pub(crate) fn carry_out(
    transaction: &Transaction<'_>,
    statements: &LedgerStatements,
    steps: &[OpenStep],
) -> Result<(), Failure> {
    for step in steps {
        let id = id_bytes(step.run_id);
        match (&step.from, &step.to) {
            (None, Some(run)) => add(transaction, statements, std::slice::from_ref(run))?,
            (Some(from), Some(run)) => {
                let mut change = transaction.prepare_cached(&statements.change_open)?;
                change.execute(params![
                    id,
                    from.attempt,
                    from.state.name(),
                    owner_bytes(from.owner),
                    run.attempt,
                    run.state.name(),
                    owner_bytes(run.owner),
                    micros(run.due),
                    run.cancel,
                    &*run.data,
                ])?;
            }
            (Some(OpenMark { attempt, state, owner, .. }), None) => {
                let mut end = transaction.prepare_cached(&statements.end_open)?;
                end.execute((id, attempt, state.name(), owner_bytes(*owner)))?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

pub(crate) fn list(
    connection: &Connection,
    statements: &LedgerStatements,
    query: &OpenQuery,
) -> Result<Vec<OpenRun>, Failure> {
    let sql = if query.job_id.is_some() {
        &statements.open_of_job
    } else if query.owner.is_some() {
        &statements.open_of_owner
    } else {
        &statements.all_open
    };
    let mut select = connection.prepare_cached(sql)?;
    let values = params![
        query.job_id.as_deref(),
        query.owner.map(owner_bytes),
        query.run_id.map(id_bytes),
        query.state.map(OpenState::name),
        query.after.map(id_bytes),
        sql_limit(query.limit),
    ];
    let rows = select.query_map(values, |row| Ok(read(row)))?;
    let mut runs = Vec::new();
    for row in rows {
        // A row that a manual edit broke is left out.
        runs.extend(row?.ok());
    }
    Ok(runs)
}

/// Claims waiting runs that are due, those that were due first.
pub(crate) fn claim(
    transaction: &Transaction<'_>,
    statements: &LedgerStatements,
    owner: OwnerId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<OpenRun>, Failure> {
    if owner_state(transaction, statements, owner)? == Some(OwnerState::Dead) {
        return Ok(Vec::new());
    }
    let mut due = transaction.prepare_cached(&statements.due_open)?;
    let due = due.query_map((to_micros(now), sql_limit(limit)), |row| row.get::<_, [u8; 16]>(0))?;
    let due: Vec<[u8; 16]> = due.collect::<Result<_, _>>()?;
    let mut claim = transaction.prepare_cached(&statements.claim_open)?;
    let mut claimed = Vec::with_capacity(due.len());
    for run in due {
        claimed.extend(claim.query_row((run, owner_bytes(owner)), read).optional()?);
    }
    Ok(claimed)
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(
    connection: &Connection,
    statements: &LedgerStatements,
) -> Result<Option<Timestamp>, Failure> {
    let mut select = connection.prepare_cached(&statements.next_open)?;
    let next: Option<i64> = select.query_row([], |row| row.get(0))?;
    Ok(next.map(from_micros))
}

fn read(row: &Row<'_>) -> rusqlite::Result<OpenRun> {
    let run_id = RunId::from_u128(u128::from_be_bytes(row.get(0)?));
    let owner = OwnerId::from_u128(u128::from_be_bytes(row.get(5)?));
    let scheduled = from_micros(row.get(3)?);
    let run =
        OpenRun::new(run_id, row.get::<_, String>(2)?, scheduled, owner, row.get::<_, String>(8)?)
            .attempt(row.get(1)?)
            .cancel(row.get(7)?);
    let due: Option<i64> = row.get(6)?;
    let is_waiting = row.get::<_, String>(4)? == OpenState::Waiting.name();
    Ok(if is_waiting { run.waiting(due.map(from_micros)) } else { run })
}
