//! Keeps jobs in memory.

mod heap;
mod table;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Advance, Claim, Claims, Cursor, Decision, Due, JobRecord, JobStore, NewRecord, NextRun,
    StoreCapabilities,
};
use crate::options;
use crate::registry::Plugin;
use crate::time::Timestamp;
use crate::{Error, Result};
use table::Table;

/// The descriptor of the memory store.
pub static MEMORY_PLUGIN: Plugin = Plugin::job_store("memory", &|given| {
    options::parse::<NoOptions>("job store `memory`", given)?;
    Ok(Arc::new(MemoryJobStore::new()))
})
.classes(&["apscheduler.jobstores.memory:MemoryJobStore"])
.summary("keeps jobs in memory; they end with the process")
.source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

#[derive(serde::Deserialize)]
struct NoOptions {}

/// Keeps jobs in memory, unserialized: closures can be scheduled in it.
///
/// Adding a job and moving its next run time cost O(log n), whatever else is stored.
#[derive(Default)]
pub struct MemoryJobStore {
    table: Mutex<Table>,
}

impl MemoryJobStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No method leaves the table half changed: a panic inside `decide` comes before any write of that record.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJobStore").field("jobs", &self.table().len()).finish()
    }
}

impl JobStore for MemoryJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::default()
    }

    fn shutdown(&self) -> Result<()> {
        self.table().clear();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let table = self.table();
        Ok(table.find(id).map(|slot| table.record(slot)))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        Ok(self.table().page(after, limit))
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        Ok(self.table().next_run_time(after))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let mut table = self.table();
        table.reserve(records.len());
        // What replaces a record is written last: an insertion can be undone, a replacement could not.
        let mut replacements = Vec::new();
        let mut added = Vec::with_capacity(records.len());
        // No id may stand twice; without replacements `find` shows that.
        let replaces = records.iter().any(|record| record.replace);
        let mut given = HashSet::new();
        for record in records {
            if replaces && !given.insert(Arc::clone(&record.id)) {
                undo(&mut table, added);
                return Err(Error::conflicting_id(&*record.id));
            }
            match table.find(&record.id) {
                Some(slot) if record.replace => replacements.push((slot, record)),
                Some(_) => {
                    undo(&mut table, added);
                    return Err(Error::conflicting_id(&*record.id));
                }
                None => added.push(table.insert(record.id, record.next_run_time, record.state)),
            }
        }
        for (slot, record) in replacements {
            table.update(slot, record.next_run_time, record.state);
        }
        Ok(())
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let mut table = self.table();
        let slot = table.find(&record.id).ok_or_else(|| Error::job_lookup(&*record.id))?;
        if table.revision(slot) != record.revision {
            return Ok(false);
        }
        table.update(slot, record.next_run_time, record.state.clone());
        Ok(true)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let mut table = self.table();
        let found = table.find(id);
        if let Some(slot) = found {
            table.remove(slot);
        }
        Ok(found.is_some())
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.table().clear();
        Ok(())
    }

    fn claim_due(
        &self,
        due: &Due,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let mut table = self.table();
        let mut claims = Claims::default();
        let mut after = due.after.as_ref().map(table::place_of);
        let mut left = due.limit;
        // As long as every record is claimed, the next one is on top of the heap.
        while left > 0
            && let Some(node) = table.first_due(due.now)
            && after.is_none_or(|after| node.key() > after)
        {
            left -= 1;
            let record = table.record(node.slot);
            match decide(&record) {
                Decision::Claim(advance) => {
                    let still_due = matches!(advance.next, NextRun::At(next) if next <= due.now);
                    apply(&mut table, node.slot, &advance);
                    claims.claims.push(Claim { record, advance });
                    if still_due {
                        // Its other run times are for another batch.
                        claims.resume = table::cursor(node);
                        return Ok(claims);
                    }
                }
                Decision::Leave => after = Some(node.key()),
            }
            if left == 0 {
                claims.resume = table::cursor(node);
            }
        }
        if after.is_some() && left > 0 {
            let nodes = table.due(due.now, left, after);
            if nodes.len() == left {
                claims.resume = nodes.last().and_then(|node| table::cursor(*node));
            }
            for node in nodes {
                let record = table.record(node.slot);
                if let Decision::Claim(advance) = decide(&record) {
                    apply(&mut table, node.slot, &advance);
                    claims.claims.push(Claim { record, advance });
                }
            }
        }
        Ok(claims)
    }
}

fn undo(table: &mut Table, added: Vec<table::SlotId>) {
    for slot in added {
        table.remove(slot);
    }
}

fn apply(table: &mut Table, slot: table::SlotId, advance: &Advance) {
    match advance.next {
        NextRun::At(time) => table.advance(slot, Some(time)),
        NextRun::Paused => table.advance(slot, None),
        NextRun::Finished => table.remove(slot),
    }
}
