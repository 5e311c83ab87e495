//! Timeouts and cancellation.

use std::time::{Duration, Instant};

use apscheduler_core::Shutdown;
use apscheduler_core::function::JobContext;
use apscheduler_core::job::JobBuilder;
use apscheduler_executor_tokio::{TokioExecutor, TokioOptions};
use apscheduler_testkit::executors::Lab;
use tokio::runtime::Builder;

use crate::{error_of, lab, value_of};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);

fn with_grace(grace: Duration) -> Lab {
    lab(move || {
        TokioExecutor::with_options(&TokioOptions::default().cancel_grace_time(grace)).unwrap()
    })
}

#[test]
fn a_plain_function_sees_its_timeout_in_the_token() {
    let lab = with_grace(SHORT);
    let until_cancelled = |context: &JobContext| {
        let since = Instant::now();
        while !context.cancellation().is_cancelled() {
            assert!(since.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(1));
        }
        "cancelled"
    };
    lab.add(JobBuilder::new(until_cancelled).id("a").timeout(SHORT));
    assert_eq!(value_of(&lab, "a"), "cancelled");
}

#[test]
fn an_async_function_has_time_to_end_after_its_timeout() {
    let lab = with_grace(LONG);
    let until_cancelled = |context: JobContext| async move {
        context.cancellation().cancelled().await;
        tokio::time::sleep(SHORT).await;
        "tidied up"
    };
    lab.add(JobBuilder::new(until_cancelled).id("a").timeout(SHORT));
    assert_eq!(value_of(&lab, "a"), "tidied up");
}

#[test]
fn a_job_that_continues_is_dropped_with_the_reason() {
    let lab = with_grace(SHORT);
    lab.add(JobBuilder::new(std::future::pending::<()>).id("timeout").timeout(SHORT));
    assert_eq!(
        error_of(&lab, "timeout"),
        "it took longer than its timeout of 0.05 s: it was cancelled and did not end within 50ms"
    );
    lab.wait_until_idle();
    lab.add(JobBuilder::new(std::future::pending::<()>).id("shutdown"));
    lab.wait_until_submitted("shutdown");
    while lab.executor().load().running == 0 {
        std::thread::yield_now();
    }
    lab.scheduler().shutdown(Shutdown::Now).unwrap();
    assert_eq!(error_of(&lab, "shutdown"), "it was cancelled and did not end within 50ms");
}

#[test]
fn a_job_that_panics_when_it_is_dropped_is_one_error() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let lab = with_grace(Duration::ZERO);
    let job = || async {
        let _held = PanicsOnDrop;
        std::future::pending::<()>().await;
    };
    for id in ["a", "b"] {
        lab.add(JobBuilder::new(job).id(id).timeout(SHORT));
        assert_eq!(error_of(&lab, id), "dropped");
        lab.wait_until_idle();
    }
}

#[test]
fn a_timeout_on_a_runtime_without_timers_is_an_error() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let handle = runtime.handle().clone();
    let lab = lab(move || TokioExecutor::with_handle(handle.clone()));
    lab.add(JobBuilder::new(|| async {}).id("task").timeout(LONG));
    lab.add(JobBuilder::new(|| ()).id("thread").timeout(LONG));
    for id in ["task", "thread"] {
        let error = error_of(&lab, id);
        assert!(error.contains("enable_time"), "{error}");
    }
    lab.add(JobBuilder::new(|| async { 1 }).id("without"));
    assert_eq!(value_of(&lab, "without"), 1);
}
