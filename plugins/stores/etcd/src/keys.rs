//! The keys of a store. The README lists them.

use std::fmt::Display;

use apscheduler_core::Result;
use apscheduler_core::ledger::RunState;
use apscheduler_core::run::{OwnerId, RunId};

use crate::names::config_error;

/// The keys of a store. All begin with its path.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    path: String,
}

/// The keys from one to before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl KeyRange {
    /// The keys that begin with this prefix, which ends with a slash.
    pub(crate) fn of_prefix(prefix: String) -> Self {
        let to = end_of(&prefix);
        Self { from: prefix, to }
    }

    /// Returns the part of this range after a key.
    pub(crate) fn after(&self, key: &str) -> Self {
        Self { from: format!("{key}\0"), to: self.to.clone() }
    }

    /// Returns the part of this range that begins with this key.
    pub(crate) fn starting_at(&self, from: String) -> Self {
        Self { from: from.max(self.from.clone()), to: self.to.clone() }
    }

    /// Returns the part of this range before a key.
    pub(crate) fn before(&self, to: String) -> Self {
        Self { from: self.from.clone(), to: to.min(self.to.clone()) }
    }
}

/// Returns the first key after all that begin with this prefix, which ends with a slash.
fn end_of(prefix: &str) -> String {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    // The character after the slash.
    format!("{prefix}0")
}

/// Returns a job's id with its length in bytes, so that no other entry begins with it.
fn subject(job: &str) -> String {
    format!("{}:{job}", job.len())
}

/// The place of a record among those of its state or its job: the latest first.
pub(crate) fn place(run: RunId, attempt: u32) -> String {
    format!("{}/{:08x}", inverted(run), u32::MAX - attempt)
}

/// Reads what [`place`] returned.
pub(crate) fn read_place(place: &str) -> Option<(RunId, u32)> {
    let (run, attempt) = place.split_once('/')?;
    let attempt = u32::from_str_radix(attempt, 16).ok()?;
    Some((read_inverted(run)?, u32::MAX - attempt))
}

/// Returns 32 hexadecimal digits that sort in the opposite order of the runs.
pub(crate) fn inverted(run: RunId) -> String {
    format!("{:032x}", !run.as_u128())
}

/// Reads what [`inverted`] returned.
pub(crate) fn read_inverted(text: &str) -> Option<RunId> {
    Some(RunId::from_u128(!u128::from_str_radix(text, 16).ok()?))
}

impl Keys {
    /// The keys of a store with this path.
    pub(crate) fn new(path: &str) -> Result<Self> {
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Err(config_error("path: must not be empty"));
        }
        Ok(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn named(&self, name: impl Display) -> String {
        format!("{}/{name}", self.path)
    }

    fn folder(&self, name: impl Display) -> KeyRange {
        KeyRange::of_prefix(format!("{}/{name}/", self.path))
    }

    /// All keys.
    pub(crate) fn all(&self) -> KeyRange {
        KeyRange::of_prefix(format!("{}/", self.path))
    }

    /// The format of the keys.
    pub(crate) fn format(&self) -> String {
        self.named("format")
    }

    /// A random name of the store, which replaced keys do not have.
    pub(crate) fn store(&self) -> String {
        self.named("store")
    }

    /// The handle that changed jobs last.
    pub(crate) fn changed(&self) -> String {
        self.named("changed")
    }

    /// The handle that added jobs last.
    pub(crate) fn added(&self) -> String {
        self.named("added")
    }

    /// Many jobs that are being added.
    pub(crate) fn adding(&self) -> String {
        self.named("adding")
    }

    /// The parts of many jobs.
    pub(crate) fn staged(&self) -> KeyRange {
        self.folder("staged")
    }

    /// The parts of the jobs of one call.
    pub(crate) fn staged_by(&self, call: &str) -> KeyRange {
        self.folder(format_args!("staged/{call}"))
    }

    /// A part of the jobs of one call.
    pub(crate) fn staged_part(&self, call: &str, part: usize) -> String {
        self.named(format_args!("staged/{call}/{part:08}"))
    }

    /// A part that can't be read.
    pub(crate) fn damaged(&self, part: &str) -> String {
        let part = part.strip_prefix(&self.staged().from).unwrap_or(part);
        self.named(format_args!("damaged/{part}"))
    }

    /// The state of a job.
    pub(crate) fn job(&self, id: &str) -> String {
        self.named(format_args!("job/{id}"))
    }

    /// The run time of a job.
    pub(crate) fn run(&self, id: &str) -> String {
        self.named(format_args!("run/{id}"))
    }

    /// The place of a job in the order of run times.
    pub(crate) fn due(&self, time: &str, id: &str) -> String {
        self.named(format_args!("due/{time}/{id}"))
    }

    /// The first key after those of all jobs with this run time.
    pub(crate) fn after_due(&self, time: &str) -> String {
        end_of(&self.named(format_args!("due/{time}/")))
    }

    /// The states, the run times, and the places of all jobs.
    pub(crate) fn jobs(&self) -> [KeyRange; 3] {
        [self.folder("job"), self.folder("run"), self.all_due()]
    }

    /// The places of all jobs.
    pub(crate) fn all_due(&self) -> KeyRange {
        self.folder("due")
    }

    /// Reads the run time and the id of a place.
    pub(crate) fn read_due<'a>(&self, key: &'a str) -> Option<(&'a str, &'a str)> {
        key.strip_prefix(&self.all_due().from)?.split_once('/')
    }

