//! The rows of open runs in the simulated backend.

use std::collections::{BTreeMap, HashSet};

use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState, OpenStep};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;

use super::mutation::Mutation;

/// The rows of open runs.
#[derive(Debug, Default)]
pub(super) struct OpenRows {
    mutation: Option<Mutation>,
    rows: BTreeMap<RunId, OpenRun>,
}

/// A step that was carried out: the row before and after it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) before: Option<OpenRun>,
    pub(super) after: Option<OpenRun>,
}

impl OpenRows {
    pub(super) fn new(mutation: Option<Mutation>) -> Self {
        Self { mutation, rows: BTreeMap::new() }
    }

    /// Returns the rows, in the order of their runs.
    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenRun> {
        self.rows.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds the rows of a claim.
    pub(super) fn add(&mut self, runs: &[OpenRun]) {
        self.rows.extend(runs.iter().map(|run| (run.run_id, run.clone())));
    }

    /// Carries out a step if the row is as it expects.
    pub(super) fn carry_out(&mut self, step: &OpenStep) -> Option<Step> {
        let before = self.rows.get(&step.run_id).cloned();
        let ignores_marks = self.mutation == Some(Mutation::StepsIgnoreMarks);
        if before.as_ref().map(OpenRun::mark) != step.from && !ignores_marks {
            return None;
        }
        match &step.to {
            Some(run) => self.rows.insert(step.run_id, run.clone()),
            None => self.rows.remove(&step.run_id),
        };
        Some(Step { before, after: step.to.clone() })
    }

    pub(super) fn find(&self, query: &OpenQuery) -> Vec<OpenRun> {
        self.rows.values().filter(|run| query.matches(run)).take(query.limit).cloned().collect()
    }

    /// Claims runs that wait and are due, those that were due first.
    pub(super) fn claim(&mut self, owner: OwnerId, now: Timestamp, limit: usize) -> Vec<OpenRun> {
        let is_due = |run: &&mut OpenRun| {
            run.state == OpenState::Waiting && run.due.is_some_and(|due| due <= now)
        };
        let mut due: Vec<&mut OpenRun> = self.rows.values_mut().filter(is_due).collect();
        due.sort_by_key(|run| run.due);
        due.truncate(limit);
        let hands_out_twice = self.mutation == Some(Mutation::OpenClaimHandsOutTwice);
        let claimed = due.into_iter().map(|run| {
            let waiting = std::mem::replace(run, run.clone().claimed_by(owner));
            let claimed = run.clone();
            // The owner tells the first caller from the second.
            if hands_out_twice && waiting.owner != owner {
                *run = waiting;
                run.owner = owner;
            }
            claimed
        });
        claimed.collect()
    }

    /// Returns when the first run that waits is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let waiting = self.rows.values().filter(|run| run.state == OpenState::Waiting);
        waiting.filter_map(|run| run.due).min()
    }

    /// Returns the owners that have claimed runs.
    pub(super) fn owners(&self) -> HashSet<OwnerId> {
        let claimed = self.rows.values().filter(|run| run.state == OpenState::Claimed);
        claimed.map(|run| run.owner).collect()
    }
}
