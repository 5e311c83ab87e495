//! Stores that others use too: late notices, replacement, shutdown during a poll, read-only access.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{ErrorKind, Result};
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_plugin_kit::store::Replacement;
use apscheduler_store_memory::MemoryJobStore;
use apscheduler_testkit::SteppedScheduler;
use apscheduler_testkit::TestPlugins;
use chrono::TimeDelta;
use serde_json::json;

use crate::recorder::{Recorder, at, every, fill, scheduler};

/// A store that declares that it is shared, and that tests control. Clones are the same store.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    memory: MemoryJobStore,
    replacement: Replacement,
    watches: AtomicUsize,
    /// The watch hangs in a poll until the store is shut down.
    hangs: AtomicBool,
    is_shut_down: Mutex<bool>,
    shut_down: Condvar,
    read_only: AtomicBool,
}

impl JobStore for Shared {
    fn capabilities(&self) -> StoreCapabilities {
        let hangs = self.0.hangs.load(Ordering::SeqCst);
        StoreCapabilities::new().shared(true).watch(true).blocking(hangs)
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        self.0.read_only.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        *self.0.is_shut_down.lock().unwrap() = true;
        self.0.shut_down.notify_all();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.0.memory.lookup_job(id)
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.0.memory.get_jobs(after, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        self.0.memory.next_run_time(after)
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        self.0.memory.add_jobs(records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.0.memory.update_job(record)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.0.memory.remove_job(id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.0.memory.remove_all_jobs()
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.0.replacement.claim(|| self.0.memory.claim_due(due, decide))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        self.0.watches.fetch_add(1, Ordering::SeqCst);
        if !self.0.hangs.load(Ordering::SeqCst) {
            return Ok(Some(Watch::new(changed)));
        }
        let inner = Arc::clone(&self.0);
        let (sender, polling) = mpsc::channel();
        let watch = Watch::poll(Duration::from_millis(1), changed, move || {
            let _ = sender.send(());
            let mut is_shut_down = inner.is_shut_down.lock().unwrap();
            while !*is_shut_down {
                is_shut_down = inner.shut_down.wait(is_shut_down).unwrap();
            }
            Ok(false)
        })?;
        polling.recv().expect("the watch polls");
        Ok(Some(watch))
    }
}

fn on(store: &Shared) -> (SteppedScheduler, Recorder) {
    let scheduler = scheduler();
    scheduler.add_jobstore("default", store.clone()).unwrap();
    scheduler.start().unwrap();
    scheduler.step();
    let recorder = Recorder::on(&scheduler, EventMask::JOB_EXECUTED | EventMask::JOB_MISSED);
    (scheduler, recorder)
}

/// Returns the scheduler of another process, whose clock is this many seconds ahead.
fn elsewhere(store: &Shared, seconds: i64) -> SteppedScheduler {
    let other = scheduler();
    other.add_jobstore("default", store.clone()).unwrap();
    other.start_paused().unwrap();
    other.advance(TimeDelta::seconds(seconds));
    other
}

#[test]
fn the_time_to_notice_changes_by_others_does_not_count_as_lateness() {
    let store = Shared::default();
    let (scheduler, recorder) = on(&store);
    scheduler.add_job(JobBuilder::new("tests::ok").id("far").trigger(every(1000))).unwrap();
    scheduler.step();
    let other = elsewhere(&store, 100);
    other.modify_job("far", &JobChanges::new().next_run_time(at(100))).unwrap();
    let soon = JobBuilder::new("tests::ok").trigger(every(1000));
    other.add_job(soon.clone().id("late").next_run_time(at(-5))).unwrap();
    // There is no notice, and the poll once a minute is as late as it can be.
    scheduler.manual_clock().advance(TimeDelta::seconds(50));
    scheduler.step();
    scheduler.manual_clock().advance(TimeDelta::seconds(60));
    scheduler.step();
    let mut names = recorder.names();
    names.sort();
    assert_eq!(names, ["JOB_EXECUTED far", "JOB_MISSED late"]);
}

#[test]
fn known_run_times_can_still_be_missed() {
    let store = Shared::default();
    let (scheduler, recorder) = on(&store);
    let job = JobBuilder::new("tests::ok").id("known").trigger(every(10));
    scheduler.add_job(job).unwrap();
    scheduler.step();
    scheduler.advance(TimeDelta::seconds(15));
    assert_eq!(recorder.names(), ["JOB_MISSED known"]);
}

#[test]
fn a_job_without_a_trigger_runs_however_late_it_is_found() {
    let store = Shared::default();
    let other = elsewhere(&store, 0);
    other.add_job(JobBuilder::new("tests::ok").id("now")).unwrap();
    let strict =
        JobBuilder::new("tests::ok").id("strict").misfire_grace_time(Duration::from_secs(1));
    let strict = other.add_job(strict).unwrap();
    assert_eq!(strict.spec().unwrap().misfire_grace_time(), Some(Duration::from_secs(1)));
    let scheduler = scheduler();
    scheduler.manual_clock().advance(TimeDelta::seconds(3600));
    scheduler.add_jobstore("default", store.clone()).unwrap();
    let recorder = Recorder::on(&scheduler, EventMask::JOB_EXECUTED | EventMask::JOB_MISSED);
    scheduler.start().unwrap();
    scheduler.step();
    let mut names = recorder.names();
    names.sort();
    assert_eq!(names, ["JOB_EXECUTED now", "JOB_MISSED strict"]);
}

#[test]
fn a_replaced_store_is_reported_and_processed_at_once() {
    let store = Shared::default();
    let (scheduler, _) = on(&store);
    let recorder = Recorder::on(
        &scheduler,
        EventMask::JOBSTORE_REPLACED | EventMask::JOBSTORE_ERROR | EventMask::JOB_EXECUTED,
    );
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    let error = store.0.replacement.found("the file was replaced");
    assert_eq!(error.kind(), ErrorKind::StoreReplaced);
    scheduler.advance(TimeDelta::seconds(10));
    let events = recorder.take();
    let Some(Event::JobStoreReplaced { alias, reason }) = events.first() else {
        panic!("{events:?}");
    };
    assert_eq!((&**alias, &**reason), ("default", "the file was replaced"));
    let json = json!(events[0]);
    assert_eq!(json["event"], "JOBSTORE_REPLACED");
    assert_eq!(json["alias"], "default");
    assert_eq!(json["code"], 1 << 21);
    assert_eq!(events.len(), 2, "no failure, and the job runs: {events:?}");
    assert_eq!(store.0.watches.load(Ordering::SeqCst), 2, "the store is watched again");
}

#[test]
fn a_shutdown_without_waiting_does_not_wait_for_a_poll_of_the_watch() {
    let store = Shared::default();
    store.0.hangs.store(true, Ordering::SeqCst);
    let registry = apscheduler_testkit::registry();
    fill(&registry);
    let scheduler: BackgroundScheduler<TestPlugins> =
        BackgroundScheduler::builder().registry(registry).build().unwrap();
    scheduler.add_executor("default", apscheduler_executor_debug::DebugExecutor::new()).unwrap();
    scheduler.add_jobstore("default", store).unwrap();
    scheduler.start().unwrap();
    let (sender, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        scheduler.shutdown(Shutdown::Now).unwrap();
        sender.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(30)).expect("the shutdown interrupts the poll");
    thread.join().unwrap();
}

#[test]
fn a_read_only_scheduler_opens_its_stores_read_only_and_changes_nothing() {
    let store = Shared::default();
    elsewhere(&store, 0).add_job(JobBuilder::new("tests::ok").id("a").trigger(every(10))).unwrap();
    let reader = scheduler();
    reader.add_jobstore("default", store.clone()).unwrap();
    reader.open_read_only().unwrap();
    reader.start_paused().unwrap();
    assert!(store.0.read_only.load(Ordering::SeqCst));
    assert_eq!(reader.get_jobs().unwrap().len(), 1);
    assert_eq!(reader.open_read_only().unwrap_err().kind(), ErrorKind::AlreadyRunning);
    let refused = reader.pause_job("a").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("opened read-only"), "{refused}");
    reader.shutdown(Shutdown::Wait).unwrap();
}
