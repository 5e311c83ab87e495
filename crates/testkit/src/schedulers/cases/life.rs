//! Start, pause, resume, restart, and dropping the owner.

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::SchedulerState;

use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness, eventually};

cases! {
    "life":
    a_paused_start_runs_nothing,
    pause_and_resume,
    it_can_be_started_again,
    a_start_may_follow_a_shutdown_at_once,
    a_second_start_is_refused,
    a_failed_start_can_be_repeated,
    ten_run_in_one_program,
    dropping_it_stops_it [Drop],
    dropping_it_before_the_start_is_fine,
}

fn a_paused_start_runs_nothing(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    let (job, runs) = lab.job("a");
    lab.add(job);
    lab.start_paused().expect("it starts");
    assert_eq!(lab.state(), SchedulerState::Paused);
    // Each of these calls wakes the loop; none may run the job.
    for _ in 0..20 {
        lab.advance(1);
    }
    let (other, others) = lab.job("b");
    lab.add(other);
    assert!(lab.events().outcomes_of("a").is_empty());
    lab.resume().expect("it runs");
    arrival(&runs);
    arrival(&others);
}

fn pause_and_resume(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    for round in 1..=3 {
        lab.pause().expect("it runs");
        assert_eq!(lab.state(), SchedulerState::Paused);
        let (job, runs) = lab.job("a");
        lab.add(job);
        lab.advance(1);
        assert_eq!(lab.events().outcomes_of("a").len(), round - 1);
        lab.resume().expect("it runs");
        assert_eq!(lab.state(), SchedulerState::Running);
        arrival(&runs);
        lab.events().wait_for("a", round);
        eventually("the job is gone", || lab.get_jobs().is_ok_and(|jobs| jobs.is_empty()));
    }
}

fn it_can_be_started_again(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    let both = [Shutdown::Wait, Shutdown::Now];
    for (round, shutdown) in both.into_iter().chain(both).enumerate() {
        assert_eq!(lab.state(), SchedulerState::Stopped);
        for executor in ["default", "loop"] {
            // Jobs that a shutdown did not wait for may still insert_foreign_data their slots.
            let (job, runs) = lab.job(&format!("{executor} {round}"));
            lab.add(job.executor(executor));
            if !lab.running() {
                lab.start().expect("it starts");
            }
            arrival(&runs);
        }
        lab.shutdown(shutdown).expect("it runs");
    }
}

fn a_start_may_follow_a_shutdown_at_once(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    for _ in 0..50 {
        lab.start().expect("it starts");
        lab.shutdown(Shutdown::Now).expect("it runs");
    }
    let (job, runs) = lab.job("a");
    lab.start().expect("it starts");
    lab.add(job);
    arrival(&runs);
}

fn a_second_start_is_refused(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let error = lab.start().expect_err("it runs already");
    assert_eq!(error.kind(), ErrorKind::AlreadyRunning);
    let (job, runs) = lab.job("a");
    lab.add(job);
    arrival(&runs);
}

fn a_failed_start_can_be_repeated(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    let (job, runs) = lab.job("a");
    lab.add(job.jobstore("nowhere"));
    let error = lab.start().expect_err("the store of the job is not there");
    assert_eq!(error.kind(), ErrorKind::UnknownAlias);
    assert_eq!(lab.state(), SchedulerState::Stopped);
    lab.add_jobstore("nowhere", "memory").expect("a new alias");
    lab.start().expect("it starts");
    arrival(&runs);
}

fn ten_run_in_one_program(harness: &SchedulerHarness) {
    let labs: Vec<Lab> = (0..10).map(|_| Lab::started(harness)).collect();
    let runs: Vec<_> = labs
        .iter()
        .map(|lab| {
            let (job, runs) = lab.job("a");
            lab.add(job.trigger(lab.every_second(1)));
            runs
        })
        .collect();
    for (lab, runs) in labs.iter().zip(&runs).rev() {
        assert!(lab.events().outcomes_of("a").is_empty(), "each has a clock of its own");
        lab.advance(1);
        arrival(runs);
    }
    for lab in labs.iter().step_by(2) {
        lab.shutdown(Shutdown::Wait).expect("it runs");
    }
    for lab in labs.iter().skip(1).step_by(2) {
        let (job, runs) = lab.job("b");
        lab.add(job);
        arrival(&runs);
    }
}

fn dropping_it_stops_it(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let (events, handle) = (lab.events().clone(), lab.handle());
    drop(lab);
    events.wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
    assert_eq!(handle.state(), SchedulerState::Stopped);
    assert_eq!(
        handle.shutdown(Shutdown::Wait).map_err(|error| error.kind()),
        Err(ErrorKind::NotRunning)
    );
}

fn dropping_it_before_the_start_is_fine(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    let handle = lab.handle();
    drop(lab);
    handle.add_job(JobBuilder::new(|| ())).expect("it waits for a start that never comes");
}
