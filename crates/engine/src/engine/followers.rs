//! Which jobs of a store follow others, as the ledger and this scheduler know it.
//!
//! A job that follows others has a **standing row** among the open runs. It says which jobs it follows, and up to where their
//! ends have been followed. Its owner is nobody, so no scheduler claims it, and no reaper settles it. Its attempt number counts
//! its changes.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, RunLedger, RunRecord};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::After;
use serde::{Deserialize, Serialize};

use super::lock::lock;
use super::paging::all_open;

/// The owner of the standing rows: a UUID of version 8, whose bits are free to choose.
const NOBODY: OwnerId = OwnerId::from_u128(0x6170_7363_6865_8000_8000_666f_6c6c_6f77);

/// Returns whether an open run is no run, but says which jobs a job follows.
pub(super) fn is_standing(row: &OpenRun) -> bool {
    row.owner == NOBODY
}

/// What a standing row says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) follows: Vec<After>,
    /// All ends of runs before this one have been followed.
    pub(super) from: RunId,
    /// The scheduler that follows ends at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<OwnerId>,
}

impl Standing {
    /// Reads a standing row. `None` if it is damaged.
    pub(super) fn read(row: &OpenRun) -> Option<Self> {
        serde_json::from_str(&row.data).ok()
    }

    /// Returns the row of a job that follows others from now on.
    pub(super) fn row(&self, job: &Arc<str>, now: Timestamp) -> OpenRun {
        let id = RunId::first_of(Timestamp::UNIX_EPOCH).derived(job);
        let row = OpenRun::new(id, Arc::clone(job), now, NOBODY, self.text());
        row.attempt(0).waiting(None)
    }

    /// Returns the next state of a row.
    pub(super) fn next(&self, row: &OpenRun) -> OpenRun {
        let mut next = row.clone().attempt(row.attempt.wrapping_add(1));
        next.data = self.text();
        next
    }

