//! The executors of smol that jobs and listeners run on.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::Registry;
use apscheduler_engine::SchedulerState;
use apscheduler_scheduler_smol::{SmolRuntime, SmolScheduler};
use apscheduler_testkit::TestPlugins;
use smol::Executor;

/// Returns a registry that has the executor, like that of the facade.
fn registry() -> Registry {
    let registry = apscheduler_testkit::registry();
    registry.register(apscheduler_executor_smol::PLUGIN.clone()).unwrap();
    registry
}

fn on(executor: &Arc<Executor<'static>>, registry: Registry) -> SmolScheduler {
    let runtime = SmolRuntime::on(executor);
    SmolScheduler::builder().runtime(runtime).registry(registry).build().unwrap()
}

fn thread_name() -> Option<String> {
    std::thread::current().name().map(str::to_owned)
}

/// Returns the names of the threads of an async job and an async listener.
async fn threads(scheduler: &SmolScheduler) -> [String; 2] {
    let (job_thread, job_ran) = smol::channel::bounded(1);
    let (listener_thread, listener_heard) = smol::channel::bounded(1);
    scheduler
        .add_async_listener(EventMask::JOB_EXECUTED, move |_event| {
            let sender = listener_thread.clone();
            async move { sender.send(thread_name()).await.unwrap() }
        })
        .unwrap();
    scheduler.start().await.unwrap();
    let job = JobBuilder::new(move || {
        let sender = job_thread.clone();
        async move { sender.send(thread_name()).await.is_ok() }
    });
    scheduler.add_job(job).await.unwrap();
    let threads = [job_ran.recv().await.unwrap(), listener_heard.recv().await.unwrap()];
    scheduler.shutdown(Shutdown::Wait).await.unwrap();
    threads.map(Option::unwrap)
}

#[test]
fn the_global_executor_is_the_default() {
    let threads =
        smol::block_on(threads(&SmolScheduler::builder().registry(registry()).build().unwrap()));
    assert!(threads.iter().all(|name| name.starts_with("smol-")), "{threads:?}");
}

/// With and without the executor in the registry.
#[test]
fn everything_runs_on_the_given_executor() {
    for registry in [registry(), apscheduler_testkit::registry()] {
        let executor = Arc::new(Executor::new());
        let scheduler = on(&executor, registry);
        let thread = std::thread::Builder::new().name("own".to_owned());
        let (sender, receiver) = smol::channel::bounded(1);
        let thread = thread.spawn(move || {
            smol::block_on(executor.run(async { sender.send(threads(&scheduler).await).await }))
        });
        assert_eq!(smol::block_on(receiver.recv()).unwrap(), ["own", "own"]);
        thread.unwrap().join().unwrap().unwrap();
    }
}

#[test]
fn jobs_of_both_flavors_run() {
    smol::block_on(async {
        let scheduler =
            SmolScheduler::<TestPlugins>::builder().registry(registry()).build().unwrap();
        let mut events = scheduler.events(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR);
        scheduler.start().await.unwrap();
        let time = std::time::Duration::from_millis(1);
        scheduler.add_job(JobBuilder::new(move || std::thread::sleep(time))).await.unwrap();
        let timer = move || async move {
            smol::Timer::after(time).await;
        };
        scheduler.add_job(JobBuilder::new(timer)).await.unwrap();
        for _ in 0..2 {
            let event = events.next().await.unwrap();
            assert!(matches!(event, Event::JobExecuted { .. }), "{event:?}");
        }
        scheduler.shutdown(Shutdown::Wait).await.unwrap();
    });
}

#[test]
fn calls_after_the_end_of_the_executor_are_errors() {
    let executor = Arc::new(Executor::new());
    let scheduler = on(&executor, registry());
    smol::block_on(executor.run(scheduler.start())).unwrap();
    assert_eq!(scheduler.state(), SchedulerState::Running);
    drop(executor);
    scheduler.blocking().wait_until_stopped();
    for error in smol::block_on(async {
        [scheduler.get_jobs().await.unwrap_err(), scheduler.start().await.unwrap_err()]
    }) {
        assert_eq!(error.kind(), ErrorKind::NotRunning);
        assert!(error.to_string().contains("may have ended"), "{error}");
    }
}
