//! Jobs that run in the turns of the loop.

use std::sync::mpsc::channel;

use apscheduler_core::OnRemove;
use apscheduler_core::event::EventMask;
use apscheduler_core::executor::ExecutorLoad;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_loop::LoopExecutor;

use crate::schedulers::case::cases;
use crate::schedulers::lab::arrival;
use crate::schedulers::{Lab, SchedulerHarness, eventually};

cases! {
    "on_the_loop":
    jobs_run_one_after_the_other,
    jobs_run_on_the_thread_of_the_loop,
    the_load_is_reported,
    an_executor_can_be_added_and_removed_while_it_runs,
}

fn jobs_run_one_after_the_other(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let running = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for number in 0..50 {
        let running = std::sync::Arc::clone(&running);
        let job = move || {
            use std::sync::atomic::Ordering::SeqCst;
            let before = running.fetch_add(1, SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, SeqCst);
            assert_eq!(before, 0, "two at once");
        };
        lab.add(JobBuilder::new(job).id(format!("{number}")).executor("loop"));
    }
    lab.events().wait_for_all(50);
    let received = lab.events().received();
    assert!(received.events.iter().all(|event| event.code() != EventMask::JOB_ERROR));
}

fn jobs_run_on_the_thread_of_the_loop(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let me = std::thread::current().id();
    for number in 0..10 {
        let (job, runs) = lab.job(&format!("{number}"));
        lab.add(job.executor("loop"));
        let thread = arrival(&runs);
        assert_ne!(thread, me, "it ran in the thread that added it");
        if let Some(expected) = lab.loop_thread() {
            assert_eq!(thread, expected);
        }
    }
}

fn the_load_is_reported(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    let executor = lab.executor("loop").expect("it is there");
    let (arrived, arrivals) = channel();
    let (open, gate) = channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let job = move || {
        arrived.send(()).expect("the case waits");
        drop(gate.lock().map(|gate| gate.recv()));
    };
    lab.add(JobBuilder::new(job).id("first").executor("loop"));
    arrival(&arrivals);
    assert_eq!(executor.load(), ExecutorLoad::new().queued(0).running(1));
    drop(open);
    eventually("nothing is left", || executor.load() == ExecutorLoad::default());
    assert!(executor.room() > 0);
}

fn an_executor_can_be_added_and_removed_while_it_runs(harness: &SchedulerHarness) {
    let lab = Lab::started(harness);
    for _ in 0..3 {
        lab.add_executor("late", LoopExecutor::new()).expect("a new alias");
        let (job, runs) = lab.job("a");
        lab.add(job.executor("late"));
        arrival(&runs);
        lab.remove_executor("late", OnRemove::ShutDown).expect("it is there");
        eventually("the job is gone", || lab.get_jobs().is_ok_and(|jobs| jobs.is_empty()));
    }
}