    fn text(&self) -> Arc<str> {
        // Text can always be written.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// Returns the standing rows of a store.
///
/// # Errors
/// Any error from the ledger.
pub(super) fn standing_rows(ledger: &dyn RunLedger) -> Result<Vec<OpenRun>> {
    all_open(ledger, OpenQuery::new().owner(NOBODY))
}

/// The jobs of a store that follow others, as far as this scheduler knows.
#[derive(Debug, Default)]
pub(super) struct Followers {
    /// Usually there are none, which makes the check cheap.
    is_any: AtomicBool,
    known: Mutex<Known>,
    /// Runs of jobs that are followed, which have ended here and were recorded.
    ended: Mutex<Vec<(Arc<str>, RunId)>>,
}

/// Runs that have ended, and the jobs that follow them.
#[derive(Debug)]
pub(super) struct Ended {
    /// Each with its job.
    pub(super) runs: Vec<(Arc<str>, RunId)>,
    pub(super) followers: HashSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The jobs that follow each job.
    by_followed: HashMap<Arc<str>, HashSet<Arc<str>>>,
    followers: HashSet<Arc<str>>,
}

impl Followers {
    /// Reads which jobs follow others.
    ///
    /// # Errors
    /// Any error from the ledger.
    pub(super) fn load(&self, ledger: &dyn RunLedger) -> Result<()> {
        if !ledger.has_open_runs() {
            return Ok(());
        }
        let mut known = Known::default();
        for row in standing_rows(ledger)? {
            known.add(&row);
        }
        self.is_any.store(!known.followers.is_empty(), Ordering::Release);
        *lock(&self.known) = known;
        Ok(())
    }

    /// Notes that a job follows others.
    pub(super) fn note(&self, row: &OpenRun) {
        lock(&self.known).add(row);
        self.is_any.store(true, Ordering::Release);
    }

    /// Returns whether a job follows others or is followed, so that its runs are recorded in any case.
    pub(super) fn concerns(&self, job: &str) -> bool {
        self.is_any.load(Ordering::Acquire) && {
            let known = lock(&self.known);
            known.followers.contains(job) || known.by_followed.contains_key(job)
        }
    }

    /// Notes records that were written. Returns whether a job is followed that they are about.
    pub(super) fn note_ended(&self, records: &[RunRecord]) -> bool {
        if !self.is_any.load(Ordering::Acquire) {
            return false;
        }
        let known = lock(&self.known);
        let is_followed = |record: &&RunRecord| known.by_followed.contains_key(&record.job_id);
        let ended: Vec<(Arc<str>, RunId)> = (records.iter().filter(is_followed))
            .map(|record| (Arc::clone(&record.job_id), record.run_id))
            .collect();
        drop(known);
        let is_any = !ended.is_empty();
        lock(&self.ended).extend(ended);
        is_any
    }

    /// Returns whether there are runs that have ended and were not followed yet.
    pub(super) fn has_ended(&self) -> bool {
        self.is_any.load(Ordering::Acquire) && !lock(&self.ended).is_empty()
    }

    /// Takes the runs that have ended, with the jobs that follow them.
    pub(super) fn take_ended(&self) -> Ended {
        let ended = std::mem::take(&mut *lock(&self.ended));
        let known = lock(&self.known);
        let following = ended.iter().filter_map(|(job, _)| known.by_followed.get(job));
        let followers = following.flatten().cloned().collect();
        drop(known);
        Ended { runs: ended, followers }
    }

    /// Puts runs back that could not be followed.
    pub(super) fn put_back(&self, mut runs: Vec<(Arc<str>, RunId)>) {
        lock(&self.ended).append(&mut runs);
    }
}

impl Known {
    fn add(&mut self, row: &OpenRun) {
        let Some(standing) = Standing::read(row) else { return };
        self.followers.insert(Arc::clone(&row.job_id));
        for after in standing.follows {
            self.by_followed.entry(after.job).or_default().insert(Arc::clone(&row.job_id));
        }
    }
}

/// Returns the jobs of a circle that a job would close by following these, from that job on.
pub(super) fn circle(rows: &[OpenRun], job: &str, follows: &[After]) -> Option<Vec<String>> {
    let followed_by: HashMap<&str, Vec<After>> = (rows.iter())
        .filter_map(|row| Some((&*row.job_id, Standing::read(row)?.follows)))
        .collect();
    let mut paths: Vec<Vec<String>> =
        follows.iter().map(|after| vec![job.to_owned(), after.job.to_string()]).collect();
    let mut seen = HashSet::new();
    while let Some(path) = paths.pop() {
        let last = path.last().map_or("", String::as_str);
        if last == job {
            return Some(path);
        }
        if !seen.insert(last.to_owned()) {
            continue;
        }
        for after in followed_by.get(last).into_iter().flatten() {
            paths.push([&path[..], &[after.job.to_string()]].concat());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(job: &str, follows: &[&str]) -> OpenRun {
        let now = Timestamp::UNIX_EPOCH;
        let follows = follows.iter().map(|job| After::new(*job)).collect();
        Standing { follows, from: RunId::first_of(now), holder: None }.row(&job.into(), now)
    }

    #[test]
    fn a_standing_row_is_read_back_and_counts_its_changes() {
        let row = row("b", &["a"]);
        let mut standing = Standing::read(&row).unwrap();
        assert!(is_standing(&row));
        standing.holder = Some(OwnerId::random());
        let next = standing.next(&row);
        assert_eq!((next.run_id, next.attempt, next.due), (row.run_id, 1, None));
        assert_eq!(Standing::read(&next), Some(standing));
    }

    #[test]
    fn circles_are_found() {
        let rows = [row("b", &["a"]), row("c", &["b", "x"])];
        assert_eq!(circle(&rows, "a", &[After::new("x")]), None);
        let found = circle(&rows, "a", &[After::new("x"), After::new("c")]).unwrap();
        assert_eq!(found, ["a", "c", "b", "a"]);
        assert_eq!(circle(&rows, "d", &[After::new("c")]), None);
    }
}
