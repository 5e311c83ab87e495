//! Removes old records.
//!
//! Only records are looked at that became old since the last time: for each state, `pruned` says how far that was. A record
//! that is old, but among the last of its job, is passed. Its job is put into `kept`; when there is nothing else to do, some of
//! these jobs are looked at in turn, because they may have later records by now.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{Retention, RunState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;

use crate::access::Access;
use crate::keys::{KeyRange, inverted, read_place};
use crate::old_records::{count, oldest};
use crate::runs::Place;
use crate::transaction::{Operations, Query};

/// How many old records of each state are looked at in one call.
const LOOKED_AT: usize = 2000;

/// How many jobs with old records are looked at in one call.
const CHECKED: usize = 100;

/// How many records are removed in one transaction.
const REMOVED: usize = 500;

/// Removes up to `limit` records that the retention does not keep at `now`, the oldest first. Returns how many.
pub(crate) fn prune(
    access: &Access,
    now: Timestamp,
    retention: &Retention,
    limit: usize,
) -> Result<usize> {
    let mut pruning = Pruning { access, retention, now, keepers: HashMap::new() };
    let (mut candidates, mut has_more) = (Vec::new(), false);
    for state in RunState::ALL {
        let old = pruning.candidates(state)?;
        has_more |= old.len() == LOOKED_AT;
        candidates.extend(old);
    }
    candidates.sort_by(|one, other| other.attempt.cmp(&one.attempt));
    let mut removed = 0;
    for chunk in candidates.chunks(REMOVED) {
        removed += pruning.look_at(chunk, limit - removed)?;
        if removed == limit {
            return Ok(removed);
        }
    }
    if !has_more {
        removed += pruning.look_at_kept(limit - removed)?;
    }
    Ok(removed)
}

struct Pruning<'a> {
    access: &'a Access,
    retention: &'a Retention,
    now: Timestamp,
    /// For each job the place of the earliest of its last records, if it has so many.
    keepers: HashMap<Arc<str>, Option<String>>,
}

