//! The loop can be woken from any thread, and is not woken needlessly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apscheduler_core::time::{Clock, Timestamp, Waker};

use crate::ManualClock;
use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness, eventually};

cases! {
    "waking":
    a_job_added_on_another_thread_runs_at_once,
    jobs_are_added_on_many_threads,
    an_earlier_job_is_not_delayed,
    a_job_may_add_the_next,
    an_idle_loop_sleeps,
    a_paused_loop_sleeps,
}

fn a_job_added_on_another_thread_runs_at_once(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    for executor in ["default", "loop"] {
        let (job, runs) = lab.job(executor);
        let handle = lab.handle();
        let thread = std::thread::spawn(move || handle.add_job(job.executor(executor)).map(drop));
        arrival(&runs);
        thread.join().expect("no panic").expect("a valid job");
    }
}

fn jobs_are_added_on_many_threads(harness: &SchedulerHarness) {
    const THREADS: usize = 8;
    const JOBS: usize = 50;
    let lab = Lab::started(harness);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let lab = &*lab;
            scope.spawn(move || {
                for number in 0..JOBS {
                    let executor = if number % 2 == 0 { "default" } else { "loop" };
                    let job = apscheduler_core::job::JobBuilder::new(|| ())
                        .id(format!("{thread} {number}"))
                        .executor(executor);
                    lab.add_job(job).expect("a valid job");
                }
            });
        }
    });
    lab.events().wait_for_all(THREADS * JOBS);
}

fn an_earlier_job_is_not_delayed(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let (late, late_runs) = lab.job("late");
    let (early, early_runs) = lab.job("early");
    let in_an_hour = lab.now() + chrono::TimeDelta::hours(1);
    lab.add(late.trigger(crate::executors::Times::from(in_an_hour, 1)));
    lab.add(early.trigger(lab.every_second(1)));
    lab.advance(1);
    arrival(&early_runs);
    assert!(late_runs.try_recv().is_err());
    lab.advance(3600);
    arrival(&late_runs);
}

fn a_job_may_add_the_next(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    for executor in ["default", "loop"] {
        let (job, runs) = lab.job("second");
        let (handle, job) = (lab.handle(), std::sync::Mutex::new(Some(job)));
        let first = apscheduler_core::job::JobBuilder::new(move || {
            let job = job.lock().map(|mut job| job.take()).ok().flatten();
            let job = job.expect("it runs once").executor(executor);
            handle.add_job(job).map(drop).map_err(|error| error.to_string())
        });
        lab.add(first.id("first").executor(executor));
        arrival(&runs);
        eventually("both are gone", || lab.get_jobs().is_ok_and(|jobs| jobs.is_empty()));
    }
}

/// A manual clock that counts its reads. Every turn of a loop reads it.
#[derive(Clone, Debug)]
struct CountingClock(ManualClock, Arc<AtomicUsize>);

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.now()
    }

    fn sleep_until(&self, until: Timestamp) -> Duration {
        self.0.sleep_until(until)
    }

    fn on_moved(&self, waker: Waker) {
        self.0.on_moved(waker);
    }
}

fn counted(harness: &SchedulerHarness) -> (Lab, Arc<AtomicUsize>) {
    let clock = ManualClock::at("2027-01-01T00:00:00Z");
    let looks = Arc::new(AtomicUsize::new(0));
    let counting = CountingClock(clock.clone(), Arc::clone(&looks));
    (Lab::with_clock(harness, clock, Arc::new(counting)), looks)
}

/// Asserts that the loop sleeps: otherwise it would make thousands of turns in this time.
fn expect_sleep(looks: &AtomicUsize) {
    let before = looks.load(Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(300));
    let turns = looks.load(Ordering::SeqCst) - before;
    assert!(turns < 20, "{turns} needless reads of the clock");
}

fn an_idle_loop_sleeps(harness: &SchedulerHarness) {
    let (lab, looks) = counted(harness);
    lab.start().expect("it starts");
    expect_sleep(&looks);
    let (job, runs) = lab.job("a");
    lab.add(job.trigger(lab.every_second(2)));
    lab.advance(1);
    arrival(&runs);
    expect_sleep(&looks);
    lab.advance(1);
    arrival(&runs);
}

fn a_paused_loop_sleeps(harness: &SchedulerHarness) {
    let (lab, looks) = counted(harness);
    let (job, runs) = lab.job("a");
    lab.add(job);
    lab.start_paused().expect("it starts");
    expect_sleep(&looks);
    lab.resume().expect("it runs");
    arrival(&runs);
}