    /// A run time before which there are no places.
    pub(crate) fn floor(&self) -> String {
        self.named("floor")
    }

    /// What is known of the claims with all tokens.
    pub(crate) fn tokens(&self) -> KeyRange {
        self.folder("token")
    }

    /// What is known of the claims with a token.
    pub(crate) fn token(&self, token: &str) -> KeyRange {
        self.folder(format_args!("token/{token}"))
    }

    /// When the claims with a token were written.
    pub(crate) fn token_time(&self, token: &str) -> String {
        self.named(format_args!("token/{token}/at"))
    }

    /// A claim with a token that was lost.
    pub(crate) fn lost_claim(&self, token: &str, number: usize) -> String {
        self.named(format_args!("token/{token}/{number}"))
    }

    /// The entries of all batches, those of the latest first.
    pub(crate) fn journal(&self) -> KeyRange {
        self.folder("journal")
    }

    /// The entries of a batch.
    pub(crate) fn batch(&self, batch: RunId) -> KeyRange {
        self.folder(format_args!("journal/{}", inverted(batch)))
    }

    /// The entry of a job in a batch.
    pub(crate) fn entry(&self, batch: RunId, owner: OwnerId, first_run: RunId) -> String {
        self.named(format_args!("journal/{}/{owner}/{first_run}", inverted(batch)))
    }

    /// The batches of an owner.
    pub(crate) fn busy_with(&self, owner: OwnerId) -> KeyRange {
        self.folder(format_args!("busy/{owner}"))
    }

    /// A batch of an owner.
    pub(crate) fn busy(&self, owner: OwnerId, batch: RunId) -> String {
        self.named(format_args!("busy/{owner}/{batch}"))
    }

    /// The records of runs in this state, the latest first.
    pub(crate) fn records(&self, state: RunState) -> KeyRange {
        self.folder(format_args!("record/{state}"))
    }

    /// The record of an attempt.
    pub(crate) fn record(&self, state: RunState, place: &str, job: &str) -> String {
        self.named(format_args!("record/{state}/{place}/{job}"))
    }

    /// The states of the records of a job, the latest first.
    pub(crate) fn recorded_of(&self, job: &str) -> KeyRange {
        self.folder(format_args!("recorded/{}", subject(job)))
    }

    /// The state of the record of an attempt.
    pub(crate) fn recorded(&self, job: &str, place: &str) -> String {
        self.named(format_args!("recorded/{}/{place}", subject(job)))
    }

    /// The last record in this state that was looked at to remove old ones.
    pub(crate) fn pruned(&self, state: RunState) -> String {
        self.named(format_args!("pruned/{state}"))
    }

