//! Finds and claims open runs.

use std::collections::HashSet;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use serde_json::{Value, json};

use crate::client::{Term, max_value, min_value};
use crate::connection::{Connection, Table};
use crate::document::{hex, optional_time, place, read_time};
use crate::journal;
use crate::keys::key;
use crate::names::{DUE, ENDED, JOB, OWNER, STATE};
use crate::open_rows::{has_mark, id, read, run_of};
use crate::writes::{LIMITS, compare_and_set};

/// Returns the open runs that match a query.
pub(crate) fn list(connection: &Connection, query: &OpenQuery) -> Result<Vec<OpenRun>> {
    let (mut after, mut runs) = (query.after, Vec::new());
    loop {
        let limit = query.limit.saturating_sub(runs.len()).min(LIMITS.items);
        let rows = page(connection, query, after, limit)?;
        let is_last = rows.len() < limit;
        let count = that_count(connection, &rows)?;
        runs.extend(rows.iter().filter_map(read).filter(|run| count.contains(&run.run_id)));
        after = rows.last().and_then(run_of);
        if is_last || after.is_none() || runs.len() >= query.limit {
            return Ok(runs);
        }
    }
}

/// Returns the next rows that match a query.
fn page(
    connection: &Connection,
    query: &OpenQuery,
    after: Option<RunId>,
    limit: usize,
) -> Result<Vec<Value>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let rows = connection.committed(Table::OpenRuns);
    let by = match query {
        OpenQuery { job_id: Some(job), .. } => Some((JOB, key(job))),
        OpenQuery { owner: Some(owner), .. } => Some((OWNER, hex(owner.as_u128()))),
        OpenQuery { state: Some(state), .. } => Some((STATE, state.name().to_owned())),
        _ => None,
    };
    let from = after.map_or_else(min_value, |run| id(run).into());
    let rows = match by {
        Some((index, value)) => {
            let at = |bound: Term| Term::array([value.as_str().into(), bound]);
            rows.between(at(from), at(max_value()))
                .with("index", index)
                .with("left_bound", "open")
                .order_by(index)
        }
        None => rows.between(from, max_value()).with("left_bound", "open").order_by("id"),
    };
    let matching = Term::function(|row| {
        let has = |field: &str, value: &str| row.clone().field(field).eq(value);
        let mut all = has("state", ENDED).not();
        if let Some(owner) = query.owner {
            all = all.and(has("owner", &hex(owner.as_u128())));
        }
        if let Some(state) = query.state {
            all = all.and(has("state", state.name()));
        }
        if let Some(run) = query.run_id {
            all = all.and(has("id", &id(run)));
        }
        all
    });
    let rows = match query.run_id {
        Some(run) if after.is_some_and(|after| run <= after) => return Ok(Vec::new()),
        Some(run) => connection.committed(Table::OpenRuns).get_all([id(run).into()]),
        None => rows,
    };
    let mut found = connection.rows(&rows.filter(matching).limit(limit))?;
    if let Some(job) = &query.job_id {
        let job = json!(key(job));
        found.retain(|row| row.get("job") == Some(&job));
    }
    Ok(found)
}

/// Returns the runs of the rows that count.
fn that_count(connection: &Connection, rows: &[Value]) -> Result<HashSet<RunId>> {
    let (marked, sure): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.get("claiming").is_some());
    let marked: Vec<RunId> = marked.into_iter().filter_map(run_of).collect();
    let mut count = journal::with_entries(connection, &marked)?;
    count.extend(sure.into_iter().filter_map(run_of));
    Ok(count)
}

/// Returns the waiting runs that are due before a place, those that are due first.
fn waiting(connection: &Connection, to: Term, limit: usize) -> Result<Vec<Value>> {
    let rows = connection.committed(Table::OpenRuns).between(min_value(), to).with("index", DUE);
    connection.rows(&rows.order_by(DUE).limit(limit.min(LIMITS.items)))
}

/// Claims up to `limit` waiting runs that are due, those that were due first.
pub(crate) fn claim(
    connection: &Connection,
    owner: OwnerId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<OpenRun>> {
    let found = waiting(connection, place(now, max_value()), limit)?;
    let found: Vec<OpenRun> = found.iter().filter_map(read).collect();
    let changes = found.iter().map(|run| {
        let change = json!({
            "attempt": run.attempt,
            "state": run.state.name(),
            "owner": hex(run.owner.as_u128()),
            "due": optional_time(run.due),
            "set": {"state": OpenState::Claimed.name(), "owner": hex(owner.as_u128())},
        });
        (id(run.run_id), change)
    });
    let done = compare_and_set(connection, Table::OpenRuns, changes.collect(), |row, claim| {
        let is_due = row.clone().field("due").default(()).eq(claim.clone().field("due"));
        let claimed = row.clone().without("due").merge(claim.clone().field("set"));
        has_mark(row, claim).and(is_due).branch(claimed, row.clone())
    })?;
    let own: HashSet<String> = done.check(connection)?.keys.into_iter().collect();
    let won = found.into_iter().filter(|run| own.contains(&id(run.run_id)));
    Ok(won.map(|run| run.claimed_by(owner)).collect())
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<Timestamp>> {
    let found = waiting(connection, max_value(), 1)?;
    Ok(found.first().and_then(|row| row.get("due")).and_then(read_time))
}

/// Returns the owners that have claimed runs, as they are in the rows.
pub(crate) fn owners(connection: &Connection) -> Result<Vec<Value>> {
    let claimed = |bound: Term| Term::array([OpenState::Claimed.name().into(), bound]);
    let rows = connection.committed(Table::OpenRuns);
    let rows = rows.between(claimed(min_value()), claimed(max_value())).with("index", STATE);
    connection.rows(&rows.map(Term::function(|row| row.field("owner"))).distinct())
}
