//! The queue: its depth is reported, and it has an order and a limit.

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::executor::ExecutorLoad;
use serde_json::Value;

use crate::executors::case::cases;
use crate::executors::{Setup, eventually};

cases! {
    "load":
    queued_and_running_runs_are_counted [Queue],
    as_many_run_as_there_are_workers [Queue],
    runs_start_in_the_order_of_submission [Queue],
    jobs_without_room_wait_in_the_store [Queue],
}

fn queued_and_running_runs_are_counted(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    assert_eq!(lab.executor().load(), ExecutorLoad::default());
    let room = lab.executor().room();
    assert!(room > 0, "a new executor has room");
    let gate = lab.hold("holder");
    for number in 0..3 {
        lab.add(lab.job(&format!("{number}"), "echo").args([Value::Null]));
    }
    let busy = ExecutorLoad::new().queued(3).running(1);
    eventually("one run is counted as running and three as queued", || {
        lab.executor().load() == busy
    });
    assert!(lab.executor().room() <= room, "runs took no room");
    gate.open();
    lab.events().wait_for_all(4);
    lab.wait_until_idle();
    assert_eq!(lab.executor().room(), room, "runs that have ended take room");
}

fn as_many_run_as_there_are_workers(setup: &Setup<'_>) {
    let lab = setup.lab(3);
    assert_eq!(lab.executor().capacity(), Some(3));
    let gate = lab.gate("held");
    let jobs = (0..5).map(|number| lab.job(&format!("{number}"), "hold").args(gate.arguments()));
    lab.add_all(jobs);
    gate.wait_for(3);
    let busy = ExecutorLoad::new().queued(2).running(3);
    eventually("three run and two wait", || lab.executor().load() == busy);
    assert_eq!(gate.arrived(), 3, "more run than there are workers");
    gate.open();
    lab.events().wait_for_all(5);
    lab.wait_until_idle();
}

fn runs_start_in_the_order_of_submission(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    let count = setup.harness().scaled(100);
    lab.add_all(
        (0..count).map(|number| lab.job(&format!("{number:03}"), "echo").args([number.into()])),
    );
    gate.open();
    lab.events().wait_for_all(count + 1);
    let received = lab.events().received();
    let ids = |code: EventMask| -> Vec<String> {
        let of_code = received.events.iter().filter(|event| event.code() == code);
        of_code.filter_map(Event::job).map(|job| job.id().to_string()).collect()
    };
    assert_eq!(ids(EventMask::JOB_EXECUTED), ids(EventMask::JOB_SUBMITTED));
}

fn jobs_without_room_wait_in_the_store(setup: &Setup<'_>) {
    const MORE: usize = 100;
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    let room = lab.executor().room();
    // An executor with a practically unbounded queue leaves nothing in the store.
    let count = if room < 50_000 { room + MORE } else { MORE };
    lab.add_all((0..count).map(|number| lab.job(&format!("{number}"), "echo").args([Value::Null])));
    if count > room {
        eventually("the executor is full", || lab.executor().room() == 0);
        assert!(lab.executor().load().queued <= room, "{:?}", lab.executor().load());
        let left = lab.scheduler().get_jobs().expect("the store answers").len();
        assert!(
            left >= MORE,
            "{left} jobs are left in the store, and at least {MORE} found no room"
        );
    }
    gate.open();
    lab.events().wait_for_all(count + 1);
    lab.wait_until_idle();
    assert_eq!(lab.events().received().outcomes, count + 1);
}
