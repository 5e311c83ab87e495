//! What is simulated: a cluster, its jobs, and the faults that happen to it.

use std::fmt;

use super::faults::Fault;
use super::job_plan::JobPlan;
use super::random::Random;
use super::time::{Micros, SECOND, Seconds};

/// What is simulated. It depends on the seed alone.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) nodes: Vec<Node>,
    /// How long schedulers are believed to be alive.
    pub(super) lease: Micros,
    /// After this time, a store that failed is tried again.
    pub(super) retry_interval: Micros,
    pub(super) latency: Latency,
    pub(super) jobs: Vec<JobPlan>,
    pub(super) faults: Vec<Fault>,
    /// At this time all faults end, and what they have broken is repaired.
    pub(super) healed: Micros,
}

/// A place where one scheduler process after another runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// By how much its clock is wrong at the start, in microseconds.
    pub(super) offset: i64,
    /// How many runs go on at once.
    pub(super) workers: usize,
    /// How many runs the executor takes; `None` if there is no limit.
    pub(super) room: Option<usize>,
}

/// How long the calls of the store take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Latency {
    /// Nearly always less than 2 ms.
    Low,
    /// Up to 300 ms.
    High,
}

impl Scenario {
    /// Returns the scenario of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let random = &mut Random::of(&[seed, 1]);
        let count = random.pick(&[1, 2, 2, 2, 3, 3, 4]);
        let lease = random.between(6, 20) * SECOND;
        let healed = random.between(40, 120) * SECOND;
        let nodes = (0..count).map(|_| Node::random(random)).collect();
        let mut latency = if random.once_in(3) { Latency::High } else { Latency::Low };
        let plain = random.between(1, 5);
        let mut jobs: Vec<JobPlan> =
            (0..plain).map(|number| JobPlan::plain(seed, number, healed)).collect();
        // From numbers of their own, so that the rest of the scenario does not depend on these jobs.
        let others = Random::of(&[seed, 7]).pick(&[0, 0, 0, 1, 2, 3]);
        jobs.extend((0..others).map(|number| JobPlan::with_policies(seed, number, healed)));
        if others > 0 && matches!(latency, Latency::High) {
            // A pass would take longer than a run waits that found its job full, so passes would leave no time for signs
            // of life, which are given in turns here.
            latency = Latency::Low;
        }
        let retry_interval = random.between(1, 8) * SECOND;
        let number = random.pick(&[0, 1, 2, 3, 4, 6, 8, 12, 16]);
        let mut faults: Vec<Fault> = Vec::new();
        for _ in 0..number {
            faults.push(Fault::random(random, faults.last(), count, healed, lease));
        }
        if others > 0 {
            let random = &mut Random::of(&[seed, 8]);
            for _ in 0..random.between(0, 4) {
                faults.push(Fault::of_open_run(random, count, healed, lease));
            }
            if count > 1 && random.once_in(3) {
                faults.extend(Fault::late_condemnation(random, count, healed, lease));
            }
        }
        faults.sort_by_key(Fault::at);
        Self { seed, nodes, lease, retry_interval, latency, jobs, faults, healed }
    }

    /// Returns a time by which everything must have been settled.
    pub(super) fn deadline(&self) -> Micros {
        let runs: Micros = self.jobs.iter().map(JobPlan::takes_in_all).sum();
        self.healed + 10 * self.lease + 300 * SECOND + runs
    }
}

impl Node {
    fn random(random: &mut Random) -> Self {
        let offset = random.between(0, 4 * SECOND).cast_signed() - 2 * SECOND.cast_signed();
        Self {
            offset: if random.once_in(2) { offset } else { 0 },
            workers: random.pick(&[1, 2, 8]),
            room: random.pick(&[None, None, Some(1), Some(3)]),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Micros| Seconds(time.cast_signed());
        writeln!(
            f,
            "seed {}: lease {} s, a store that failed is tried again after {} s, latency is {}",
            self.seed,
            seconds(self.lease),
            seconds(self.retry_interval),
            match self.latency {
                Latency::Low => "low",
                Latency::High => "high",
            }
        )?;
        for (number, node) in self.nodes.iter().enumerate() {
            let room =
                node.room.map_or_else(|| "any number of".to_owned(), |room| room.to_string());
            let (offset, workers) = (Seconds(node.offset), node.workers);
            writeln!(f, "n{number}: clock {offset} s off, {workers} workers, takes {room} runs")?;
        }
        for job in &self.jobs {
            write!(f, "{job}")?;
        }
        if self.faults.is_empty() {
            return writeln!(f, "no faults");
        }
        writeln!(f, "faults:")?;
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        Ok(())
    }
}
