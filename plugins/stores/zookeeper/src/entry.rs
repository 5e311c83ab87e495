//! The entries of jobs in the order of their run times.
//!
//! Each job has one: `due/HOUR/TEN_SECONDS/REST REVISION ID`, or `paused/REVISION ID`. Its name contains the revision, so an
//! entry exists as long as the job has that revision. A write removes the entry that it expects, together with all else
//! that it does, and fails if there is none: that is the compare-and-set.

use std::sync::Arc;

use apscheduler_core::time::{Clock as _, SystemClock, Timestamp, to_micros};
use apscheduler_plugin_kit::store::text::{read_time, time_text};

use crate::nodes::{Nodes, id_name, id_of, join_time, split_time};

/// The bits of a revision that tell writes of one microsecond apart.
const RANDOM_BITS: u32 = 6;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// The text of the run time; `None` if the job is paused.
    pub(crate) time: Option<String>,
    pub(crate) id: Arc<str>,
    pub(crate) revision: u64,
}

impl Entry {
    pub(crate) fn new(time: Option<Timestamp>, id: &Arc<str>, revision: u64) -> Self {
        Self { time: time.map(time_text), id: Arc::clone(id), revision }
    }

    /// Returns the run time.
    pub(crate) fn run_time(&self) -> Option<Timestamp> {
        self.time.as_deref().and_then(read_time)
    }

    /// Returns the folders of the entry, the outer one first. There are none for paused jobs.
    pub(crate) fn buckets(&self, nodes: &Nodes) -> Option<[String; 2]> {
        let (hour, ten, _) = split_time(self.time.as_deref()?)?;
        let hour = format!("{}/{hour}", nodes.due());
        let ten = format!("{hour}/{ten}");
        Some([hour, ten])
    }

    /// Returns the path of the entry.
    pub(crate) fn path(&self, nodes: &Nodes) -> String {
        let (revision, name) = (self.revision, id_name(&self.id));
        match self.time.as_deref().and_then(split_time) {
            None => format!("{}/{revision} {name}", nodes.paused()),
            Some((hour, ten, rest)) => {
                format!("{}/{hour}/{ten}/{rest} {revision} {name}", nodes.due())
            }
        }
    }

    /// Reads the entry with this name in a folder of `due`.
    pub(crate) fn of_due(hour: &str, ten: &str, name: &str) -> Option<Self> {
        let mut words = name.splitn(3, ' ');
        let time = join_time(hour, ten, words.next()?);
        split_time(&time)?;
        let revision = words.next()?.parse().ok()?;
        Some(Self { time: Some(time), id: id_of(words.next()?)?.into(), revision })
    }

    /// Reads the entry with this name in `paused`.
    pub(crate) fn of_paused(name: &str) -> Option<Self> {
        let (revision, name) = name.split_once(' ')?;
        Some(Self { time: None, id: id_of(name)?.into(), revision: revision.parse().ok()? })
    }
}

/// Returns a revision for a record that had this one before; 0 if it had none.
///
/// It contains the time, so a job that is added again gets one that none before it had, and a later one if the clocks of the
/// hosts agree that far.
pub(crate) fn next_revision(before: u64) -> u64 {
    let micros = u64::try_from(to_micros(SystemClock.now())).unwrap_or(0);
    let random = uuid::Uuid::new_v4().as_u64_pair().1 & ((1 << RANDOM_BITS) - 1);
    (micros << RANDOM_BITS | random).max(before.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_from_their_paths() {
        let nodes = Nodes::new("/a", "s");
        let time: Timestamp = "2027-01-01T12:34:56.789Z".parse().unwrap();
        let entry = Entry::new(Some(time), &"a b/c".into(), 7);
        let path = entry.path(&nodes);
        assert_eq!(path, "/a/s/due/2027-01-01T12/34:5/6.789000Z 7 a b%2Fc");
        let [hour, ten] = entry.buckets(&nodes).unwrap();
        assert!(path.starts_with(&format!("{ten}/")) && ten.starts_with(&format!("{hour}/")));
        let name = path.rsplit_once("34:5/").unwrap().1;
        assert_eq!(Entry::of_due("2027-01-01T12", "34:5", name), Some(entry));
        let paused = Entry::new(None, &"".into(), 7);
        assert_eq!(paused.path(&nodes), "/a/s/paused/7 %");
        assert_eq!(Entry::of_paused("7 %"), Some(paused));
        for name in ["", "6 7 a", "6.789000Z x a", "6.789000Z 7", "6.789000Z 7 %ff"] {
            assert_eq!(Entry::of_due("2027-01-01T12", "34:5", name), None, "{name}");
        }
    }

    #[test]
    fn revisions_rise() {
        let first = next_revision(0);
        assert!(first.to_string().len() <= 18);
        assert!(next_revision(first) > first);
        let ahead = first * 2;
        assert_eq!(next_revision(ahead), ahead + 1);
    }
}
