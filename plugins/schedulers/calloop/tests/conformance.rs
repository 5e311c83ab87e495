//! The conformance suite of schedulers, for the calloop scheduler.

use std::process::ExitCode;
use std::sync::mpsc::Sender;

use apscheduler_scheduler_calloop::CalloopLoop;
use apscheduler_testkit::TestPlugins;
use apscheduler_testkit::schedulers::{self, Call, Calls, InThread, SchedulerHarness};
use calloop::channel::{Event, channel};

/// An event loop that its own thread dispatches.
fn run(parts: Sender<(CalloopLoop, Calls)>) {
    let mut event_loop = calloop::EventLoop::<()>::try_new().expect("a loop");
    let (calls, source) = channel::<Call>();
    let signal = event_loop.get_signal();
    let handle = event_loop.handle();
    handle
        .insert_source(source, move |event, (), ()| match event {
            Event::Msg(call) => call(),
            Event::Closed => signal.stop(),
        })
        .expect("the loop has room");
    let entry = CalloopLoop::insert_into(&handle).expect("the loop has room");
    drop(handle);
    let calls = move |call| calls.send(call).expect("the loop is running");
    parts.send((entry, Box::new(calls))).expect("the case waits");
    drop(parts);
    event_loop.run(None, &mut (), |()| ()).expect("the loop runs");
}

fn main() -> ExitCode {
    schedulers::run(vec![
        SchedulerHarness::new("calloop", |registry, clock| {
            Box::new(InThread::<_, TestPlugins>::new(registry, clock, run))
        })
        .takes_listeners()
        .can_lose_its_loop(),
    ])
}
