//! Jobs and listeners may shut down their own scheduler.

use std::time::Duration;

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use serde_json::Value;

use crate::executors::case::cases;
use crate::executors::{Setup, eventually};

cases! {
    "within":
    a_job_may_shut_its_scheduler_down [InProcess],
    a_job_that_waits_for_the_shutdown_leaves_nothing [InProcess, Queue],
    a_job_may_remove_its_executor [InProcess],
    a_listener_may_shut_the_scheduler_down,
}

fn a_job_may_shut_its_scheduler_down(setup: &Setup<'_>) {
    for (workers, wait) in [(1, true), (1, false), (3, true), (3, false)] {
        let lab = setup.lab(workers);
        lab.add(lab.job("a", "shut_down").args([wait.into()]));
        let outcome = &lab.events().wait_for("a", 1)[0];
        assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "wait = {wait}: {outcome:?}");
        eventually("the scheduler has stopped", || !lab.scheduler().running());
        lab.wait_until_idle();
        lab.scheduler().start().expect("it can be started again");
        lab.add(lab.job("b", "echo").args([Value::Null]));
        let outcome = &lab.events().wait_for("b", 1)[0];
        assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "wait = {wait}: {outcome:?}");
    }
}

fn a_job_that_waits_for_the_shutdown_leaves_nothing(setup: &Setup<'_>) {
    const OTHERS: usize = 5;
    for workers in [1, 2] {
        let lab = setup.lab(workers);
        let gate = lab.gate("held");
        // The gate keeps the shutdown from happening before the other jobs are submitted.
        lab.add_all(
            (0..workers)
                .map(|number| lab.job(&format!("holder {number}"), "hold").args(gate.arguments())),
        );
        gate.wait_for(workers);
        lab.add(lab.job("a", "shut_down").args([true.into()]));
        let other = |number| lab.job(&format!("other {number}"), "nap").args([10.into()]);
        lab.add_all((0..OTHERS).map(other));
        let all = workers + 1 + OTHERS;
        lab.events().wait("all are submitted", |received| {
            let submitted =
                received.events.iter().filter(|event| event.code() == EventMask::JOB_SUBMITTED);
            submitted.count() == all
        });
        gate.open();
        lab.events().wait_for_all(all);
        lab.wait_until_idle();
        let received = lab.events().received();
        let executed =
            received.events.iter().filter(|event| event.code() == EventMask::JOB_EXECUTED);
        assert_eq!(executed.count(), all, "with {workers} workers");
    }
}

fn a_job_may_remove_its_executor(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.scheduler().add_executor("second", setup.executor(1)).expect("a new alias");
    lab.add(lab.job("a", "remove_executor").args(["second".into()]).executor("second"));
    let outcome = &lab.events().wait_for("a", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
    lab.wait_until_idle();
}

/// Holds on whatever thread the executor calls the listener.
fn a_listener_may_shut_the_scheduler_down(setup: &Setup<'_>) {
    for mask in [EventMask::JOB_EXECUTED, EventMask::JOB_ERROR, EventMask::JOB_MISSED] {
        for shutdown in [Shutdown::Wait, Shutdown::Now] {
            let lab = setup.lab(1);
            let scheduler = lab.scheduler().handle();
            lab.scheduler().add_listener(mask, move |_| drop(scheduler.shutdown(shutdown)));
            let job = match mask {
                EventMask::JOB_ERROR => lab.job("a", "fail").args(["failed".into(), "why".into()]),
                _ => lab.job("a", "echo").args([Value::Null]),
            };
            lab.add(job.trigger(lab.every_second(1)).misfire_grace_time(Duration::from_secs(5)));
            lab.oversleep(if mask == EventMask::JOB_MISSED { 60 } else { 1 });
            let outcome = &lab.events().wait_for("a", 1)[0];
            assert_eq!(outcome.code(), mask, "{outcome:?}");
            lab.events().wait_for_any(EventMask::SCHEDULER_SHUTDOWN);
            lab.wait_until_idle();
        }
    }
}
