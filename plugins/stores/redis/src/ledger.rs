//! The ledger of the store: records of runs, the journal of claims, and owners.
//!
//! Each call that writes is one script. Calls that read send plain commands, which work for a user who may only read.
//!
//! # How records are kept
//! The records are in a hash, by run and attempt, so the first outcome of an attempt stays. Two sorted sets order them by
//! run: one for each state, one for each job and state. All members have the score 0, so they are ordered by their bytes. A
//! page of any query is one range for each of its states, whatever the number of records. A stream would need less memory,
//! but its entries have the order in which they were added, and runs end in another order than they were claimed.
//!
//! # How they are removed
//! There are no keys for each day that expire as a whole. No day is old as a whole: the latest runs that succeeded are
//! counted across days, and so are the last records of each job. And each query by job would have to look at each day.
//!
//! Instead, pruning looks only at records that became old since the last time: the store remembers, for each state, how far
//! it came. A record that is old, but among the last of its job, is passed there. Its job is put into a set of such jobs.
//! When there is nothing else to do, some jobs of this set are looked at in turn, and those of their records are removed
//! that have enough later ones by now.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention, RunLedger, RunQuery,
    RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{Timestamp, duration_to_micros, to_micros};
use apscheduler_plugin_kit::store::find_runs;
use apscheduler_plugin_kit::store::text::{
    mark_text, owner_text, read_owner, read_row, record_text, row_text, time_text,
};
use redis::Value;

use crate::access::Access;
use crate::answer::{texts, unexpected};
use crate::connection::Repeat;
use crate::journal::{self, Pages};
use crate::ledger_text::run_text;
use crate::{open_runs, runs};

/// The most records that one script writes, if they need not be written together.
const PAGE: usize = 1000;

/// How many old records one script looks at.
const LOOKED_AT: usize = 500;

/// The most scripts that remove records in one call. Those that are left are looked at in the next.
const MOST_SCRIPTS: usize = 20;

/// Keeps the runs of the jobs of a store, on the same server.
pub(crate) struct RedisLedger {
    access: Arc<Access>,
}

impl RedisLedger {
    pub(crate) fn new(access: &Arc<Access>) -> Self {
        Self { access: Arc::clone(access) }
    }

    /// Writes in one transaction.
    fn write(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let script = &self.access.ledger_scripts.append;
        let mut call = self.access.ledger_call(script);
        call.arg(owner.to_string()).arg(writes.closed.len()).arg(writes.steps.len());
        for batch in writes.closed {
            call.arg(batch.to_string());
        }
        for step in writes.steps {
            call.arg(step.run_id.to_string()).arg(step.from.map(mark_text).unwrap_or_default());
            call.arg(step.to.as_ref().map(row_text).unwrap_or_default());
        }
        for record in writes.records {
            call.arg(run_text(record)).arg(record.state.name());
            call.arg(&*record.job_id).arg(record_text(record));
        }
        let is_written = self.access.number(script, &call)? == 1;
        Ok(if is_written { Appended::Written } else { Appended::Fenced })
    }

    /// Looks at up to [`LOOKED_AT`] old records, and removes up to `limit`. Returns how many it removed, and whether there are
    /// more to look at.
    fn prune_page(
        &self,
        now: Timestamp,
        retention: &Retention,
        limit: usize,
    ) -> Result<(usize, bool)> {
        let script = &self.access.ledger_scripts.prune;
        let mut call = self.access.ledger_call(script);
        call.arg(retention.keep_last).arg(retention.max_ok).arg(LOOKED_AT).arg(limit);
        call.arg(to_micros(retention.owners_before(now)));
        let (ok, other) = (retention.ok_before(now), retention.other_before(now));
        for state in RunState::ALL {
            let before = if state == RunState::Ok { ok } else { other };
            call.arg(state.name()).arg(before.to_string());
        }
        let answer = self.access.run(script, &call, Repeat::Forbidden)?;
        match &answer {
            Value::Array(numbers) => match numbers[..] {
                [Value::Int(removed), Value::Int(more)] => {
                    Ok((usize::try_from(removed).unwrap_or(0), more == 1))
                }
                _ => Err(unexpected(&answer)),
            },
            _ => Err(unexpected(&answer)),
        }
    }
}