    /// The job with old records that was looked at last.
    pub(crate) fn pruned_kept(&self) -> String {
        self.named("pruned/kept")
    }

    /// The jobs with old records that are among their last.
    pub(crate) fn all_kept(&self) -> KeyRange {
        self.folder("kept")
    }

    /// A job with old records that are among its last.
    pub(crate) fn kept(&self, job: &str) -> String {
        self.named(format_args!("kept/{job}"))
    }

    /// The ledger's owners.
    pub(crate) fn owners(&self) -> KeyRange {
        self.folder("owner")
    }

    pub(crate) fn owner(&self, owner: OwnerId) -> String {
        self.named(format_args!("owner/{owner}"))
    }

    /// Exists if the owner is dead.
    pub(crate) fn dead(&self, owner: OwnerId) -> String {
        self.named(format_args!("dead/{owner}"))
    }

    /// Changes with each row of an open run.
    pub(crate) fn rows(&self) -> String {
        self.named("rows")
    }

    /// The rows of all open runs.
    pub(crate) fn all_open(&self) -> KeyRange {
        self.folder("open")
    }

    /// The row of an open run.
    pub(crate) fn open(&self, run: RunId) -> String {
        self.named(format_args!("open/{run}"))
    }

    /// The data that rows share.
    pub(crate) fn all_open_data(&self) -> KeyRange {
        self.folder("open-data")
    }

    /// The data that the rows from this run to before another share.
    pub(crate) fn open_data(&self, first: RunId, end: RunId) -> String {
        self.named(format_args!("open-data/{first}/{end}"))
    }

    /// The open runs of a job.
    pub(crate) fn open_of_job(&self, job: &str) -> KeyRange {
        self.folder(format_args!("open-job/{}", subject(job)))
    }

    /// The open runs of an owner in a state.
    pub(crate) fn open_of_owner(&self, owner: OwnerId, state: &str) -> KeyRange {
        self.folder(format_args!("open-owner/{owner}/{state}"))
    }

    /// The open runs that wait, by the time at which they are due.
    pub(crate) fn all_open_due(&self) -> KeyRange {
        self.folder("open-due")
    }

    /// The place of an open run that waits.
    pub(crate) fn open_due(&self, time: &str, run: RunId) -> String {
        self.named(format_args!("open-due/{time}/{run}"))
    }

    /// The first key after those of all open runs that are due at this time.
    pub(crate) fn after_open_due(&self, time: &str) -> String {
        end_of(&self.named(format_args!("open-due/{time}/")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new("/shop/").unwrap()
    }

    #[test]
    fn a_range_has_the_keys_of_its_prefix() {
        let keys = keys();
        let range = keys.recorded_of("a/b");
        assert_eq!(range.from, "/shop/recorded/3:a/b/");
        let place = place(RunId::from_u128(5), 1);
        let inside = |key: &str| range.from.as_str() <= key && key < range.to.as_str();
        assert!(inside(&keys.recorded("a/b", &place)));
        for other in ["a", "a/", "a/b/c", "a/b0"] {
            assert!(!inside(&keys.recorded(other, &place)), "{other}");
        }
        assert_eq!(keys.all(), KeyRange { from: "/shop/".into(), to: "/shop0".into() });
    }

    #[test]
    fn an_id_may_have_any_characters() {
        let keys = keys();
        for id in ["", "/", "a/b", "\0", "\u{10ffff}", "due/x"] {
            let key = keys.due("paused", id);
            assert_eq!(keys.read_due(&key), Some(("paused", id)));
            assert!(key < keys.after_due("paused"), "{id:?}");
        }
    }

    #[test]
    fn places_sort_from_the_latest_to_the_earliest() {
        let [early, late] = [7, 8].map(RunId::from_u128);
        assert!(place(late, 1) < place(early, 2));
        assert!(place(early, 2) < place(early, 1));
        assert_eq!(read_place(&place(late, 3)), Some((late, 3)));
        assert_eq!(read_place("x"), None);
    }
}
