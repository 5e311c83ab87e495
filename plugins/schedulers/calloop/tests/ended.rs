//! A loop that has ended refuses schedulers, with an error.

use apscheduler_core::ErrorKind;
use apscheduler_core::Shutdown;
use apscheduler_engine::SchedulerState;
use apscheduler_scheduler_calloop::{CalloopLoop, CalloopScheduler};
use calloop::EventLoop;

#[test]
fn a_start_in_a_loop_that_has_ended_is_an_error() {
    let event_loop = EventLoop::<()>::try_new().expect("a loop");
    let entry = CalloopLoop::insert_into(&event_loop.handle()).expect("the loop has room");
    let scheduler: CalloopScheduler<apscheduler_testkit::TestPlugins> =
        CalloopScheduler::builder_on(entry).build().unwrap();
    scheduler.add_executor("default", "debug").expect("a new alias");
    drop(event_loop);
    let error = scheduler.start().expect_err("no loop would make a turn");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (
            ErrorKind::NotRunning,
            "the calloop event loop has ended: make another one, and a scheduler on it"
        )
    );
    assert_eq!(scheduler.state(), SchedulerState::Stopped);
}

#[test]
fn a_loop_that_ends_before_the_first_turn_ends_the_scheduler() {
    let event_loop = EventLoop::<()>::try_new().expect("a loop");
    let entry = CalloopLoop::insert_into(&event_loop.handle()).expect("the loop has room");
    let scheduler: CalloopScheduler<apscheduler_testkit::TestPlugins> =
        CalloopScheduler::builder_on(entry).build().unwrap();
    scheduler.add_executor("default", "debug").expect("a new alias");
    scheduler.start().expect("it starts");
    drop(event_loop);
    scheduler.wait_until_stopped();
    let error = scheduler.shutdown(Shutdown::Wait).expect_err("it does not run");
    assert_eq!(error.to_string(), "the scheduler is not running: its event loop has ended");
}