impl RunLedger for RedisLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        if writes.records.len() <= PAGE || !writes.steps.is_empty() {
            return self.write(owner, writes);
        }
        // Many runs are lost. The batches are closed after the last of their records was written.
        let mut pages = writes.records.chunks(PAGE).peekable();
        let mut appended = Appended::Written;
        while let Some(records) = pages.next() {
            let closed = if pages.peek().is_none() { writes.closed } else { &[] };
            let page = Writes::new().records(records).closed(closed);
            if self.write(owner, &page)? == Appended::Fenced {
                appended = Appended::Fenced;
            }
        }
        Ok(appended)
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        let (connections, keys) = (&*self.access.connections, &self.access.keys.ledger);
        let mut pages = Pages::new(connections, keys);
        find_runs(
            query,
            |before| pages.next(before),
            |runs| runs::have_ended(connections, keys, runs),
            || runs::find(connections, keys, query),
        )
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        journal::of_owner(&self.access.connections, &self.access.keys.ledger, owner, limit)
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        open_runs::list(&self.access.connections, &self.access.keys.ledger, query)
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        let script = &self.access.ledger_scripts.claim_open;
        let mut call = self.access.ledger_call(script);
        call.arg(owner.to_string())
            .arg(time_text(now))
            .arg(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut texts = texts(self.access.run(script, &call, Repeat::Forbidden)?)?;
        let mut claimed = Vec::new();
        while let (Some(run), Some(row)) = (texts.next(), texts.next()) {
            let run = String::from_utf8_lossy(&run).parse().ok();
            claimed.extend(run.and_then(|run| read_row(run, &row)));
        }
        Ok(claimed)
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        open_runs::next_due(&self.access.connections, &self.access.keys.ledger)
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let script = &self.access.ledger_scripts.heartbeat;
        let mut call = self.access.ledger_call(script);
        call.arg(owner.id.to_string()).arg(duration_to_micros(lease)).arg(owner_text(owner));
        match self.access.run(script, &call, Repeat::Forbidden)? {
            Value::BulkString(state) => {
                let state = OwnerState::from_name(&String::from_utf8_lossy(&state));
                Ok(state.unwrap_or(OwnerState::Dead))
            }
            other => Err(unexpected(&other)),
        }
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        let script = &self.access.ledger_scripts.end;
        let mut call = self.access.ledger_call(script);
        call.arg(owner.to_string());
        self.access.number(script, &call).map(drop)
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        let (connections, keys) = (&self.access.connections, &self.access.keys.ledger);
        let mut all = redis::cmd("HGETALL");
        all.arg(&keys.owners);
        let mut texts = texts(connections.query(&all, Repeat::Allowed)?)?
            .map(|text| String::from_utf8_lossy(&text).into_owned());
        let mut owners = Vec::new();
        while let (Some(id), Some(value)) = (texts.next(), texts.next()) {
            owners.extend(read_owner(&id, &value));
        }
        let is_busy = journal::are_busy(connections, keys, &owners)?;
        let owners = owners.into_iter().zip(is_busy);
        let listed =
            owners.filter(|(record, is_busy)| record.state == OwnerState::Alive || *is_busy);
        Ok(listed.map(|(record, _)| record).collect())
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let script = &self.access.ledger_scripts.condemn;
        let mut call = self.access.ledger_call(script);
        call.arg(owner.to_string()).arg(to_micros(heartbeat));
        Ok(self.access.number(script, &call)? == 1)
    }

    fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<usize> {
        let mut removed = 0;
        for _ in 0..MOST_SCRIPTS {
            let (count, has_more) = self.prune_page(now, retention, limit - removed)?;
            removed += count;
            if !has_more || removed >= limit {
                break;
            }
        }
        Ok(removed)
    }
}

impl fmt::Debug for RedisLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLedger")
            .field("address", &self.access.connections.address())
            .field("runs", &self.access.keys.ledger.runs)
            .finish_non_exhaustive()
    }
}
