//! The state of the simulated world: what is planned, the processes, and what happened so far.

use std::collections::BTreeMap;
use std::sync::Arc;

use apscheduler_core::run::OwnerId;
use apscheduler_core::time::Timestamp;
use apscheduler_engine::{LoopDriver, Scheduler};
use chrono::TimeDelta;

use super::database::Database;
use super::events::{Event, ProcessId};
use super::faults::Fault;
use super::job_plan::JobPlan;
use super::mutation::Mutation;
use super::oracle::Oracle;
use super::runs::Runs;
use super::scenario::{Node, Scenario};
use super::tally::Tally;
use super::time::{Micros, Seconds, timestamp};

/// Everything that is simulated. Locked only while nothing is called.
pub(super) struct State {
    pub(super) scenario: Arc<Scenario>,
    pub(super) now: Micros,
    /// What happens, by its time, then in the order in which it was planned.
    pub(super) events: BTreeMap<(Micros, u64), Event>,
    planned: u64,
    pub(super) processes: Vec<Process>,
    pub(super) database: Database,
    pub(super) oracle: Oracle,
    /// The faults that wait for a call.
    pub(super) call_faults: Vec<Fault>,
    pub(super) outages: Vec<Outage>,
    pub(super) tally: Tally,
    /// The time of day of each node, and of the store last: by how much it is wrong, in microseconds.
    pub(super) offsets: Vec<i64>,
    /// The owners that the store knows, in the order of their first signs of life.
    owners: Vec<OwnerId>,
    /// What happened, if it is to be shown.
    pub(super) trace: Option<Vec<String>>,
}

/// While this lasts, a node or all can't reach the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) node: Option<usize>,
    pub(super) end: Micros,
}

/// A process with one scheduler.
pub(super) struct Process {
    pub(super) node: usize,
    pub(super) life: Life,
    /// A call into the scheduler is under way: it is on the stack.
    pub(super) is_busy: bool,
    pub(super) stopped_until: Micros,
    /// Its store was started and not shut down.
    pub(super) is_connected: bool,
    /// What is to happen when it is no longer busy.
    pub(super) deferred: Vec<Event>,
    /// When the next turn is planned, and its number. Others are not made.
    pub(super) turn: Option<(Micros, u64)>,
    pub(super) started: Micros,
    /// For how long the monotonic clock stood still.
    pub(super) slept: Micros,
    /// Its time of day was set.
    pub(super) clock_was_set: bool,
    pub(super) calls: u64,
    /// How many of its signs of life had no answer.
    pub(super) unconfirmed: u64,
    /// The handle of the scheduler, and its owner, which shuts it down when it is dropped.
    pub(super) scheduler: Option<Scheduler>,
    pub(super) owner: Option<Box<dyn Send>>,
    pub(super) driver: Option<Arc<LoopDriver>>,
    pub(super) executor: Runs,
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    /// Its scheduler is shut down; what it has started may go on.
    Leaving,
    /// It has no effect on anything any more.
    Dead,
}

impl State {
    /// Returns the state before anything has happened, with everything planned.
    pub(super) fn new(scenario: &Arc<Scenario>, mutation: Option<Mutation>, traces: bool) -> Self {
        let mut state = Self {
            scenario: Arc::clone(scenario),
            now: 0,
            events: BTreeMap::new(),
            planned: 0,
            processes: Vec::new(),
            database: Database::new(mutation),
            oracle: Oracle::new(scenario),
            call_faults: Vec::new(),
            outages: Vec::new(),
            tally: Tally { seeds: 1, ..Tally::default() },
            offsets: scenario.nodes.iter().map(|node| node.offset).chain([0]).collect(),
            owners: Vec::new(),
            trace: traces.then(Vec::new),
        };
        for node in 0..scenario.nodes.len() {
            state.plan(0, Event::Start { node });
        }
        for (number, job) in scenario.jobs.iter().enumerate() {
            state.plan(job.added, Event::Add { job: number });
            for (wish, wanted) in job.wishes.iter().enumerate() {
                state.plan(wanted.at, Event::Ask { job: number, wish });
            }
        }
        for (number, fault) in scenario.faults.iter().enumerate() {
            if fault.is_of_call() {
                state.call_faults.push(*fault);
            } else {
                state.plan(fault.at(), Event::Fault(number));
            }
        }
        state.plan(scenario.healed, Event::Heal);
        state
    }

