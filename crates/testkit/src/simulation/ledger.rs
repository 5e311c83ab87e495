//! The ledger of a process: the part of the [`Database`](super::database::Database) that keeps runs and owners.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, Journal, OpenQuery, OpenRun, OwnerRecord, OwnerState, Retention, RunLedger, RunQuery,
    RunRecord, RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::Timestamp;

use super::distortion::{distort_rows, distort_state, distort_steps};
use super::events::ProcessId;
use super::faults::Call;
use super::mutation::Mutation;
use super::open_rows::Step;
use super::oracle::describe;
use super::state::State;
use super::time::{Seconds, since_start};
use super::world::World;

/// The ledger of a process.
pub(super) struct SimulatedLedger {
    world: Arc<World>,
    process: ProcessId,
    mutation: Option<Mutation>,
}

impl SimulatedLedger {
    pub(super) fn new(world: &Arc<World>, process: ProcessId, mutation: Option<Mutation>) -> Self {
        Self { world: Arc::clone(world), process, mutation }
    }

    fn call<T>(&self, call: Call, commit: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.world.call(self.process, call, commit)
    }
}

impl State {
    /// Commits what a process writes, and tells the oracle.
    fn append(&mut self, process: ProcessId, owner: OwnerId, writes: &Writes<'_>) -> Appended {
        // Records of changes are about no run.
        let is_run = |record: &&RunRecord| record.state != RunState::Changed;
        let records: Vec<RunRecord> = writes.records.iter().filter(is_run).cloned().collect();
        let written = self.database.append(owner, &writes.records(&records));
        self.oracle.recorded(owner, &written.records);
        let name = self.owner(owner);
        if written.appended == Appended::Fenced {
            self.tally.refused += records.len() as u64;
            self.note(|| format!("p{process}: {} records of {name} are refused", records.len()));
        }
        for record in &written.records {
            match record.state {
                RunState::Lost => self.tally.lost += 1,
                RunState::Cancelled => self.tally.cancelled += 1,
                RunState::Skipped | RunState::Coalesced => self.tally.skipped += record.count,
                _ => {}
            }
            self.note(|| format!("p{process} writes {} for {name}", describe(record)));
        }
        for step in &written.steps {
            self.step(process, step);
        }
        written.appended
    }

    fn step(&mut self, process: ProcessId, step: &Step) {
        self.oracle.stepped(process, step);
        self.tally.asked += u64::from(step.before.is_none());
        let Some(row) = step.after.as_ref().or(step.before.as_ref()) else { return };
        let (job, time) = (&row.job_id, Seconds(since_start(row.scheduled_run_time)));
        self.note(|| match &step.after {
            None => format!("p{process} ends the row of {job} at {time}"),
            Some(row) => {
                let (attempt, state) = (row.attempt, row.state.name());
                format!("p{process}: the row of {job} at {time}, attempt {attempt}, is {state}")
            }
        });
    }
}

impl RunLedger for SimulatedLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let steps = distort_steps(self.mutation, writes.steps);
        let mut writes = writes.steps(&steps);
        if self.mutation == Some(Mutation::AppendIsNotAtomic) {
            self.call(Call::Append, |state| {
                state.database.close(writes.closed);
                Ok(())
            })?;
            writes = writes.closed(&[]);
        }
        let process = self.process;
        if self.mutation == Some(Mutation::SkipIsNotAtomic) && skips(&writes) {
            let skipped = writes.steps(&[]);
            self.call(Call::Append, |state| Ok(state.append(process, owner, &skipped)))?;
            writes = Writes::new().steps(writes.steps);
        }
        self.call(Call::Append, |state| Ok(state.append(process, owner, &writes)))
    }

    fn has_open_runs(&self) -> bool {
        true
    }

    fn open_runs(&self, query: &OpenQuery) -> Result<Vec<OpenRun>> {
        let process = self.process;
        self.call(Call::OpenRuns, |state| {
            let rows = state.database.open_runs(query);
            let is_mine = |owner| state.oracle.process_of(owner) == Some(process);
            Ok(distort_rows(self.mutation, query, rows, is_mine))
        })
    }

    fn claim_open(&self, owner: OwnerId, now: Timestamp, limit: usize) -> Result<Vec<OpenRun>> {
        let process = self.process;
        self.call(Call::ClaimOpen, |state| {
            let rows = state.database.claim_open(owner, now, limit);
            let name = state.owner(owner);
            for row in &rows {
                state.oracle.claimed_open(process, row);
                let (job, attempt) = (&row.job_id, row.attempt);
                let time = Seconds(since_start(row.scheduled_run_time));
                state.note(|| {
                    format!("p{process} claims attempt {attempt} of {job} at {time} for {name}")
                });
            }
            Ok(rows)
        })
    }

    fn next_open(&self) -> Result<Option<Timestamp>> {
        self.call(Call::NextOpen, |state| Ok(state.database.next_open()))
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        self.call(Call::Runs, |state| Ok(state.database.runs(query)))
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        self.call(Call::Journal, |state| Ok(state.database.journal(owner, limit)))
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let process = self.process;
        let answer = self.call(Call::Heartbeat, |state| {
            let now = state.store_time();
            let known = state.database.heartbeat(owner, lease, now);
            state.heartbeat(process, owner.id);
            Ok(distort_state(self.mutation, known))
        });
        self.world.state().processes[process].unconfirmed += u64::from(answer.is_err());
        answer
    }

    fn end(&self, owner: OwnerId) -> Result<()> {
        let process = self.process;
        self.call(Call::End, |state| {
            if state.database.end(owner) {
                state.oracle.ended(owner);
                let name = state.owner(owner);
                state.note(|| format!("p{process} ends {name}"));
            }
            Ok(())
        })
    }

    fn owners(&self) -> Result<Vec<OwnerRecord>> {
        self.call(Call::Owners, |state| Ok(state.database.owners()))
    }

    fn condemn(&self, owner: OwnerId, heartbeat: Timestamp) -> Result<bool> {
        let process = self.process;
        self.call(Call::Condemn, |state| {
            let is_condemned = state.database.condemn(owner, heartbeat);
            let name = state.owner(owner);
            if is_condemned {
                state.tally.dead += 1;
                state.note(|| format!("p{process} finds {name} dead"));
                state.oracle.condemned(owner, state.now);
            } else {
                state.note(|| format!("p{process} is too late to find {name} dead"));
            }
            Ok(is_condemned)
        })
    }

    fn prune(&self, _now: Timestamp, _retention: &Retention, _limit: usize) -> Result<usize> {
        self.call(Call::Prune, |_| Ok(0))
    }
}

/// Returns whether runs that have rows are skipped.
fn skips(writes: &Writes<'_>) -> bool {
    let is_skipped = |record: &RunRecord| record.state == RunState::Skipped;
    !writes.steps.is_empty() && writes.records.iter().any(is_skipped)
}

impl fmt::Debug for SimulatedLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedLedger").field("process", &self.process).finish_non_exhaustive()
    }
}
