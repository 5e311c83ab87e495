//! A call of a process to its store or its executor, with what may go wrong.

use std::sync::Arc;

use apscheduler_core::{Error, ErrorKind, Result};

use super::events::ProcessId;
use super::faults::{Call, Fault, Trouble};
use super::random::Random;
use super::scenario::Latency;
use super::state::{Life, Outage, State};
use super::time::{Micros, SECOND};
use super::world::World;

/// A call that has arrived, and how it ends.
pub(super) struct Arrived {
    trouble: Option<Trouble>,
    latency: Micros,
}

impl World {
    /// Makes a call: `commit` is its effect.
    ///
    /// # Errors
    /// Any error of `commit`. [`ErrorKind::Unavailable`] if the call or its answer does not arrive; in the second case it
    /// had its effect.
    pub(super) fn call<T>(
        self: &Arc<Self>,
        process: ProcessId,
        call: Call,
        commit: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let arrived = self.arrive(process, call)?;
        let result = commit(&mut self.state());
        self.answer(process, call, &arrived)?;
        result
    }

    /// Lets the time pass that a call takes to its effect.
    fn arrive(self: &Arc<Self>, id: ProcessId, call: Call) -> Result<Arrived> {
        let mut arrived = self.begin_call(id, call)?;
        let is_of_store = call.is_of_store();
        if is_of_store {
            // The latency is divided at random, so that it does not always end before the effect.
            let before = arrived.latency / 2;
            arrived.latency -= before;
            if !self.pass(id, before) {
                return Err(killed());
            }
        }
        match arrived.trouble {
            Some(Trouble::DelayBefore { time }) if !self.pass(id, time) => return Err(killed()),
            Some(Trouble::KillBefore { down }) => {
                self.kill(id, down);
                return Err(killed());
            }
            Some(Trouble::Fail) => {
                self.note(|| format!("p{id}: `{}` fails", call.name()));
                return Err(unavailable());
            }
            _ => {}
        }
        if is_of_store && !self.state().is_reachable(id) {
            return Err(unavailable());
        }
        Ok(arrived)
    }

    /// Lets the time pass that a call takes from its effect to the answer.
    fn answer(self: &Arc<Self>, id: ProcessId, call: Call, arrived: &Arrived) -> Result<()> {
        match arrived.trouble {
            Some(Trouble::DelayAfter { time }) if !self.pass(id, time) => return Err(killed()),
            Some(Trouble::KillAfter { down }) => {
                self.kill(id, down);
                return Err(killed());
            }
            Some(Trouble::LoseAnswer) => {
                return Err(self.lose_answer(id, call));
            }
            _ => {}
        }
        if !call.is_of_store() {
            return Ok(());
        }
        if !self.pass(id, arrived.latency) {
            return Err(killed());
        }
        if !self.state().is_reachable(id) {
            return Err(self.lose_answer(id, call));
        }
        Ok(())
    }

    fn lose_answer(&self, id: ProcessId, call: Call) -> Error {
        let mut state = self.state();
        state.tally.unanswered += 1;
        state.note(|| format!("p{id}: the answer to `{}` is lost", call.name()));
        unavailable()
    }

    fn begin_call(&self, id: ProcessId, call: Call) -> Result<Arrived> {
        let mut state = self.state();
        let process = &mut state.processes[id];
        if process.life == Life::Dead {
            return Err(killed());
        }
        if call.is_of_store() && call != Call::Start && !process.is_connected {
            return Err(unavailable());
        }
        process.calls += 1;
        let (node, number) = (process.node, process.calls);
        let latency = state.latency(id, number);
        let (now, mut trouble) = (state.now, None);
        state.call_faults.retain_mut(|fault| match fault {
            Fault::Call { at, node: victim, call: wanted, skip, trouble: given }
                if trouble.is_none() && *at <= now && *victim == node && *wanted == call =>
            {
                let is_this = *skip == 0;
                *skip = skip.saturating_sub(1);
                trouble = is_this.then_some(*given);
                !is_this
            }
            _ => true,
        });
        state.tally.calls += u64::from(call.is_of_store());
        state.tally.faults += u64::from(trouble.is_some());
        if let Some(trouble) = trouble {
            state.note(|| format!("p{id}: this call of `{}` {trouble}", call.name()));
        }
        Ok(Arrived { trouble, latency })
    }
}

impl State {
    /// Returns how long a call takes, which depends on its number alone.
    fn latency(&self, id: ProcessId, number: u64) -> Micros {
        let random = &mut Random::of(&[self.scenario.seed, 3, id as u64, number]);
        match self.scenario.latency {
            Latency::Low if random.once_in(40) => random.between(0, SECOND / 10),
            Latency::Low => random.between(50, 2000),
            Latency::High => random.between(1000, 300_000),
        }
    }

    fn is_reachable(&self, id: ProcessId) -> bool {
        let node = self.processes[id].node;
        let concerns = |outage: &Outage| {
            outage.end > self.now && outage.node.is_none_or(|victim| victim == node)
        };
        !self.outages.iter().any(concerns)
    }
}

fn killed() -> Error {
    Error::new(ErrorKind::Unavailable, "the process was killed")
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is unavailable")
}
