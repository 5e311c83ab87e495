//! Triggers that call the scheduler while the store asks them for fire times.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::Plugin;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{SerializeOptions, Trigger};
use apscheduler_core::{ErrorKind, Result};
use apscheduler_engine::Scheduler;
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_store_sqlite::SqliteJobStore;

/// Lists the jobs of the store when it is asked for the fire time after the first.
#[derive(Clone, Debug)]
struct Calling {
    scheduler: Arc<OnceLock<Scheduler>>,
    answers: Arc<Mutex<Sender<Result<usize>>>>,
}

impl fmt::Display for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("calling")
    }
}

impl Trigger for Calling {
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        if previous.is_some()
            && let Some(scheduler) = self.scheduler.get()
        {
            let answer = scheduler.get_jobs_in("default").map(|jobs| jobs.len());
            let _ = self.answers.lock().unwrap().send(answer);
        }
        previous.is_none().then_some(now)
    }

    fn kind(&self) -> &'static str {
        "calling"
    }

    fn options(&self) -> Box<dyn SerializeOptions + '_> {
        Box::new(())
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

#[test]
fn a_trigger_that_calls_its_own_store_gets_an_error_and_no_deadlock() {
    let (answers, received) = channel();
    let trigger = Calling { scheduler: Arc::default(), answers: Arc::new(Mutex::new(answers)) };
    let registry = apscheduler_testkit::registry();
    let restored = trigger.clone();
    let plugin =
        Plugin::trigger_fn("calling", move |_options, _context| Ok(Arc::new(restored.clone())));
    registry.register(plugin).unwrap();
    registry.register_function("tests::nothing", || ()).unwrap();
    let scheduler: BackgroundScheduler<apscheduler_testkit::TestPlugins> =
        BackgroundScheduler::builder().registry(registry).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteJobStore::open(folder.path().join("jobs.sqlite"));
    scheduler.add_jobstore("default", store).unwrap();
    scheduler.add_executor("default", "debug").unwrap();
    trigger.scheduler.set(scheduler.handle()).ok().unwrap();
    scheduler.start().unwrap();
    let job = JobBuilder::new("tests::nothing").id("job").trigger(trigger);
    scheduler.add_job(job.misfire_grace_time(None)).unwrap();

    let answer = received.recv_timeout(Duration::from_secs(60)).expect("no deadlock");
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("`default`"), "{error}");
    scheduler.shutdown(Shutdown::Wait).unwrap();
}
