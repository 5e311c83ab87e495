//! A main context that has ended refuses schedulers, with an error.

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_engine::SchedulerState;
use apscheduler_scheduler_glib::{GlibLoop, GlibScheduler};
use glib::MainContext;

#[test]
fn a_start_in_a_context_that_has_ended_is_an_error() {
    let context = MainContext::new();
    let scheduler: GlibScheduler<apscheduler_testkit::TestPlugins> =
        GlibScheduler::builder_on(GlibLoop::on(&context)).build().unwrap();
    scheduler.add_executor("default", "debug").expect("a new alias");
    drop(context);
    let error = scheduler.start().expect_err("no loop would make a turn");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (
            ErrorKind::NotRunning,
            "the GLib main context has ended: make another one, and a scheduler on it"
        )
    );
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
}

#[test]
fn a_context_that_ends_before_the_first_turn_ends_the_scheduler() {
    let context = MainContext::new();
    let scheduler: GlibScheduler<apscheduler_testkit::TestPlugins> =
        GlibScheduler::builder_on(GlibLoop::on(&context)).build().unwrap();
    scheduler.add_executor("default", "debug").expect("a new alias");
    scheduler.start().expect("it starts");
    drop(context);
    scheduler.wait_until_stopped();
    let error = scheduler.shutdown(Shutdown::Wait).expect_err("it does not run");
    assert_eq!(error.to_string(), "the scheduler is not running: its event loop has ended");
}
