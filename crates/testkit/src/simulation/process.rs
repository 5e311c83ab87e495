//! The processes of the cluster: their starts, their turns, and their ends.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use apscheduler_core::config::Config;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::Zone;
use apscheduler_core::{Result, Shutdown};
use apscheduler_engine::schedulers::LoopScheduler;
use apscheduler_engine::{EventLoop, LoopDriver};

use super::clock::ProcessClock;
use super::events::{Event, ProcessId};
use super::executor::SimulatedExecutor;
use super::faults::Fault;
use super::job_plan::FUNCTION;
use super::random::Random;
use super::state::{Life, Outage, Process};
use super::store::SimulatedStore;
use super::time::{Micros, SECOND};
use super::world::World;
use crate::TestPlugins;

/// The scheduler of a process: the engine, on a simulated event loop.
type SimulatedScheduler = LoopScheduler<SimulatedLoop, TestPlugins>;

/// An event loop whose turns are events of the world.
struct SimulatedLoop {
    world: Arc<World>,
    process: ProcessId,
}

impl EventLoop for SimulatedLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        let (world, process) = (Arc::clone(&self.world), self.process);
        driver.on_wake(move || {
            let mut state = world.state();
            let now = state.now;
            state.plan_turn(process, now);
        });
        let mut state = self.world.state();
        state.processes[self.process].driver = Some(Arc::new(driver));
        let now = state.now;
        state.plan_turn(self.process, now);
        Ok(())
    }

    fn closes_in_place(&self) -> bool {
        true
    }
}

impl fmt::Debug for SimulatedLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedLoop").field("process", &self.process).finish_non_exhaustive()
    }
}

/// The triggers, and the function of all jobs.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let registry = Registry::empty();
    for plugin in apscheduler_triggers::PLUGINS {
        registry.register(plugin.clone()).expect("their names are distinct");
    }
    registry.register_function(FUNCTION, || ()).expect("it is the only function");
    registry
});

/// Lets an event happen.
pub(super) fn happen(world: &Arc<World>, event: Event) {
    match event {
        Event::Start { node } => world.start(node),
        Event::Turn { process, number } => world.turn(process, number),
        Event::Run { process, run } => world.step_run(process, run),
        Event::ShutDown { process, wait } => world.shut_down(process, wait),
        Event::Add { job } => world.add(job),
        Event::Ask { job, wish } => world.ask_for(job, wish),
        Event::Resume { job } => world.resume(job),
        Event::Fault(number) => world.begin_fault(number),
        Event::Heal => world.heal(),
    }
}

impl World {
    fn start(self: &Arc<Self>, node: usize) {
        let (process, scenario) = {
            let mut state = self.state();
            let now = state.now;
            state.processes.push(Process::new(node, now));
            let process = state.processes.len() - 1;
            state.note(|| format!("p{process} starts on n{node}"));
            (process, Arc::clone(&state.scenario))
        };
        let store = SimulatedStore::new(self, process, self.state().database.mutation());
        let executor = SimulatedExecutor { world: Arc::clone(self), process };
        let config = Config::new()
            .timezone(Zone::UTC)
            .lease(Duration::from_micros(scenario.lease))
            .jobstore_retry_interval(Duration::from_micros(scenario.retry_interval))
            .jobstore("default", store)
            .executor("default", executor);
        let event_loop = SimulatedLoop { world: Arc::clone(self), process };
        let scheduler = SimulatedScheduler::builder_on(event_loop)
            .registry(REGISTRY.clone())
            .clock(Arc::new(ProcessClock { world: Arc::clone(self), process }))
            .config(config)
            .build()
            .expect("the configuration is valid");
        self.state().processes[process].scheduler = Some(scheduler.handle());
        if let Err(error) = scheduler.start() {
            self.note(|| format!("p{process} can't start: {}", error.chain()));
            self.kill(process, SECOND);
        }
        self.state().processes[process].owner = Some(Box::new(scheduler));
        self.leave(process);
    }

    fn turn(self: &Arc<Self>, process: ProcessId, number: u64) {
        let driver = {
            let mut state = self.state();
            let process = &mut state.processes[process];
            if process.turn.is_none_or(|(_, planned)| planned != number) {
                return;
            }
            process.turn = None;
            process.driver.clone()
        };
        let Some(driver) = driver else { return };
        let sleep = driver.turn();
        drop(driver);
        let mut state = self.state();
        let Some(sleep) = sleep else {
            let driver = state.processes[process].driver.take();
            drop(state);
            drop(driver);
            return;
        };
        // A loop may oversleep, and takes some time for a turn.
        let random = &mut Random::of(&[state.scenario.seed, 5, process as u64, number]);
        let most = if random.once_in(20) { SECOND / 5 } else { SECOND / 1000 };
        let late = random.between(100, most);
        let next = state.now + u64::try_from(sleep.as_micros()).unwrap_or(Micros::MAX / 2) + late;
        state.plan_turn(process, next);
    }

    fn shut_down(self: &Arc<Self>, id: ProcessId, wait: bool) {
        let scheduler = self.state().processes[id].scheduler.clone();
        let Some(scheduler) = scheduler else { return };
        self.state().oracle.shut_down(id);
        self.note(|| format!("p{id} is shut down"));
        let how = if wait { Shutdown::Wait } else { Shutdown::Now };
        // It fails if another shutdown is under way.
        let _ = scheduler.shutdown(how);
        self.note(|| format!("p{id} was shut down"));
    }

    fn begin_fault(self: &Arc<Self>, number: usize) {
        let mut state = self.state();
        let fault = state.scenario.faults[number];
        let now = state.now;
        let process = fault.node().and_then(|node| state.process_on(node));
        state.tally.faults += 1;
        state.note(|| format!("fault: {}", fault.to_string().trim_start()));
        match (fault, process) {
            (Fault::Kill { down, .. }, Some(process)) => {
                drop(state);
                self.kill(process, down);
            }
            (Fault::Stop { time, .. }, Some(process)) => {
                state.processes[process].stop(now, time);
            }
            (Fault::Sleep { time, .. }, Some(process)) => {
                let stopped = state.processes[process].stop(now, time);
                state.processes[process].slept += stopped;
            }
            (Fault::Shutdown { node, wait, down, .. }, Some(process)) => {
                state.plan(now, Event::ShutDown { process, wait });
                state.processes[process].life = Life::Leaving;
                state.plan(now + down, Event::Start { node });
            }
            (Fault::SetClock { node, by, .. }, _) => state.set_clock(node, by),
            (Fault::SetStoreClock { by, .. }, _) => {
                let store = state.offsets.len() - 1;
                state.offsets[store] += by;
            }
            (Fault::Outage { node, time, .. }, _) => {
                state.outages.push(Outage { node, end: now + time });
            }
            _ => {}
        }
    }

    /// Ends all faults, except that what is stopped continues only after its time.
    fn heal(&self) {
        let mut state = self.state();
        state.note(|| "all faults end".to_owned());
        state.call_faults.clear();
        state.outages.clear();
        for node in 0..state.scenario.nodes.len() {
            let offset = state.offsets[node];
            state.set_clock(node, -offset);
        }
        state.offsets.fill(0);
    }
}