impl Pruning<'_> {
    /// Returns the run before which records in this state are too old.
    fn boundary(&self, state: RunState) -> RunId {
        match state {
            RunState::Ok => self.retention.ok_before(self.now),
            _ => self.retention.other_before(self.now),
        }
    }

    /// Returns the oldest records in this state that were not looked at yet and may have to be removed, the oldest first.
    fn candidates(&self, state: RunState) -> Result<Vec<Place>> {
        let keys = self.access.keys();
        let all = keys.records(state);
        let pruned = self.access.read_one(Query::key(keys.pruned(state)))?;
        let left = match pruned.first() {
            Some(pruned) => all.before(format!("{}{}/", all.from, pruned.text())),
            None => all.clone(),
        };
        let old = left.starting_at(format!("{}{}0", all.from, inverted(self.boundary(state))));
        let mut found = oldest(self.access, &old, LOOKED_AT)?;
        if state == RunState::Ok && found.len() < LOOKED_AT {
            // Of the runs that succeeded, all before the latest ones are old. Those that were passed are kept.
            let passed = all.starting_at(left.to.clone());
            let surplus = count(self.access, &all)?.saturating_sub(self.retention.max_ok);
            let surplus = surplus.saturating_sub(count(self.access, &passed)? + found.len());
            if surplus > 0 {
                let newer = left.before(old.from.clone());
                found.extend(oldest(self.access, &newer, surplus.min(LOOKED_AT - found.len()))?);
            }
        }
        let places =
            found.iter().filter_map(|key| Place::read(state, key.strip_prefix(&all.from)?));
        Ok(places.collect())
    }

    /// Looks at old records, the oldest first, and removes up to `limit`. Returns how many.
    fn look_at(&mut self, places: &[Place], limit: usize) -> Result<usize> {
        self.find_keepers(places.iter().map(|place| &place.job))?;
        let (mut remove, mut removed) = (Operations::default(), 0);
        let (mut kept, mut pruned) = (HashSet::new(), HashMap::new());
        let keys = self.access.keys();
        for place in places {
            if self.is_surplus(place) {
                if removed == limit {
                    break;
                }
                remove.delete(place.record(keys));
                remove.delete(place.recorded(keys));
                removed += 1;
            } else {
                kept.insert(&*place.job);
            }
            pruned.insert(place.state, place.attempt.as_str());
        }
        for job in kept {
            remove.put(keys.kept(job), "");
        }
        for (state, place) in pruned {
            remove.put(keys.pruned(state), place);
        }
        if !remove.is_empty() {
            self.access.note(Vec::new(), remove)?;
        }
        Ok(removed)
    }

    /// Reads which records of these jobs are among their last.
    fn find_keepers<'a>(&mut self, jobs: impl Iterator<Item = &'a Arc<str>>) -> Result<()> {
        let keep = self.retention.keep_last;
        let unknown: HashSet<&Arc<str>> =
            jobs.filter(|job| keep > 0 && !self.keepers.contains_key(*job)).collect();
        let unknown: Vec<Arc<str>> = unknown.into_iter().cloned().collect();
        let ranges: Vec<KeyRange> =
            unknown.iter().map(|job| self.access.keys().recorded_of(job)).collect();
        let queries = ranges.iter().map(|range| Query::range(range, keep).keys_only());
        let mut found = self.access.read(queries)?;
        for (job, range) in unknown.into_iter().zip(ranges) {
            let found = found.take();
            let last = found.entries.last().filter(|_| found.entries.len() >= keep);
            let last = last.and_then(|last| last.key.strip_prefix(&range.from).map(str::to_owned));
            self.keepers.insert(job, last);
        }
        Ok(())
    }

    /// Whether a record is not among the last of its job.
    fn is_surplus(&self, place: &Place) -> bool {
        let run = |place: &str| read_place(place).map(|(run, _)| run);
        let last = match self.keepers.get(&place.job) {
            None => return self.retention.keep_last == 0,
            Some(last) => last.as_deref().and_then(run),
        };
        last.is_some_and(|last| run(&place.attempt).is_some_and(|run| run < last))
    }

    /// Looks at some of the jobs with old records that are among their last, and removes those that are so no more.
    fn look_at_kept(&mut self, limit: usize) -> Result<usize> {
        let keys = self.access.keys();
        let all = keys.all_kept();
        let last = self.access.read_one(Query::key(keys.pruned_kept()))?;
        let range = last.first().map_or(all.clone(), |last| all.after(&keys.kept(&last.text())));
        let mut found = self.access.read_one(Query::range(&range, CHECKED).keys_only())?.entries;
        if found.len() < CHECKED && !last.is_empty() {
            // From the beginning again.
            let rest = Query::range(&all, CHECKED - found.len()).keys_only();
            found.extend(self.access.read_one(rest)?.entries);
        }
        let mut jobs: Vec<Arc<str>> = Vec::new();
        for entry in &found {
            if let Some(job) = entry.key.strip_prefix(&all.from).map(Arc::from)
                && !jobs.contains(&job)
            {
                jobs.push(job);
            }
        }
        let Some(next) = jobs.last().cloned() else { return Ok(0) };
        self.find_keepers(jobs.iter())?;
        let mut removed = 0;
        for job in jobs {
            removed += self.look_at_job(&job, limit - removed)?;
            if removed == limit {
                return Ok(removed);
            }
        }
        let mut remember = Operations::default();
        remember.put(keys.pruned_kept(), &*next);
        self.access.note(Vec::new(), remember)?;
        Ok(removed)
    }

    /// Removes up to `limit` old records of a job that are not among its last. Returns how many.
    fn look_at_job(&self, job: &Arc<str>, limit: usize) -> Result<usize> {
        let keys = self.access.keys();
        let of_job = keys.recorded_of(job);
        // Nothing later is old.
        let latest = RunState::ALL.map(|state| self.boundary(state)).into_iter().max();
        let Some(latest) = latest else { return Ok(0) };
        let old = of_job.starting_at(format!("{}{}0", of_job.from, inverted(latest)));
        let found = self.access.read_one(Query::range(&old, LOOKED_AT))?;
        let (mut change, mut removed, mut is_kept) = (Operations::default(), 0, found.has_more);
        for entry in found.entries.iter().rev() {
            let Some(state) = RunState::from_name(&entry.text()) else { continue };
            let Some(place) = entry.key.strip_prefix(&of_job.from) else { continue };
            let place = Place { state, attempt: place.to_owned(), job: Arc::clone(job) };
            let run = read_place(&place.attempt).map(|(run, _)| run);
            if run.is_none_or(|run| run >= self.boundary(state)) {
                continue;
            }
            if removed < limit && self.is_surplus(&place) {
                change.delete(place.record(keys));
                change.delete(place.recorded(keys));
                removed += 1;
            } else {
                is_kept = true;
            }
        }
        if !is_kept {
            change.delete(keys.kept(job));
        }
        if !change.is_empty() {
            self.access.note(Vec::new(), change)?;
        }
        Ok(removed)
    }
}
