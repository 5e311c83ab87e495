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

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, Journal, OwnerRecord, OwnerState, Retention, RunLedger, RunQuery, RunRecord,
    RunState,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::{Timestamp, duration_to_micros, to_micros};
use apscheduler_plugin_kit::store::find_runs;
use redis::Value;

use crate::access::Access;
use crate::answer::{texts, unexpected};
use crate::connection::Repeat;
use crate::journal::{self, Pages};
use crate::ledger_text::{owner_text, read_owner, record_text, run_text};
use crate::runs;

/// The most records that one call of a script writes.
const PAGE: usize = 1000;

/// How many old records one call of a script looks at.
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

    /// Appends up to [`PAGE`] records.
    fn append_page(
        &self,
        owner: OwnerId,
        records: &[RunRecord],
        closed: &[BatchId],
    ) -> Result<Appended> {
        let script = &self.access.ledger_scripts.append;
        let mut call = self.access.ledger_call(script);
        call.arg(owner.to_string()).arg(closed.len());
        for batch in closed {
            call.arg(batch.to_string());
        }
        for record in records {
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
    fn append(
        &self,
        owner: OwnerId,
        records: &[RunRecord],
        closed: &[BatchId],
    ) -> Result<Appended> {
        // Nearly always one. The batches are closed with the last, after all of their records were written.
        let mut pages = records.chunks(PAGE);
        let last = pages.next_back().unwrap_or_default();
        let mut appended = Appended::Written;
        for page in pages {
            appended = self.append_page(owner, page, &[])?;
        }
        match self.append_page(owner, last, closed)? {
            Appended::Fenced => Ok(Appended::Fenced),
            Appended::Written => Ok(appended),
        }
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
        let batches = journal::batches(connections, keys)?;
        let busy: HashSet<OwnerId> = batches.into_iter().map(|(owner, _)| owner).collect();
        owners
            .retain(|record| record.state == OwnerState::Alive || busy.contains(&record.owner.id));
        Ok(owners)
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
