//! A loop that ends before its scheduler causes an error, and no hang.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::SchedulerState;

use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness, eventually};

cases! {
    "loss":
    the_scheduler_reports_the_loss [Loss],
    calls_return [Loss],
    runs_that_wait_for_the_loop_are_errors [Loss],
    the_end_of_a_loop_after_the_shutdown_is_not_reported [Loss],
}

fn the_scheduler_reports_the_loss(harness: &SchedulerHarness) {
    let mut lab = Lab::started(harness);
    let (job, runs) = lab.job("a");
    lab.add(job.trigger(lab.every_second(10)));
    lab.advance(1);
    arrival(&runs);
    lab.subject().end_loop();
    lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
    assert_eq!(lab.state(), SchedulerState::Stopped);
    let error = lab.shutdown(Shutdown::Wait).expect_err("it does not run");
    assert_eq!(error.kind(), ErrorKind::NotRunning);
    assert_eq!(error.to_string(), "the scheduler is not running: its event loop has ended");
}

fn calls_return(harness: &SchedulerHarness) {
    let mut lab = Lab::started(harness);
    lab.subject().end_loop();
    eventually("it is known", || lab.state() == SchedulerState::Stopped);
    let (job, runs) = lab.job("a");
    lab.add(job);
    lab.advance(1);
    assert_eq!(lab.get_jobs().expect("those that wait").len(), 1);
    lab.pause().expect_err("it does not run");
    lab.remove_job("a").expect("it is there");
    assert!(runs.try_recv().is_err());
}

fn runs_that_wait_for_the_loop_are_errors(harness: &SchedulerHarness) {
    let mut lab = Lab::new(harness);
    let (arrived, arrivals) = channel();
    let (open, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let job = JobBuilder::new(move || {
        arrived.send(()).expect("the case waits");
        drop(gate.lock().map(|gate| gate.recv()));
    });
    lab.add(job.id("holder").executor("loop").next_run_time(lab.now()));
    for number in 0..10 {
        let (job, _) = lab.job(&format!("queued {number}"));
        lab.add(job.executor("loop").next_run_time(lab.now()));
    }
    lab.advance(1);
    lab.start().expect("it starts");
    arrival(&arrivals);
    // The loop is blocked, so it can't end before the gate is open.
    let (events, handle) = (lab.events().clone(), lab.handle());
    std::thread::scope(|scope| {
        scope.spawn(move || drop(open));
        lab.subject().end_loop();
    });
    // Some may have run before the end. Each has an outcome.
    events.wait_for_all(11);
    eventually("no instance is left", || handle.instances() == 0);
}

fn the_end_of_a_loop_after_the_shutdown_is_not_reported(harness: &SchedulerHarness) {
    let mut lab = Lab::started(harness);
    lab.shutdown(Shutdown::Wait).expect("it runs");
    lab.subject().end_loop();
    let error = lab.shutdown(Shutdown::Wait).expect_err("it does not run");
    assert_eq!(error.to_string(), "the scheduler is not running");
}
