//! The conformance suite of schedulers, for the tokio scheduler on both kinds of runtime.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::Clock;
use apscheduler_engine::Scheduler;
use apscheduler_scheduler_tokio::TokioScheduler;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, SchedulerHarness, Subject};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A scheduler, and a runtime that another thread drives.
struct OnRuntime {
    scheduler: Option<TokioScheduler<TestPlugins>>,
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl OnRuntime {
    fn new(mut builder: Builder, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let runtime = builder.enable_time().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || drop(runtime.block_on(ended)));
        let scheduler = Some(
            TokioScheduler::builder()
                .registry(registry)
                .clock(clock)
                .build()
                .expect("there is no configuration to refuse"),
        );
        Self { scheduler, handle, end: Some(end), thread: Some(thread) }
    }

    fn owner(&self) -> &TokioScheduler<TestPlugins> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }
}

impl Subject for OnRuntime {
    fn scheduler(&self) -> &Scheduler {
        self.owner().blocking()
    }

    fn start(&self, paused: bool) -> Result<()> {
        self.handle.block_on(async {
            if paused { self.owner().start_paused().await } else { self.owner().start().await }
        })
    }

    fn end_loop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

impl Drop for OnRuntime {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end_loop();
    }
}

fn harness(name: &str, builder: fn() -> Builder) -> SchedulerHarness {
    SchedulerHarness::new(name, move |registry, clock| {
        Box::new(OnRuntime::new(builder(), registry, clock))
    })
    .can_lose_its_loop()
}

fn multi_thread() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    builder
}

fn main() -> ExitCode {
    schedulers::run(vec![
        harness("multi_thread", multi_thread),
        harness("current_thread", Builder::new_current_thread),
    ])
}
