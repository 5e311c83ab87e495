//! What became of the runs of a period.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::ledger::{RunQuery, RunRecord};
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use apscheduler_engine::Scheduler;
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use super::spread::Spread;
use super::timestamp::utc;

/// The most records that one report reads.
const MOST_RECORDS: usize = 50_000;

/// How many are read at once.
const PAGE: usize = 1000;

/// Which runs to count.
#[derive(Clone, Debug)]
pub(crate) struct StatsQuery {
    pub(crate) from: Timestamp,
    /// Exclusive.
    pub(crate) to: Timestamp,
    /// Into how many parts of the same length the period is divided; at least 1.
    pub(crate) buckets: u32,
    pub(crate) job_id: Option<Arc<str>>,
}

/// How often each outcome occurred, by the name of its state, such as `ok`.
pub(crate) type Outcomes = BTreeMap<&'static str, u64>;

/// What became of the runs that were claimed in a period. A run that was tried again counts once for each attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    #[serde(serialize_with = "utc")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    #[serde(serialize_with = "utc")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) to: Timestamp,
    pub(crate) outcomes: Outcomes,
    /// Why run times did not run.
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    pub(crate) buckets: Vec<Bucket>,
    /// From the scheduled start to the call of the function.
    pub(crate) lateness: Option<Spread>,
    /// The part of the lateness before the run was claimed.
    pub(crate) wake_up: Option<Spread>,
    /// The part of the lateness after it was claimed, in the queue of the executor.
    pub(crate) queue: Option<Spread>,
    /// How long the functions took.
    pub(crate) duration: Option<Spread>,
    /// Whether there were too many records, so that the earliest are missing.
    pub(crate) is_cut: bool,
}

/// A part of the period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Bucket {
    #[serde(serialize_with = "utc")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    pub(crate) outcomes: Outcomes,
}

/// Counts runs.
///
/// # Errors
/// Any error from a store.
pub(crate) fn stats(scheduler: &Scheduler, asked: &StatsQuery) -> Result<Stats> {
    stats_of(scheduler, asked, MOST_RECORDS)
}

fn stats_of(scheduler: &Scheduler, asked: &StatsQuery, most: usize) -> Result<Stats> {
    let mut counts = Counts::new(asked);
    let is_cut = each_run(scheduler, asked, most, |run| counts.add(asked, run))?;
    Ok(Stats {
        from: asked.from,
        to: asked.to,
        outcomes: counts.outcomes,
        reasons: counts.reasons,
        buckets: counts.buckets,
        lateness: Spread::of(counts.lateness),
        wake_up: Spread::of(counts.wake_up),
        queue: Spread::of(counts.queue),
        duration: Spread::of(counts.duration),
        is_cut,
    })
}

/// Calls `see` with the runs that were claimed in the period, the latest first. Returns whether there are more than `most`.
pub(super) fn each_run(
    scheduler: &Scheduler,
    asked: &StatsQuery,
    most: usize,
    mut see: impl FnMut(&RunRecord),
) -> Result<bool> {
    let first = RunId::first_of(asked.from);
    let mut query = RunQuery::new().limit(PAGE).before(RunId::first_of(asked.to));
    query.job_id.clone_from(&asked.job_id);
    let mut seen = 0;
    loop {
        let page = scheduler.runs(&query)?;
        for run in page.iter().take_while(|run| run.run_id >= first) {
            if seen == most {
                return Ok(true);
            }
            seen += 1;
            see(run);
        }
        let last = page.last().map(|run| run.run_id);
        if page.len() < PAGE || last.is_none_or(|last| last < first) {
            return Ok(false);
        }
        query = query.before(last);
    }
}

struct Counts {
    outcomes: Outcomes,
    reasons: BTreeMap<&'static str, u64>,
    buckets: Vec<Bucket>,
    length: TimeDelta,
    lateness: Vec<Duration>,
    wake_up: Vec<Duration>,
    queue: Vec<Duration>,
    duration: Vec<Duration>,
}

