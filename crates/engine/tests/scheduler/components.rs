//! Executors and stores are added and removed.

use apscheduler_core::ErrorKind;
use apscheduler_core::OnRemove;
use apscheduler_core::event::EventMask;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::registry::ComponentConfig;
use apscheduler_executor_debug::DebugExecutor;
use apscheduler_store_memory::MemoryJobStore;

use crate::recorder::{Recorder, scheduler};

#[test]
fn add_remove_executor() {
    let scheduler = scheduler();
    let events = Recorder::on(&scheduler, EventMask::EXECUTOR_ADDED | EventMask::EXECUTOR_REMOVED);
    scheduler.add_executor("a", DebugExecutor::new()).unwrap();
    scheduler.add_executor("b", ComponentConfig::new("debug")).unwrap();
    assert_eq!(scheduler.executor_aliases(), ["a", "b"]);
    scheduler.remove_executor("a", OnRemove::ShutDown).unwrap();
    assert_eq!(scheduler.executor_aliases(), ["b"]);
    assert_eq!(events.names(), ["EXECUTOR_ADDED", "EXECUTOR_ADDED", "EXECUTOR_REMOVED"]);
}

#[test]
fn add_executor_already_exists() {
    let scheduler = scheduler();
    scheduler.add_executor("a", "debug").unwrap();
    let error = scheduler.add_executor("a", "debug").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateAlias);
    assert_eq!(error.to_string(), "this scheduler already has executor `a`");
}

#[test]
fn remove_executor_nonexistent() {
    let error = scheduler().remove_executor("a", OnRemove::ShutDown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownAlias);
}

#[test]
fn add_remove_jobstore() {
    let scheduler = scheduler();
    let events = Recorder::on(&scheduler, EventMask::JOBSTORE_ADDED | EventMask::JOBSTORE_REMOVED);
    scheduler.start().unwrap();
    let wakes = scheduler.wakes();
    scheduler.add_jobstore("a", MemoryJobStore::new()).unwrap();
    assert!(scheduler.wakes() > wakes, "the scheduler processes the new store");
    scheduler.remove_jobstore("a", OnRemove::ShutDown).unwrap();
    assert_eq!(events.names(), ["JOBSTORE_ADDED", "JOBSTORE_ADDED", "JOBSTORE_REMOVED"]);
}

#[test]
fn add_jobstore_already_exists() {
    let scheduler = scheduler();
    scheduler.add_jobstore("a", "memory").unwrap();
    assert_eq!(
        scheduler.add_jobstore("a", "memory").unwrap_err().kind(),
        ErrorKind::DuplicateAlias
    );
}

#[test]
fn remove_jobstore_nonexistent() {
    assert_eq!(
        scheduler().remove_jobstore("a", OnRemove::ShutDown).unwrap_err().kind(),
        ErrorKind::UnknownAlias
    );
}

#[test]
fn default_components_are_created() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    assert_eq!(scheduler.executor_aliases(), ["default"]);
    assert_eq!(scheduler.jobstore_aliases(), ["default"]);
}

#[test]
fn a_store_keeps_its_jobs_when_it_is_removed_without_shutdown() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.add_jobstore("a", "memory").unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").jobstore("a").next_run_time(None)).unwrap();
    let store = scheduler.jobstore("a").unwrap();
    scheduler.remove_jobstore("a", OnRemove::Keep).unwrap();
    assert_eq!(store.get_jobs(None, 10).unwrap().len(), 1);
    scheduler.add_jobstore("b", store).unwrap();
    assert_eq!(scheduler.get_jobs_in("b").unwrap().len(), 1);
}
