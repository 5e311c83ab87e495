//! The rows of open runs, and those of claims that are not known to be won.
//!
//! The rows of a claim are inserted before it, with the mark `claiming`, because there is no transaction for both. A row with
//! the mark counts only if its run has an entry in the journal, which the claim itself writes. So a claim that is lost, or
//! whose process ends before it, leaves rows that do not count. The mark of a claim that was won is removed after it, or
//! before others close the batch.

use std::collections::HashSet;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenRun, OpenState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{Claim, ClaimRequest};
use serde_json::{Map, Value, json};

use crate::client::Term;
use crate::connection::{Connection, Table};
use crate::document::{JOB_REFERENCE, hex, number, read_time, time, whole};
use crate::journal;
use crate::keys::{job_of, set_job};
use crate::names::CLAIMING;
use crate::writes::{self, LIMITS, existing, with_keys};

/// Inserts the rows of claims that are to be written.
pub(crate) fn announce(
    connection: &Connection,
    due: &ClaimRequest,
    claims: &[Claim],
) -> Result<()> {
    let claims = claims.iter().map(|claim| (&claim.record, &claim.outcome));
    let Some(journal) = due.journal(claims) else { return Ok(()) };
    add(connection, &journal.open.iter().collect::<Vec<_>>(), true)
}

/// Notes for claims with announced rows whether they were won.
pub(crate) fn confirm<'a>(
    connection: &Connection,
    claims: impl Iterator<Item = (&'a Claim, bool)>,
) {
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for (Claim { outcome, .. }, is_won) in claims {
        let Some(first) = outcome.first_run.filter(|_| outcome.open.is_some()) else { continue };
        let runs = (0..outcome.run_times.as_slice().len()).map(|index| id(first.nth(index)));
        if is_won { &mut won } else { &mut lost }.extend(runs);
    }
    if let Err(error) = unmark(connection, &won).and_then(|()| forget(connection, &lost)) {
        tracing::warn!("the journal has to tell which open runs were won: {}", error.chain());
    }
}

/// Removes the marks of the rows of an owner whose claims were won, before others remove the entries that say so.
pub(crate) fn confirm_all(connection: &Connection, owner: OwnerId) -> Result<()> {
    let marked: Vec<RunId> = marked(connection)?
        .iter()
        .filter(|row| owner_of(row) == Some(owner))
        .filter_map(run_of)
        .collect();
    let won = journal::with_entries(connection, &marked)?;
    unmark(connection, &won.into_iter().map(id).collect::<Vec<_>>())
}

/// Removes rows that do not count and that nobody will confirm: those of claims whose owners are not alive.
pub(crate) fn prune(connection: &Connection, alive: &HashSet<OwnerId>) -> Result<()> {
    let is_left = |row: &&Value| owner_of(row).is_none_or(|owner| !alive.contains(&owner));
    let left: Vec<RunId> = marked(connection)?.iter().filter(is_left).filter_map(run_of).collect();
    let count = journal::with_entries(connection, &left)?;
    let left: Vec<String> = left.into_iter().filter(|run| !count.contains(run)).map(id).collect();
    forget(connection, &left)
}

/// Returns the keys and owners of rows with the mark.
fn marked(connection: &Connection) -> Result<Vec<Value>> {
    let rows = connection.committed(Table::OpenRuns).get_all([true.into()]);
    connection.rows(&rows.with("index", CLAIMING).pluck(["id", "owner"]))
}

fn unmark(connection: &Connection, won: &[String]) -> Result<()> {
    for chunk in won.chunks(LIMITS.items) {
        let rows = with_keys(connection.table(Table::OpenRuns), chunk);
        writes::write(connection, rows.replace(existing(|row| row.without("claiming"))))?;
    }
    Ok(())
}

/// Removes rows of claims that were not won.
fn forget(connection: &Connection, lost: &[String]) -> Result<()> {
    for chunk in lost.chunks(LIMITS.items) {
        let rows = with_keys(connection.table(Table::OpenRuns), chunk);
        let function = existing(|row| row.clone().has_field("claiming").branch((), row));
        writes::write(connection, rows.replace(function))?;
    }
    Ok(())
}

/// Adds rows of runs that have none.
pub(crate) fn add(connection: &Connection, runs: &[&OpenRun], claiming: bool) -> Result<()> {
    for chunk in LIMITS.split(runs, |run| texts(run)) {
        let rows = chunk.iter().map(|run| {
            let mut row = document(run);
            if claiming {
                row.insert("claiming".to_owned(), true.into());
            }
            Value::Object(row)
        });
        writes::insert(connection, Table::OpenRuns, rows.collect(), |old, _| old)?;
    }
    Ok(())
}

/// Returns the key of the row of a run.
pub(crate) fn id(run: RunId) -> String {
    hex(run.as_u128())
}

/// Returns a condition: whether a row has the attempt, state and owner of this object.
pub(crate) fn has_mark(row: &Term, mark: &Term) -> Term {
    let same = |field: &str| row.clone().field(field).default(()).eq(mark.clone().field(field));
    same("attempt").and(same("state")).and(same("owner"))
}

/// Returns the bytes of the texts of a row.
pub(crate) fn texts(run: &OpenRun) -> usize {
    run.job_id.len() + run.data.len()
}

/// Returns the row of a run.
pub(crate) fn document(run: &OpenRun) -> Map<String, Value> {
    let row = json!({
        "id": id(run.run_id),
        "attempt": run.attempt,
        "scheduled": time(run.scheduled_run_time),
        "state": run.state.name(),
        "owner": hex(run.owner.as_u128()),
        "cancel": run.cancel,
        "data": &*run.data,
    });
    let Value::Object(mut row) = row else { return Map::new() };
    set_job(&mut row, JOB_REFERENCE, &run.job_id);
    if let Some(due) = run.due {
        row.insert("due".to_owned(), time(due));
    }
    row
}

pub(crate) fn run_of(row: &Value) -> Option<RunId> {
    row.get("id").and_then(number).map(RunId::from_u128)
}

fn owner_of(row: &Value) -> Option<OwnerId> {
    row.get("owner").and_then(number).map(OwnerId::from_u128)
}

/// Reads a row. One that a manual edit broke is left out.
pub(crate) fn read(row: &Value) -> Option<OpenRun> {
    let text = |name| row.get(name).and_then(Value::as_str);
    let scheduled = row.get("scheduled").and_then(read_time)?;
    let job = job_of(row, JOB_REFERENCE)?;
    let run = OpenRun::new(run_of(row)?, job, scheduled, owner_of(row)?, text("data")?)
        .attempt(u32::try_from(row.get("attempt").and_then(whole)?).ok()?)
        .cancel(row.get("cancel").and_then(Value::as_bool).unwrap_or(false));
    Some(match OpenState::from_name(text("state")?)? {
        OpenState::Claimed => run,
        _ => run.waiting(row.get("due").and_then(read_time)),
    })
}
