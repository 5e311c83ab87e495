//! Async functions, on executors without a runtime.

use std::future::{pending, poll_fn};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use apscheduler::Shutdown;
use apscheduler::event::{Event, EventMask};
use apscheduler::function::JobContext;
use apscheduler::job;
use apscheduler::job::JobBuilder;
use apscheduler::{BackgroundScheduler, builtin};
use serde_json::json;

use crate::{call, refusal, run};

/// Makes the executor poll once more.
async fn turn() {
    let mut polled = false;
    poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[job]
async fn add(left: i64, right: i64) -> i64 {
    turn().await;
    left + right
}

#[job]
async fn borrows(context: &JobContext, text: &str, list: &[u8]) -> Result<String, std::fmt::Error> {
    turn().await;
    Ok(format!("{} {text} {list:?}", context.job_id()))
}

#[job]
async fn fails() -> Result<(), std::fmt::Error> {
    turn().await;
    Err(std::fmt::Error)
}

#[job]
async fn panics(#[job(default)] late: bool) {
    if late {
        turn().await;
    }
    panic!("late: {late}");
}

#[job]
async fn never_polled_twice() {
    pending::<()>().await;
}

async fn unregistered(left: i64, right: i64) -> i64 {
    add(left, right).await
}

#[test]
fn async_functions_run_to_completion() {
    assert_eq!(call("asynchronous::add", json!([1]), json!({"right": 2})), Ok(json!(3)));
    let job = JobBuilder::registered(borrows).id("a").args([json!("t"), json!([1])]);
    assert_eq!(run(job), Ok(json!("a t [1]")));
    let fmt_error = std::fmt::Error.to_string();
    assert_eq!(call("asynchronous::fails", json!([]), json!({})), Err(fmt_error));
    for late in [false, true] {
        let expected = format!("panicked: late: {late}");
        assert_eq!(call("asynchronous::panics", json!([late]), json!({})), Err(expected));
    }
    assert_eq!(
        refusal("asynchronous::add", json!([]), json!({})),
        "function `behaviour::asynchronous::add`: the following arguments have not been supplied: left, right"
    );
}

#[test]
fn async_functions_are_recognized() {
    let registry = builtin::new_registry();
    assert!(registry.function("behaviour::asynchronous::never_polled_twice").unwrap().is_async());
    assert!(!registry.function("behaviour::outcomes::nothing").unwrap().is_async());
}

#[test]
fn async_functions_can_be_passed_directly() {
    assert_eq!(run(JobBuilder::new(add).args([json!(1), json!(2)])), Ok(json!(3)));
    assert_eq!(run(JobBuilder::new(unregistered).args([json!(1), json!(2)])), Ok(json!(3)));
    let closure =
        |context: JobContext, more: String| async move { context.job_id().len() + more.len() };
    assert_eq!(run(JobBuilder::new(closure).id("four").arg("x")), Ok(json!(5)));
    assert_eq!(run(JobBuilder::new(async || turn().await)), Ok(json!(null)));
}

#[test]
fn on_the_thread_pool() {
    let scheduler = BackgroundScheduler::new();
    let (sender, receiver) = mpsc::channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |event| {
        if let Event::JobExecuted { retval, .. } = event {
            drop(sender.send((**retval).clone()));
        }
    });
    let job = |function: &str| JobBuilder::new(function).args([json!(20), json!(22)]);
    scheduler.add_job(job("behaviour::asynchronous::add")).unwrap();
    scheduler.add_job(job("behaviour::arguments::add")).unwrap();
    scheduler.start().unwrap();
    for _ in 0..2 {
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(json!(42)));
    }
    scheduler.shutdown(Shutdown::Wait).unwrap();
}
