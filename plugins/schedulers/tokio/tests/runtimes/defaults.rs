//! The default executor: the one of the registry, or one without a plugin.

use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::{PluginKind, Registry};
use apscheduler_scheduler_tokio::PLUGIN;

use crate::with_registry;

async fn runs_jobs_of_both_sorts(registry: Registry, executor: &str) {
    let scheduler = with_registry(registry);
    scheduler.start().await.unwrap();
    let debug = format!("{:?}", scheduler.executor("default").unwrap());
    assert!(debug.starts_with(executor), "{debug}");
    let mut events = scheduler.events(EventMask::JOB_EXECUTED | EventMask::JOB_ERROR);
    let plain = || std::thread::sleep(std::time::Duration::from_millis(1));
    let asynchronous = || tokio::time::sleep(std::time::Duration::from_millis(1));
    scheduler.add_job(JobBuilder::new(plain)).await.unwrap();
    scheduler.add_job(JobBuilder::new(asynchronous)).await.unwrap();
    for _ in 0..2 {
        let event = events.next().await.unwrap();
        assert!(matches!(event, Event::JobExecuted { .. }), "{event:?}");
    }
    scheduler.shutdown(Shutdown::Wait).await.unwrap();
}

#[tokio::test]
async fn the_registry_provides_the_default_executor() {
    let registry = apscheduler_testkit::registry();
    registry.register(apscheduler_executor_tokio::PLUGIN.clone()).unwrap();
    runs_jobs_of_both_sorts(registry, "TokioExecutor").await;
}

#[tokio::test]
async fn the_default_executor_needs_no_plugin() {
    runs_jobs_of_both_sorts(apscheduler_testkit::registry(), "TokioExecutor").await;
}

#[test]
fn the_scheduler_has_the_names_of_apscheduler() {
    let registry = apscheduler_testkit::registry();
    registry.register(PLUGIN.clone()).unwrap();
    for name in [
        "tokio",
        "asyncio",
        "tornado",
        "apscheduler.schedulers.asyncio:AsyncIOScheduler",
        "apscheduler.schedulers.tornado:TornadoScheduler",
    ] {
        assert_eq!(registry.find(PluginKind::Scheduler, name).unwrap().name(), "tokio");
    }
}
