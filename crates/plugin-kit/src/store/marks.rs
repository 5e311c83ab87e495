//! Marks of writes, so that a store can find claims whose answer was lost in the records that they wrote.

use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many marks of claims a record keeps. A lost claim can be found after any number of other claims, as long as few
/// handles made them.
pub const KEPT_MARKS: usize = 16;

/// How many marks of one handle a record keeps.
const KEPT_PER_HANDLE: usize = 2;

/// Creates the marks of the writes of one handle of a store, as `3fa9c1d2e4b5-17`. Each write has a unique mark.
///
/// # Examples
/// ```
/// use apscheduler_plugin_kit::store::WriteMarks;
///
/// let marks = WriteMarks::default();
/// let (first, second) = (marks.next(), marks.next());
/// assert!(first != second && first.starts_with(&marks.prefix()));
/// ```
#[derive(Debug)]
pub struct WriteMarks {
    handle: String,
    writes: AtomicU64,
}

impl Default for WriteMarks {
    fn default() -> Self {
        Self { handle: format!("{:012x}", random_bits(48)), writes: AtomicU64::new(0) }
    }
}

impl WriteMarks {
    /// Returns the mark of the next write.
    pub fn next(&self) -> String {
        format!("{}-{}", self.handle, self.writes.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the prefix of its marks.
    pub fn prefix(&self) -> String {
        format!("{}-", self.handle)
    }
}

/// Returns the marks that a record keeps when it is claimed with `mark`, from those `before`.
pub fn kept_marks<'a>(before: &[&'a str], mark: &'a str) -> Vec<&'a str> {
    let handle = |mark: &'a str| mark.split_once('-').map_or(mark, |(handle, _)| handle);
    let mut kept: Vec<&str> = Vec::new();
    for known in iter::once(mark).chain(before.iter().rev().copied()) {
        let of_the_same = kept.iter().filter(|other| handle(other) == handle(known)).count();
        if of_the_same < KEPT_PER_HANDLE && kept.len() < KEPT_MARKS {
            kept.push(known);
        }
    }
    kept.reverse();
    kept
}

/// Returns a random number above 0 with at most this many bits, of which there are at most 63: the revision of a new record,
/// for stores that do not remember those of removed records. A job that is added again then has another revision.
pub fn random_revision(bits: u32) -> u64 {
    random_bits(bits).max(1)
}

fn random_bits(bits: u32) -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1 & ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_unique_and_start_with_their_handle() {
        let (one, other) = (WriteMarks::default(), WriteMarks::default());
        let (first, second) = (one.next(), one.next());
        assert_ne!(first, second);
        assert!(first.starts_with(&one.prefix()) && !first.starts_with(&other.prefix()));
    }

    #[test]
    fn revisions_have_their_bits() {
        assert!((0..100).all(|_| (1..16).contains(&random_revision(4))));
    }

    #[test]
    fn a_handle_displaces_its_own_marks() {
        let names = |name: fn(u8) -> String| (0..100).map(name).collect::<Vec<_>>();
        let (busy, others) =
            (names(|number| format!("busy-{number}")), names(|number| format!("{number}-0")));
        let mut marks = vec!["lost-1"];
        for mark in &busy {
            marks = kept_marks(&marks, mark);
        }
        assert_eq!(marks, ["lost-1", "busy-98", "busy-99"]);
        for mark in &others {
            marks = kept_marks(&marks, mark);
        }
        assert_eq!((marks.len(), marks[0], marks[15]), (KEPT_MARKS, "84-0", "99-0"));
    }
}
