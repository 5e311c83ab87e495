//! How many runs the stored jobs will have, against what the executors can do.

use std::collections::BTreeMap;

use apscheduler_core::Result;
use apscheduler_core::store::Cursor;
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use apscheduler_engine::Scheduler;
use apscheduler_engine::job::Job;
use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;

use super::fires::fires;
use super::stats::{StatsQuery, each_run};
use super::timestamp::utc;

/// The most jobs that are looked at.
const MOST_JOBS: usize = 20_000;

/// The most fire times that are computed.
const MOST_FIRES: u64 = 1_000_000;

/// How many jobs are read at once.
const PAGE: usize = 1000;

/// The most runs that are read to learn how long they take.
const MOST_RUNS: usize = 10_000;

/// How many of the jobs with the most fire times are named.
const MOST_NAMED: usize = 20;

/// What to forecast: a number of steps of the same length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForecastQuery {
    pub(crate) from: Timestamp,
    pub(crate) step: TimeDelta,
    pub(crate) steps: usize,
}

/// How many runs the stored jobs will have, for each step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Forecast {
    #[serde(serialize_with = "utc")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    pub(crate) step_seconds: i64,
    /// The fire times of all jobs, for each step.
    pub(crate) fires: Vec<u64>,
    pub(crate) executors: Vec<ExecutorForecast>,
    /// The jobs with the most fire times, those with the most first.
    pub(crate) busiest: Vec<BusyJob>,
    /// How many jobs have a fire time in this period.
    pub(crate) jobs: usize,
    /// Whether there were too many jobs or fire times, so that some are missing.
    pub(crate) is_cut: bool,
}

/// The part of one executor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExecutorForecast {
    pub(crate) alias: String,
    /// How many runs it runs at the same time at most, if it has a limit.
    pub(crate) capacity: Option<usize>,
    pub(crate) fires: Vec<u64>,
    /// How many seconds its workers will be busy in each step, if runs take as long as the latest did. Runs of jobs of which
    /// none is recorded count as zero.
    pub(crate) busy_seconds: Vec<f64>,
}

/// A job with many fire times.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BusyJob {
    pub(crate) jobstore: String,
    pub(crate) id: String,
    pub(crate) fires: u64,
}

/// The week from the hour in which `now` is, hour by hour; hours begin as they do in the zone of the scheduler.
pub(crate) fn week(scheduler: &Scheduler, now: Timestamp) -> ForecastQuery {
    let offset = scheduler.timezone().offset_at(now).local_minus_utc();
    let into_hour = (now.timestamp() + i64::from(offset)).rem_euclid(3600);
    let from = Timestamp::from_timestamp(now.timestamp() - into_hour, 0).unwrap_or(now);
    ForecastQuery { from, step: TimeDelta::hours(1), steps: 7 * 24 }
}

/// The hour from `from` on, minute by minute.
pub(crate) fn hour(from: Timestamp) -> ForecastQuery {
    ForecastQuery { from, step: TimeDelta::minutes(1), steps: 60 }
}

/// Counts the fire times of the stored jobs. Jobs that are paused or follow others have none.
///
/// # Errors
/// Any error from a store.
pub(crate) fn forecast(scheduler: &Scheduler, asked: ForecastQuery) -> Result<Forecast> {
    forecast_of(scheduler, asked, MOST_JOBS, MOST_FIRES)
}

