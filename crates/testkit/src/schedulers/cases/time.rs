//! Clock changes and long waits.

use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::time::{Clock, Timestamp, Waker};
use chrono::TimeDelta;

use crate::ManualClock;
use crate::executors::Times;
use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness};

cases! {
    "time":
    a_clock_that_jumps_forward_is_noticed,
    a_clock_that_jumps_back_runs_nothing_twice,
    waits_of_months_and_millennia_end_on_time,
    jobs_run_in_the_order_of_their_run_times,
}

fn a_clock_that_jumps_forward_is_noticed(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    for (number, seconds) in [1, 60, 3600, 86_400, 90 * 86_400].into_iter().enumerate() {
        let id = format!("{number}");
        let (job, runs) = lab.job(&id);
        lab.add(job.trigger(Times::from(lab.now() + TimeDelta::seconds(seconds), 1)));
        lab.advance(seconds);
        arrival(&runs);
    }
}

fn a_clock_that_jumps_back_runs_nothing_twice(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let (job, runs) = lab.job("a");
    lab.add(job.trigger(lab.every_second(3)));
    lab.advance(1);
    arrival(&runs);
    lab.advance(-1);
    lab.advance(1);
    // This job runs after the loop has noticed the clock change.
    let (other, others) = lab.job("b");
    lab.add(other);
    arrival(&others);
    assert!(runs.try_recv().is_err(), "it ran twice");
    lab.advance(1);
    arrival(&runs);
    lab.events().wait_for("a", 2);
}

/// A manual clock that returns the duration of a sleep, like a real one.
#[derive(Clone, Debug)]
struct RealSleep(ManualClock);

impl Clock for RealSleep {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, until: Timestamp) -> Duration {
        (until - self.now()).to_std().unwrap_or_default()
    }

    fn on_moved(&self, waker: Waker) {
        self.0.on_moved(waker);
    }
}

fn waits_of_months_and_millennia_end_on_time(harness: &SchedulerHarness) {
    // From 25 days on, the milliseconds do not fit into 31 bits.
    for days in [24, 25, 49, 50, 90, 366 * 8000] {
        let clock = ManualClock::at("2027-01-01T00:00:00Z");
        let lab = Lab::with_clock(harness, clock.clone(), Arc::new(RealSleep(clock)));
        lab.start().expect("it starts");
        let (far, far_runs) = lab.job("far");
        lab.add(far.trigger(Times::from(lab.now() + TimeDelta::days(days), 1)));
        let (near, near_runs) = lab.job("near");
        lab.add(near);
        arrival(&near_runs);
        assert!(far_runs.try_recv().is_err(), "it did not wait {days} days");
        lab.advance(days * 86_400);
        arrival(&far_runs);
    }
}

fn jobs_run_in_the_order_of_their_run_times(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    lab.start_paused().expect("it starts");
    for executor in ["default", "loop"] {
        for number in (0..20).rev() {
            let time = lab.now() + TimeDelta::seconds(number);
            let (job, _) = lab.job(&format!("{executor} {number:02}"));
            lab.add(job.executor(executor).trigger(Times::from(time, 1)));
        }
    }
    lab.advance(60);
    lab.resume().expect("it runs");
    lab.events().wait_for_all(40);
    for executor in ["default", "loop"] {
        let received = lab.events().received();
        let ids: Vec<_> = received
            .events
            .iter()
            .filter(|event| event.code() == apscheduler_core::event::EventMask::JOB_EXECUTED)
            .filter_map(|event| event.job().map(|job| job.id().to_string()))
            .filter(|id| id.starts_with(executor))
            .collect();
        assert_eq!(ids.len(), 20);
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
