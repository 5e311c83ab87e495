//! What is simulated: a cluster, its jobs, and the faults that happen to it.

use std::fmt;
use std::time::Duration;

use apscheduler_core::job::JobBuilder;
use apscheduler_triggers::{DateTrigger, IntervalTrigger};

use super::faults::Fault;
use super::random::Random;
use super::time::{Micros, SECOND, Seconds, timestamp};

/// The registered function of all jobs. It is never called: runs of the simulated executor take simulated time.
pub(super) const FUNCTION: &str = "simulation::job";

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

/// A job, and when it is added.
#[derive(Clone, Debug)]
pub(super) struct JobPlan {
    pub(super) id: String,
    pub(super) added: Micros,
    pub(super) start: Micros,
    /// `None` if it runs once.
    pub(super) interval: Option<Micros>,
    /// The last instant at which it may run.
    pub(super) end: Micros,
    pub(super) coalesces: bool,
    pub(super) max_instances: u32,
    /// How late a run may start, in seconds.
    pub(super) grace: Option<u64>,
    /// How long its runs take at least and at most.
    pub(super) takes: (Micros, Micros),
    /// When the job is given another name, while it may be due.
    pub(super) renamed: Option<Micros>,
}

impl Scenario {
    /// Returns the scenario of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let random = &mut Random::of(&[seed, 1]);
        let count = random.pick(&[1, 2, 2, 2, 3, 3, 4]);
        let lease = random.between(6, 20) * SECOND;
        let healed = random.between(40, 120) * SECOND;
        let nodes = (0..count).map(|_| Node::random(random)).collect();
        let latency = if random.once_in(3) { Latency::High } else { Latency::Low };
        let jobs = random.between(1, 5);
        let jobs = (0..jobs).map(|number| JobPlan::random(seed, number, healed)).collect();
        let retry_interval = random.between(1, 8) * SECOND;
        let number = random.pick(&[0, 1, 2, 3, 4, 6, 8, 12, 16]);
        let mut faults: Vec<Fault> = Vec::new();
        for _ in 0..number {
            faults.push(Fault::random(random, faults.last(), count, healed, lease));
        }
        faults.sort_by_key(Fault::at);
        Self { seed, nodes, lease, retry_interval, latency, jobs, faults, healed }
    }

    /// Returns a time by which everything must have been settled.
    pub(super) fn deadline(&self) -> Micros {
        let runs: Micros = self.jobs.iter().map(|job| job.takes.1 * (job.run_times() + 1)).sum();
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

impl JobPlan {
    fn random(seed: u64, number: u64, healed: Micros) -> Self {
        let random = &mut Random::of(&[seed, 2, number]);
        let added = if random.once_in(3) { random.between(SECOND, healed / 2) } else { SECOND };
        let start = added + random.between(2 * SECOND, 20 * SECOND) / 1000 * 1000;
        let interval = match random.between(0, 5) {
            0 => None,
            1..=3 => Some(random.between(1, 10) * SECOND),
            _ => Some(random.between(5, 40) * SECOND / 10),
        };
        let end = start.max(random.between(healed / 2, healed + 5 * SECOND));
        Self {
            id: format!("j{number}"),
            added,
            start,
            interval,
            end,
            coalesces: random.once_in(2),
            max_instances: random.pick(&[1, 1, 2, 3]),
            grace: random.pick(&[None, None, Some(1), Some(5), Some(30)]),
            takes: random.pick(&[
                (0, SECOND / 100),
                (SECOND / 100, SECOND / 2),
                (SECOND / 2, 4 * SECOND),
                (2 * SECOND, 12 * SECOND),
            ]),
            renamed: random.once_in(4).then(|| random.between(start, end + SECOND)),
        }
    }

    fn run_times(&self) -> u64 {
        self.interval.map_or(1, |interval| (self.end - self.start) / interval + 1)
    }

    /// Returns the job to add.
    pub(super) fn builder(&self) -> JobBuilder {
        let (start, end) = (timestamp(self.start), timestamp(self.end));
        let job = JobBuilder::new(FUNCTION)
            .id(self.id.as_str())
            .coalesce(self.coalesces)
            .max_instances(self.max_instances)
            .misfire_grace_time(self.grace.map(Duration::from_secs))
            // However late it is added, it runs from its start on.
            .next_run_time(start);
        match self.interval {
            None => job.trigger(DateTrigger::at(start).timezone(chrono::Utc)),
            Some(interval) => {
                let trigger = IntervalTrigger::every(Duration::from_micros(interval));
                job.trigger(trigger.start_date(start).end_date(end).timezone(chrono::Utc))
            }
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

impl fmt::Display for JobPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Micros| Seconds(time.cast_signed());
        write!(
            f,
            "{}: added at {}, runs at {}",
            self.id,
            seconds(self.added),
            seconds(self.start)
        )?;
        if let Some(interval) = self.interval {
            write!(f, " and every {} s until {}", seconds(interval), seconds(self.end))?;
        }
        let (least, most) = (seconds(self.takes.0), seconds(self.takes.1));
        write!(f, ", takes {least} to {most} s, at most {} at once", self.max_instances)?;
        if self.coalesces {
            write!(f, ", coalesces")?;
        }
        match self.grace {
            Some(grace) => write!(f, ", may be {grace} s late")?,
            None => write!(f, ", may be late")?,
        }
        if let Some(renamed) = self.renamed {
            write!(f, ", renamed at {}", seconds(renamed))?;
        }
        writeln!(f)
    }
}
