//! Writes records, closes batches, and carries out the steps of open runs, in one transaction.
//!
//! A step names the row that it expects. So the rows are read, the steps are carried out here, and the new rows are written on
//! the condition that nobody has changed rows meanwhile (`rows`). Otherwise they are read again.

use std::collections::{HashMap, HashSet};

use apscheduler_core::Result;
use apscheduler_core::ledger::{Appended, BatchId, OpenRun, OpenStep, RunRecord, RunState, Writes};
use apscheduler_core::run::{OwnerId, RunId};

use crate::access::{Access, Guard, TRIES, Written, busy};
use crate::keys::place;
use crate::open_rows::{change, read};
use crate::runs;
use crate::transaction::{MOST_BYTES, MOST_OPERATIONS, Operations, Query, is_missing, is_older};

/// The most batches that are closed in one transaction; each may have a thousand entries.
const MOST_CLOSED: usize = 10;

/// What is written in one transaction.
#[derive(Default)]
struct Part<'a> {
    records: Vec<&'a RunRecord>,
    steps: Vec<&'a OpenStep>,
    closed: &'a [BatchId],
    bytes: usize,
    operations: usize,
}

impl<'a> Part<'a> {
    fn add(&mut self, other: Self) {
        self.records.extend(other.records);
        self.steps.extend(other.steps);
        self.bytes += other.bytes;
        self.operations += other.operations;
    }

    fn add_record(&mut self, record: &'a RunRecord) {
        self.bytes += runs::size(record);
        self.operations += 2;
        self.records.push(record);
    }

    fn add_step(&mut self, step: &'a OpenStep) {
        let row = |row: &OpenRun| row.data.len() + 2 * row.job_id.len();
        self.bytes += step.to.as_ref().map_or(0, row) + 1000;
        self.operations += 5;
        self.steps.push(step);
    }

    /// Whether another part fits into the same transaction.
    fn has_room(&self, other: &Self) -> bool {
        self.operations == 0
            || self.bytes + other.bytes <= MOST_BYTES
                && self.operations + other.operations <= MOST_OPERATIONS
    }
}

/// Appends to the ledger.
pub(crate) fn append(access: &Access, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
    for part in parts(writes) {
        if append_part(access, owner, &part)? == Appended::Fenced {
            runs::note_late(access, writes.records)?;
            return Ok(Appended::Fenced);
        }
    }
    Ok(Appended::Written)
}

/// Splits what does not fit into one transaction. What belongs to one run stays together, and batches are closed after the
/// last of their records.
fn parts<'a>(writes: &Writes<'a>) -> Vec<Part<'a>> {
    let mut runs: Vec<Part<'a>> = Vec::new();
    let mut places: HashMap<RunId, usize> = HashMap::new();
    let mut of_run = |runs: &mut Vec<Part<'a>>, run: RunId| {
        *places.entry(run).or_insert_with(|| {
            runs.push(Part::default());
            runs.len() - 1
        })
    };
    for record in writes.records {
        let place = of_run(&mut runs, record.run_id);
        runs[place].add_record(record);
    }
    for step in writes.steps {
        let place = of_run(&mut runs, step.run_id);
        runs[place].add_step(step);
    }
    let (mut parts, mut last) = (Vec::new(), Part::default());
    for run in runs {
        if !last.has_room(&run) {
            parts.push(std::mem::take(&mut last));
        }
        last.add(run);
    }
    for closed in writes.closed.chunks(MOST_CLOSED) {
        last.closed = closed;
        parts.push(std::mem::take(&mut last));
    }
    if last.operations > 0 || parts.is_empty() {
        parts.push(last);
    }
    parts
}

fn append_part(access: &Access, owner: OwnerId, part: &Part<'_>) -> Result<Appended> {
    let keys = access.keys();
    let states: HashSet<RunState> = part.records.iter().map(|record| record.state).collect();
    for _ in 0..TRIES {
        let queries = [Query::key(keys.dead(owner))].into_iter();
        let queries = queries.chain(states.iter().map(|state| Query::key(keys.pruned(*state))));
        let batches = part.closed.iter().map(|batch| keys.batch(*batch));
        let batches = batches.map(|batch| Query::range(&batch, 1).keys_only());
        let mut snapshot = access.read(queries.chain(batches))?;
        if !snapshot.take().is_empty() {
            return Ok(Appended::Fenced);
        }
        let mut then = Operations::default();
        let mut pruned: HashMap<RunState, String> = HashMap::new();
        for state in &states {
            let place = snapshot.take();
            pruned.extend(place.first().map(|place| (*state, place.text().into_owned())));
        }
        for batch in part.closed {
            let entries = keys.batch(*batch);
            let first = snapshot.take();
            let owner = first.first().and_then(|entry| {
                entry.key.strip_prefix(&entries.from)?.split_once('/')?.0.parse().ok()
            });
            if let Some(owner) = owner {
                then.delete(keys.busy(owner, *batch));
                then.delete_range(entries);
            }
        }
        let (mut written, mut late) = (HashSet::new(), HashSet::new());
        for record in &part.records {
            let place = place(record.run_id, record.attempt);
            if written.insert((&record.job_id, place.clone())) {
                runs::insert(&mut then, keys, record);
                // Those who look for old records have passed this place.
                if pruned.get(&record.state).is_some_and(|pruned| place >= *pruned) {
                    late.insert(&*record.job_id);
                }
            }
        }
        for job in late {
            then.put(keys.kept(job), "");
        }
        let mut when = vec![is_missing(keys.dead(owner))];
        if !part.steps.is_empty() && carry_out(access, &mut then, &part.steps)? {
            then.put(keys.rows(), "");
            when.push(is_older(keys.rows(), snapshot.revision));
        }
        if then.is_empty() {
            return Ok(Appended::Written);
        }
        if let Written::Done(_) = access.write(Guard::Store, when, then)? {
            return Ok(Appended::Written);
        }
        std::thread::sleep(pause());
    }
    Err(busy())
}

/// Returns a short time, so that those who write the same keys do not meet again.
fn pause() -> std::time::Duration {
    std::time::Duration::from_millis(u64::from(uuid::Uuid::new_v4().as_bytes()[0] % 16))
}

/// Carries out steps. Returns whether they change any row.
fn carry_out(access: &Access, then: &mut Operations, steps: &[&OpenStep]) -> Result<bool> {
    let mut runs: Vec<RunId> = steps.iter().map(|step| step.run_id).collect();
    runs.sort_unstable();
    runs.dedup();
    let before = read(access, &runs)?;
    let before: HashMap<RunId, OpenRun> = before.into_iter().map(|row| (row.run_id, row)).collect();
    let mut after = before.clone();
    for step in steps {
        let row = after.get(&step.run_id);
        if row.map(OpenRun::mark) != step.from {
            continue;
        }
        match &step.to {
            Some(to) => after.insert(step.run_id, to.clone()),
            None => after.remove(&step.run_id),
        };
    }
    let mut is_changed = false;
    for run in runs {
        let (before, after) = (before.get(&run), after.get(&run));
        if before != after {
            change(then, access.keys(), before, after);
            is_changed = true;
        }
    }
    Ok(is_changed)
}
