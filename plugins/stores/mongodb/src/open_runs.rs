//! The collection of open runs: a row for each run that needs one.
//!
//! The rows of a claim are inserted before it, with the mark `claiming`, because there is no transaction for both. A row with
//! the mark counts only if its run has an entry in the journal, which the claim itself writes. So a claim that is lost, or
//! whose process ends before it, leaves rows that do not count. The mark of a claim that was won is removed after it, or
//! before others close the batch.
//!
//! A row that has [ended](ENDED) does not count either. It is there until its outcome has been recorded.

use std::collections::HashSet;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenMark, OpenQuery, OpenRun, OpenState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::store::{Claim, ClaimRequest};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use mongodb::bson::{Bson, Document, doc};

use crate::commands::{self, MOST_STATEMENTS};
use crate::connection::Connection;
use crate::document::{number, uuid, whole};
use crate::failure::DUPLICATE_KEY;
use crate::finding::{Search, find};
use crate::journal;

/// The state of a row that is about to be removed.
pub(crate) const ENDED: &str = "ended";

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
    if let Err(error) = unmark(connection, won).and_then(|()| forget(connection, lost)) {
        tracing::warn!("the journal has to tell which open runs were won: {}", error.chain());
    }
}

/// Removes the marks of the rows of an owner whose claims were won, before others remove the entries that say so.
pub(crate) fn confirm_all(connection: &Connection, owner: OwnerId) -> Result<()> {
    let search = Search {
        filter: doc! {"claiming": true, "owner": uuid(owner.as_u128())},
        limit: usize::MAX,
        fields: doc! {"_id": 1},
        ..Search::default()
    };
    let marked = find(connection, &connection.open_runs, search)?;
    let marked: Vec<RunId> = marked.iter().filter_map(run_of).collect();
    for chunk in marked.chunks(MOST_STATEMENTS) {
        let won = journal::with_entries(connection, chunk)?;
        unmark(connection, won.into_iter().map(id).collect())?;
    }
    Ok(())
}

fn unmark(connection: &Connection, won: Vec<Bson>) -> Result<()> {
    if won.is_empty() {
        return Ok(());
    }
    let rows = connection.open_runs.clone();
    let sure = doc! {"$unset": {"claiming": ""}};
    connection
        .run(async move { rows.update_many(doc! {"_id": {"$in": won}}, sure).await.map(drop) })
}

/// Removes rows of claims that were not won.
fn forget(connection: &Connection, lost: Vec<Bson>) -> Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    let rows = connection.open_runs.clone();
    let lost = doc! {"_id": {"$in": lost}, "claiming": true};
    connection.run(async move { rows.delete_many(lost).await.map(drop) })
}

/// Adds rows of runs that have none.
pub(crate) fn add(connection: &Connection, runs: &[&OpenRun], claiming: bool) -> Result<()> {
    let mut rest = runs;
    while !rest.is_empty() {
        let (chunk, others) = commands::split(rest, |run| texts(run));
        rest = others;
        let rows = chunk.iter().map(|run| {
            let mut row = document(run);
            if claiming {
                row.insert("claiming", true);
            }
            row
        });
        execute(connection, commands::insert(&connection.open_runs, rows.collect()))?;
    }
    Ok(())
}

/// Sends a command. A row that exists already is no failure.
pub(crate) fn execute(connection: &Connection, command: Document) -> Result<()> {
    let failures = commands::run(connection, command)?.failures;
    match failures.iter().find(|failure| failure.code != DUPLICATE_KEY) {
        Some(failure) => Err(failure.explain(&connection.address)),
        None => Ok(()),
    }
}

/// Returns the open runs that match a query.
pub(crate) fn list(connection: &Connection, query: &OpenQuery) -> Result<Vec<OpenRun>> {
    let mut filter = Document::new();
    if let Some(job) = &query.job_id {
        filter.insert("job", &**job);
    }
    if let Some(owner) = query.owner {
        filter.insert("owner", uuid(owner.as_u128()));
    }
    match query.state {
        Some(state) => filter.insert("state", state.name()),
        None => filter.insert("state", doc! {"$ne": ENDED}),
    };
    let mut range = Document::new();
    if let Some(run) = query.run_id {
        range.insert("$eq", id(run));
    }
    let (mut after, mut runs) = (query.after.map(id), Vec::new());
    loop {
        let mut filter = filter.clone();
        if let Some(after) = &after {
            range.insert("$gt", after);
        }
        if !range.is_empty() {
            filter.insert("_id", &range);
        }
        let limit = query.limit.saturating_sub(runs.len());
        let search = Search { filter, sort: doc! {"_id": 1}, limit, ..Search::default() };
        let rows = find(connection, &connection.open_runs, search)?;
        let is_last = rows.len() < limit;
        let count = that_count(connection, &rows)?;
        // A row that a manual edit broke is left out.
        runs.extend(rows.iter().filter_map(read).filter(|run| count.contains(&run.run_id)));
        after = rows.last().and_then(|row| row.get("_id").cloned());
        if is_last || runs.len() >= query.limit {
            return Ok(runs);
        }
    }
}

/// Returns the runs of the rows that count.
fn that_count(connection: &Connection, rows: &[Document]) -> Result<HashSet<RunId>> {
    let (marked, sure): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.contains_key("claiming"));
    let marked: Vec<RunId> = marked.into_iter().filter_map(run_of).collect();
    let mut count = journal::with_entries(connection, &marked)?;
    count.extend(sure.into_iter().filter_map(run_of));
    Ok(count)
}

