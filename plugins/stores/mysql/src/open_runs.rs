//! The rows of open runs.

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenMark, OpenQuery, OpenRun, OpenState, OwnerState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_plugin_kit::store::OpenSteps;
use mysql::Row;
use mysql::prelude::Queryable as _;

use crate::failure::Failure;
use crate::pool::{Last, write};
use crate::rows::{parsed, text, value};
use crate::session::Session;
use crate::statements::{STATEMENT, answers, delete, insert_missing, literal, literals, number};

/// The columns, in the order in which [`read`] reads them and [`row`] writes them.
const COLUMNS: &str = "run_id, attempt, job_id, scheduled, state, owner, due, cancel, data";

/// Returns statements that add rows, and leave those alone that exist.
pub(crate) fn add<'a>(table: &str, runs: impl Iterator<Item = &'a OpenRun>) -> Vec<String> {
    insert_missing(table, COLUMNS, "run_id", runs.map(row))
}

/// Returns the statements that carry out steps.
pub(crate) fn carry_out(table: &str, rounds: &[OpenSteps<'_>]) -> Vec<String> {
    let mut statements = Vec::new();
    for OpenSteps { added, changed, ended, .. } in rounds {
        statements.extend(add(table, added.iter().copied()));
        statements.extend(changed.iter().map(|(from, run)| change(table, *from, run)));
        statements.extend(end(table, ended));
    }
    statements
}

fn change(table: &str, from: OpenMark, run: &OpenRun) -> String {
    format!(
        "UPDATE {table} SET attempt = {}, state = '{}', owner = '{}', due = {}, cancel = {}, data = {}
         WHERE run_id = '{}' AND {}",
        run.attempt,
        run.state.name(),
        run.owner,
        number(run.due.map(to_micros)),
        run.cancel,
        literal(&run.data),
        run.run_id,
        is_expected("", from)
    )
}

/// Returns a statement for each mark. Usually all rows have the same.
fn end(table: &str, ended: &[(RunId, OpenMark)]) -> Vec<String> {
    let mut ended = ended.to_vec();
    ended.sort_unstable_by_key(|(run, OpenMark { attempt, state, owner, .. })| {
        (*attempt, state.name(), *owner, *run)
    });
    let groups = ended.chunk_by(|left, right| left.1 == right.1);
    let groups = groups.flat_map(|group| group.chunks(STATEMENT));
    let end = groups.map(|group| {
        let ids: Vec<String> = group.iter().map(|(run, _)| run.to_string()).collect();
        let delete = delete(table, "run_id", ids.iter().map(String::as_str));
        format!("{delete} AND {}", is_expected("gone.", group[0].1))
    });
    end.collect()
}

/// Returns the condition that a row is as a step expects. `table` is the prefix of its columns.
fn is_expected(table: &str, OpenMark { attempt, state, owner, .. }: OpenMark) -> String {
    format!(
        "{table}attempt = {attempt} AND {table}state = '{}' AND {table}owner = '{owner}'",
        state.name()
    )
}

/// Returns the open runs that match.
pub(crate) fn list(session: &Session, query: &OpenQuery) -> Result<Vec<OpenRun>> {
    let conditions = [
        Some("true".to_owned()),
        query.job_id.as_ref().map(|job| format!("job_id = {}", literal(job))),
        query.run_id.map(|run| format!("run_id = '{run}'")),
        query.after.map(|after| format!("run_id > '{after}'")),
        query.owner.map(|owner| format!("owner = '{owner}'")),
        query.state.map(|state| format!("state = '{}'", state.name())),
    ];
    let conditions: Vec<String> = conditions.into_iter().flatten().collect();
    let select = format!(
        "SELECT {COLUMNS} FROM {} WHERE {} ORDER BY run_id LIMIT {}",
        session.tables.open,
        conditions.join(" AND "),
        query.limit
    );
    session.read("listing open runs", |connection| {
        connection.query::<Row, _>(&select)?.iter().map(read).collect()
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
    let select = format!(
        "SELECT state FROM {owners} WHERE owner = '{owner}' LOCK IN SHARE MODE;
         SELECT {COLUMNS} FROM {open} FORCE INDEX (due) WHERE state = 'waiting' AND due <= {}
         ORDER BY due, run_id LIMIT {limit} FOR UPDATE SKIP LOCKED",
        to_micros(now)
    );
    write(&session.pool, "claiming runs that wait", |connection| {
        let answers = answers(connection, &select)?;
        let [states, due] = &answers[..] else { return Ok((Vec::new(), Last(String::new()))) };
        let state = states.rows.first().map(|row| value::<String>(row, 0)).transpose()?;
        if state.as_deref() == Some(OwnerState::Dead.name()) {
            return Ok((Vec::new(), Last(String::new())));
        }
        let due = due.rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<String> = due.iter().map(|run| run.run_id.to_string()).collect();
        let claims = ids.chunks(STATEMENT).map(|ids| {
            format!(
                "UPDATE {open} FORCE INDEX (PRIMARY) SET state = 'claimed', owner = '{owner}', due = NULL
                 WHERE run_id IN ({}); ",
                literals(ids.iter().map(String::as_str))
            )
        });
        let last = Last(claims.collect());
        Ok((due.into_iter().map(|run| run.claimed_by(owner)).collect(), last))
    })
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(session: &Session) -> Result<Option<Timestamp>> {
    let select = format!("SELECT MIN(due) FROM {} WHERE state = 'waiting'", session.tables.open);
    session.read("looking for runs that wait", |connection| {
        let due: Option<Option<i64>> = connection.query_first(&select)?;
        Ok(due.flatten().map(from_micros))
    })
}

/// Returns an open run as a row of literals.
fn row(run: &OpenRun) -> String {
    format!(
        "('{}', {}, {}, {}, '{}', '{}', {}, {}, {})",
        run.run_id,
        run.attempt,
        literal(&run.job_id),
        to_micros(run.scheduled_run_time),
        run.state.name(),
        run.owner,
        number(run.due.map(to_micros)),
        run.cancel,
        literal(&run.data)
    )
}

fn read(row: &Row) -> Result<OpenRun, Failure> {
    let (run_id, owner): (RunId, OwnerId) = (parsed(row, 0)?, parsed(row, 5)?);
    let (job_id, data) = (text(&value::<Vec<u8>>(row, 2)?), text(&value::<Vec<u8>>(row, 8)?));
    let scheduled = from_micros(value(row, 3)?);
    let run = OpenRun::new(run_id, job_id, scheduled, owner, data)
        .attempt(value(row, 1)?)
        .cancel(value(row, 7)?);
    let due: Option<i64> = value(row, 6)?;
    let is_waiting = value::<String>(row, 4)? == OpenState::Waiting.name();
    Ok(if is_waiting { run.waiting(due.map(from_micros)) } else { run })
}
