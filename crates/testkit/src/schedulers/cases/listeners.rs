//! Listeners receive every event, in order, on the thread that the harness declares.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_engine::Scheduler;

use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness};

cases! {
    "listeners":
    a_run_is_submitted_before_it_ends,
    no_event_is_lost_in_a_shutdown,
    a_panic_in_a_listener_does_not_affect_others,
    a_listener_may_call_any_method,
    listeners_are_called_on_the_thread_of_the_loop [Listeners],
    an_event_stream_has_all_events,
}

const JOBS: usize = 200;

/// Adds jobs on several threads, for both executors.
fn add_many(scheduler: &Scheduler) {
    std::thread::scope(|scope| {
        for executor in ["default", "loop"] {
            scope.spawn(move || {
                for number in 0..JOBS {
                    let job = JobBuilder::new(|| ()).id(format!("{executor} {number}"));
                    scheduler.add_job(job.executor(executor)).expect("a valid job");
                }
            });
        }
    });
}

fn ids() -> impl Iterator<Item = String> {
    ["default", "loop"]
        .into_iter()
        .flat_map(|executor| (0..JOBS).map(move |number| format!("{executor} {number}")))
}

fn a_run_is_submitted_before_it_ends(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    add_many(&lab);
    lab.events().wait_for_all(2 * JOBS);
    let run = EventMask::JOB_SUBMITTED | EventMask::JOB_EXECUTED;
    for id in ids() {
        let codes: Vec<_> = lab.events().received().of(&id, run).iter().map(Event::code).collect();
        assert_eq!(codes, [EventMask::JOB_SUBMITTED, EventMask::JOB_EXECUTED], "{id}");
    }
}

fn no_event_is_lost_in_a_shutdown(harness: &SchedulerHarness) {
    for shutdown in [Shutdown::Wait, Shutdown::Now] {
        let lab = Lab::started(harness);
        add_many(&lab);
        lab.shutdown(shutdown).expect("it runs");
        lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
        let submitted: Vec<String> =
            ids().filter(|id| lab.events().count(id, EventMask::JOB_SUBMITTED) == 1).collect();
        lab.events().wait_for_all(submitted.len());
        for id in &submitted {
            lab.events().wait_for(id, 1);
        }
    }
}

fn a_panic_in_a_listener_does_not_affect_others(harness: &SchedulerHarness) {
    let lab = Lab::new(harness);
    lab.add_listener(EventMask::ALL, |_| std::panic::resume_unwind(Box::new("a listener")));
    lab.start().expect("it starts");
    for executor in ["default", "loop"] {
        let (job, runs) = lab.job(executor);
        lab.add(job.executor(executor));
        arrival(&runs);
        lab.events().wait_for(executor, 1);
    }
    lab.shutdown(Shutdown::Wait).expect("it runs");
    lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
}

fn a_listener_may_call_any_method(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let (sender, receiver) = channel();
    let handle = lab.handle();
    lab.add_listener(EventMask::JOB_EXECUTED, move |event| {
        let first = event.job().is_some_and(|job| job.id() == "first");
        if first {
            handle.pause().expect("it runs");
            handle.resume().expect("it runs");
            handle.add_job(JobBuilder::new(|| ()).id("second")).expect("a valid job");
            handle.get_jobs().expect("a list");
        } else {
            sender.send(()).expect("the case waits");
        }
    });
    for executor in ["default", "loop"] {
        let (job, runs) = lab.job("first");
        lab.add(job.executor(executor));
        arrival(&runs);
        arrival(&receiver);
    }
}

fn listeners_are_called_on_the_thread_of_the_loop(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let expected = lab.loop_thread().expect("the harness knows the thread of its loop");
    let threads = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&threads);
    lab.add_listener(EventMask::ALL, move |event| {
        received.lock().expect("no panic").push((std::thread::current().id(), event.name()));
    });
    add_many(&lab);
    lab.events().wait_for_all(2 * JOBS);
    lab.pause().expect("it runs");
    lab.resume().expect("it runs");
    lab.events().wait_for_any(EventMask::SCHEDULER_RESUMED);
    // The listener of the case was added after the one of `events`.
    let (job, runs) = lab.job("last");
    lab.add(job);
    arrival(&runs);
    let threads = threads.lock().expect("no panic");
    assert!(threads.len() > 6 * JOBS);
    let elsewhere = threads.iter().find(|(thread, _)| *thread != expected);
    assert_eq!(elsewhere, None, "it was received outside the loop");
}

fn an_event_stream_has_all_events(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let scheduler = lab.handle();
    let mut stream = scheduler.events(EventMask::ALL);
    add_many(&lab);
    lab.events().wait_for_all(2 * JOBS);
    lab.shutdown(Shutdown::Wait).expect("it runs");
    lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
    let mut codes = Vec::new();
    while codes.last() != Some(&EventMask::SCHEDULER_SHUTDOWN) {
        let event = pollster::block_on(stream.next()).expect("the scheduler lives");
        codes.push(event.code());
    }
    // Several threads emit events, so two listeners may receive them in different orders. Each
    // receives all.
    assert_eq!(codes.iter().filter(|code| **code == EventMask::JOB_EXECUTED).count(), 2 * JOBS);
}
