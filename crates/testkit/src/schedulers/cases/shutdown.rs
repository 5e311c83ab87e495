//! A shutdown from any thread returns, and releases everything.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::executor::ExecutorLoad;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::JobContextExt as _;
use apscheduler_engine::SchedulerState;
use apscheduler_engine::job::Job;

use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness, eventually};

cases! {
    "shutdown":
    from_a_job,
    from_a_listener,
    with_wait_the_loop_finishes,
    without_wait_waiting_runs_are_dropped,
    only_one_of_two_concurrent_shutdowns_succeeds,
    a_paused_scheduler_is_shut_down,
    nothing_runs_afterwards,
}

/// Returns a job that blocks the loop: it signals its arrival, and continues when the sender is
/// dropped.
fn holder() -> (JobBuilder, Receiver<()>, Sender<()>) {
    let (arrived, arrivals) = channel();
    let (open, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let job = JobBuilder::new(move || {
        arrived.send(()).expect("the case waits");
        drop(gate.lock().map(|gate| gate.recv()));
    });
    (job.id("holder").executor("loop"), arrivals, open)
}

fn from_a_job(harness: &SchedulerHarness) {
    for executor in ["default", "loop"] {
        for shutdown in [Shutdown::Wait, Shutdown::Now] {
            let lab = Lab::started(harness);
            let job = move |context: &JobContext| {
                let scheduler = context.scheduler().expect("it runs in this process");
                scheduler.shutdown(shutdown).map_err(|error| error.to_string())
            };
            lab.add(JobBuilder::new(job).id("a").executor(executor));
            lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
            let outcome = &lab.events().wait_for("a", 1)[0];
            assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
            assert_eq!(lab.state(), SchedulerState::Stopped);
            lab.start().expect("it can be started again");
        }
    }
}

fn from_a_listener(harness: &SchedulerHarness) {
    let masks = [
        EventMask::SCHEDULER_STARTED,
        EventMask::JOB_ADDED,
        EventMask::JOB_SUBMITTED,
        EventMask::JOB_EXECUTED,
        EventMask::JOB_REMOVED,
    ];
    for mask in masks {
        for executor in ["default", "loop"] {
            for shutdown in [Shutdown::Wait, Shutdown::Now] {
                let lab = Lab::new(harness);
                let handle = lab.handle();
                lab.add_listener(mask, move |_| drop(handle.shutdown(shutdown)));
                lab.start().expect("it starts");
                lab.add(JobBuilder::new(|| ()).id("a").executor(executor));
                lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
                assert_eq!(lab.state(), SchedulerState::Stopped, "{mask:?}");
                let submitted = lab.events().count("a", EventMask::JOB_SUBMITTED);
                lab.events().wait_for("a", submitted);
            }
        }
    }
}

fn with_wait_the_loop_finishes(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let executor = lab.executor("loop").expect("it is there");
    let (job, arrivals, open) = holder();
    lab.add(job);
    arrival(&arrivals);
    let handle = lab.handle();
    let stopper = std::thread::spawn(move || handle.shutdown(Shutdown::Wait));
    drop(open);
    stopper.join().expect("no panic").expect("it runs");
    assert_eq!(lab.events().count("holder", EventMask::JOB_EXECUTED), 1);
    assert_eq!(executor.load(), ExecutorLoad::default());
}

fn without_wait_waiting_runs_are_dropped(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    // Jobs due at the start are submitted together, so the second waits while the first runs.
    let (job, arrivals, open) = holder();
    lab.add(job.next_run_time(lab.now()));
    let (job, runs) = lab.job("queued");
    lab.add(job.executor("loop").next_run_time(lab.now()));
    lab.advance(1);
    lab.start().expect("it starts");
    arrival(&arrivals);
    lab.shutdown(Shutdown::Now).expect("it runs");
    // If the loop takes listeners, they wait for it.
    drop(open);
    let outcome = &lab.events().wait_for("queued", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_ERROR, "{outcome:?}");
    assert!(runs.try_recv().is_err());
    lab.events().wait_for("holder", 1);
    eventually("no instance is left", || lab.instances() == 0);
}

fn only_one_of_two_concurrent_shutdowns_succeeds(harness: &SchedulerHarness) {
    for _ in 0..20 {
        let lab = Lab::started(harness);
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads = [Shutdown::Wait, Shutdown::Now].map(|shutdown| {
                let handle = lab.handle();
                scope.spawn(move || handle.shutdown(shutdown))
            });
            threads.map(|thread| thread.join().expect("no panic")).into()
        });
        let refused: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].kind(), ErrorKind::NotRunning);
        eventually("it has stopped", || lab.state() == SchedulerState::Stopped);
    }
}

fn a_paused_scheduler_is_shut_down(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    lab.start_paused().expect("it starts");
    lab.shutdown(Shutdown::Wait).expect("it runs");
    assert_eq!(lab.state(), SchedulerState::Stopped);
}

fn nothing_runs_afterwards(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let (job, runs) = lab.job("a");
    lab.add(job.trigger(lab.every_second(10)));
    lab.advance(1);
    arrival(&runs);
    lab.shutdown(Shutdown::Wait).expect("it runs");
    let (later, later_runs) = lab.job("later");
    lab.add(later);
    lab.advance(5);
    assert!(lab.get_jobs().expect("those that wait").iter().all(Job::pending));
    // Gives a loop that has not ended this time to show itself.
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(runs.try_recv().is_err());
    assert!(later_runs.try_recv().is_err());
}
