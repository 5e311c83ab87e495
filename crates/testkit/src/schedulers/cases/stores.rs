//! A store never blocks the loop.

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;

use crate::TestStore;
use crate::patience::{eventually, in_time};
use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness};

cases! {
    "stores":
    a_store_with_its_own_thread_is_processed,
    a_store_that_hangs_does_not_block_the_loop,
    a_store_that_hangs_does_not_delay_a_shutdown,
    a_store_that_hangs_does_not_delay_a_drop [Drop],
    a_store_that_closes_late_is_started_again,
    a_store_that_fails_does_not_stop_the_loop,
}

/// Returns a lab with a store `remote` that does I/O.
fn lab(harness: &SchedulerHarness, store: &TestStore) -> Lab {
    let lab = Lab::new(harness);
    lab.add_jobstore("remote", store.clone()).expect("a new alias");
    lab.start().expect("it starts");
    lab
}

fn remote(id: &str) -> JobBuilder {
    JobBuilder::new(|| ()).id(id).jobstore("remote").misfire_grace_time(None)
}

/// Asserts that the other store is processed, and that jobs run in turns of the loop.
fn assert_alive(lab: &Lab) {
    for number in 0..5 {
        for executor in ["default", "loop"] {
            let (job, runs) = lab.job(&format!("{executor} {number}"));
            lab.add(job.executor(executor).trigger(lab.every_second(1)));
            lab.advance(1);
            arrival(&runs);
        }
    }
}

fn a_store_with_its_own_thread_is_processed(harness: &SchedulerHarness) {
    let lab = lab(harness, &TestStore::blocking_with_objects());
    for executor in ["default", "loop"] {
        lab.add(remote(executor).executor(executor).trigger(lab.every_second(1)));
        lab.advance(1);
        lab.events().wait_for(executor, 1);
    }
}

fn a_store_that_hangs_does_not_block_the_loop(harness: &SchedulerHarness) {
    let store = TestStore::blocking_with_objects();
    let lab = lab(harness, &store);
    lab.add(remote("a").next_run_time(lab.now() + chrono::TimeDelta::seconds(1)));
    store.hang(true);
    lab.advance(1);
    store.wait_until_hanging();
    assert_alive(&lab);
    assert!(lab.events().outcomes_of("a").is_empty());
    store.hang(false);
    lab.events().wait_for("a", 1);
}

/// Returns a lab whose store hangs in a pass.
fn hanging(harness: &SchedulerHarness, store: &TestStore) -> Lab {
    let lab = lab(harness, store);
    lab.add(remote("a").next_run_time(lab.now() + chrono::TimeDelta::seconds(1)));
    store.hang(true);
    lab.advance(1);
    store.wait_until_hanging();
    lab
}

fn a_store_that_hangs_does_not_delay_a_shutdown(harness: &SchedulerHarness) {
    let store = TestStore::blocking_with_objects();
    let lab = hanging(harness, &store);
    let handle = lab.handle();
    in_time("a shutdown that does not wait", move || handle.shutdown(Shutdown::Now))
        .expect("it runs");
    lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
    store.hang(false);
}

fn a_store_that_hangs_does_not_delay_a_drop(harness: &SchedulerHarness) {
    let store = TestStore::blocking_with_objects();
    let lab = hanging(harness, &store);
    let events = lab.events().clone();
    in_time("the drop of a scheduler", move || drop(lab));
    events.wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
    store.hang(false);
}

fn a_store_that_closes_late_is_started_again(harness: &SchedulerHarness) {
    let store = TestStore::blocking_with_objects();
    let lab = hanging(harness, &store);
    let handle = lab.handle();
    in_time("a shutdown that does not wait", move || handle.shutdown(Shutdown::Now))
        .expect("it runs");
    let late = store.clone();
    let opener = std::thread::spawn(move || late.hang(false));
    lab.start().expect("it starts");
    opener.join().expect("no panic");
    lab.advance(1);
    // The hanging pass may have claimed the job for the scheduler that was shut down.
    lab.events().wait_for("a", 1);
    for number in 0..5 {
        let id = format!("b {number}");
        lab.add(remote(&id));
        lab.events().wait_for(&id, 1);
    }
    let handle = lab.handle();
    in_time("a shutdown that waits", move || handle.shutdown(Shutdown::Wait)).expect("it runs");
}

fn a_store_that_fails_does_not_stop_the_loop(harness: &SchedulerHarness) {
    let store = TestStore::blocking_with_objects();
    let lab = lab(harness, &store);
    lab.add(remote("a").next_run_time(lab.now() + chrono::TimeDelta::seconds(1)));
    store.fail(true);
    lab.advance(1);
    lab.events().wait_for_any(EventMask::JOBSTORE_ERROR);
    assert_alive(&lab);
    store.fail(false);
    // A retry that began before may fail after the clock was advanced, and the next one is 10 s later.
    eventually("the job runs after the outage", || {
        lab.advance(60);
        lab.events().count("a", EventMask::JOB_EXECUTED) > 0
    });
    lab.events().wait_for_any(EventMask::JOBSTORE_RECOVERED);
}
