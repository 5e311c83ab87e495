//! Helpers of the benches: a scheduler with many due no-op jobs, and the wait until all of them have ended.

pub mod lateness;
mod place;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apscheduler::builtin;
use apscheduler_core::Result;
use apscheduler_core::config::Config;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::ledger::History;
use apscheduler_core::registry::{IntoExecutor, IntoJobStore, Registry};
use apscheduler_core::time::{Clock as _, SystemClock};
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_triggers::IntervalTrigger;

pub use place::Place;

/// The name of a registered function that only counts its runs.
pub const NO_OP: &str = "benches::no_op";

/// The same, as an async function.
pub const NO_OP_ASYNC: &str = "benches::no_op_async";

/// A paused scheduler, and how many of its runs have ended.
#[derive(Debug)]
pub struct Bench {
    scheduler: BackgroundScheduler,
    ran: Arc<AtomicUsize>,
    missed: Arc<AtomicUsize>,
}

impl Bench {
    /// Returns a paused scheduler with this executor and store. The functions count the runs, so no listener is needed.
    ///
    /// # Errors
    /// Any error from the start of a component.
    pub fn new(executor: impl IntoExecutor, store: impl IntoJobStore) -> Result<Self> {
        Self::recording(executor, store, History::Off)
    }

    /// The same, with records of runs.
    ///
    /// # Errors
    /// Any error from the start of a component.
    pub fn recording(
        executor: impl IntoExecutor,
        store: impl IntoJobStore,
        history: History,
    ) -> Result<Self> {
        let ran = Arc::new(AtomicUsize::new(0));
        let config = Config::new().history(history);
        Self::with_functions(executor, store, config, &ran, |registry| register(registry, &ran))
    }

    /// The same for an executor that runs jobs in other processes: their events are counted.
    ///
    /// # Errors
    /// Any error from the start of a component.
    pub fn listening(executor: impl IntoExecutor, store: impl IntoJobStore) -> Result<Self> {
        let ran = Arc::new(AtomicUsize::new(0));
        let config = Config::new().history(History::Off);
        let bench = Self::with_functions(executor, store, config, &ran, register_uncounted)?;
        bench.scheduler.add_listener(EventMask::JOB_EXECUTED, move |_| {
            ran.fetch_add(1, Ordering::Relaxed);
        });
        Ok(bench)
    }

    fn with_functions(
        executor: impl IntoExecutor,
        store: impl IntoJobStore,
        config: Config,
        ran: &Arc<AtomicUsize>,
        register: impl FnOnce(&Registry) -> Result<()>,
    ) -> Result<Self> {
        let registry = builtin::new_registry();
        register(&registry)?;
        let scheduler = BackgroundScheduler::builder().registry(registry).config(config).build()?;
        scheduler.add_executor("default", executor)?;
        scheduler.add_jobstore("default", store)?;
        let missed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&missed);
        scheduler.add_listener(EventMask::JOB_MISSED, move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        scheduler.start_paused()?;
        Ok(Self { scheduler, ran: Arc::clone(ran), missed })
    }

    /// Returns the scheduler.
    pub fn scheduler(&self) -> &BackgroundScheduler {
        &self.scheduler
    }

    /// Returns `count` no-op jobs that run once, now.
    pub fn due_jobs(&self, count: usize) -> Vec<JobBuilder> {
        self.due_jobs_of(NO_OP, count)
    }

    /// Returns `count` jobs that call this function once, now.
    pub fn due_jobs_of(&self, function: &str, count: usize) -> Vec<JobBuilder> {
        let now = SystemClock.now();
        (0..count)
            .map(|_| {
                JobBuilder::new(function)
                    .next_run_time(now)
                    .misfire_grace_time(Duration::from_secs(600))
            })
            .collect()
    }

    /// Returns `count` no-op jobs that run now, and again in an hour.
    pub fn hourly_jobs(&self, count: usize) -> Vec<JobBuilder> {
        let hourly = || IntervalTrigger::every(Duration::from_secs(3600));
        self.due_jobs(count).into_iter().map(|job| job.trigger(hourly())).collect()
    }

    /// Runs the scheduler until this many runs have ended since it was created.
    ///
    /// # Errors
    /// If the scheduler is not running.
    ///
    /// # Panics
    /// If a run was missed: the numbers would mean nothing.
    pub fn run(&self, count: usize) -> Result<()> {
        Self::run_together(std::slice::from_ref(self), count)
    }

    /// The same for several schedulers that share the runs.
    ///
    /// # Errors
    /// If one of them is not running.
    ///
    /// # Panics
    /// If a run was missed.
    pub fn run_together(benches: &[Self], count: usize) -> Result<()> {
        for bench in benches {
            bench.scheduler.resume()?;
        }
        let sum = |counter: fn(&Self) -> &AtomicUsize| {
            benches.iter().map(|bench| counter(bench).load(Ordering::Relaxed)).sum::<usize>()
        };
        while sum(|bench| &bench.ran) < count {
            assert_eq!(sum(|bench| &bench.missed), 0, "runs were missed");
            std::thread::sleep(Duration::from_micros(100));
        }
        Ok(())
    }
}

fn register(registry: &Registry, ran: &Arc<AtomicUsize>) -> Result<()> {
    let counter = Arc::clone(ran);
    registry.register_function(NO_OP, move || {
        counter.fetch_add(1, Ordering::Relaxed);
    })?;
    let counter = Arc::clone(ran);
    registry.register_function(NO_OP_ASYNC, move || {
        let counter = Arc::clone(&counter);
        async move {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Registers the functions of the benches without the count; also for worker processes.
///
/// # Errors
/// If the registry already has them.
pub fn register_uncounted(registry: &Registry) -> Result<()> {
    registry.register_function(NO_OP, || ())?;
    registry.register_function(NO_OP_ASYNC, || async {})
}

/// Returns the median and the 99th percentile of these durations.
///
/// # Panics
/// If there are none.
pub fn median_and_p99(mut durations: Vec<Duration>) -> (Duration, Duration) {
    durations.sort_unstable();
    (durations[durations.len() / 2], durations[durations.len() * 99 / 100])
}
