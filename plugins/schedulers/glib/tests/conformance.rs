//! The conformance suite of schedulers, for the GLib scheduler.

use std::process::ExitCode;
use std::sync::mpsc::Sender;

use apscheduler_scheduler_glib::GlibLoop;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, Call, Calls, InThread, SchedulerHarness};
use futures_channel::mpsc::unbounded;
use futures_util::StreamExt as _;
use glib::{MainContext, MainLoop};

/// A main context that its own thread runs.
fn run(parts: Sender<(GlibLoop, Calls)>) {
    let context = MainContext::new();
    let main_loop = MainLoop::new(Some(&context), false);
    let (calls, mut receiver) = unbounded::<Call>();
    let quit = main_loop.clone();
    drop(context.spawn(async move {
        while let Some(call) = receiver.next().await {
            call();
        }
        quit.quit();
    }));
    let calls = move |call| calls.unbounded_send(call).expect("the loop is running");
    parts.send((GlibLoop::on(&context), Box::new(calls))).expect("the case waits");
    drop(parts);
    main_loop.run();
}

fn main() -> ExitCode {
    schedulers::run(vec![
        SchedulerHarness::new("glib", |registry, clock| {
            Box::new(InThread::<_, TestPlugins>::new(registry, clock, run))
        })
        .takes_listeners()
        .can_lose_its_loop(),
    ])
}
