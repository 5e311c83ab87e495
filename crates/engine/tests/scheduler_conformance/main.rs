//! The conformance suite of schedulers, for those that run on threads and for one on a loop with another owner.

mod blocking;
mod channel_loop;

use std::process::ExitCode;

use apscheduler_engine::schedulers::BackgroundScheduler;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, InThread, SchedulerHarness};

use blocking::Blocking;

fn main() -> ExitCode {
    schedulers::run(vec![
        SchedulerHarness::new("background", |registry, clock| {
            Box::new(
                BackgroundScheduler::<TestPlugins>::builder()
                    .registry(registry)
                    .clock(clock)
                    .build()
                    .expect("there is no configuration to refuse"),
            )
        }),
        SchedulerHarness::new("blocking", |registry, clock| {
            Box::new(Blocking::new(registry, clock))
        })
        .is_borrowed_while_it_runs(),
        SchedulerHarness::new("channel_loop", |registry, clock| {
            Box::new(InThread::<_, TestPlugins>::new(registry, clock, channel_loop::run_loop))
        })
        .takes_listeners()
        .can_lose_its_loop(),
    ])
}
