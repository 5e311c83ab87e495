//! What is counted when it happens.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use apscheduler_core::event::Event;
use apscheduler_core::job::JobKey;
use apscheduler_core::ledger::{Reason, RunState};
use apscheduler_core::run::RunInfo;
use apscheduler_core::time::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::labels::{OfError, OfJob, OfLateness, OfRun};

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The series of jobs beyond the cap.
const OTHERS: &str = "(others)";

/// Counts runs and errors as their events come.
pub(crate) struct Meters {
    registry: Registry,
    runs: Family<OfRun, Counter>,
    duration: Histograms<OfJob>,
    lateness: Histograms<OfLateness>,
    errors: Family<OfError, Counter>,
    overdue: Counter,
    jobs: Jobs,
}

/// The jobs that have series of their own.
struct Jobs {
    /// The most of them; zero, if no series is by job.
    most: usize,
    named: Mutex<HashSet<String>>,
}

impl Meters {
    /// Counts, by job for up to `most_jobs` jobs.
    pub(crate) fn new(most_jobs: usize) -> Self {
        // From 1 ms to about 9 hours.
        let seconds = || Histogram::new(exponential_buckets(0.001, 4.0, 13));
        let meters = Self {
            registry: Registry::with_prefix("apscheduler"),
            runs: Family::default(),
            duration: Family::new_with_constructor(seconds),
            lateness: Family::new_with_constructor(seconds),
            errors: Family::default(),
            overdue: Counter::default(),
            jobs: Jobs { most: most_jobs, named: Mutex::default() },
        };
        meters.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "runs",
            "Run times by outcome, and why they did not run",
            self.runs.clone(),
        );
        registry.register_with_unit(
            "run_duration",
            "How long functions took",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register_with_unit(
            "run_lateness",
            "How late functions were called: before their runs were claimed, and in the queues of executors",
            Unit::Seconds,
            self.lateness.clone(),
        );
        registry.register(
            "errors",
            "Outages of stores and ledgers, and jobs that can't be restored",
            self.errors.clone(),
        );
        registry.register(
            "deadlines_missed",
            "Runs that had not succeeded by the deadline of their job",
            self.overdue.clone(),
        );
        self
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts an event.
    pub(crate) fn count(&self, event: &Event) {
        match event {
            Event::JobExecuted { job, run, scheduled_run_time, .. } => {
                self.ran(job, run, *scheduled_run_time, RunState::Ok);
            }
            Event::JobError { job, run, scheduled_run_time, error } => {
                let state = match () {
                    () if error.is_timeout() => RunState::TimedOut,
                    () if error.is_cancellation() => RunState::Cancelled,
                    () => RunState::Failed,
                };
                self.ran(job, run, *scheduled_run_time, state);
            }
            Event::JobMissed { job, missed, .. } => {
                self.add(job, RunState::Missed, Some(missed.code()), 1);
            }
            Event::JobMaxInstances { job, scheduled_run_times, .. } => {
                let count = scheduled_run_times.len() as u64;
                self.add(job, RunState::Skipped, Some(Reason::Overlap), count);
            }
            Event::JobLost { job, .. } => self.add(job, RunState::Lost, None, 1),
            Event::JobOverdue { .. } => drop(self.overdue.inc()),
            Event::JobStoreError { .. } => self.failed("jobstore"),
            Event::LedgerError { .. } => self.failed("ledger"),
            Event::JobBroken { .. } => self.failed("job"),
            _ => {}
        }
    }

    fn ran(&self, job: &JobKey, run: &RunInfo, scheduled: Timestamp, state: RunState) {
        self.add(job, state, None, 1);
        if let Some(duration) = run.duration {
            let labels = OfJob { job: self.jobs.label(job) };
            self.duration.get_or_create(&labels).observe(duration.as_secs_f64());
        }
        // Later attempts are late on purpose.
        let (Some(started), 1) = (run.started, run.attempt) else { return };
        for (part, from, to) in [
            ("total", scheduled, started),
            ("wake_up", scheduled, run.claimed),
            ("queue", run.claimed, started),
        ] {
            let late = (to - from).to_std().unwrap_or_default();
            self.lateness.get_or_create(&OfLateness { part }).observe(late.as_secs_f64());
        }
    }

    fn add(&self, job: &JobKey, state: RunState, reason: Option<Reason>, count: u64) {
        let (outcome, reason) = (state.name(), reason.map_or("", Reason::name));
        let labels = OfRun { outcome, reason, job: self.jobs.label(job) };
        self.runs.get_or_create(&labels).inc_by(count);
    }

    fn failed(&self, of: &'static str) {
        self.errors.get_or_create(&OfError { of }).inc();
    }
}

impl Jobs {
    fn label(&self, job: &JobKey) -> Option<String> {
        if self.most == 0 {
            return None;
        }
        let name = format!("{}:{}", job.jobstore().unwrap_or_default(), job.id());
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.contains(&name) {
            return Some(name);
        }
        if named.len() == self.most {
            return Some(OTHERS.to_owned());
        }
        named.insert(name.clone());
        Some(name)
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