fn forecast_of(
    scheduler: &Scheduler,
    asked: ForecastQuery,
    most_jobs: usize,
    most_fires: u64,
) -> Result<Forecast> {
    let durations = mean_durations(scheduler)?;
    let mut counts = Counts {
        asked,
        fires_left: most_fires,
        is_cut: false,
        executors: BTreeMap::new(),
        busiest: Vec::new(),
        jobs: 0,
    };
    for alias in scheduler.jobstore_aliases() {
        let mut cursor: Option<Cursor> = None;
        'store: loop {
            let page = scheduler.jobs_page(&alias, cursor.as_ref(), PAGE)?;
            for job in &page.jobs {
                // Jobs are in the order of their next run times.
                let Some(next) = job.next_run_time().instant().filter(|next| *next < counts.end())
                else {
                    break 'store;
                };
                if counts.jobs == most_jobs || counts.fires_left == 0 {
                    counts.is_cut = true;
                    break 'store;
                }
                counts.add(job, next, &durations);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(counts.into_forecast(scheduler))
}

/// The mean seconds that the latest runs of each job took.
fn mean_durations(scheduler: &Scheduler) -> Result<BTreeMap<String, f64>> {
    let now = scheduler.clock().now();
    let all = StatsQuery {
        from: Timestamp::UNIX_EPOCH,
        to: now + TimeDelta::hours(1),
        buckets: 1,
        job_id: None,
    };
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    each_run(scheduler, &all, MOST_RUNS, |run| {
        if let Some(duration) = run.duration {
            let sum = sums.entry(run.job_id.to_string()).or_default();
            *sum = (sum.0 + duration.as_secs_f64(), sum.1 + 1.0);
        }
    })?;
    Ok(sums.into_iter().map(|(job, (seconds, runs))| (job, seconds / runs)).collect())
}

struct Counts {
    asked: ForecastQuery,
    fires_left: u64,
    is_cut: bool,
    executors: BTreeMap<String, (Vec<u64>, Vec<f64>)>,
    busiest: Vec<BusyJob>,
    jobs: usize,
}

impl Counts {
    fn start_of(&self, step: usize) -> Timestamp {
        let steps = i32::try_from(step).unwrap_or(i32::MAX);
        self.asked.from.checked_add_signed(self.asked.step * steps).unwrap_or(Timestamp::MAX_UTC)
    }

    fn end(&self) -> Timestamp {
        self.start_of(self.asked.steps)
    }

    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    fn add(&mut self, job: &Job, next: Timestamp, durations: &BTreeMap<String, f64>) {
        let Some(spec) = job.spec() else { return };
        let steps = self.count(&**spec.trigger(), next);
        let total: u64 = steps.iter().sum();
        self.jobs += usize::from(total > 0);
        let seconds = durations.get(job.id()).copied().unwrap_or_default();
        let empty = || (vec![0; steps.len()], vec![0.0; steps.len()]);
        let (fires, busy) = self.executors.entry(spec.executor().to_owned()).or_insert_with(empty);
        for (step, count) in steps.iter().enumerate() {
            fires[step] += count;
            busy[step] += *count as f64 * seconds;
        }
        if total > 0 {
            let (jobstore, id) = (job.jobstore().to_owned(), job.id().to_owned());
            self.busiest.push(BusyJob { jobstore, id, fires: total });
            if self.busiest.len() >= 2 * MOST_NAMED {
                self.keep_busiest();
            }
        }
    }

    /// Counts the fire times of one job in each step.
    fn count(&mut self, trigger: &dyn Trigger, next: Timestamp) -> Vec<u64> {
        let mut counts = vec![0; self.asked.steps];
        // What is due already fires now, in the first step.
        let next = next.max(self.asked.from);
        if trigger.kind() == "interval" {
            self.count_at_once(trigger, next, &mut counts);
        } else {
            let (from, step, end) = (self.asked.from, self.asked.step, self.end());
            for fire in fires(trigger, Some(next)).take_while(|fire| *fire < end) {
                if self.fires_left == 0 {
                    self.is_cut = true;
                    break;
                }
                self.fires_left -= 1;
                let index = (fire - from).num_seconds() / step.num_seconds().max(1);
                if let Some(count) =
                    usize::try_from(index).ok().and_then(|index| counts.get_mut(index))
                {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// Counts those of a trigger that can say how many there are without stepping through them.
    fn count_at_once(&mut self, trigger: &dyn Trigger, next: Timestamp, counts: &mut [u64]) {
        let before = |time: Timestamp| time - TimeDelta::microseconds(1);
        for (step, count) in counts.iter_mut().enumerate() {
            let (start, end) = (self.start_of(step), self.start_of(step + 1));
            if next >= end {
                continue;
            }
            self.fires_left = self.fires_left.saturating_sub(1);
            *count = if next >= start {
                1 + trigger.count_fire_times(next, before(end))
            } else {
                trigger.count_fire_times(before(start), before(end))
            };
        }
    }

    fn keep_busiest(&mut self) {
        self.busiest.sort_by_key(|job| std::cmp::Reverse(job.fires));
        self.busiest.truncate(MOST_NAMED);
    }

    fn into_forecast(mut self, scheduler: &Scheduler) -> Forecast {
        self.keep_busiest();
        let mut fires = vec![0; self.asked.steps];
        for (steps, _) in self.executors.values() {
            fires.iter_mut().zip(steps).for_each(|(all, own)| *all += own);
        }
        let executors = self.executors.into_iter().map(|(alias, (fires, busy_seconds))| {
            let capacity = scheduler.executor(&alias).and_then(|executor| executor.capacity());
            ExecutorForecast { alias, capacity, fires, busy_seconds }
        });
        Forecast {
            from: self.asked.from,
            step_seconds: self.asked.step.num_seconds(),
            fires,
            executors: executors.collect(),
            busiest: self.busiest,
            jobs: self.jobs,
            is_cut: self.is_cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::job::JobBuilder;
    use apscheduler_core::trigger::TriggerConfig;
    use apscheduler_testkit::SteppedScheduler;

    use super::*;

    fn with_jobs() -> SteppedScheduler {
        let scheduler = crate::tests::scheduler();
        let interval = |seconds: u32| {
            TriggerConfig::new("interval")
                .option("seconds", seconds)
                .option("start_date", "2027-01-01T00:10:00Z")
        };
        let cron = TriggerConfig::new("cron").option("hour", "*/6").option("timezone", "UTC");
        for (id, trigger) in [("often", interval(60)), ("seldom", interval(7200)), ("cron", cron)] {
            scheduler.add_job(JobBuilder::new("fail").id(id).trigger(trigger)).unwrap();
        }
        let paused = JobBuilder::new("fail").id("paused").trigger(interval(1)).next_run_time(None);
        scheduler.add_job(paused).unwrap();
        scheduler
    }

    #[test]
    fn a_week_is_counted_hour_by_hour() {
        let scheduler = with_jobs();
        let now = scheduler.clock().now();
        let week = forecast(&scheduler, week(&scheduler, now + TimeDelta::minutes(5))).unwrap();
        assert_eq!((week.from, week.fires.len(), week.jobs, week.is_cut), (now, 168, 3, false));
        // 50 minutes are left of the first hour, and the other two fire in it.
        assert_eq!(week.fires[..3], [50 + 1 + 1, 60, 60 + 1]);
        assert_eq!(week.fires.iter().sum::<u64>(), 168 * 60 - 10 + 84 + 28);
        assert_eq!(week.executors.len(), 1);
        assert_eq!(week.executors[0].fires, week.fires);
        let busiest: Vec<&str> = week.busiest.iter().map(|job| &*job.id).collect();
        assert_eq!(busiest, ["often", "seldom", "cron"]);
    }

    #[test]
    fn an_hour_is_counted_minute_by_minute() {
        let scheduler = with_jobs();
        let hour = forecast(&scheduler, hour(scheduler.clock().now())).unwrap();
        assert_eq!(hour.fires.len(), 60);
        assert_eq!((hour.fires[0], hour.fires[9], hour.fires[10], hour.fires[11]), (1, 0, 2, 1));
    }

    #[test]
    fn too_many_are_cut() {
        let scheduler = with_jobs();
        let now = scheduler.clock().now();
        let jobs = forecast_of(&scheduler, week(&scheduler, now), 1, 1_000_000).unwrap();
        assert!(jobs.is_cut && jobs.jobs == 1);
        let fires = forecast_of(&scheduler, week(&scheduler, now), 100, 3).unwrap();
        assert!(fires.is_cut);
    }

    #[test]
    fn how_long_runs_take_is_taken_from_the_latest() {
        let scheduler = with_jobs();
        scheduler.advance(TimeDelta::minutes(10));
        assert!(mean_durations(&scheduler).unwrap().contains_key("often"));
    }
}
