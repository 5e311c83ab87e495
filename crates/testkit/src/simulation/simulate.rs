//! Runs simulations, and shortens those that fail.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use apscheduler_core::function::JobError;
use apscheduler_core::ledger::RunQuery;

use super::mutation::Mutation;
use super::process::happen;
use super::rules::{Rule, Violation};
use super::scenario::Scenario;
use super::tally::Tally;
use super::time::SECOND;
use super::world::World;

/// A simulation that broke a rule, with as few faults and jobs as that takes, and what happened in it.
#[derive(Clone, Debug)]
pub struct Failure {
    scenario: Scenario,
    violation: Violation,
    trace: Vec<String>,
}

impl Failure {
    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.scenario.seed
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scenario)?;
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        write!(f, "{}", self.violation)
    }
}

/// Simulates the cluster of a seed, with a deliberate defect of its store if one is given.
///
/// # Errors
/// The failure, if a rule was broken.
pub fn simulate(seed: u64, mutation: Option<Mutation>) -> Result<Tally, Box<Failure>> {
    let scenario = Scenario::of(seed);
    let ended = run(&scenario, mutation, false);
    match ended.violation {
        None => Ok(ended.tally),
        Some(violation) => Err(Box::new(shorten(scenario, mutation, violation.rule))),
    }
}

/// Simulates many seeds, each in one thread, on as many threads as the machine has processors.
///
/// # Errors
/// The failure of the lowest seed that was found to fail. Later seeds are not simulated then.
pub fn simulate_all(seeds: Range<u64>, mutation: Option<Mutation>) -> Result<Tally, Box<Failure>> {
    let next = AtomicU64::new(seeds.start);
    let found: Mutex<(Tally, Option<Box<Failure>>)> = Mutex::default();
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let result = simulate(seed, mutation);
            let (tally, failure) = &mut *found.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(more) => *tally += more,
                Err(new) => {
                    // The others finish the seeds that they have begun, which may be lower.
                    next.store(seeds.end, Ordering::Relaxed);
                    if failure.as_ref().is_none_or(|failure| failure.seed() > new.seed()) {
                        *failure = Some(new);
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (tally, failure) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(tally), Err)
}

/// Returns what happens in the simulation of a seed, line by line.
pub fn trace(seed: u64, mutation: Option<Mutation>) -> String {
    let scenario = Scenario::of(seed);
    let Ended { violation, trace, .. } = run(&scenario, mutation, true);
    let end =
        violation.map_or_else(|| "no rule was broken".to_owned(), |broken| broken.to_string());
    format!("{scenario}{}\n{end}", trace.join("\n"))
}

/// Leaves out faults and jobs as long as the same rule is broken.
fn shorten(mut scenario: Scenario, mutation: Option<Mutation>, rule: Rule) -> Failure {
    let fails = |scenario: &Scenario| {
        let violation = run(scenario, mutation, false).violation;
        violation.is_some_and(|violation| violation.rule == rule)
    };
    let mut is_shorter = true;
    while std::mem::take(&mut is_shorter) {
        for number in (0..scenario.faults.len() + scenario.jobs.len()).rev() {
            let mut shorter = scenario.clone();
            match number.checked_sub(scenario.jobs.len()) {
                Some(fault) => drop(shorter.faults.remove(fault)),
                None => drop(shorter.jobs.remove(number)),
            }
            if fails(&shorter) {
                (scenario, is_shorter) = (shorter, true);
            }
        }
        for job in 0..scenario.jobs.len() {
            for wish in (0..scenario.jobs[job].wishes.len()).rev() {
                let mut shorter = scenario.clone();
                shorter.jobs[job].wishes.remove(wish);
                if fails(&shorter) {
                    (scenario, is_shorter) = (shorter, true);
                }
            }
        }
    }
    let Ended { violation, trace, .. } = run(&scenario, mutation, true);
    let changed = || Violation { rule, details: "the simulation is not deterministic".to_owned() };
    Failure { scenario, violation: violation.unwrap_or_else(changed), trace }
}

/// How a simulation ended.
struct Ended {
    violation: Option<Violation>,
    tally: Tally,
    trace: Vec<String>,
}

fn run(scenario: &Scenario, mutation: Option<Mutation>, traces: bool) -> Ended {
    let world = World::new(&Arc::new(scenario.clone()), mutation, traces, happen);
    let ended = catch_unwind(AssertUnwindSafe(|| run_to_end(&world)));
    let mut state = world.state();
    if let Err(payload) = ended {
        let panic = JobError::from_panic(&*payload).to_string();
        state.oracle.broken(Rule::NoPanic, panic);
    }
    let violation = state.oracle.violation().cloned();
    let tally = Tally { planned: state.oracle.planned(), ..state.tally };
    let trace = state.trace.take().unwrap_or_default();
    drop(state);
    world.end();
    Ended { violation, tally, trace }
}

/// Lets everything happen until nothing is left to do, and judges the result.
fn run_to_end(world: &Arc<World>) {
    let (healed, deadline) = {
        let state = world.state();
        (state.scenario.healed, state.scenario.deadline())
    };
    world.run_until(healed);
    loop {
        let mut state = world.state();
        if state.oracle.violation().is_some() {
            return;
        }
        if state.is_settled() {
            let records = state.database.runs(&RunQuery::new().limit(usize::MAX));
            return state.oracle.judge(&records);
        }
        if state.now >= deadline {
            let left = state.database.unsettled();
            return state.oracle.broken(Rule::Settled, left);
        }
        let next = state.now + 5 * SECOND;
        drop(state);
        world.run_until(next);
    }
}
