//! The simulated world: its time, what happens when, and who is alive.
//!
//! There is one thread. A call of the store that takes time lets the events of all other processes happen within it
//! ([`World::pass`]), so processes meet in the midst of their calls, as they do in reality. Nothing waits.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::events::{Event, ProcessId};
use super::mutation::Mutation;
use super::rules::Rule;
use super::scenario::Scenario;
use super::state::{Life, Process, State};
use super::time::Micros;

/// The simulated world.
pub(super) struct World {
    state: Mutex<State>,
    /// Lets an event happen.
    happen: fn(&Arc<World>, Event),
}

impl World {
    /// Creates the world of a scenario. `happen` lets an event happen.
    pub(super) fn new(
        scenario: &Arc<Scenario>,
        mutation: Option<Mutation>,
        traces: bool,
        happen: fn(&Arc<Self>, Event),
    ) -> Arc<Self> {
        let state = State::new(scenario, mutation, traces);
        Arc::new(Self { state: Mutex::new(state), happen })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass until `end`, and everything happen that is planned for it.
    pub(super) fn run_until(self: &Arc<Self>, end: Micros) {
        while let Some(event) = self.next_event(end) {
            (self.happen)(self, event);
            if let Some(process) = event.process() {
                self.leave(process);
            }
        }
    }

    /// Lets time pass within a call of a process, while it does nothing else. Returns whether it lives.
    pub(super) fn pass(self: &Arc<Self>, process: ProcessId, time: Micros) -> bool {
        let mut end = self.state().now + time;
        loop {
            self.run_until(end);
            let state = self.state();
            let Process { life, stopped_until, .. } = state.processes[process];
            // After a violation, time stands still.
            if life == Life::Dead || state.oracle.violation().is_some() {
                return false;
            }
            if stopped_until <= state.now {
                return true;
            }
            end = stopped_until;
        }
    }

    /// Takes the next event, and advances the time to it. A process that it concerns is busy from then on.
    fn next_event(&self, end: Micros) -> Option<Event> {
        let mut state = self.state();
        loop {
            if state.oracle.violation().is_some() {
                return None;
            }
            let Some(entry) = state.events.first_entry().filter(|entry| entry.key().0 <= end)
            else {
                state.now = state.now.max(end);
                return None;
            };
            let ((time, _), event) = entry.remove_entry();
            state.now = state.now.max(time);
            let now = state.now;
            if now > 2 * state.scenario.deadline() {
                // Within a call that never ends.
                let left = state.database.unsettled();
                state.oracle.broken(Rule::Settled, left);
                return None;
            }
            let Some(id) = event.process() else { return Some(event) };
            let process = &mut state.processes[id];
            if process.life == Life::Dead {
                continue;
            }
            if process.is_busy {
                process.deferred.push(event);
            } else if process.stopped_until > now {
                let until = process.stopped_until;
                state.plan(until, event);
            } else {
                process.is_busy = true;
                return Some(event);
            }
        }
    }

    /// Notes that a process may be called. Called where it was made busy.
    pub(super) fn leave(&self, id: ProcessId) {
        let mut state = self.state();
        let process = &mut state.processes[id];
        process.is_busy = false;
        let is_dead = process.life == Life::Dead;
        let deferred = std::mem::take(&mut process.deferred);
        let now = state.now;
        for event in deferred {
            state.plan(now, event);
        }
        drop(state);
        if is_dead {
            self.bury(id);
        }
    }

    /// Kills a process: nothing that it does from now on has an effect. Another one starts after `down`.
    pub(super) fn kill(&self, id: ProcessId, down: Micros) {
        let mut state = self.state();
        let process = &mut state.processes[id];
        if process.life == Life::Dead {
            return;
        }
        let (was, node) = (process.life, process.node);
        process.life = Life::Dead;
        let is_busy = process.is_busy;
        state.tally.killed += 1;
        state.oracle.killed(id);
        state.note(|| format!("p{id} is killed"));
        // If it was leaving, the next start is planned already.
        if was == Life::Running {
            let next = state.now + down;
            state.plan(next, Event::Start { node });
        }
        drop(state);
        if !is_busy {
            self.bury(id);
        }
    }

    /// Drops what a dead process has left.
    fn bury(&self, id: ProcessId) {
        let (owner, driver, runs) = {
            let mut state = self.state();
            let process = &mut state.processes[id];
            let runs = std::mem::take(&mut process.executor);
            process.scheduler = None;
            (process.owner.take(), process.driver.take(), runs)
        };
        // The scheduler first: it must not find that its loop has ended.
        drop(owner);
        drop(driver);
        drop(runs);
    }

    /// Ends the world, and all processes with it.
    pub(super) fn end(&self) {
        let count = self.state().processes.len();
        for id in 0..count {
            self.state().processes[id].life = Life::Dead;
            self.bury(id);
        }
    }

    /// Lets happen what was to happen to a process while it was busy, on top of what it is doing.
    pub(super) fn catch_up(self: &Arc<Self>, process: ProcessId) {
        let deferred = std::mem::take(&mut self.state().processes[process].deferred);
        for event in deferred {
            (self.happen)(self, event);
        }
    }

    /// Writes a line into the trace.
    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        self.state().note(line);
    }

    /// Returns the time, and by how much the clock of a process is wrong.
    pub(super) fn clock_of(&self, process: ProcessId) -> (Micros, i64) {
        let state = self.state();
        (state.now, state.offsets[state.processes[process].node])
    }

    /// Returns the monotonic time of a process.
    pub(super) fn uptime_of(&self, process: ProcessId) -> Micros {
        let state = self.state();
        let process = &state.processes[process];
        // Not zero, as on a real machine.
        1_000_000_000 + (state.now - process.started).saturating_sub(process.slept)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}
