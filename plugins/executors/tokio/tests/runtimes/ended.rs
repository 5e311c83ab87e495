//! A runtime that ends before the scheduler.

use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
use tokio::runtime::Runtime;

use crate::{current_thread, error_of, lab, multi_thread};

fn all_runs_are_errors(runtime: Runtime) {
    let handle = runtime.handle().clone();
    let lab = lab(move || {
        TokioExecutor::with_options(&TokioOptions::default().max_workers(1))
            .unwrap()
            .on(handle.clone())
    });
    let (sender, receiver) = std::sync::mpsc::channel();
    let job = move || {
        sender.send(()).unwrap();
        std::future::pending::<()>()
    };
    lab.add(JobBuilder::new(job).id("running"));
    lab.add(JobBuilder::new(|| async {}).id("queued task"));
    lab.add(JobBuilder::new(|| ()).id("queued thread"));
    for id in ["running", "queued task", "queued thread"] {
        lab.wait_until_submitted(id);
    }
    runtime.block_on(async {
        while receiver.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    drop(runtime);
    for id in ["running", "queued task", "queued thread"] {
        assert_eq!(error_of(&lab, id), "the executor dropped this run before it ended");
    }
    lab.add(JobBuilder::new(|| async {}).id("late task"));
    lab.add(JobBuilder::new(|| ()).id("late thread"));
    for id in ["late task", "late thread"] {
        assert_eq!(error_of(&lab, id), "the executor dropped this run before it ended");
    }
    lab.wait_until_idle();
    lab.scheduler().shutdown(Shutdown::Wait).unwrap();
}

#[test]
fn all_runs_on_a_multi_thread_runtime_are_errors() {
    all_runs_are_errors(multi_thread(2));
}

#[test]
fn all_runs_on_a_current_thread_runtime_are_errors() {
    all_runs_are_errors(current_thread());
}

#[test]
fn a_listener_may_shut_the_scheduler_down_when_the_runtime_ends() {
    for runtime in [multi_thread(1), current_thread()] {
        let handle = runtime.handle().clone();
        let lab = lab(move || TokioExecutor::with_handle(handle.clone()));
        let scheduler = lab.scheduler().handle();
        lab.scheduler().add_listener(apscheduler_core::event::EventMask::JOB_ERROR, move |_| {
            // The second call comes too late, and fails.
            let _ = scheduler.shutdown(Shutdown::Wait);
        });
        for id in ["a", "b"] {
            lab.add(JobBuilder::new(std::future::pending::<()>).id(id));
        }
        runtime.block_on(async {
            while lab.executor().load().running < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        drop(runtime);
        for id in ["a", "b"] {
            error_of(&lab, id);
        }
        assert!(!lab.scheduler().running());
    }
}

#[test]
fn a_restart_may_use_another_runtime() {
    let lab = lab(TokioExecutor::new);
    for _ in 0..2 {
        lab.scheduler().shutdown(Shutdown::Wait).unwrap();
        let runtime = multi_thread(1);
        let guard = runtime.enter();
        lab.scheduler().start().unwrap();
        drop(guard);
        lab.add(JobBuilder::new(std::future::pending::<()>).id("a"));
        lab.wait_until_submitted("a");
        drop(runtime);
        error_of(&lab, "a");
        lab.events().received().events.clear();
    }
}
