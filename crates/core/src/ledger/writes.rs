//! What is written into a ledger in one transaction.

use super::{BatchId, OpenStep, RunRecord};

/// What is written into a ledger in one transaction.
///
/// # Examples
/// ```
/// use apscheduler_core::ledger::Writes;
///
/// let writes = Writes::new().records(&[]).closed(&[]);
/// assert!(writes.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Writes<'a> {
    /// Records of runs that have ended.
    pub records: &'a [RunRecord],
    /// Batches whose runs have all ended: their journal entries are removed.
    pub closed: &'a [BatchId],
    /// Changes of the rows of open runs.
    pub steps: &'a [OpenStep],
}

impl<'a> Writes<'a> {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the records.
    #[must_use]
    pub fn records(mut self, records: &'a [RunRecord]) -> Self {
        self.records = records;
        self
    }

    /// Sets the batches that are closed.
    #[must_use]
    pub fn closed(mut self, closed: &'a [BatchId]) -> Self {
        self.closed = closed;
        self
    }

    /// Sets the changes of open runs.
    #[must_use]
    pub fn steps(mut self, steps: &'a [OpenStep]) -> Self {
        self.steps = steps;
        self
    }

    /// Returns whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.closed.is_empty() && self.steps.is_empty()
    }
}
