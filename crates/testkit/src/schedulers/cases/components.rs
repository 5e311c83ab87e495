//! Executors and stores that are added during a start are started.

use std::sync::atomic::{AtomicBool, Ordering};

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::Scheduler;
use apscheduler_executor_loop::LoopExecutor;

use crate::TestStore;
use crate::schedulers::case::cases;
use crate::schedulers::{Lab, SchedulerHarness};

cases! {
    "components":
    components_added_by_a_listener_during_the_start_are_started,
    components_added_by_another_thread_during_the_start_are_started,
    components_added_after_a_shutdown_are_started_by_the_next_start,
}

/// Adds an executor that refuses runs until it is started, and a store that is not processed until
/// then.
fn add_components(scheduler: &Scheduler) {
    scheduler.add_executor("late", LoopExecutor::new()).expect("a new alias");
    let store = TestStore::blocking_with_objects();
    scheduler.add_jobstore("late", store).expect("a new alias");
    let job = |id: &str| JobBuilder::new(|| ()).id(id).misfire_grace_time(None);
    scheduler.add_job(job("on the executor").executor("late")).expect("a valid job");
    scheduler.add_job(job("in the store").jobstore("late")).expect("a valid job");
}

fn assert_started(lab: &Lab) {
    for id in ["on the executor", "in the store"] {
        let outcome = &lab.events().wait_for(id, 1)[0];
        assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
    }
}

fn components_added_by_a_listener_during_the_start_are_started(harness: &SchedulerHarness) {
    for mask in [EventMask::JOBSTORE_ADDED, EventMask::JOB_ADDED, EventMask::SCHEDULER_STARTED] {
        let lab = Lab::new(harness);
        let (handle, added) = (lab.handle(), AtomicBool::new(false));
        lab.add_listener(mask, move |_| {
            if !added.swap(true, Ordering::SeqCst) {
                add_components(&handle);
            }
        });
        // In this case, JOB_ADDED is emitted at the start.
        lab.add(JobBuilder::new(|| ()).id("first"));
        lab.start().expect("it starts");
        assert_started(&lab);
    }
}

fn components_added_by_another_thread_during_the_start_are_started(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    let slow = TestStore::blocking_with_objects();
    lab.add_jobstore("slow", slow.clone()).expect("a new alias");
    slow.hang(true);
    let handle = lab.handle();
    let other = std::thread::spawn(move || {
        slow.wait_until_hanging();
        add_components(&handle);
        slow.hang(false);
    });
    lab.start().expect("it starts");
    other.join().expect("no panic");
    assert_started(&lab);
}

fn components_added_after_a_shutdown_are_started_by_the_next_start(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    lab.shutdown(Shutdown::Wait).expect("it runs");
    add_components(&lab);
    lab.start().expect("it starts");
    assert_started(&lab);
}
