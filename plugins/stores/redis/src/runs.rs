//! Queries of records, with commands that need no write permission.
//!
//! A query reads a range of runs for each state that it wants, from an index: that of all jobs, or that of one job. The
//! records of the latest of these runs follow in a second round trip.

use std::collections::HashSet;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_plugin_kit::store::text::read_record;
use redis::Value;

use crate::answer::{texts, unexpected};
use crate::connection::{Connections, Repeat};
use crate::keys::LedgerKeys;

/// The most records that are read at once; each may have a result of 64 KiB.
const PAGE: usize = 250;

/// The most runs that are looked up at once.
const LOOKUPS: usize = 1000;

/// A run in an index.
struct Entry {
    /// `RUN ATTEMPT`.
    run: String,
    job: Arc<str>,
}

/// The index that a query uses.
struct Index<'a> {
    key: &'a str,
    /// What the entries begin with, before the state.
    start: String,
    job: Option<Arc<str>>,
}

impl<'a> Index<'a> {
    fn of(query: &RunQuery, keys: &'a LedgerKeys) -> Self {
        match &query.job_id {
            None => Self { key: &keys.by_state, start: String::new(), job: None },
            Some(job) => Self {
                key: &keys.by_job,
                start: format!("{}:{job} ", job.len()),
                job: Some(Arc::clone(job)),
            },
        }
    }

    /// Returns the last `limit` runs in these states before a place, the latest first; of one run, its attempts.
    fn page(
        &self,
        connections: &Connections,
        states: &[RunState],
        run: Option<RunId>,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let mut ranges = redis::pipe();
        for state in states {
            let start = format!("{}{state}", self.start);
            let to = before.map_or(format!("({start}!"), |before| format!("({start} {before}"));
            let from = run.map_or(format!("[{start} "), |run| format!("[{start} {run} "));
            ranges.cmd("ZREVRANGEBYLEX").arg(self.key).arg(to).arg(from);
            ranges.arg("LIMIT").arg(0).arg(limit);
        }
        let mut entries = Vec::new();
        for (range, state) in connections.query_all(&ranges)?.into_iter().zip(states) {
            let start = self.start.len() + state.name().len() + 1;
            for text in texts(range)? {
                let text = String::from_utf8_lossy(&text);
                entries.extend(text.get(start..).and_then(|text| self.entry(text)));
            }
        }
        entries.sort_unstable_by(|one, other| other.run.cmp(&one.run));
        entries.truncate(limit);
        Ok(entries)
    }

    /// Reads `RUN ATTEMPT`, with the job after it if the index is that of all jobs.
    fn entry(&self, text: &str) -> Option<Entry> {
        if let Some(job) = &self.job {
            return Some(Entry { run: text.to_owned(), job: Arc::clone(job) });
        }
        let (run, rest) = text.split_once(' ')?;
        let (attempt, job) = rest.split_once(' ')?;
        Some(Entry { run: format!("{run} {attempt}"), job: job.into() })
    }
}

/// Returns the records that match, the latest first.
pub(crate) fn find(
    connections: &Connections,
    keys: &LedgerKeys,
    query: &RunQuery,
) -> Result<Vec<RunRecord>> {
    let is_wanted = |state: &RunState| query.states.is_empty() || query.states.contains(state);
    let states: Vec<RunState> = RunState::ALL.into_iter().filter(is_wanted).collect();
    let index = Index::of(query, keys);
    let mut records = Vec::new();
    let mut before = query.before.map(String::from);
    if let Some(run) = query.run_id {
        if query.before.is_some_and(|before| run >= before) {
            return Ok(records);
        }
        before = Some(format!("{run}!"));
    }
    while records.len() < query.limit {
        let limit = PAGE.min(query.limit - records.len());
        let entries = index.page(connections, &states, query.run_id, before.as_deref(), limit)?;
        let Some(last) = entries.last() else { break };
        before = Some(last.run.clone());
        let is_last = entries.len() < limit;
        let mut read = redis::cmd("HMGET");
        read.arg(&keys.runs);
        for entry in &entries {
            read.arg(&entry.run);
        }
        let values = match connections.query(&read, Repeat::Allowed)? {
            Value::Array(values) => values,
            other => return Err(unexpected(&other)),
        };
        for (Entry { run, job }, value) in entries.into_iter().zip(values) {
            // A record may be removed meanwhile.
            if let Value::BulkString(value) = value {
                records.extend(read_record(&run, job, &value));
            }
        }
        if is_last {
            break;
        }
    }
    Ok(records)
}

/// Returns which of these runs have a record.
pub(crate) fn have_ended(
    connections: &Connections,
    keys: &LedgerKeys,
    runs: &[RunId],
) -> Result<HashSet<RunId>> {
    let mut ended = HashSet::new();
    for runs in runs.chunks(LOOKUPS) {
        let mut exist = redis::pipe();
        for run in runs {
            exist.cmd("HEXISTS").arg(&keys.runs).arg(format!("{run} 1"));
        }
        let found = connections.query_all(&exist)?;
        let found = runs.iter().zip(found).filter(|(_, exists)| *exists == Value::Int(1));
        ended.extend(found.map(|(run, _)| *run));
    }
    Ok(ended)
}
