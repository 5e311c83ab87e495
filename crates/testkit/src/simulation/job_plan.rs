//! The jobs of a simulation.

use std::fmt;
use std::time::Duration;

use apscheduler_core::job::{Coalesce, JobBuilder};
use apscheduler_triggers::{DateTrigger, IntervalTrigger};

use super::policies::PolicyPlan;
use super::random::Random;
use super::time::{Micros, SECOND, Seconds, timestamp};
use super::wishes::{Wanted, Wish};

/// The registered function of all jobs. It is never called: runs of the simulated executor take simulated time.
pub(super) const FUNCTION: &str = "simulation::job";

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
    pub(super) coalesce: Coalesce,
    pub(super) max_instances: u32,
    /// How late a run may start, in seconds.
    pub(super) grace: Option<u64>,
    /// How long its runs take at least and at most.
    pub(super) takes: (Micros, Micros),
    /// One of this many attempts fails.
    pub(super) fails: u64,
    pub(super) policies: PolicyPlan,
    pub(super) wishes: Vec<Wish>,
}

impl JobPlan {
    /// Returns a random job without policies.
    pub(super) fn plain(seed: u64, number: u64, healed: Micros) -> Self {
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
            coalesce: Coalesce::from(random.once_in(2)),
            max_instances: random.pick(&[1, 1, 2, 3]),
            grace: random.pick(&[None, None, Some(1), Some(5), Some(30)]),
            takes: random.pick(&[
                (0, SECOND / 100),
                (SECOND / 100, SECOND / 2),
                (SECOND / 2, 4 * SECOND),
                (2 * SECOND, 12 * SECOND),
            ]),
            fails: 6,
            policies: PolicyPlan::default(),
            wishes: {
                let renamed = random.once_in(4).then(|| random.between(start, end + SECOND));
                renamed.map(|at| Wish { at, what: Wanted::Rename }).into_iter().collect()
            },
        }
    }

    /// Returns a random job with policies, which is added before the first fault or soon after.
    pub(super) fn with_policies(seed: u64, number: u64, healed: Micros) -> Self {
        let random = &mut Random::of(&[seed, 6, number]);
        let added = SECOND;
        let start = added + random.between(2 * SECOND, 10 * SECOND) / 1000 * 1000;
        let interval = (!random.once_in(8)).then(|| random.between(10, 120) * SECOND / 10);
        let end = start.max(random.between(healed / 2, healed + 5 * SECOND));
        let all = Coalesce::All;
        let coalesce = random.pick(&[all, all, Coalesce::Latest, Coalesce::Earliest]);
        let count = random.between(0, 4);
        Self {
            id: format!("p{number}"),
            added,
            start,
            interval,
            end,
            coalesce,
            max_instances: random.pick(&[1, 1, 2]),
            grace: random.pick(&[None, None, None, Some(1), Some(10)]),
            takes: random.pick(&[
                (SECOND / 100, SECOND / 2),
                (SECOND / 2, 4 * SECOND),
                (2 * SECOND, 12 * SECOND),
                (5 * SECOND, 20 * SECOND),
            ]),
            fails: random.pick(&[2, 3, 6]),
            policies: PolicyPlan::random(random, coalesce == all),
            wishes: (0..count).map(|_| Wish::random(random, start, end + SECOND)).collect(),
        }
    }

    fn run_times(&self) -> u64 {
        self.interval.map_or(1, |interval| (self.end - self.start) / interval + 1)
    }

    /// Returns how long its runs take at most if they run one after the other.
    pub(super) fn takes_in_all(&self) -> Micros {
        let attempts = u64::from(self.policies.further_attempts()) + 1;
        let runs = self.run_times() + self.wishes.len() as u64 + 1;
        let attempt =
            self.takes.1 + self.policies.delay() + if attempts > 1 { 2 * SECOND } else { 0 };
        runs * attempts * attempt
    }

    /// Returns the job to add.
    pub(super) fn builder(&self) -> JobBuilder {
        let (start, end) = (timestamp(self.start), timestamp(self.end));
        let job = JobBuilder::new(FUNCTION)
            .id(self.id.as_str())
            .coalesce(self.coalesce)
            .max_instances(self.max_instances)
            .misfire_grace_time(self.grace.map(Duration::from_secs))
            // However late it is added, it runs from its start on.
            .next_run_time(start);
        let job = self.policies.apply(job);
        match self.interval {
            None => job.trigger(DateTrigger::at(start).timezone(chrono::Utc)),
            Some(interval) => {
                let trigger = IntervalTrigger::every(Duration::from_micros(interval));
                job.trigger(trigger.start_date(start).end_date(end).timezone(chrono::Utc))
            }
        }
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
        match self.coalesce {
            Coalesce::All => {}
            Coalesce::Earliest => write!(f, ", coalesces to the earliest")?,
            _ => write!(f, ", coalesces")?,
        }
        match self.grace {
            Some(grace) => write!(f, ", may be {grace} s late")?,
            None => write!(f, ", may be late")?,
        }
        write!(f, "{}", self.policies)?;
        for wish in &self.wishes {
            write!(f, ", {wish}")?;
        }
        writeln!(f)
    }
}
