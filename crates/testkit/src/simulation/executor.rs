//! The executor of a process: its runs take simulated time.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::task::Waker;

use apscheduler_core::Shutdown;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, Run};
use apscheduler_core::function::JobError;

use super::events::{Event, ProcessId};
use super::faults::Call;
use super::random::Random;
use super::runs::{Cancellation, Current, HeldRun};
use super::state::{Life, State};
use super::submitted::{Attempt, Submitted};
use super::time::{Micros, SECOND, since_start};
use super::wake::WakeRun;
use super::world::World;

/// The executor of a process.
pub(super) struct SimulatedExecutor {
    pub(super) world: Arc<World>,
    pub(super) process: ProcessId,
}

impl Executor for SimulatedExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, run: Run) {
        let (id, submitted) = (self.process, Submitted::of(&run));
        let mut run = Some(run);
        // If the process is killed, the run is dropped.
        let _ = self.world.call(id, Call::Submit, |state| {
            state.oracle.submitted(id, submitted);
            let runs = &mut state.processes[id].executor;
            runs.submitted += 1;
            let number = runs.submitted;
            runs.held.insert(number, run.take().map(|run| HeldRun { run, current: None }));
            runs.queue.push_back(number);
            state.start_runs(id);
            Ok(())
        });
        drop(run);
    }

    fn room(&self) -> usize {
        let state = self.world.state();
        let held = state.processes[self.process].executor.held.len();
        state.node_of(self.process).room.map_or(usize::MAX, |room| room.saturating_sub(held))
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let id = self.process;
        if shutdown == Shutdown::Wait {
            return self.world.finish_runs(id);
        }
        let dropped = {
            let mut state = self.world.state();
            let dropped = state.processes[id].executor.take_waiting();
            for run in &dropped {
                state.oracle.released(id, &Submitted::of(run));
            }
            dropped
        };
        drop(dropped);
    }
}

impl State {
    /// Lets workers that are free take runs from the queue.
    fn start_runs(&mut self, id: ProcessId) {
        let workers = self.node_of(id).workers;
        while self.processes[id].executor.running < workers
            && let Some(run) = self.processes[id].executor.queue.pop_front()
        {
            self.processes[id].executor.running += 1;
            self.plan(self.now, Event::Run { process: id, run });
        }
    }

    /// Returns what becomes of an attempt, which depends on its run time and its number alone.
    fn fate(&self, job: &str, time: i64, attempt: u32) -> Fate {
        let mut hasher = DefaultHasher::new();
        job.hash(&mut hasher);
        if attempt > 1 {
            attempt.hash(&mut hasher);
        }
        let parts = [self.scenario.seed, 4, hasher.finish(), time.cast_unsigned()];
        let random = &mut Random::of(&parts);
        let plan = self.scenario.jobs.iter().find(|plan| plan.id == job);
        let (least, most) = plan.map_or((0, 0), |plan| plan.takes);
        let takes = random.between(least, most);
        let is_ok = !random.once_in(plan.map_or(6, |plan| plan.fails));
        Fate { takes, is_ok, heeds: !random.once_in(3) }
    }
}

/// What becomes of an attempt.
struct Fate {
    takes: Micros,
    is_ok: bool,
    /// Whether the function ends early if it is asked to.
    heeds: bool,
}

impl World {
    /// Lets the runs of a process end, whose shutdown waits for them. Its turns go on.
    fn finish_runs(self: &Arc<Self>, id: ProcessId) {
        while !self.state().processes[id].executor.is_empty() && self.pass(id, SECOND / 20) {
            self.catch_up(id);
        }
    }

    /// Begins a run, or ends its function and begins that of the next run time.
    pub(super) fn step_run(self: &Arc<Self>, id: ProcessId, number: u64) {
        let held = self.state().processes[id].executor.held.get_mut(&number).and_then(Option::take);
        let Some(mut held) = held else { return };
        let is_over = self.step(id, &mut held, number);
        let mut state = self.state();
        if !is_over {
            state.processes[id].executor.held.insert(number, Some(held));
            return;
        }
        state.processes[id].executor.held.remove(&number);
        state.processes[id].executor.running -= 1;
        state.oracle.released(id, &Submitted::of(&held.run));
        state.start_runs(id);
        drop(state);
        drop(held);
    }

    /// Returns whether the run has ended.
    fn step(self: &Arc<Self>, id: ProcessId, held: &mut HeldRun, number: u64) -> bool {
        let job = Arc::clone(held.run.job().id_arc());
        if let Some(current) = &held.current {
            let is_cancelled = current.is_cancelled();
            if self.state().now < current.ends && !is_cancelled {
                // It was woken for a run time before.
                return false;
            }
            let (attempt, is_ok) = (current.attempt, current.is_ok && !is_cancelled);
            let finished = self.call(id, Call::Finish, |state| {
                state.oracle.finished(attempt, is_ok);
                let how = if is_cancelled { "is asked to end" } else { "ends" };
                let name = state.oracle.name(attempt);
                state.note(|| format!("p{id} {how} {name}"));
                Ok(())
            });
            if finished.is_err() {
                return false;
            }
            held.current = None;
            let result = is_ok.then_some(serde_json::Value::Null);
            held.run.finish(result.ok_or_else(|| JobError::new("the function failed")));
        }
        let Ok(()) = self.call(id, Call::Begin, |_| Ok(())) else { return false };
        let unanswered = self.state().processes[id].unconfirmed;
        let Some(invocation) = held.run.begin() else { return true };
        let context = invocation.context();
        let attempt = Attempt { run: context.run_id(), number: context.attempt() };
        let mut state = self.state();
        if state.processes[id].life == Life::Dead {
            // Records of missed run times were written, and the process was killed with them.
            return false;
        }
        let time = since_start(context.scheduled_run_time());
        let fate = state.fate(&job, time, attempt.number);
        let ends = state.now + fate.takes;
        // A process that can't reach the ledger begins what it was given.
        let process = &state.processes[id];
        let is_sure = process.unconfirmed == unanswered && !process.is_timeless();
        state.tally.runs += 1;
        state.tally.further += u64::from(attempt.number > 1);
        state.oracle.began(id, attempt, is_sure);
        let name = state.oracle.name(attempt);
        state.note(|| format!("p{id} begins {name}"));
        state.plan(ends, Event::Run { process: id, run: number });
        drop(state);
        let wake = WakeRun { world: Arc::downgrade(self), process: id, run: number };
        let waker = Waker::from(Arc::new(wake));
        let cancellation = fate.heeds.then(|| Cancellation::of(context.cancellation(), &waker));
        held.current = Some(Current { attempt, ends, is_ok: fate.is_ok, cancellation });
        false
    }
}

impl fmt::Debug for SimulatedExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedExecutor").field("process", &self.process).finish_non_exhaustive()
    }
}
