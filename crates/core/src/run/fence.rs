//! Fences: which of two runs of a job is the later one.

use std::fmt;

/// A number that grows with each claim of a job, and with each attempt of a run.
///
/// A program that a job writes to can refuse a write with a lower fence than it has seen: the run behind it was given up,
/// and another one has taken its place. Compare fences of one job only.
///
/// # Examples
/// ```
/// use apscheduler_core::run::Fence;
///
/// assert!(Fence::new(7, 2) > Fence::new(7, 1));
/// assert!(Fence::new(8, 1) > Fence::new(7, 2));
/// assert_eq!(Fence::new(7, 2).to_string(), "7.2");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    revision: u64,
    attempt: u32,
}

impl Fence {
    /// The fence of an attempt, from 1, of a run that was claimed when its job had this revision.
    pub const fn new(revision: u64, attempt: u32) -> Self {
        Self { revision, attempt }
    }

    /// Returns the revision of the job at the claim.
    pub const fn revision(self) -> u64 {
        self.revision
    }

    /// Returns the attempt number, from 1.
    pub const fn attempt(self) -> u32 {
        self.attempt
    }
}

/// The revision and the attempt, such as `7.2`.
impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.revision, self.attempt)
    }
}
