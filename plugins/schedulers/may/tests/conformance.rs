//! The conformance suite of schedulers, for the scheduler on coroutines.

use std::process::ExitCode;

use apscheduler_scheduler_may::MayScheduler;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, SchedulerHarness};

fn main() -> ExitCode {
    // Some jobs of the suite block their threads, so concurrent cases need more threads.
    may::config().set_workers(16).set_worker_pin(false);
    schedulers::run(vec![SchedulerHarness::new("may", |registry, clock| {
        Box::new(
            MayScheduler::<TestPlugins>::builder()
                .registry(registry)
                .clock(clock)
                .build()
                .expect("there is no configuration to refuse"),
        )
    })])
}
