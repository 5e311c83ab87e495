//! A scheduler on a process pool, and the outcomes of its jobs.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::{Executor as _, ExecutorLoad};
use apscheduler_core::function::JobError;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_executor_processpool::{ProcessPoolExecutor, ProcessPoolOptions};
use apscheduler_testkit::TestPlugins;
use serde_json::Value;

use super::jobs;
use super::processes::PATIENCE;

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Executed(Arc<Value>),
    Error(Arc<JobError>),
    Other(&'static str),
}

impl Outcome {
    #[track_caller]
    pub(crate) fn value(self) -> Value {
        match self {
            Self::Executed(value) => (*value).clone(),
            other => panic!("expected a value, found {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn error(self) -> Arc<JobError> {
        match self {
            Self::Error(error) => error,
            other => panic!("expected an error, found {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn message(self) -> String {
        self.error().message().to_owned()
    }
}

#[derive(Default)]
struct Outcomes {
    of_jobs: Mutex<HashMap<String, Vec<Outcome>>>,
    more: Condvar,
}

/// A scheduler on a process pool.
pub(crate) struct Stand {
    pub(crate) scheduler: BackgroundScheduler<TestPlugins>,
    pub(crate) executor: Arc<ProcessPoolExecutor>,
    outcomes: Arc<Outcomes>,
}

impl Stand {
    pub(crate) fn new(max_workers: usize) -> Self {
        Self::with_options(&ProcessPoolOptions::default().max_workers(max_workers))
    }

    pub(crate) fn with_options(options: &ProcessPoolOptions) -> Self {
        let registry = apscheduler_testkit::linked_registry();
        jobs::register(&registry).unwrap();
        registry.register_function("tests::not_in_workers", || ()).unwrap();
        let scheduler: BackgroundScheduler<TestPlugins> =
            BackgroundScheduler::builder().registry(registry).build().unwrap();
        let executor = Arc::new(ProcessPoolExecutor::with_options(options).unwrap());
        scheduler
            .add_executor(
                "default",
                Arc::clone(&executor) as Arc<dyn apscheduler_core::executor::Executor>,
            )
            .unwrap();
        let outcomes = Arc::new(Outcomes::default());
        let mask = EventMask::JOB_EXECUTED
            | EventMask::JOB_ERROR
            | EventMask::JOB_MISSED
            | EventMask::JOB_MAX_INSTANCES;
        let received = Arc::clone(&outcomes);
        scheduler.add_listener(mask, move |event| {
            let outcome = match event {
                Event::JobExecuted { retval, .. } => Outcome::Executed(Arc::clone(retval)),
                Event::JobError { error, .. } => Outcome::Error(Arc::clone(error)),
                other => Outcome::Other(other.name()),
            };
            let id = event.job().unwrap().id().to_string();
            received.of_jobs.lock().unwrap().entry(id).or_default().push(outcome);
            received.more.notify_all();
        });
        scheduler.start().unwrap();
        Self { scheduler, executor, outcomes }
    }

    /// Adds a job that runs now, however late it starts. Returns its id.
    pub(crate) fn add(&self, job: JobBuilder) -> String {
        let job = self.scheduler.add_job(job.misfire_grace_time(None)).unwrap();
        job.id().to_owned()
    }

    /// Waits for the outcome of a job that runs once.
    #[track_caller]
    pub(crate) fn outcome(&self, id: &str) -> Outcome {
        let patience = Instant::now() + PATIENCE;
        let mut of_jobs = self.outcomes.of_jobs.lock().unwrap();
        loop {
            if let Some(outcomes) = of_jobs.get(id) {
                assert_eq!(outcomes.len(), 1, "the outcomes of {id}: {outcomes:?}");
                return outcomes[0].clone();
            }
            let rest = patience.saturating_duration_since(Instant::now());
            assert!(!rest.is_zero(), "timed out waiting for the outcome of {id}");
            of_jobs = self.outcomes.more.wait_timeout(of_jobs, rest).unwrap().0;
        }
    }

    /// Returns all outcomes so far, by job.
    pub(crate) fn outcomes(&self) -> HashMap<String, Vec<Outcome>> {
        self.outcomes.of_jobs.lock().unwrap().clone()
    }

    /// Runs a job and waits for its outcome.
    #[track_caller]
    pub(crate) fn run(&self, job: JobBuilder) -> Outcome {
        self.outcome(&self.add(job))
    }

    /// Returns the id of the worker process, if there is only one worker.
    #[track_caller]
    pub(crate) fn pid(&self) -> u32 {
        let pid = self.run(JobBuilder::new("tests::pid")).value();
        pid.as_u64().unwrap().try_into().unwrap()
    }

    pub(crate) fn load(&self) -> ExecutorLoad {
        self.executor.load()
    }
}

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// Defines the list of tests of a module, with their names.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[super::stand::Test] = &[
            $((concat!(module_path!(), "::", stringify!($name)), $name)),*
        ];
    };
}
pub(crate) use tests;
