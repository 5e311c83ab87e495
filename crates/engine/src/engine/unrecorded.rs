//! What waits to be recorded.

use std::collections::VecDeque;
use std::time::Duration;

use apscheduler_core::ledger::{BatchId, OpenStep, RunRecord};
use apscheduler_core::run::{OwnerId, RunId};
use hashbrown::HashMap;

use super::group::Group;
use super::unwritten::{StepKey, UnwrittenSteps};

/// The most records of one transaction.
pub(super) const GROUP: usize = 1000;

/// The most records that wait while the ledger fails.
const CAPACITY: usize = 100_000;

/// The end of a run, or of an attempt.
pub(super) struct Ended {
    pub(super) owner: OwnerId,
    /// The batch that it belongs to, and how many of its runs have ended with it.
    pub(super) batch: Option<(BatchId, usize)>,
    pub(super) record: Option<RunRecord>,
    /// What becomes of the row of the run, if it has one.
    pub(super) step: Option<OpenStep>,
    /// The run of the same backfill that may begin now.
    pub(super) release: Option<RunId>,
}

/// What waits to be written.
#[derive(Default)]
pub(super) struct State {
    pub(super) pending: VecDeque<Pending>,
    /// A group whose write has failed.
    pub(super) unwritten: Option<Group>,
    /// The runs of each batch that have not ended.
    pub(super) open: HashMap<BatchId, usize>,
    pub(super) closed: Vec<(OwnerId, BatchId)>,
    /// Batches whose claims were in doubt, and may be found in several parts.
    doubtful: HashMap<BatchId, Doubt>,
    pub(super) steps: UnwrittenSteps,
    /// How many records were dropped because too many waited, since a write failed.
    pub(super) dropped: u64,
    pub(super) is_failing: bool,
    /// A write has failed, and is tried again at this time of the clock. Without a worker only.
    pub(super) retry: Option<Duration>,
    pub(super) is_stopped: bool,
}

struct Doubt {
    owner: OwnerId,
    /// Whether this pass has found claims of the batch.
    is_fresh: bool,
}

/// A record and a step that are written together.
pub(super) struct Pending {
    owner: OwnerId,
    record: Option<RunRecord>,
    step: Option<OpenStep>,
    release: Option<RunId>,
}

impl State {
    /// Returns how many records and closed batches wait.
    pub(super) fn waiting(&self) -> usize {
        let unwritten = self.unwritten.as_ref().map_or(0, |group| group.records.len());
        unwritten + self.pending.len().max(self.closed.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.unwritten.is_none()
    }

    /// Notes that claims of a batch were found that were in doubt. It stays open until a whole pass has found no more.
    pub(super) fn doubt(&mut self, owner: OwnerId, batch: BatchId) {
        if self.doubtful.insert(batch, Doubt { owner, is_fresh: true }).is_none() {
            *self.open.entry(batch).or_default() += 1;
        }
    }

    /// Notes that a pass has found all claims that were in doubt.
    pub(super) fn end_pass(&mut self) {
        if self.doubtful.is_empty() {
            return;
        }
        let doubtful = std::mem::take(&mut self.doubtful);
        for (batch, Doubt { owner, is_fresh }) in doubtful {
            if is_fresh {
                self.doubtful.insert(batch, Doubt { owner, is_fresh: false });
            } else {
                self.end_runs(owner, batch, 1);
            }
        }
    }

    /// Notes that runs of a batch have ended. With the last one, the batch is closed.
    fn end_runs(&mut self, owner: OwnerId, batch: BatchId, runs: usize) {
        if let Some(open) = self.open.get_mut(&batch) {
            *open = open.saturating_sub(runs);
            if *open == 0 {
                self.open.remove(&batch);
                self.closed.push((owner, batch));
            }
        }
    }

    /// Notes the end of a run that has only a record to write, if nothing else waits to be written and its batch stays open.
    /// Returns whether that is so.
    pub(super) fn end_alone(&mut self, ended: &mut Ended) -> bool {
        let is_alone = ended.record.is_some() && ended.step.is_none() && ended.release.is_none();
        if !is_alone || self.is_failing || !self.is_empty() {
            return false;
        }
        if let Some((batch, runs)) = ended.batch
            && let Some(open) = self.open.get_mut(&batch)
        {
            if *open <= runs {
                return false;
            }
            *open -= runs;
        }
        ended.batch = None;
        true
    }

    pub(super) fn end(&mut self, ended: Ended) {
        let Ended { owner, batch, record, step, release } = ended;
        if let Some((batch, runs)) = batch {
            self.end_runs(owner, batch, runs);
        }
        // What becomes of a row is always kept: there is one for few runs, and they would never end.
        if self.waiting() >= CAPACITY && step.is_none() {
            self.dropped += u64::from(record.is_some());
            return;
        }
        if let Some(step) = &step {
            self.steps.add(step);
        }
        if record.is_some() || step.is_some() {
            self.pending.push_back(Pending { owner, record, step, release });
        }
    }

    pub(super) fn take_group(&mut self) -> Group {
        if let Some(group) = self.unwritten.take() {
            return group;
        }
        let count = self.pending.len().min(GROUP);
        let mut group = Group::default();
        group.records.reserve(count);
        for Pending { owner, record, step, release } in self.pending.drain(..count) {
            group.records.extend(record);
            group.unwritten.extend(step.iter().map(StepKey::of));
            group.steps.extend(step.map(|step| (owner, step)));
            group.releases.extend(release.map(|run| (owner, run)));
        }
        // A batch is closed only after the last of its records was written.
        if self.pending.is_empty() {
            group.closed = std::mem::take(&mut self.closed);
        }
        group
    }
}