    /// Plans an event.
    pub(super) fn plan(&mut self, time: Micros, event: Event) {
        self.planned += 1;
        self.events.insert((time.max(self.now), self.planned), event);
    }

    /// Plans a turn of a process, unless an earlier one is planned.
    pub(super) fn plan_turn(&mut self, id: ProcessId, time: Micros) {
        let process = &mut self.processes[id];
        if process.turn.is_none_or(|(turn, _)| turn > time) {
            let number = self.planned;
            process.turn = Some((time, number));
            self.plan(time, Event::Turn { process: id, number });
        }
    }

    /// Returns the node of a process.
    pub(super) fn node_of(&self, process: ProcessId) -> Node {
        self.scenario.nodes[self.processes[process].node]
    }

    /// Returns the process of a node whose scheduler runs and may be called.
    pub(super) fn process_on(&self, node: usize) -> Option<ProcessId> {
        let on_node = |process: &Process| process.node == node && process.life == Life::Running;
        self.processes.iter().rposition(on_node)
    }

    /// Sets the time of day of a node by this many microseconds.
    pub(super) fn set_clock(&mut self, node: usize, by: i64) {
        self.offsets[node] += by;
        let here = self.processes.iter_mut().filter(|process| process.node == node);
        here.for_each(|process| process.clock_was_set |= by != 0);
    }

    /// Returns how the trace calls an owner.
    pub(super) fn owner(&mut self, owner: OwnerId) -> String {
        let known = self.owners.iter().position(|known| *known == owner);
        let number = known.unwrap_or_else(|| {
            self.owners.push(owner);
            self.owners.len() - 1
        });
        format!("o{number}")
    }

    /// Returns what the clock of the store shows.
    pub(super) fn store_time(&self) -> Timestamp {
        let offset = self.offsets.last().copied().unwrap_or_default();
        timestamp(self.now) + TimeDelta::microseconds(offset)
    }

    /// A sign of life was committed.
    pub(super) fn heartbeat(&mut self, process: ProcessId, owner: OwnerId) {
        self.oracle.heartbeat(process, owner, self.now);
        if !self.owners.contains(&owner) {
            let name = self.owner(owner);
            self.note(|| format!("p{process} is {name}"));
        }
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        let now = Seconds(self.now.cast_signed());
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12}  {}", now.to_string(), line()));
        }
    }

    /// Returns whether nothing is left to do.
    pub(super) fn is_settled(&self) -> bool {
        let has_runs =
            |process: &Process| process.life != Life::Dead && !process.executor.is_empty();
        let was_added = |job: &JobPlan| self.database.has_known(&job.id);
        self.scenario.jobs.iter().all(was_added)
            && self.database.is_settled()
            && !self.processes.iter().any(has_runs)
    }
}

impl Process {
    /// Returns whether it may not know how much time has passed: one clock stood still, and the other was set.
    pub(super) fn is_timeless(&self) -> bool {
        self.slept > 0 && self.clock_was_set
    }

    /// Stops the process for a time from now on. Returns by how much longer it is stopped than it was before.
    pub(super) fn stop(&mut self, now: Micros, time: Micros) -> Micros {
        let before = self.stopped_until.max(now);
        self.stopped_until = before.max(now + time);
        self.stopped_until - before
    }

    pub(super) fn new(node: usize, started: Micros) -> Self {
        Self {
            node,
            life: Life::Running,
            is_busy: true,
            stopped_until: 0,
            is_connected: false,
            deferred: Vec::new(),
            turn: None,
            started,
            slept: 0,
            clock_was_set: false,
            calls: 0,
            unconfirmed: 0,
            scheduler: None,
            owner: None,
            driver: None,
            executor: Runs::default(),
        }
    }
}
