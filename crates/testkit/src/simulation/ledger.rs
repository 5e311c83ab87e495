//! The ledger of a process: the part of the [`Database`](super::database::Database) that keeps runs and owners.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{
    Appended, BatchId, Journal, OwnerRecord, OwnerState, Retention, RunLedger, RunQuery, RunRecord,
    RunState, Writes,
};
use apscheduler_core::run::{Owner, OwnerId};
use apscheduler_core::time::Timestamp;

use super::events::ProcessId;
use super::faults::Call;
use super::mutation::Mutation;
use super::oracle::describe;
use super::state::State;
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
    /// Commits records, and tells the oracle.
    fn append(
        &mut self,
        process: ProcessId,
        owner: OwnerId,
        records: &[RunRecord],
        closed: &[BatchId],
    ) -> Appended {
        // Records of changes are about no run.
        let is_run = |record: &&RunRecord| record.state != RunState::Changed;
        let records: Vec<RunRecord> = records.iter().filter(is_run).cloned().collect();
        let (appended, new) = self.database.append(owner, &records, closed);
        self.oracle.recorded(owner, &new);
        let name = self.owner(owner);
        let is_lost = |record: &&RunRecord| record.state == RunState::Lost;
        self.tally.lost += new.iter().filter(is_lost).count() as u64;
        if appended == Appended::Fenced {
            self.tally.refused += records.len() as u64;
            self.note(|| format!("p{process}: {} records of {name} are refused", records.len()));
        }
        for record in &new {
            self.note(|| format!("p{process} writes {} for {name}", describe(record)));
        }
        appended
    }
}

impl RunLedger for SimulatedLedger {
    fn append(&self, owner: OwnerId, writes: &Writes<'_>) -> Result<Appended> {
        let Writes { records, mut closed, .. } = *writes;
        if self.mutation == Some(Mutation::AppendIsNotAtomic) {
            self.call(Call::Append, |state| {
                state.database.close(closed);
                Ok(())
            })?;
            closed = &[];
        }
        let process = self.process;
        self.call(Call::Append, |state| Ok(state.append(process, owner, records, closed)))
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        self.call(Call::Runs, |state| Ok(state.database.runs(query)))
    }

    fn journal(&self, owner: OwnerId, limit: usize) -> Result<Vec<Journal>> {
        self.call(Call::Journal, |state| Ok(state.database.journal(owner, limit)))
    }

    fn heartbeat(&self, owner: &Owner, lease: Duration) -> Result<OwnerState> {
        let process = self.process;
        self.call(Call::Heartbeat, |state| {
            let now = state.store_time();
            let known = state.database.heartbeat(owner, lease, now);
            state.heartbeat(process, owner.id);
            Ok(known)
        })
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

impl fmt::Debug for SimulatedLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedLedger").field("process", &self.process).finish_non_exhaustive()
    }
}
