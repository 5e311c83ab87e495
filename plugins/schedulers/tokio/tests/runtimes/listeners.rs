//! Async listeners receive events in order, one at a time, and may panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;

use crate::scheduler;

const JOBS: usize = 50;

#[tokio::test]
async fn events_come_in_order_and_one_at_a_time() {
    let scheduler = scheduler();
    let (sender, mut received) = unbounded_channel();
    let busy = Arc::new(AtomicBool::new(false));
    scheduler
        .add_async_listener(EventMask::JOB_ADDED, move |event| {
            let (sender, busy) = (sender.clone(), Arc::clone(&busy));
            async move {
                let alone = !busy.swap(true, Ordering::SeqCst);
                tokio::task::yield_now().await;
                busy.store(false, Ordering::SeqCst);
                sender.send((event.job().unwrap().id().to_string(), alone)).unwrap();
            }
        })
        .unwrap();
    scheduler.start().await.unwrap();
    for number in 0..JOBS {
        let job = JobBuilder::new(|| ()).id(number.to_string()).next_run_time(None);
        scheduler.add_job(job).await.unwrap();
    }
    for number in 0..JOBS {
        assert_eq!(received.recv().await.unwrap(), (number.to_string(), true));
    }
}

#[tokio::test]
async fn a_listener_that_panics_receives_later_events() {
    let scheduler = scheduler();
    let (sender, mut received) = unbounded_channel();
    let listener = scheduler
        .add_async_listener(EventMask::SCHEDULER_PAUSED | EventMask::SCHEDULER_RESUMED, {
            move |event| {
                sender.send(event.code()).unwrap();
                async { std::panic::resume_unwind(Box::new("an async listener")) }
            }
        })
        .unwrap();
    scheduler.start().await.unwrap();
    scheduler.pause().unwrap();
    scheduler.resume().unwrap();
    assert_eq!(received.recv().await, Some(EventMask::SCHEDULER_PAUSED));
    assert_eq!(received.recv().await, Some(EventMask::SCHEDULER_RESUMED));
    // Its task ends, and its values are dropped.
    assert!(scheduler.remove_listener(listener));
    assert_eq!(received.recv().await, None);
}

/// The listener runs on the only thread of the runtime, which the job needs.
#[test]
fn a_plain_listener_may_shut_the_scheduler_down_while_an_async_job_runs() {
    let (sender, ended) = std::sync::mpsc::channel();
    let body = async {
        let scheduler = scheduler();
        let handle = scheduler.blocking().clone();
        scheduler
            .add_listener(EventMask::JOB_REMOVED, move |_| drop(handle.shutdown(Shutdown::Wait)));
        scheduler.start().await.unwrap();
        let (sender, mut ran) = unbounded_channel();
        let job = move || {
            let sender = sender.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                sender.send(()).is_ok()
            }
        };
        scheduler.add_job(JobBuilder::new(job)).await.unwrap();
        ran.recv().await.unwrap();
    };
    std::thread::spawn(move || {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(body);
        sender.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(60)).unwrap();
}
