//! Many runs at once, and runs that block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apscheduler_core::executor::ExecutorLoad;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
use apscheduler_testkit::executors::eventually;

use crate::{lab, multi_thread, value_of};

#[test]
fn without_a_limit_more_runs_are_in_progress_than_fit_into_the_queue() {
    const COUNT: usize = 25_000;
    let lab = lab(TokioExecutor::new);
    assert!(lab.executor().room() < COUNT, "the queue has a limit");
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let job = move || {
        let gate = Arc::clone(&gate);
        async move {
            while !gate.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    };
    lab.add_all((0..COUNT).map(|number| JobBuilder::new(job.clone()).id(format!("{number}"))));
    let all = ExecutorLoad::new().queued(0).running(COUNT);
    eventually("all of them run", || lab.executor().load() == all);
    open.store(true, Ordering::SeqCst);
    lab.events().wait_for_all(COUNT);
    lab.wait_until_idle();
}

#[test]
fn a_limit_applies_to_both_flavors_together() {
    let lab = lab(|| TokioExecutor::with_options(&TokioOptions::default().max_workers(2)).unwrap());
    let gate = lab.hold("task");
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let receiver = std::sync::Mutex::new(receiver);
    lab.add(JobBuilder::new(move || receiver.lock().unwrap().recv().is_ok()).id("thread"));
    lab.add(JobBuilder::new(|| async {}).id("queued task"));
    lab.add(JobBuilder::new(|| ()).id("queued thread"));
    let full = ExecutorLoad::new().queued(2).running(2);
    eventually("one of each flavor runs and one of each waits", || lab.executor().load() == full);
    gate.open();
    value_of(&lab, "queued task");
    value_of(&lab, "queued thread");
    drop(sender);
    lab.events().wait_for_all(4);
    lab.wait_until_idle();
}

#[test]
fn a_run_that_blocks_in_place_delays_no_other() {
    let runtime = multi_thread(1);
    let handle = runtime.handle().clone();
    let lab = lab(move || TokioExecutor::with_handle(handle.clone()));
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let receiver = Arc::new(std::sync::Mutex::new(receiver));
    let blocking = move || {
        let receiver = Arc::clone(&receiver);
        async move { tokio::task::block_in_place(|| receiver.lock().unwrap().recv().is_ok()) }
    };
    let others = (0..5).map(|number| JobBuilder::new(|| async {}).id(format!("{number}")));
    let all = std::iter::once(JobBuilder::new(blocking.clone()).id("blocking")).chain(others);
    // Due at once, so that one task would run them one after the other.
    lab.add_all(all.chain([JobBuilder::new(blocking).id("another")]));
    lab.events().wait_for_all(5);
    drop(sender);
    lab.events().wait_for_all(7);
    lab.wait_until_idle();
}
