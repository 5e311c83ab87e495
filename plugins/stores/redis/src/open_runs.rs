//! Queries of open runs, with commands that need no write permission.

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::text::{read_row, read_time};
use redis::Value;

use crate::answer::{texts, unexpected};
use crate::connection::{Connections, Repeat};
use crate::keys::LedgerKeys;

/// The most rows that are read at once.
const PAGE: usize = 250;

/// Returns the open runs that match, in the order of their identifiers.
pub(crate) fn list(
    connections: &Connections,
    keys: &LedgerKeys,
    query: &OpenQuery,
) -> Result<Vec<OpenRun>> {
    let mut found = Vec::new();
    if let Some(run) = query.run_id {
        found = read(connections, keys, &[run])?;
        found.retain(|run| query.matches(run));
        found.truncate(query.limit);
        return Ok(found);
    }
    let starts = starts(query);
    let mut after = query.after;
    while found.len() < query.limit {
        let runs = page(connections, keys, &starts, after)?;
        after = runs.last().copied();
        let rows = read(connections, keys, &runs)?;
        // A row may change meanwhile.
        found.extend(rows.into_iter().filter(|run| query.matches(run)));
        if runs.len() < PAGE {
            break;
        }
    }
    found.truncate(query.limit);
    Ok(found)
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(connections: &Connections, keys: &LedgerKeys) -> Result<Option<Timestamp>> {
    let mut first = redis::cmd("ZRANGE");
    first.arg(&keys.open_due).arg(0).arg(0);
    let entry = texts(connections.query(&first, Repeat::Allowed)?)?.next();
    let entry = entry.map(|entry| String::from_utf8_lossy(&entry).into_owned());
    Ok(entry.and_then(|entry| read_time(entry.split_once(' ')?.0)))
}

/// Returns what the entries of the index begin with in which the query looks.
fn starts(query: &OpenQuery) -> Vec<String> {
    let start = match (&query.owner, &query.job_id) {
        (Some(owner), _) => format!("owner {owner}"),
        (None, Some(job)) => format!("job {}:{job}", job.len()),
        (None, None) => return vec!["run".to_owned()],
    };
    let states = [OpenState::Claimed, OpenState::Waiting];
    let states = states.iter().filter(|state| query.state.is_none_or(|wanted| wanted == **state));
    states.map(|state| format!("{start} {}", state.name())).collect()
}

/// Returns the first runs after one in these parts of the index, in order.
fn page(
    connections: &Connections,
    keys: &LedgerKeys,
    starts: &[String],
    after: Option<RunId>,
) -> Result<Vec<RunId>> {
    let mut ranges = redis::pipe();
    for start in starts {
        let from = after.map_or(format!("[{start} "), |after| format!("({start} {after}"));
        ranges.cmd("ZRANGEBYLEX").arg(&keys.open_index).arg(from).arg(format!("({start}!"));
        ranges.arg("LIMIT").arg(0).arg(PAGE);
    }
    let mut runs = Vec::new();
    for (range, start) in connections.query_all(&ranges)?.into_iter().zip(starts) {
        for entry in texts(range)? {
            let entry = String::from_utf8_lossy(&entry);
            let run = entry.get(start.len() + 1..).and_then(|run| run.parse::<RunId>().ok());
            runs.extend(run);
        }
    }
    runs.sort_unstable();
    runs.dedup();
    runs.truncate(PAGE);
    Ok(runs)
}

/// Reads the rows of these runs, without those that are gone.
fn read(connections: &Connections, keys: &LedgerKeys, runs: &[RunId]) -> Result<Vec<OpenRun>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let mut read = redis::cmd("HMGET");
    read.arg(&keys.open);
    for run in runs {
        read.arg(run.to_string());
    }
    let values = match connections.query(&read, Repeat::Allowed)? {
        Value::Array(values) => values,
        other => return Err(unexpected(&other)),
    };
    let rows = runs.iter().zip(values).filter_map(|(run, value)| match value {
        Value::BulkString(row) => read_row(*run, &row),
        _ => None,
    });
    Ok(rows.collect())
}
