//! The conformance suite of schedulers, for the smol scheduler on the global executor and on a given one.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;

use apscheduler_core::Result;
use apscheduler_core::registry::Registry;
use apscheduler_core::time::Clock;
use apscheduler_engine::Scheduler;
use apscheduler_scheduler_smol::{SmolRuntime, SmolScheduler};
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, SchedulerHarness, Subject};
use smol::Executor;
use smol::channel::Sender;

/// A scheduler, and the thread that runs its executor, unless that is the global one.
struct OnSmol {
    scheduler: Option<SmolScheduler<TestPlugins>>,
    own: Option<Own>,
}

struct Own {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl OnSmol {
    fn global(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        Self {
            scheduler: Some(
                SmolScheduler::builder()
                    .registry(registry)
                    .clock(clock)
                    .build()
                    .expect("there is no configuration to refuse"),
            ),
            own: None,
        }
    }

    fn own(registry: Registry, clock: Arc<dyn Clock>) -> Self {
        let executor = Arc::new(Executor::new());
        let runtime = SmolRuntime::on(&executor);
        let scheduler = SmolScheduler::builder()
            .runtime(runtime)
            .registry(registry)
            .clock(clock)
            .build()
            .expect("there is no configuration to refuse");
        let (end, ended) = smol::channel::bounded::<()>(1);
        let thread = std::thread::spawn(move || {
            // An error means that the sender was dropped.
            let _ = smol::block_on(executor.run(ended.recv()));
        });
        Self { scheduler: Some(scheduler), own: Some(Own { end, thread }) }
    }

    fn owner(&self) -> &SmolScheduler<TestPlugins> {
        self.scheduler.as_ref().expect("it is not dropped yet")
    }
}

impl Subject for OnSmol {
    fn scheduler(&self) -> &Scheduler {
        self.owner().blocking()
    }

    fn start(&self, paused: bool) -> Result<()> {
        smol::block_on(async {
            if paused { self.owner().start_paused().await } else { self.owner().start().await }
        })
    }

    fn end_loop(&mut self) {
        if let Some(Own { end, thread }) = self.own.take() {
            drop(end);
            thread.join().expect("no panic");
        }
    }
}

impl Drop for OnSmol {
    fn drop(&mut self) {
        drop(self.scheduler.take());
        self.end_loop();
    }
}

fn main() -> ExitCode {
    let global = SchedulerHarness::new("global", |registry, clock| {
        Box::new(OnSmol::global(registry, clock))
    });
    let own =
        SchedulerHarness::new("own", |registry, clock| Box::new(OnSmol::own(registry, clock)));
    schedulers::run(vec![global, own.can_lose_its_loop()])
}
