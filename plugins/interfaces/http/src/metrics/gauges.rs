//! What is read when the metrics are asked for.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use apscheduler_core::Result;
use apscheduler_engine::Scheduler;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{OfExecutor, OfJobs, OfState, OfStore};
use crate::report::health::{executors, is_alive, state_name};

/// The most jobs of a store that are counted.
const MOST_JOBS: usize = 100_000;

/// How many jobs are read at once.
const PAGE: usize = 1000;

/// How many jobs the stores have.
#[derive(Clone, Debug, Default)]
pub(super) struct JobCounts {
    by_status: BTreeMap<(String, &'static str), i64>,
    /// Jobs whose run time has passed, and that have not been claimed.
    due: BTreeMap<String, i64>,
    is_cut: bool,
}

impl JobCounts {
    /// Counts. Stores that are down have none.
    pub(super) fn of(scheduler: &Scheduler) -> Self {
        let mut counts = Self::default();
        for alias in scheduler.jobstore_aliases() {
            if let Err(error) = counts.add(scheduler, &alias) {
                tracing::debug!(jobstore = alias, "can't count the jobs: {}", error.chain());
            }
        }
        counts
    }

    fn add(&mut self, scheduler: &Scheduler, alias: &str) -> Result<()> {
        let (now, mut cursor, mut seen) = (scheduler.clock().now(), None, 0);
        self.due.insert(alias.to_owned(), 0);
        loop {
            let page = scheduler.jobs_page(alias, cursor.as_ref(), PAGE)?;
            for job in &page.jobs {
                let status = (alias.to_owned(), job.status().name());
                *self.by_status.entry(status).or_default() += 1;
                if job.next_run_time().instant().is_some_and(|next| next < now) {
                    *self.due.entry(alias.to_owned()).or_default() += 1;
                }
            }
            seen += page.jobs.len();
            cursor = page.next;
            self.is_cut |= cursor.is_some() && seen >= MOST_JOBS;
            if cursor.is_none() || seen >= MOST_JOBS {
                return Ok(());
            }
        }
    }
}

/// Registers what is the case now.
pub(super) fn register(registry: &mut Registry, scheduler: &Scheduler, jobs: &JobCounts) {
    registry.register(
        "build",
        "The version of the program's scheduler",
        Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
    );
    of_scheduler(registry, scheduler);
    of_stores(registry, scheduler, jobs);
    of_executors(registry, scheduler);
}

fn of_scheduler(registry: &mut Registry, scheduler: &Scheduler) {
    let state = Family::<OfState, Gauge>::default();
    let current = state_name(scheduler.state());
    for name in ["stopped", "running", "paused"] {
        state.get_or_create(&OfState { state: name }).set(i64::from(name == current));
    }
    registry.register("scheduler_state", "1 for the state of the scheduler", state);
    let alive = Gauge::<i64>::default();
    alive.set(i64::from(is_alive(scheduler)));
    registry.register("loop_alive", "Whether the event loop makes its turns", alive);
    if let Some(since) = scheduler.since_last_turn() {
        let age = Gauge::<f64, AtomicU64>::default();
        age.set(since.as_secs_f64());
        let help = "How long ago the event loop last made a turn";
        registry.register_with_unit("loop_last_turn_age", help, Unit::Seconds, age);
    }
}

fn of_stores(registry: &mut Registry, scheduler: &Scheduler, jobs: &JobCounts) {
    let (up, due) = (Family::<OfStore, Gauge>::default(), Family::<OfStore, Gauge>::default());
    for store in scheduler.store_health() {
        let labels = OfStore { jobstore: store.alias.to_string() };
        up.get_or_create(&labels).set(i64::from(store.failure.is_none()));
    }
    for (alias, count) in &jobs.due {
        due.get_or_create(&OfStore { jobstore: alias.clone() }).set(*count);
    }
    let by_status = Family::<OfJobs, Gauge>::default();
    for ((alias, status), count) in &jobs.by_status {
        by_status.get_or_create(&OfJobs { jobstore: alias.clone(), status }).set(*count);
    }
    let is_cut = Gauge::<i64>::default();
    is_cut.set(i64::from(jobs.is_cut));
    registry.register("jobstore_up", "Whether the last pass over the store succeeded", up);
    registry.register("jobs_overdue", "Jobs whose run time has passed", due);
    registry.register("jobs", "Jobs by status, counted once a minute", by_status);
    registry.register("jobs_cut", "Whether there are too many jobs to count them all", is_cut);
}

fn of_executors(registry: &mut Registry, scheduler: &Scheduler) {
    let families: [Family<OfExecutor, Gauge>; 3] = Default::default();
    let [active, queued, capacity] = &families;
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    for executor in executors(scheduler) {
        let labels = OfExecutor { executor: executor.alias };
        active.get_or_create(&labels).set(number(executor.active));
        queued.get_or_create(&labels).set(number(executor.queued));
        if let Some(most) = executor.capacity {
            capacity.get_or_create(&labels).set(number(most));
        }
    }
    let [active, queued, capacity] = families;
    registry.register("executor_active_runs", "Runs that have started and not ended", active);
    registry.register("executor_queued_runs", "Runs that wait for a worker", queued);
    registry.register(
        "executor_capacity",
        "How many runs the executor runs at once at most",
        capacity,
    );
}
