//! The memory cost of runs. Allocations are counted, so the results do not depend on the machine.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use apscheduler::prelude::*;
use apscheduler::registry::IntoExecutor;
use apscheduler_testkit::SteppedScheduler;
use chrono::TimeDelta;

const NOW: &str = "2027-01-01T00:00:00Z";

fn scheduler(executor: impl IntoExecutor) -> SteppedScheduler {
    let scheduler = SteppedScheduler::new(apscheduler::builtin::new_registry(), NOW);
    scheduler.add_executor("default", executor).unwrap();
    scheduler
}

fn every_second() -> IntervalTrigger {
    let start: Timestamp = NOW.parse().unwrap();
    IntervalTrigger::every(Duration::from_secs(1)).start_date(start)
}

/// Returns the allocations of a pass that runs this many jobs, which have run before.
fn pass(jobs: u64) -> AllocationInfo {
    let scheduler = scheduler(DebugExecutor::new());
    let job = || JobBuilder::new(|| ()).trigger(every_second());
    scheduler.add_jobs((0..jobs).map(|_| job()).collect()).unwrap();
    scheduler.start().unwrap();
    scheduler.step();
    scheduler.advance(TimeDelta::seconds(1));
    scheduler.manual_clock().advance(TimeDelta::seconds(1));
    measure(|| {
        scheduler.step();
    })
}

#[test]
fn a_run_in_the_debug_executor_allocates_nothing_when_nobody_listens() {
    let (few, many) = (pass(100), pass(900));
    // A pass has a few lists, and longer lists grow a few times more.
    let more = many.count_total - few.count_total;
    assert!(more < 40, "800 more runs allocated {more} times more: {few:?} {many:?}");
    assert_eq!((few.count_current, many.count_current), (0, 0), "nothing is kept");
}

#[test]
fn a_queued_run_takes_less_than_200_bytes() {
    const RUNS: u64 = 8000;
    let scheduler = scheduler(ThreadPoolExecutor::new(1));
    scheduler.start().unwrap();
    // It blocks the only worker, and so all later jobs.
    let (started, running) = channel();
    let (release, released): (Sender<()>, _) = channel();
    let released = std::sync::Mutex::new(released);
    let hold_up = move || {
        started.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
    };
    scheduler.add_job(JobBuilder::new(hold_up)).unwrap();
    scheduler.step();
    running.recv().unwrap();

    let job = || JobBuilder::new(|| ()).trigger(every_second());
    scheduler.add_jobs((0..RUNS).map(|_| job()).collect()).unwrap();
    let info = measure(|| {
        scheduler.step();
    });
    assert_eq!(scheduler.executor("default").unwrap().load().queued as u64, RUNS);
    let bytes = u64::try_from(info.bytes_current).unwrap() / RUNS;
    assert!((1..200).contains(&bytes), "a queued run takes {bytes} bytes");

    drop(release);
    scheduler.shutdown(Shutdown::Wait).unwrap();
}
