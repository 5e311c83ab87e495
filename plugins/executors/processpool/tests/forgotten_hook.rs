//! A program without the worker hook, like every test with the usual harness.

#![cfg(unix)]

use apscheduler_core::job::JobBuilder;
use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_executor_processpool::ProcessPoolExecutor;

#[test]
fn the_executor_refuses_to_start_and_shows_the_line_to_add() {
    let scheduler: BackgroundScheduler<apscheduler_testkit::TestPlugins> =
        BackgroundScheduler::new();
    scheduler.add_executor("default", ProcessPoolExecutor::new(1)).unwrap();
    scheduler.registry().register_function("tests::ok", || ()).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    let error = scheduler.start().unwrap_err().to_string();
    assert!(error.starts_with("executor `default` can't start: "), "{error}");
    assert!(error.contains("has no worker hook"), "{error}");
    assert!(error.contains("\n    apscheduler::init_worker();\n"), "{error}");
    assert!(error.contains("harness = false"), "{error}");
    assert!(!scheduler.running());
}
