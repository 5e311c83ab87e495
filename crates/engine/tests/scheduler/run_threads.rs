//! The threads of executors.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apscheduler_core::event::EventMask;
use apscheduler_core::executor::{Executor, ExecutorCapabilities, ExecutorLoad, Run};
use apscheduler_core::job::JobBuilder;
use apscheduler_core::{Result, Shutdown};
use apscheduler_plugin_kit::executor::RunExt;
use apscheduler_plugin_kit::executor::RunThreads;
use apscheduler_testkit::SteppedScheduler;

use crate::recorder::scheduler;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Threads(RunThreads);

impl Executor for Threads {
    fn capabilities(&self) -> ExecutorCapabilities {
        ExecutorCapabilities::new().in_process(true).sync_jobs(true).async_jobs(true)
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.0.open(alias);
        Ok(())
    }

    fn submit(&self, run: Run) {
        self.0.submit(vec![run]);
    }

    fn load(&self) -> ExecutorLoad {
        self.0.load()
    }

    fn shutdown(&self, shutdown: Shutdown) {
        self.0.shutdown(shutdown);
    }
}

/// Returns a started scheduler on these threads, and a channel that reports every executed job.
fn on(threads: RunThreads) -> (SteppedScheduler, Receiver<()>) {
    let scheduler = scheduler();
    let (sender, executed) = channel();
    scheduler.add_listener(EventMask::JOB_EXECUTED, move |_| sender.send(()).unwrap());
    scheduler.add_executor("default", Arc::new(Threads(threads)) as Arc<dyn Executor>).unwrap();
    scheduler.start().unwrap();
    (scheduler, executed)
}

#[test]
fn a_thread_that_ends_slowly_takes_no_slot_after_a_restart() {
    let (leaving, left) = channel();
    let (gate, closed_gate) = channel::<()>();
    let closed_gate = Mutex::new(closed_gate);
    let (scheduler, executed) = on(RunThreads::new(1, move |runs| {
        runs.for_each(RunExt::execute);
        leaving.send(()).unwrap();
        // Until the gate is dropped.
        let _ = closed_gate.lock().unwrap().recv();
    }));
    scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    scheduler.step();
    executed.recv_timeout(PATIENCE).unwrap();
    scheduler.shutdown(Shutdown::Now).unwrap();
    left.recv_timeout(PATIENCE).unwrap();

    scheduler.start().unwrap();
    scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    scheduler.step();
    executed.recv_timeout(PATIENCE).unwrap();

    let closer = std::thread::spawn(move || drop(gate));
    scheduler.shutdown(Shutdown::Wait).unwrap();
    closer.join().unwrap();
}

#[test]
fn the_load_counts_queued_and_running_jobs() {
    let (gate, closed_gate) = channel::<()>();
    let closed_gate = Mutex::new(closed_gate);
    let (scheduler, executed) = on(RunThreads::new(1, |runs| runs.for_each(RunExt::execute)));
    scheduler
        .add_job(JobBuilder::new(move || closed_gate.lock().unwrap().recv().is_err()))
        .unwrap();
    for _ in 0..3 {
        scheduler.add_job(JobBuilder::new("tests::ok")).unwrap();
    }
    scheduler.step();
    let executor = scheduler.executor("default").unwrap();
    let load_is = |queued, running| {
        let patience = Instant::now() + PATIENCE;
        while executor.load() != (ExecutorLoad::new().queued(queued).running(running)) {
            assert!(Instant::now() < patience, "{:?}", executor.load());
            std::thread::yield_now();
        }
    };
    load_is(3, 1);
    drop(gate);
    for _ in 0..4 {
        executed.recv_timeout(PATIENCE).unwrap();
    }
    load_is(0, 0);
}
