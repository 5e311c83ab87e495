//! A shutdown that waits never deadlocks, wherever it is called.

use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_tokio::TokioExecutor;
use apscheduler_testkit::executors::Lab;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::{current_thread, lab, multi_thread, value_of};

const SHORT: Duration = Duration::from_millis(50);

fn lab_on(runtime: &Runtime) -> Lab {
    let handle = runtime.handle().clone();
    lab(move || TokioExecutor::with_handle(handle.clone()))
}

/// Adds an async job that takes a while without blocking its thread.
fn add_slow_job(lab: &Lab) {
    lab.add(JobBuilder::new(|| async { tokio::time::sleep(SHORT).await }).id("slow"));
    lab.wait_until_submitted("slow");
}

fn has_ended(lab: &Lab) -> bool {
    !lab.events().outcomes_of("slow").is_empty()
}

#[test]
fn a_shutdown_in_a_task_of_a_multi_thread_runtime_waits() {
    let runtime = multi_thread(1);
    let lab = lab_on(&runtime);
    add_slow_job(&lab);
    let scheduler = lab.scheduler().handle();
    let task = runtime.spawn(async move { scheduler.shutdown(Shutdown::Wait) });
    runtime.block_on(task).unwrap().unwrap();
    assert!(has_ended(&lab));
}

#[test]
fn a_shutdown_in_block_on_of_a_multi_thread_runtime_waits() {
    let runtime = multi_thread(1);
    let lab = lab_on(&runtime);
    add_slow_job(&lab);
    runtime.block_on(async { lab.scheduler().shutdown(Shutdown::Wait) }).unwrap();
    assert!(has_ended(&lab));
}

#[test]
fn a_shutdown_on_the_thread_of_a_current_thread_runtime_returns_at_once() {
    let runtime = current_thread();
    let lab = lab_on(&runtime);
    add_slow_job(&lab);
    runtime.block_on(async {
        while lab.executor().load().running == 0 {
            tokio::task::yield_now().await;
        }
        lab.scheduler().shutdown(Shutdown::Wait).unwrap();
        assert!(!has_ended(&lab), "only this thread could run it");
        while !has_ended(&lab) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    value_of(&lab, "slow");
}

#[test]
fn a_shutdown_in_the_blocking_pool_of_a_current_thread_runtime_waits() {
    let runtime = current_thread();
    let lab = lab_on(&runtime);
    add_slow_job(&lab);
    let scheduler = lab.scheduler().handle();
    runtime
        .block_on(runtime.spawn_blocking(move || scheduler.shutdown(Shutdown::Wait)))
        .unwrap()
        .unwrap();
    assert!(has_ended(&lab));
}

#[test]
fn a_shutdown_in_a_local_set_does_not_deadlock() {
    let runtime = multi_thread(1);
    let lab = lab_on(&runtime);
    add_slow_job(&lab);
    let scheduler = lab.scheduler().handle();
    let local = LocalSet::new();
    let stopped = local.run_until(async move { scheduler.shutdown(Shutdown::Wait) });
    runtime.block_on(stopped).unwrap();
    value_of(&lab, "slow");
}

#[test]
fn a_shutdown_on_another_runtime_waits() {
    let (jobs, caller) = (multi_thread(1), current_thread());
    let lab = lab_on(&jobs);
    add_slow_job(&lab);
    caller.block_on(async { lab.scheduler().shutdown(Shutdown::Wait) }).unwrap();
    assert!(has_ended(&lab));
}

#[test]
fn a_listener_may_shut_the_scheduler_down() {
    for runtime in [multi_thread(1), multi_thread(3)] {
        for plain in [true, false] {
            let lab = lab_on(&runtime);
            let scheduler = lab.scheduler().handle();
            lab.scheduler().add_listener(EventMask::JOB_EXECUTED, move |event| {
                if event.job().is_some_and(|job| *job.id() == *"a") {
                    scheduler.shutdown(Shutdown::Wait).unwrap();
                }
            });
            add_slow_job(&lab);
            let job = if plain { JobBuilder::new(|| ()) } else { JobBuilder::new(|| async {}) };
            lab.add(job.id("a"));
            lab.events().wait_for("slow", 1);
            lab.events().wait_for("a", 1);
            lab.wait_until_idle();
        }
    }
}

#[test]
fn a_listener_on_a_current_thread_runtime_may_shut_the_scheduler_down() {
    for plain in [true, false] {
        let runtime = current_thread();
        let lab = lab_on(&runtime);
        let scheduler = lab.scheduler().handle();
        lab.scheduler().add_listener(EventMask::JOB_EXECUTED, move |_| {
            let _ = scheduler.shutdown(Shutdown::Wait);
        });
        add_slow_job(&lab);
        let job = if plain { JobBuilder::new(|| ()) } else { JobBuilder::new(|| async {}) };
        lab.add(job.id("a"));
        runtime.block_on(async {
            while lab.scheduler().instances() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        value_of(&lab, "slow");
        value_of(&lab, "a");
    }
}
