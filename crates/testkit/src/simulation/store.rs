//! The job store of a process: a connection to the [`Database`](super::database::Database), with all that may go wrong.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    Claim, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities,
};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::{ClaimsInDoubt, DecidedBatch};

use super::events::ProcessId;
use super::faults::Call;
use super::ledger::SimulatedLedger;
use super::mutation::Mutation;
use super::state::State;
use super::time::{Seconds, since_start};
use super::world::World;

/// The job store of a process. It does no I/O, so it needs no threads.
pub(super) struct SimulatedStore {
    world: Arc<World>,
    process: ProcessId,
    mutation: Option<Mutation>,
    in_doubt: ClaimsInDoubt<u64>,
}

impl SimulatedStore {
    pub(super) fn new(world: &Arc<World>, process: ProcessId, mutation: Option<Mutation>) -> Self {
        Self { world: Arc::clone(world), process, mutation, in_doubt: ClaimsInDoubt::default() }
    }

    fn call<T>(&self, call: Call, commit: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.world.call(self.process, call, commit)
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Finds out about claims whose answer was lost.
    fn settle(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Option<Claims>> {
        let find_out = |token: &u64, claims: &[Claim]| {
            if self.has(Mutation::DoubtIsWon) {
                return Ok(Some(vec![true; claims.len()]));
            }
            self.call(Call::FindOut, |state| Ok(Some(state.database.written(*token, claims))))
        };
        self.in_doubt.settle(due, find_out, decide)
    }
}

impl State {
    /// Commits what was decided, and tells the oracle.
    fn claim(
        &mut self,
        id: ProcessId,
        batch: &mut DecidedBatch,
        decided: &[Claim],
        due: &ClaimRequest,
        token: u64,
    ) {
        self.database.claim(batch, due, token);
        let owner = due.batch.map(|batch| self.owner(batch.owner)).unwrap_or_default();
        for record in batch.claimed() {
            let Some(claim) = decided.iter().find(|claim| claim.record.id == record.id) else {
                continue;
            };
            let Some(owner_id) = due.batch.map(|batch| batch.owner) else { continue };
            self.oracle.claimed((id, owner_id), &record.id, &claim.outcome, due.now);
            self.note(|| {
                let times = claim.outcome.run_times.as_slice().iter();
                let times = times.map(|time| Seconds(since_start(*time)).to_string());
                let times = times.collect::<Vec<_>>().join(", ");
                format!("p{id} claims {} at {times} for {owner}", record.id)
            });
        }
    }
}

impl State {
    /// Tells the oracle of a new next run time.
    fn moved(
        &mut self,
        id: ProcessId,
        job: &str,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    ) {
        if before == after {
            return;
        }
        self.note(|| match after {
            Some(next) => format!("p{id} moves {job} to {}", Seconds(since_start(next))),
            None => format!("p{id} pauses {job}"),
        });
        self.oracle.moved(id, job, after);
    }
}

impl JobStore for SimulatedStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::new().durable(true).shared(true).serializes(true)
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let process = self.process;
        self.call(Call::Start, |state| {
            state.processes[process].is_connected = true;
            Ok(())
        })
    }

    fn shutdown(&self) -> Result<()> {
        self.world.state().processes[self.process].is_connected = false;
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.call(Call::Read, |state| Ok(state.database.lookup(id)))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.call(Call::Read, |state| Ok(state.database.page(after, limit)))
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        self.call(Call::NextRunTime, |state| Ok(state.database.next_run_time(after)))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        let process = self.process;
        self.call(Call::Add, |state| {
            state.database.add(&records)?;
            for record in &records {
                state.note(|| format!("p{process} adds {}", record.id));
            }
            Ok(())
        })
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        let process = self.process;
        let is_written = self.call(Call::Change, |state| {
            let before = state.database.lookup(&record.id).map(|job| job.next_run_time);
            let is_written = state.database.update(record)?;
            if let Some(before) = before.filter(|_| is_written) {
                state.moved(process, &record.id, before, record.next_run_time);
            }
            Ok(is_written)
        })?;
        self.world.state().oracle.answered(process, &record.id);
        Ok(is_written)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        let process = self.process;
        self.call(Call::Change, |state| {
            let is_removed = state.database.remove(id);
            if is_removed {
                state.note(|| format!("p{process} removes {id}"));
                state.oracle.removed(process, id);
            }
            Ok(is_removed)
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.call(Call::Change, |state| {
            state.database.remove_all();
            Ok(())
        })
    }

    /// Reads, decides, and writes what nobody has changed in between.
    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        if let Some(claims) = self.settle(due, decide)? {
            return Ok(claims);
        }
        let records = self.call(Call::Due, |state| Ok(state.database.due(due)))?;
        let mut decided = Vec::new();
        let mut batch = DecidedBatch::of_snapshot(records, due, &mut |record| {
            let decision = decide(record);
            if let Decision::Claim(outcome) = &decision {
                decided.push(Claim::new(record.clone(), outcome.clone()));
            }
            decision
        });
        if batch.is_empty() {
            return Ok(batch.into_claims());
        }
        let process = self.process;
        let token = self.world.state().database.new_token();
        let written = self.call(Call::Claim, |state| {
            state.claim(process, &mut batch, &decided, due, token);
            Ok(())
        });
        if let Err(error) = written {
            if !self.has(Mutation::DoubtIsDropped) {
                self.in_doubt.keep(token, decided);
            }
            return Err(error);
        }
        if self.has(Mutation::JournalAfterClaim) {
            self.call(Call::Claim, |state| {
                state.database.note(batch.journal(due));
                Ok(())
            })?;
        }
        Ok(batch.into_claims())
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(SimulatedLedger::new(&self.world, self.process, self.mutation)))
    }
}

impl fmt::Debug for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStore").field("process", &self.process).finish_non_exhaustive()
    }
}
