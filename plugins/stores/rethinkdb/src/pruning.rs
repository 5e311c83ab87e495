//! Removes old records of runs.

use std::collections::{HashMap, HashSet};

use apscheduler_core::Result;
use apscheduler_core::ledger::{Retention, RunState};
use apscheduler_core::time::Timestamp;
use serde_json::{Value, json};

use crate::client::{Term, datum, max_value, min_value};
use crate::connection::{Connection, Table};
use crate::names::{JOB, STATE};
use crate::runs::{first_key, run_of};
use crate::writes::{self, LIMITS, with_keys};

/// How many records are looked at in one step.
const PAGE: usize = 1000;

/// Removes up to `limit` records that the retention does not keep at `now`, the oldest first. Returns how many.
pub(crate) fn prune(
    connection: &Connection,
    now: Timestamp,
    retention: &Retention,
    limit: usize,
) -> Result<usize> {
    let other = first_key(retention.other_before(now));
    let ok = first_key(retention.ok_before(now));
    let ok = surplus(connection, retention.max_ok)?.map_or(ok.clone(), |surplus| ok.max(surplus));
    let (mut removed, mut after) = (0, String::new());
    while removed < limit {
        let page = candidates(connection, [&other, &ok], &after)?;
        let is_last = page.len() < PAGE;
        if let Some(Candidate { key, .. }) = page.last() {
            after.clone_from(key);
        }
        let mut old = not_among_the_last(connection, page, retention.keep_last)?;
        old.truncate(limit - removed);
        for chunk in old.chunks(LIMITS.items) {
            let rows = with_keys(connection.table(Table::Runs), chunk);
            let deleted = writes::write(connection, rows.delete())?.deleted;
            removed += usize::try_from(deleted).unwrap_or(usize::MAX);
        }
        if is_last {
            break;
        }
    }
    Ok(removed)
}

/// A record that is old enough.
struct Candidate {
    key: String,
    job: String,
}

fn ok(bound: impl Into<Term>) -> Term {
    Term::array([RunState::Ok.name().into(), bound.into()])
}

/// Returns the bound after the latest record of success that is one too many.
fn surplus(connection: &Connection, most: usize) -> Result<Option<String>> {
    let runs = connection.committed(Table::Runs).between(ok(min_value()), ok(max_value()));
    let runs = runs.with("index", STATE).order_by_desc(STATE).skip(most).limit(1);
    let found = connection.rows(&runs.pluck(["id"]))?;
    Ok(found.first().and_then(run_of).map(|run| first_key(run.nth(1))))
}

/// Returns the next records that are old enough, in the order of their keys: all that are before the first bound, and those
/// of success that are before the second.
fn candidates(
    connection: &Connection,
    [other, succeeded]: [&str; 2],
    after: &str,
) -> Result<Vec<Candidate>> {
    let runs = || connection.committed(Table::Runs);
    let all = runs().between(after, other).with("left_bound", "open").order_by("id");
    let of_success = runs().between(ok(after), ok(succeeded)).with("index", STATE);
    let of_success = of_success.with("left_bound", "open").order_by(STATE);
    let mut found = Vec::new();
    for rows in [all, of_success] {
        found.extend(connection.rows(&rows.limit(PAGE).pluck(["id", "job"]))?);
    }
    let text = |row: &Value, name: &str| row.get(name)?.as_str().map(str::to_owned);
    let candidate = |row: &Value| Some(Candidate { key: text(row, "id")?, job: text(row, "job")? });
    let mut found: Vec<Candidate> = found.iter().filter_map(candidate).collect();
    found.sort_by(|one, other| one.key.cmp(&other.key));
    found.dedup_by(|one, other| one.key == other.key);
    found.truncate(PAGE);
    Ok(found)
}

/// Leaves out the latest records of each job. Returns the keys of the others.
fn not_among_the_last(
    connection: &Connection,
    candidates: Vec<Candidate>,
    keep: usize,
) -> Result<Vec<String>> {
    let Some(others) = keep.checked_sub(1) else {
        return Ok(candidates.into_iter().map(|candidate| candidate.key).collect());
    };
    let jobs: HashSet<&str> = candidates.iter().map(|candidate| &*candidate.job).collect();
    // For each job, the record that this many others follow.
    let last = datum(json!(jobs)).map(Term::function(|job| {
        let at = |bound: Term| Term::array([job.clone(), bound]);
        let runs = connection.committed(Table::Runs);
        let runs = runs.between(at(min_value()), at(max_value())).with("index", JOB);
        let last = runs.order_by_desc(JOB).skip(others).limit(1).field("id");
        Term::object([("job", job), ("last", last.field(0_i64).default(()))])
    }));
    let last = connection.rows(&last)?;
    let last: HashMap<&str, &str> = last
        .iter()
        .filter_map(|row| Some((row.get("job")?.as_str()?, row.get("last")?.as_str()?)))
        .collect();
    // Attempts of one run belong together.
    let run = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
    let is_old = |candidate: &Candidate| {
        last.get(&*candidate.job).is_some_and(|last| run(&candidate.key) < run(last))
    };
    Ok(candidates.iter().filter(|candidate| is_old(candidate)).map(|it| it.key.clone()).collect())
}
