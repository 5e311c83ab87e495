//! How late jobs run at 10,000 fires per second.
//!
//! Every loop has 10,000 no-op jobs that run once a second, spread evenly over the second. The lateness is the time
//! from the run time to the start of the function. Every run is accounted for: executed, missed, failed, or skipped
//! because all instances were running.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::missing_panics_doc, reason = "a bench")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apscheduler::BackgroundScheduler;
use apscheduler::builtin::{BuiltIn, new_registry};
use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp};
use apscheduler_engine::schedulers::LoopScheduler;
use apscheduler_engine::{EventLoop, Scheduler};
use apscheduler_triggers::IntervalTrigger;
use chrono::TimeDelta;

use crate::median_and_p99;

const JOBS: usize = 10_000;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(5);

/// Each job is due once a second.
const DUE: usize = JOBS * 5;

/// How long to wait for runs that are late.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures one loop.
pub type Measure = fn() -> Measured;

/// Measures the background scheduler, and these loops or those selected by the program's arguments. Prints a line for
/// each.
pub fn run(loops: &[(&str, Measure)]) -> ExitCode {
    let picked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_picked =
        |name: &str| picked.is_empty() || picked.iter().any(|pick| name.starts_with(pick.as_str()));
    let (background, mut complete) = background().report("background", None);
    for (name, measure) in loops.iter().filter(|(name, _)| is_picked(name)) {
        complete &= measure().report(name, Some(background)).1;
    }
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn background() -> Measured {
    let scheduler = BackgroundScheduler::builder().registry(new_registry()).build().unwrap();
    on_its_own_loop(&scheduler)
}

/// For loops that do not run on the thread that starts them.
pub fn on_its_own_loop<L: EventLoop>(scheduler: &LoopScheduler<L, BuiltIn>) -> Measured {
    let window = Window::new();
    window.add_jobs(scheduler, plain);
    scheduler.start().unwrap();
    window.measure(scheduler)
}

/// Returns a plain job that records the time.
pub fn plain(window: Arc<Window>) -> JobBuilder {
    JobBuilder::new(move |context: &JobContext| window.run(context.scheduled_run_time()))
}

/// The measured run times, and their outcomes.
#[derive(Debug)]
pub struct Window {
    start: Timestamp,
    from: Timestamp,
    until: Timestamp,
    executed: AtomicUsize,
    /// In the order of the runs, without a lock.
    micros: Vec<AtomicU64>,
    failed: AtomicUsize,
    missed: AtomicUsize,
    skipped: AtomicUsize,
    /// The first run that was early or unexpected.
    wrong: Mutex<Option<String>>,
}

/// The results of one loop.
#[derive(Debug)]
pub struct Measured {
    lateness: Vec<Duration>,
    failed: usize,
    missed: usize,
    skipped: usize,
    wrong: Option<String>,
}

impl Window {
    /// Returns a window that begins when all jobs have been added and the loop is warm.
    pub fn new() -> Arc<Self> {
        // All jobs have been added when the first is due.
        let start = SystemClock.now() + TimeDelta::seconds(3);
        let from = start + TimeDelta::from_std(WARM_UP).unwrap();
        let until = from + TimeDelta::from_std(MEASURED).unwrap();
        Arc::new(Self {
            start,
            from,
            until,
            executed: AtomicUsize::new(0),
            micros: (0..DUE).map(|_| AtomicU64::new(0)).collect(),
            failed: AtomicUsize::new(0),
            missed: AtomicUsize::new(0),
            skipped: AtomicUsize::new(0),
            wrong: Mutex::new(None),
        })
    }

    fn has(&self, due: Timestamp) -> bool {
        self.from <= due && due < self.until
    }

    /// Records the time of a run.
    pub fn run(&self, due: Timestamp) {
        let now = SystemClock.now();
        if !self.has(due) {
            return;
        }
        let number = self.executed.fetch_add(1, Ordering::Relaxed);
        let micros = (now - due).num_microseconds().and_then(|micros| u64::try_from(micros).ok());
        match (micros, self.micros.get(number)) {
            (Some(micros), Some(place)) => place.store(micros, Ordering::Relaxed),
            (None, _) => *self.wrong.lock().unwrap() = Some(format!("{due} ran at {now}")),
            (_, None) => *self.wrong.lock().unwrap() = Some(format!("{due} is unexpected")),
        }
    }

    fn hear(&self, event: &Event) {
        let count = match event {
            Event::JobError { .. } => &self.failed,
            Event::JobMissed { .. } => &self.missed,
            _ => &self.skipped,
        };
        let times = event.scheduled_run_times().iter().filter(|due| self.has(**due));
        count.fetch_add(times.count(), Ordering::Relaxed);
    }

    /// Adds the jobs, each made by `job`.
    pub fn add_jobs(self: &Arc<Self>, scheduler: &Scheduler, job: fn(Arc<Self>) -> JobBuilder) {
        let phase = |number: usize| {
            TimeDelta::microseconds(i64::try_from(number * 1_000_000 / JOBS).unwrap())
        };
        let every_second = |number| {
            IntervalTrigger::every(Duration::from_secs(1)).start_date(self.start + phase(number))
        };
        // Late runs must be part of the numbers.
        let job = |number: usize| {
            let job = job(Arc::clone(self)).id(format!("{number}")).trigger(every_second(number));
            job.misfire_grace_time(None).coalesce(false)
        };
        scheduler.add_jobs((0..JOBS).map(job).collect()).unwrap();
        let window = Arc::clone(self);
        let mask = EventMask::JOB_ERROR | EventMask::JOB_MISSED | EventMask::JOB_MAX_INSTANCES;
        scheduler.add_listener(mask, move |event| window.hear(event));
    }

    fn accounted_for(&self) -> usize {
        let ends = [&self.executed, &self.failed, &self.missed, &self.skipped];
        ends.into_iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Runs the scheduler until all runs have ended, and shuts it down.
    pub fn measure(&self, scheduler: &Scheduler) -> Measured {
        let left = self.until - SystemClock.now();
        std::thread::sleep(left.to_std().unwrap_or_default());
        let since = Instant::now();
        while self.accounted_for() < DUE && since.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        scheduler.shutdown(Shutdown::Wait).unwrap();
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let runs = self.micros.iter().take(count(&self.executed));
        Measured {
            lateness: runs
                .map(|micros| Duration::from_micros(micros.load(Ordering::Relaxed)))
                .collect(),
            failed: count(&self.failed),
            missed: count(&self.missed),
            skipped: count(&self.skipped),
            wrong: self.wrong.lock().unwrap().take(),
        }
    }
}

impl Measured {
    /// Prints a line. Returns the p99, and whether all runs are accounted for.
    fn report(self, name: &str, background: Option<Duration>) -> (Duration, bool) {
        let Self { lateness, failed, missed, skipped, wrong } = self;
        let fires = lateness.len();
        let complete = fires + failed + missed + skipped == DUE && failed == 0 && wrong.is_none();
        let max = lateness.iter().max().copied().unwrap_or_default();
        let (p50, p99) =
            if fires == 0 { (Duration::MAX, Duration::MAX) } else { median_and_p99(lateness) };
        let ratio = p99.as_secs_f64() / background.unwrap_or(p99).as_secs_f64();
        println!(
            "{name:<22} {fires} of {DUE} fires, p50 {p50:>9.1?}, p99 {p99:>9.1?}, max {max:>9.1?}, p99 {ratio:.2} x background; \
             {missed} missed, {skipped} skipped, {failed} failed{}",
            if complete { "" } else { ": NOT ACCOUNTED FOR" }
        );
        if let Some(wrong) = wrong {
            println!("  {wrong}");
        }
        (p99, complete)
    }
}
