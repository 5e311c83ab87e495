//! A full executor limits the scheduler; due jobs are never lost for lack of room.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::OnRemove;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, Run};
use apscheduler_core::job::JobBuilder;
use apscheduler_plugin_kit::executor::RunExt;
use apscheduler_testkit::TestStore;
use chrono::TimeDelta;

use crate::held_runs::HeldRuns;
use crate::recorder::{Recorder, at, every, scheduler};

/// Holds runs until the test executes them.
#[derive(Clone, Debug, Default)]
struct SmallExecutor(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    runs: Mutex<Vec<Run>>,
    most: AtomicUsize,
}

const SIZE: usize = 3;

impl SmallExecutor {
    fn run_all(&self) -> usize {
        let runs = std::mem::take(&mut *self.0.runs.lock().unwrap());
        let count = runs.len();
        runs.into_iter().for_each(RunExt::execute);
        count
    }
}

impl Executor for SmallExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn submit(&self, run: Run) {
        let mut runs = self.0.runs.lock().unwrap();
        runs.push(run);
        self.0.most.fetch_max(runs.len(), Ordering::SeqCst);
    }

    fn room(&self) -> usize {
        SIZE - self.0.runs.lock().unwrap().len()
    }

    fn shutdown(&self, _shutdown: Shutdown) {}
}

#[test]
fn jobs_without_room_wait_in_the_store() {
    let scheduler = scheduler();
    let small = SmallExecutor::default();
    scheduler.add_executor("small", small.clone()).unwrap();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_EXECUTED);
    let jobs = (0..10).map(|_| JobBuilder::new("tests::ok").executor("small")).collect();
    scheduler.add_jobs(jobs).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("other")).unwrap();
    scheduler.step();
    assert_eq!(events.names(), ["JOB_EXECUTED other"], "a full executor does not delay another");
    for _ in 0..4 {
        let wakes = scheduler.wakes();
        small.run_all();
        assert!(
            scheduler.wakes() > wakes || scheduler.get_jobs().unwrap().is_empty(),
            "the end of a run wakes the scheduler"
        );
        scheduler.step();
    }
    assert_eq!(events.take().len(), 10);
    assert_eq!(small.0.most.load(Ordering::SeqCst), SIZE);
}

#[test]
fn no_job_waits_for_room_of_a_removed_executor() {
    for on_remove in [OnRemove::ShutDown, OnRemove::Keep] {
        let (scheduler, held) = (scheduler(), HeldRuns::new(1));
        scheduler.add_executor("held", held.clone()).unwrap();
        scheduler.start().unwrap();
        let jobs = (0..3).map(|_| JobBuilder::new("tests::ok").executor("held")).collect();
        scheduler.add_jobs(jobs).unwrap();
        assert!(scheduler.step().is_some(), "two jobs wait for room");
        let events = Recorder::on(&scheduler, EventMask::JOB_BROKEN);
        scheduler.remove_executor("held", on_remove).unwrap();
        assert_eq!(scheduler.step(), None, "the loop has nothing to wait for");
        assert_eq!(events.take().len(), 2, "their executor is unknown now");
        // Nor after one of its runs has ended.
        held.execute_all();
        assert_eq!(scheduler.step(), None);
        // A new executor with the same alias runs them.
        scheduler.add_executor("held", "debug").unwrap();
        scheduler.step();
        assert!(scheduler.get_jobs().unwrap().is_empty());
    }
}

/// The pass has already found it full when it is removed.
#[test]
fn no_job_waits_for_room_of_an_executor_removed_during_a_pass() {
    let (scheduler, held) = (scheduler(), HeldRuns::new(1));
    scheduler.add_executor("held", held.clone()).unwrap();
    scheduler.start().unwrap();
    let handle = scheduler.handle();
    scheduler.add_listener(EventMask::JOB_SUBMITTED, move |_| {
        let _ = handle.remove_executor("held", OnRemove::Keep);
    });
    let jobs = (0..3).map(|_| JobBuilder::new("tests::ok").executor("held")).collect();
    scheduler.add_jobs(jobs).unwrap();
    scheduler.step();
    scheduler.step();
    assert_eq!(scheduler.step(), None, "the loop has nothing to wait for");
}

#[test]
fn a_run_that_its_executor_drops_is_an_error() {
    let scheduler = scheduler();
    let small = SmallExecutor::default();
    scheduler.add_executor("small", small.clone()).unwrap();
    scheduler.start().unwrap();
    let events = Recorder::on(&scheduler, EventMask::JOB_ERROR);
    scheduler.add_job(JobBuilder::new("tests::ok").id("a").executor("small")).unwrap();
    scheduler.step();
    small.0.runs.lock().unwrap().clear();
    assert_eq!(events.names(), ["JOB_ERROR a"]);
}

#[test]
fn run_times_after_a_claim_in_doubt_wait_for_its_run() {
    for (coalesce, expected) in [(true, vec![10, 50]), (false, vec![10, 20, 30, 40, 50])] {
        let (scheduler, store) = (scheduler(), TestStore::default());
        let small = SmallExecutor::default();
        scheduler.add_executor("small", small.clone()).unwrap();
        scheduler.add_jobstore("remote", store.clone()).unwrap();
        scheduler.start().unwrap();
        let job = JobBuilder::new("tests::ok").executor("small").jobstore("remote");
        let job = job.trigger(every(10)).coalesce(coalesce).misfire_grace_time(None);
        scheduler.add_job(job).unwrap();
        scheduler.step();
        let events =
            Recorder::on(&scheduler, EventMask::JOB_EXECUTED | EventMask::JOB_MAX_INSTANCES);
        store.lose_next_response();
        scheduler.advance(TimeDelta::seconds(10));
        store.fail(false);
        scheduler.advance(TimeDelta::seconds(40));
        while small.run_all() > 0 {
            scheduler.step();
        }
        let events = events.take();
        assert!(events.iter().all(|event| event.name() == "JOB_EXECUTED"), "{events:?}");
        let times: Vec<_> = events.iter().map(|event| event.scheduled_run_times()[0]).collect();
        assert_eq!(times, expected.into_iter().map(at).collect::<Vec<_>>());
    }
}
