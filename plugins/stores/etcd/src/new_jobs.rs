//! Jobs to add, and how they are written.

use std::collections::HashMap;

use apscheduler_core::Result;

use crate::access::Access;
use crate::keys::Keys;
use crate::transaction::{MOST_BYTES, MOST_OPERATIONS, Operations, Query};

/// The most jobs of a part.
const MOST_JOBS: usize = MOST_OPERATIONS / 4;

/// What a job takes beside its id and its state.
const OVERHEAD: usize = 250;

/// A job to add.
pub(crate) struct NewJob<'a> {
    pub(crate) id: &'a str,
    /// Its run time as it is written.
    pub(crate) time: String,
    pub(crate) state: &'a str,
    /// Whether it replaces a job with the same id.
    pub(crate) replace: bool,
}

/// Splits jobs into parts that fit into a transaction each.
pub(crate) fn parts<'a, 'b>(keys: &Keys, jobs: &'b [NewJob<'a>]) -> Vec<&'b [NewJob<'a>]> {
    let size =
        |job: &NewJob<'_>| job.state.len() + 3 * (job.id.len() + keys.path().len()) + OVERHEAD;
    let (mut parts, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (place, job) in jobs.iter().enumerate() {
        let is_full = bytes + size(job) > MOST_BYTES || place - begin == MOST_JOBS;
        if place > begin && is_full {
            parts.push(&jobs[begin..place]);
            (begin, bytes) = (place, 0);
        }
        bytes += size(job);
    }
    if begin < jobs.len() {
        parts.push(&jobs[begin..]);
    }
    parts
}

/// Writes a job. `before` is the run time, as it is written, of the job that it replaces.
pub(crate) fn put(then: &mut Operations, keys: &Keys, job: &NewJob<'_>, before: Option<&str>) {
    if let Some(before) = before.filter(|before| *before != job.time) {
        then.delete(keys.due(before, job.id));
    }
    then.put(keys.job(job.id), job.state);
    then.put(keys.run(job.id), job.time.as_str());
    then.put(keys.due(&job.time, job.id), "");
}

/// Returns the run times, as they are written, of those jobs that exist.
pub(crate) fn existing<'a>(
    access: &Access,
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, String>> {
    let ids: Vec<&str> = ids.collect();
    let mut existing = HashMap::new();
    for chunk in ids.chunks(2000) {
        let mut found = access.read(chunk.iter().map(|id| Query::key(access.keys().run(id))))?;
        for id in chunk {
            if let Some(run) = found.take().first() {
                existing.insert((*id).to_owned(), run.text().into_owned());
            }
        }
    }
    Ok(existing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job<'a>(id: &'a str, state: &'a str) -> NewJob<'a> {
        NewJob { id, time: "paused".to_owned(), state, replace: false }
    }

    #[test]
    fn parts_fit_into_a_transaction() {
        let keys = Keys::new("/shop").unwrap();
        let (large, small) = ("x".repeat(MOST_BYTES), "x".repeat(MOST_BYTES / 3));
        let jobs = [job("a", &small), job("b", &small), job("c", &small), job("d", &large)];
        let lengths: Vec<usize> = parts(&keys, &jobs).iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [2, 1, 1]);
    }
}
