//! The runtime that the jobs run on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;
use apscheduler_core::options::Options;
use apscheduler_core::registry::PluginKind;
use apscheduler_executor_tokio::{PLUGIN, TokioExecutor, TokioOptions};
use apscheduler_testkit::executors::{Lab, eventually};
use tokio::runtime::Handle;

use crate::{lab, multi_thread, value_of};

fn runtime_id() -> String {
    Handle::current().id().to_string()
}

/// Returns the id of the runtime that async and plain jobs see, which must be the same.
fn seen_by_jobs(lab: &Lab) -> String {
    lab.add(JobBuilder::new(|| async { runtime_id() }).id("task"));
    lab.add(JobBuilder::new(runtime_id).id("thread"));
    let seen = value_of(lab, "task");
    assert_eq!(seen, value_of(lab, "thread"));
    seen.as_str().unwrap().to_owned()
}

#[test]
fn the_runtime_that_is_current_at_the_start_is_used() {
    let runtime = multi_thread(2);
    let guard = runtime.enter();
    let lab = lab(TokioExecutor::new);
    drop(guard);
    assert_eq!(seen_by_jobs(&lab), runtime.handle().id().to_string());
}

#[test]
fn a_given_runtime_takes_precedence_over_the_current_one() {
    let (current, given) = (multi_thread(1), multi_thread(1));
    let handle = given.handle().clone();
    let guard = current.enter();
    let lab = lab(move || TokioExecutor::with_handle(handle.clone()));
    drop(guard);
    assert_eq!(seen_by_jobs(&lab), given.handle().id().to_string());
}

#[test]
fn asking_for_threads_creates_a_separate_runtime() {
    let current = multi_thread(1);
    let guard = current.enter();
    let lab =
        lab(|| TokioExecutor::with_options(&TokioOptions::default().worker_threads(3)).unwrap());
    drop(guard);
    assert_ne!(seen_by_jobs(&lab), current.handle().id().to_string());
    lab.add(JobBuilder::new(|| async { Handle::current().metrics().num_workers() }).id("threads"));
    assert_eq!(value_of(&lab, "threads"), 3);
}

/// Records that it was dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn its_own_runtime_ends_with_the_last_job() {
    let lab = lab(TokioExecutor::new);
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    let leave_a_task = move || {
        let dropped = Dropped(Arc::clone(&flag));
        async move {
            // Belongs to the runtime, and is dropped with it.
            drop(tokio::spawn(async move {
                let _dropped = dropped;
                std::future::pending::<()>().await;
            }));
        }
    };
    lab.add(JobBuilder::new(leave_a_task).id("a"));
    value_of(&lab, "a");
    let (running, runs) = std::sync::mpsc::channel();
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let receiver = Mutex::new(receiver);
    let plain = move || {
        running.send(()).unwrap();
        receiver.lock().unwrap().recv().is_ok()
    };
    lab.add(JobBuilder::new(plain).id("thread"));
    runs.recv().unwrap();
    lab.scheduler().shutdown(Shutdown::Now).unwrap();
    assert!(!ended.load(Ordering::SeqCst), "a job still runs");
    drop(sender);
    eventually("the runtime has ended", || ended.load(Ordering::SeqCst));
    value_of(&lab, "thread");
}

#[test]
fn every_start_has_a_runtime() {
    let lab = lab(TokioExecutor::new);
    for shutdown in [Shutdown::Wait, Shutdown::Now, Shutdown::Wait] {
        assert_ne!(seen_by_jobs(&lab), "");
        lab.scheduler().shutdown(shutdown).unwrap();
        lab.scheduler().start().unwrap();
        // The events of the same job ids are counted from the beginning.
        lab.events().received().events.clear();
    }
}

#[test]
fn the_plugin_is_found_by_its_names() {
    let registry = apscheduler_testkit::registry();
    registry.register(PLUGIN.clone()).unwrap();
    let names = [
        "tokio",
        "asyncio",
        "tornado",
        "apscheduler.executors.asyncio:AsyncIOExecutor",
        "apscheduler.executors.tornado:TornadoExecutor",
    ];
    for name in names {
        let plugin = registry.find(PluginKind::Executor, name).unwrap();
        plugin.build_executor(&Options::new()).unwrap();
    }
}