/// Claims up to `limit` waiting runs that are due, those that were due first.
pub(crate) fn claim(
    connection: &Connection,
    owner: OwnerId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<OpenRun>> {
    let search = Search {
        filter: waiting(doc! {"$lte": to_micros(now)}),
        sort: doc! {"due": 1, "_id": 1},
        limit: limit.min(MOST_STATEMENTS),
        ..Search::default()
    };
    let found = find(connection, &connection.open_runs, search)?;
    let found: Vec<OpenRun> = found.iter().filter_map(read).collect();
    if found.is_empty() {
        return Ok(found);
    }
    let change = |run: &OpenRun| {
        let mut row = marked(run.run_id, &run.mark());
        row.insert("due", run.due.map(to_micros));
        let claimed = doc! {"state": OpenState::Claimed.name(), "owner": uuid(owner.as_u128())};
        (row, doc! {"$set": claimed, "$unset": {"due": ""}})
    };
    let changes = found.iter().map(change).collect();
    let mut lost = HashSet::new();
    for failure in commands::compare_and_set(connection, &connection.open_runs, changes)? {
        if !failure.is_lost() {
            return Err(failure.explain(&connection.address));
        }
        lost.insert(failure.index);
    }
    let won = found.into_iter().enumerate().filter(|(index, _)| !lost.contains(index));
    Ok(won.map(|(_, run)| run.claimed_by(owner)).collect())
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(connection: &Connection) -> Result<Option<Timestamp>> {
    let search = Search {
        filter: waiting(doc! {"$gte": i64::MIN}),
        sort: doc! {"due": 1, "_id": 1},
        limit: 1,
        fields: doc! {"due": 1},
        ..Search::default()
    };
    let found = find(connection, &connection.open_runs, search)?;
    Ok(found.first().and_then(|row| row.get("due")).and_then(whole).map(from_micros))
}

/// Returns the owners that have claimed runs, as they are in the rows.
pub(crate) fn owners(connection: &Connection) -> Result<Vec<Bson>> {
    let rows = connection.open_runs.clone();
    let claimed = doc! {"state": OpenState::Claimed.name()};
    connection.run(async move { rows.distinct("owner", claimed).await })
}

/// Removes rows that do not count and that nobody will confirm: those of claims whose owners are not alive.
pub(crate) fn prune(connection: &Connection, alive: &HashSet<OwnerId>) -> Result<()> {
    let search = Search {
        filter: doc! {"claiming": true},
        limit: MOST_STATEMENTS,
        fields: doc! {"owner": 1},
        ..Search::default()
    };
    let found = find(connection, &connection.open_runs, search)?;
    let owner = |row: &Document| row.get("owner").and_then(number).map(OwnerId::from_u128);
    let is_left = |row: &&Document| owner(row).is_none_or(|owner| !alive.contains(&owner));
    let left: Vec<RunId> = found.iter().filter(is_left).filter_map(run_of).collect();
    let count = journal::with_entries(connection, &left)?;
    forget(connection, left.into_iter().filter(|run| !count.contains(run)).map(id).collect())
}

pub(crate) fn id(run: RunId) -> Bson {
    uuid(run.as_u128())
}

/// The filter for the row of a run in this state.
pub(crate) fn marked(run: RunId, mark: &OpenMark) -> Document {
    doc! {
        "_id": id(run),
        "attempt": i64::from(mark.attempt),
        "state": mark.state.name(),
        "owner": uuid(mark.owner.as_u128()),
    }
}

/// The filter for waiting runs that are due in a range.
fn waiting(due: Document) -> Document {
    doc! {"due": due, "state": OpenState::Waiting.name()}
}

/// Returns the bytes of the texts of a row.
pub(crate) fn texts(run: &OpenRun) -> usize {
    run.job_id.len() + run.data.len()
}

pub(crate) fn document(run: &OpenRun) -> Document {
    let mut row = doc! {
        "_id": id(run.run_id),
        "attempt": i64::from(run.attempt),
        "job": &*run.job_id,
        "scheduled": to_micros(run.scheduled_run_time),
        "state": run.state.name(),
        "owner": uuid(run.owner.as_u128()),
        "cancel": run.cancel,
        "data": &*run.data,
    };
    if let Some(due) = run.due {
        row.insert("due", to_micros(due));
    }
    row
}

pub(crate) fn run_of(row: &Document) -> Option<RunId> {
    row.get("_id").and_then(number).map(RunId::from_u128)
}

fn read(row: &Document) -> Option<OpenRun> {
    let micros = |key| row.get(key).and_then(whole);
    let text = |key| row.get_str(key).ok();
    let owner = OwnerId::from_u128(row.get("owner").and_then(number)?);
    let scheduled = from_micros(micros("scheduled")?);
    let run = OpenRun::new(run_of(row)?, text("job")?, scheduled, owner, text("data")?)
        .attempt(u32::try_from(micros("attempt")?).ok()?)
        .cancel(row.get_bool("cancel").unwrap_or(false));
    Some(match OpenState::from_name(text("state")?)? {
        OpenState::Claimed => run,
        _ => run.waiting(micros("due").map(from_micros)),
    })
}