impl Counts {
    fn new(asked: &StatsQuery) -> Self {
        let count = i32::try_from(asked.buckets.max(1)).unwrap_or(i32::MAX);
        let length = (asked.to - asked.from) / count;
        let bucket =
            |index| Bucket { from: asked.from + length * index, outcomes: Outcomes::new() };
        Self {
            outcomes: Outcomes::new(),
            reasons: BTreeMap::new(),
            buckets: (0..count).map(bucket).collect(),
            length,
            lateness: Vec::new(),
            wake_up: Vec::new(),
            queue: Vec::new(),
            duration: Vec::new(),
        }
    }

    fn add(&mut self, asked: &StatsQuery, run: &RunRecord) {
        *self.outcomes.entry(run.state.name()).or_default() += run.count;
        if let Some(reason) = run.reason {
            *self.reasons.entry(reason.name()).or_default() += run.count;
        }
        let at = run.claimed.unwrap_or(run.scheduled_run_time).max(asked.from);
        let micros = |time: TimeDelta| time.num_microseconds().unwrap_or(i64::MAX);
        let index = micros(at - asked.from) / micros(self.length).max(1);
        let last = self.buckets.len().saturating_sub(1);
        let index = usize::try_from(index).unwrap_or(last).min(last);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket.outcomes.entry(run.state.name()).or_default() += run.count;
        }
        self.duration.extend(run.duration);
        // Later attempts are late on purpose.
        let (Some(started), 1) = (run.started, run.attempt) else { return };
        let since = |from: Timestamp, to: Timestamp| (to - from).to_std().unwrap_or_default();
        self.lateness.push(since(run.scheduled_run_time, started));
        if let Some(claimed) = run.claimed {
            self.wake_up.push(since(run.scheduled_run_time, claimed));
            self.queue.push(since(claimed, started));
        }
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::job::JobBuilder;
    use apscheduler_core::trigger::TriggerConfig;

    use super::*;

    #[test]
    fn runs_are_counted_by_outcome_and_time() {
        let scheduler = crate::tests::scheduler();
        let every = TriggerConfig::new("interval").option("seconds", 10);
        let job = JobBuilder::new("greet").id("a").args(["Ada".into()]).trigger(every);
        scheduler.add_job(job).unwrap();
        let failing = TriggerConfig::new("interval").option("seconds", 30);
        scheduler.add_job(JobBuilder::new("fail").id("b").trigger(failing)).unwrap();
        for _ in 0..6 {
            scheduler.advance(TimeDelta::seconds(10));
        }
        let from = "2027-01-01T00:00:00Z".parse().unwrap();
        let to = from + TimeDelta::seconds(61);
        let mut asked = StatsQuery { from, to, buckets: 2, job_id: None };
        let stats = stats_of(&scheduler, &asked, 100).unwrap();
        assert_eq!(stats.outcomes, Outcomes::from([("ok", 6), ("failed", 2)]));
        assert_eq!(stats.buckets.len(), 2);
        assert_eq!(stats.buckets[0].outcomes, Outcomes::from([("ok", 3), ("failed", 1)]));
        assert_eq!(stats.buckets[1].from, from + TimeDelta::milliseconds(30_500));
        assert!(stats.lateness.unwrap().max.abs() < f64::EPSILON);
        assert_eq!(stats.duration.unwrap().count, 8);
        assert!(!stats.is_cut);

        let cut = stats_of(&scheduler, &asked, 5).unwrap();
        assert_eq!((cut.outcomes.values().sum::<u64>(), cut.is_cut), (5, true));
        asked.job_id = Some("b".into());
        assert_eq!(
            stats_of(&scheduler, &asked, 9).unwrap().outcomes,
            Outcomes::from([("failed", 2)])
        );
        asked.to = from + TimeDelta::seconds(40);
        assert_eq!(
            stats_of(&scheduler, &asked, 9).unwrap().outcomes,
            Outcomes::from([("failed", 1)])
        );
    }
}
