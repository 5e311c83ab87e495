//! The store.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, Claim, ClaimCursor, ClaimRequest, Claims, Cursor, Decision, JobRecord,
    JobStore, NewRecord, StoreCapabilities, TieBreaker, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::text::{run_time_text, time_text};
use apscheduler_plugin_kit::store::{Contention, DecidedBatch};

use crate::access::{Access, Guard, TRIES, Written, busy};
use crate::claims::{self, Won};
use crate::ledger::EtcdLedger;
use crate::options::EtcdOptions;
use crate::transaction::{MOST_OPERATIONS, Operations, is_unchanged};
use crate::{adding, floor, leftovers, new_jobs, records, staging, watch};

/// How many jobs are removed in one transaction, if all are.
const MOST_REMOVED: usize = MOST_OPERATIONS / 3;

/// Keeps jobs in etcd. Any number of processes may share them.
pub struct EtcdJobStore {
    access: Arc<Access>,
    claims: claims::Claims,
    contention: Contention,
}

impl EtcdJobStore {
    /// Creates a store on the server at this endpoint, such as `http://localhost:2379`, with the default path. It connects when
    /// the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the endpoint is invalid.
    pub fn new(endpoint: impl Into<String>) -> Result<Self> {
        Self::with_options(EtcdOptions::default().endpoints([endpoint.into()]))
    }

    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: EtcdOptions) -> Result<Self> {
        Ok(Self {
            access: Arc::new(Access::new(options.check()?)),
            claims: claims::Claims::default(),
            contention: Contention::default(),
        })
    }

    /// Writes jobs, again and again while others add many. Returns whether the comparison held.
    fn write(&self, change: impl Fn() -> (Vec<etcd_client::Compare>, Operations)) -> Result<bool> {
        for _ in 0..TRIES {
            let (when, mut then) = change();
            then.put(self.access.keys().changed(), self.access.own.as_str());
            match self.access.write(Guard::Jobs, when, then)? {
                Written::Done(_) => return Ok(true),
                Written::Refused => return Ok(false),
                Written::Adding => drop(staging::finish(&self.access)?),
            }
        }
        Err(busy())
    }
}

impl JobStore for EtcdJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.access.start(alias)?;
        staging::finish(&self.access)?;
        if let Err(error) = leftovers::remove_old(&self.access) {
            // The server may be full; the store starts anyway.
            tracing::warn!("can't remove what earlier calls left: {}", error.chain());
        }
        Ok(())
    }

    fn start_read_only(&self, alias: &str) -> Result<()> {
        self.access.start_read_only(alias)
    }

    fn shutdown(&self) -> Result<()> {
        self.access.shutdown();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        Ok(records::find(&self.access, id)?.map(|stored| stored.record))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        let keys = self.access.keys();
        let mut range = keys.all_due();
        if let Some(after) = after {
            range = range.after(&keys.due(&run_time_text(after.next_run_time), &after.id));
        }
        records::list(&self.access, &range, 0, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        records::next_run_time(&self.access, after)
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        adding::add(&self.access, &records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let (keys, id) = (self.access.keys(), &*record.id);
        let job = new_jobs::NewJob {
            id,
            time: run_time_text(record.next_run_time),
            state: record.text()?,
            replace: true,
        };
        let Some(stored) = records::find(&self.access, id)? else {
            return Err(Error::job_lookup(id));
        };
        if stored.record.revision != record.revision {
            return Ok(false);
        }
        let revision = record.revision.cast_signed();
        self.write(|| {
            let mut then = Operations::default();
            new_jobs::put(&mut then, keys, &job, Some(&stored.time));
            floor::lower(&mut then, keys, [&*job.time]);
            (vec![is_unchanged(keys.run(id), revision)], then)
        })
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let keys = self.access.keys();
        for _ in 0..TRIES {
            let Some(stored) = records::find(&self.access, id)? else { return Ok(false) };
            let revision = stored.record.revision.cast_signed();
            let is_removed = self.write(|| {
                let mut then = Operations::default();
                for key in [keys.run(id), keys.job(id), keys.due(&stored.time, id)] {
                    then.delete(key);
                }
                (vec![is_unchanged(keys.run(id), revision)], then)
            })?;
            if is_removed {
                return Ok(true);
            }
        }
        Err(busy())
    }

    fn remove_all_jobs(&self) -> Result<()> {
        let keys = self.access.keys();
        let (mut after, mut is_last) = (None, false);
        while !is_last {
            let records = self.get_jobs(after.as_ref(), MOST_REMOVED)?;
            is_last = records.len() < MOST_REMOVED;
            after = records.last().map(JobRecord::cursor);
            self.write(|| {
                let mut then = Operations::default();
                for record in &records {
                    let (id, time) = (&*record.id, run_time_text(record.next_run_time));
                    let mut remove = Operations::default();
                    for key in [keys.run(id), keys.job(id), keys.due(&time, id)] {
                        remove.delete(key);
                    }
                    let when = vec![is_unchanged(keys.run(id), record.revision.cast_signed())];
                    then.nested(when, remove, Operations::default(), 3);
                }
                if is_last {
                    // Those that were changed meanwhile.
                    keys.jobs().into_iter().for_each(|range| then.delete_range(range));
                }
                (Vec::new(), then)
            })?;
        }
        Ok(())
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.access.replacement.claim(|| {
            let find_out = |token: &String, claims: &[Claim]| {
                self.claims.find_out(&self.access, token, claims).map(Some)
            };
            if let Some(claims) = self.claims.in_doubt.settle(due, find_out, decide)? {
                return Ok(claims);
            }
            let keys = self.access.keys();
            let mut range = keys.all_due().before(keys.after_due(&time_text(due.now)));
            // With a cursor of another store: start over.
            if let Some(ClaimCursor { next_run_time, tie_breaker: TieBreaker::Id(id), .. }) =
                &due.after
            {
                range = range.after(&keys.due(&time_text(*next_run_time), id));
            }
            let skip = self.contention.skip(due);
            let records = records::list(&self.access, &range, skip, due.limit)?;
            let decided = DecidedBatch::of_snapshot(records, due, decide).into_claims();
            if decided.won.is_empty() {
                return Ok(self.contention.outcome(due, 0, decided));
            }
            let Won { claims, attempted, is_partial } =
                self.claims.write(&self.access, due, decided.won)?;
            if let Err(error) = records::raise_floor(&self.access) {
                tracing::debug!("places that are gone are passed again: {}", error.chain());
            }
            if is_partial {
                // Some are still due.
                let again = due.after.clone().unwrap_or_else(ClaimCursor::beginning);
                return Ok(Claims::new(claims, Some(again)));
            }
            Ok(self.contention.outcome(due, attempted, Claims::new(claims, decided.resume)))
        })
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(EtcdLedger::new(&self.access)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        watch::start(&self.access, changed).map(Some)
    }
}

impl fmt::Debug for EtcdJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.access.config();
        f.debug_struct("EtcdJobStore")
            .field("address", &config.address.shown)
            .field("path", &config.keys.path())
            .finish_non_exhaustive()
    }
}
