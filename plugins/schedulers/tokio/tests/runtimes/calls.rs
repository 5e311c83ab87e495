//! Async calls block no task, whatever their store does.

use apscheduler_core::ErrorKind;
use apscheduler_core::OnRemove;
use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::{JobBuilder, JobChanges};
use apscheduler_engine::SchedulerState;
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_testkit::TestStore;
use apscheduler_testkit::schedulers::Events;
use chrono::TimeDelta;

use crate::{scheduler, with_registry};

fn paused(id: &str) -> JobBuilder {
    JobBuilder::new(|| ()).id(id).next_run_time(None)
}

#[tokio::test]
async fn async_calls_match_plain_calls() {
    let scheduler = scheduler();
    scheduler.add_job(paused("a")).await.unwrap();
    scheduler.start().await.unwrap();
    let jobs = scheduler.add_jobs(vec![paused("b"), paused("c")]).await.unwrap();
    assert_eq!(jobs.len(), 2);
    let now = scheduler.clock().now();
    let later = JobChanges::new().name("changed").next_run_time(now + TimeDelta::hours(1));
    let job = scheduler.modify_job("a", later).await.unwrap();
    assert_eq!(job.name(), "changed");
    let job = scheduler.pause_job("a").await.unwrap();
    assert_eq!(job.next_run_time().instant(), None);
    scheduler.remove_job(("default", "b")).await.unwrap();
    assert_eq!(scheduler.get_jobs().await.unwrap().len(), 2);
    assert!(scheduler.get_job("b").await.unwrap().is_none());
    let error = scheduler.remove_job("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobLookup);
    let text = String::from_utf8(scheduler.print_jobs().await.unwrap()).unwrap();
    assert!(text.contains("changed"), "{text}");
    scheduler.remove_all_jobs().await.unwrap();
    scheduler.add_jobstore("other", "memory").await.unwrap();
    scheduler.add_executor("other", "debug").await.unwrap();
    scheduler.remove_executor("other", OnRemove::ShutDown).await.unwrap();
    scheduler.remove_jobstore("other", OnRemove::ShutDown).await.unwrap();
    scheduler.shutdown(Shutdown::Wait).await.unwrap();
    let error = scheduler.shutdown(Shutdown::Wait).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRunning);
}

/// The runtime has one thread: a call that blocked it would never end.
#[tokio::test]
async fn a_store_that_hangs_delays_only_its_own_calls() {
    let scheduler = scheduler();
    let store = TestStore::blocking_with_objects();
    scheduler.add_jobstore("remote", store.clone()).await.unwrap();
    scheduler.start().await.unwrap();
    store.hang(true);
    let slow = scheduler.call(|scheduler| scheduler.add_job(paused("slow").jobstore("remote")));
    scheduler.add_job(paused("fast")).await.unwrap();
    assert_eq!(scheduler.get_jobs_in("default").await.unwrap().len(), 1);
    store.hang(false);
    slow.await.unwrap();
    assert_eq!(scheduler.get_jobs_in("remote").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_start_with_a_store_that_hangs_blocks_no_task() {
    let scheduler = scheduler();
    let store = TestStore::blocking_with_objects();
    scheduler.add_jobstore("default", store.clone()).await.unwrap();
    scheduler.add_job(paused("a")).await.unwrap();
    store.hang(true);
    let start = tokio::spawn(scheduler.start());
    tokio::task::yield_now().await;
    store.wait_until_hanging();
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
    store.hang(false);
    start.await.unwrap().unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Running);
}

#[tokio::test]
async fn a_call_continues_without_its_future() {
    let scheduler = scheduler();
    scheduler.start().await.unwrap();
    let events = Events::of(scheduler.blocking());
    drop(scheduler.call(|scheduler| scheduler.add_job(paused("a"))));
    tokio::task::spawn_blocking(move || events.wait_for_any(EventMask::JOB_ADDED)).await.unwrap();
}

#[tokio::test]
async fn a_scheduler_that_is_dropped_while_it_starts_does_not_run() {
    let scheduler = scheduler();
    let store = TestStore::blocking_with_objects();
    scheduler.add_executor("default", DebugExecutor::new()).await.unwrap();
    scheduler.add_jobstore("default", store.clone()).await.unwrap();
    scheduler.add_job(paused("a")).await.unwrap();
    let handle = scheduler.handle();
    store.hang(true);
    let start = tokio::spawn(scheduler.start());
    tokio::task::yield_now().await;
    store.wait_until_hanging();
    drop(scheduler);
    store.hang(false);
    let error = start.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRunning, "{error}");
    assert_eq!(handle.state(), SchedulerState::Stopped);
}

/// A shutdown that waits does not wait for the job that calls it.
#[tokio::test]
async fn an_async_job_may_await_the_shutdown() {
    let with_executor = apscheduler_testkit::registry();
    with_executor.register(apscheduler_executor_tokio::PLUGIN.clone()).unwrap();
    for registry in [with_executor, apscheduler_testkit::registry()] {
        for shutdown in [Shutdown::Wait, Shutdown::Now] {
            let scheduler = with_registry(registry.clone());
            scheduler.start().await.unwrap();
            let handle = scheduler.handle();
            let job = move || {
                let handle = handle.clone();
                async move {
                    tokio::task::yield_now().await;
                    handle.shutdown(shutdown).await.map_err(|error| error.to_string())?;
                    let again = handle.shutdown(shutdown).await.unwrap_err();
                    assert_eq!(again.kind(), ErrorKind::NotRunning);
                    Ok::<(), String>(())
                }
            };
            let mask = EventMask::JOB_EXECUTED | EventMask::JOB_ERROR;
            let mut events = scheduler.events(mask | EventMask::SCHEDULER_SHUTDOWN);
            scheduler.add_job(JobBuilder::new(job)).await.unwrap();
            let mut codes = [events.next().await.unwrap(), events.next().await.unwrap()]
                .map(|event| event.code());
            // A shutdown that does not wait may end before the job does.
            if shutdown == Shutdown::Now {
                codes.sort_by_key(|code| std::cmp::Reverse(code.bits()));
            }
            assert_eq!(codes, [EventMask::JOB_EXECUTED, EventMask::SCHEDULER_SHUTDOWN]);
        }
    }
}
