//! The calls that the scheduler makes to its executors and stores.

use std::sync::{Arc, Mutex};

use apscheduler_core::OnRemove;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, Run};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::store::{
    ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord, StoreCapabilities,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind, Result, Shutdown};
use apscheduler_plugin_kit::executor::RunExt as _;
use apscheduler_store_memory::MemoryJobStore;
use apscheduler_testkit::SteppedScheduler;

use crate::recorder::scheduler;

/// The calls, in order.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, call: String) {
        self.0.lock().unwrap().push(call);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[derive(Debug)]
struct NotingExecutor(Calls);

impl Executor for NotingExecutor {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true)
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.0.add(format!("start executor {alias}"));
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.0.add(format!("submit {}", run.job().id()));
        run.execute();
    }

    fn shutdown(&self, shutdown: Shutdown) {
        let wait = shutdown == Shutdown::Wait;
        self.0.add(format!("shut executor down, wait: {wait}"));
    }
}

#[derive(Debug)]
struct NotingStore {
    calls: Calls,
    starts: bool,
    memory: MemoryJobStore,
}

impl NotingStore {
    fn new(calls: &Calls) -> Self {
        Self { calls: calls.clone(), starts: true, memory: MemoryJobStore::new() }
    }
}

impl JobStore for NotingStore {
    fn capabilities(&self) -> StoreCapabilities {
        self.memory.capabilities()
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.calls.add(format!("start store {alias}"));
        if self.starts { Ok(()) } else { Err(Error::new(ErrorKind::Unavailable, "no answer")) }
    }

    fn shutdown(&self) -> Result<()> {
        self.calls.add("shut store down".to_owned());
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.memory.lookup_job(id)
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.memory.get_jobs(after, limit)
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        self.memory.next_run_time(after)
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        self.calls.add(format!("add {}", records.len()));
        self.memory.add_jobs(records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.memory.update_job(record)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.memory.remove_job(id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.memory.remove_all_jobs()
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.memory.claim_due(due, decide)
    }
}

fn with_parts() -> (SteppedScheduler, Calls) {
    let (scheduler, calls) = (scheduler(), Calls::default());
    scheduler.add_executor("default", NotingExecutor(calls.clone())).unwrap();
    scheduler.add_jobstore("default", NotingStore::new(&calls)).unwrap();
    (scheduler, calls)
}

#[test]
fn start() {
    let (scheduler, calls) = with_parts();
    scheduler.add_job(JobBuilder::new("tests::ok").id("a")).unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").id("b")).unwrap();
    assert!(calls.take().is_empty(), "nothing is started before the start");
    scheduler.start().unwrap();
    assert_eq!(calls.take(), ["start executor default", "start store default", "add 2"]);
    scheduler.step();
    assert_eq!(calls.take(), ["submit a", "submit b"]);
}

#[test]
fn shutdown() {
    for shutdown in [Shutdown::Wait, Shutdown::Now] {
        let (scheduler, calls) = with_parts();
        scheduler.start_paused().unwrap();
        calls.take();
        scheduler.shutdown(shutdown).unwrap();
        let wait = shutdown == Shutdown::Wait;
        let expected = format!("shut executor down, wait: {wait}");
        assert_eq!(calls.take(), [expected.as_str(), "shut store down"]);
    }
}

#[test]
fn components_added_after_the_start_are_started() {
    let (scheduler, calls) = (scheduler(), Calls::default());
    scheduler.start_paused().unwrap();
    scheduler.add_executor("late", NotingExecutor(calls.clone())).unwrap();
    scheduler.add_jobstore("late", NotingStore::new(&calls)).unwrap();
    assert_eq!(calls.take(), ["start executor late", "start store late"]);
}

#[test]
fn removed_components_are_shut_down_unless_kept() {
    let (scheduler, calls) = with_parts();
    scheduler.start_paused().unwrap();
    calls.take();
    scheduler.remove_executor("default", OnRemove::ShutDown).unwrap();
    scheduler.remove_jobstore("default", OnRemove::ShutDown).unwrap();
    assert_eq!(calls.take(), ["shut executor down, wait: true", "shut store down"]);

    let (scheduler, calls) = with_parts();
    scheduler.remove_executor("default", OnRemove::Keep).unwrap();
    scheduler.remove_jobstore("default", OnRemove::Keep).unwrap();
    assert!(calls.take().is_empty());
}

#[test]
fn a_store_that_can_not_start_prevents_the_start() {
    let (scheduler, calls) = (scheduler(), Calls::default());
    scheduler.add_executor("default", NotingExecutor(calls.clone())).unwrap();
    let store = NotingStore { starts: false, ..NotingStore::new(&calls) };
    scheduler.add_jobstore("remote", store).unwrap();
    let error = scheduler.start().unwrap_err();
    assert_eq!(error.to_string(), "job store `remote` can't start: no answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!scheduler.running());
    assert!(calls.take().contains(&"shut executor down, wait: false".to_owned()));

    // A running scheduler refuses the store, and continues.
    let (scheduler, calls) = with_parts();
    scheduler.start().unwrap();
    let store = NotingStore { starts: false, ..NotingStore::new(&calls) };
    assert!(scheduler.add_jobstore("remote", store).is_err());
    assert_eq!(scheduler.jobstore_aliases(), ["default"]);
}

#[test]
fn lookup_executor() {
    let (scheduler, _) = with_parts();
    assert!(scheduler.executor("default").is_some());
    assert!(scheduler.executor("other").is_none());
}

#[test]
fn lookup_jobstore() {
    let (scheduler, _) = with_parts();
    assert!(scheduler.jobstore("default").is_some());
    assert!(scheduler.jobstore("other").is_none());
}

#[test]
fn a_memory_store_is_empty_after_its_shutdown() {
    let scheduler = scheduler();
    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok").next_run_time(None)).unwrap();
    let store = scheduler.jobstore("default").unwrap();
    assert_eq!(store.get_jobs(None, 10).unwrap().len(), 1);
    scheduler.shutdown(Shutdown::Wait).unwrap();
    assert!(store.get_jobs(None, 10).unwrap().is_empty());
}
