//! A shutdown waits for all runs, or drops the queued ones; no outcome is lost in either case.

use apscheduler_core::OnRemove;
use apscheduler_core::Shutdown;
use apscheduler_core::event::{Event, EventMask};
use serde_json::Value;

use crate::executors::case::cases;
use crate::executors::{Lab, Setup, eventually};

cases! {
    "shutdown":
    with_wait_everything_runs [Queue],
    with_wait_nothing_is_left,
    without_wait_queued_runs_are_dropped [Queue],
    without_wait_the_run_is_told_to_end,
    without_wait_running_jobs_are_cancelled [Cancellation],
    a_removed_executor_runs_everything [Queue],
    a_dropped_executor_loses_nothing [Queue],
    an_executor_works_again_after_a_shutdown,
    a_dropped_job_can_run_after_a_restart [Queue],
    a_worker_that_hangs_in_its_exit_is_not_waited_for [WorkerDeath],
}

const QUEUED: usize = 10;

/// Queues runs that succeed if they are started.
fn queue(lab: &Lab, executor: &str) {
    let job = |number| lab.job(&format!("queued {number}"), "echo").args([Value::Null]);
    lab.add_all((0..QUEUED).map(|number| job(number).executor(executor)));
    for number in 0..QUEUED {
        lab.wait_until_submitted(&format!("queued {number}"));
    }
}

/// Returns the outcomes of the queued runs.
fn ends_of_queued(lab: &Lab) -> Vec<Event> {
    (0..QUEUED).flat_map(|number| lab.events().outcomes_of(&format!("queued {number}"))).collect()
}

/// Occupies the only worker for a while.
fn insert_foreign_data(lab: &Lab, executor: &str) {
    lab.add(lab.job("busy", "nap").args([300.into()]).executor(executor));
    lab.wait_until_submitted("busy");
}

fn assert_all_executed(lab: &Lab) {
    let mut ends = ends_of_queued(lab);
    ends.append(&mut lab.events().outcomes_of("busy"));
    assert_eq!(ends.len(), QUEUED + 1, "it returned before everything had ended");
    assert!(ends.iter().all(|event| event.code() == EventMask::JOB_EXECUTED), "{ends:#?}");
}

fn with_wait_everything_runs(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    insert_foreign_data(&lab, "default");
    queue(&lab, "default");
    lab.scheduler().shutdown(Shutdown::Wait).expect("it runs");
    assert_all_executed(&lab);
    assert_eq!(lab.scheduler().instances(), 0);
}

fn with_wait_nothing_is_left(setup: &Setup<'_>) {
    let lab = setup.lab(2);
    for id in ["a", "b"] {
        lab.add(lab.job(id, "nap").args([20.into()]));
    }
    for id in ["a", "b"] {
        lab.wait_until_submitted(id);
    }
    lab.scheduler().shutdown(Shutdown::Wait).expect("it runs");
    assert_eq!(lab.events().received().outcomes, 2);
    lab.wait_until_idle();
}

fn without_wait_queued_runs_are_dropped(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    queue(&lab, "default");
    // The gate is closed: a shutdown that waits for the job would never return.
    lab.scheduler().shutdown(Shutdown::Now).expect("it runs");
    lab.events().wait("the queued runs have ended", |received| received.outcomes >= QUEUED);
    let ends = ends_of_queued(&lab);
    assert_eq!(ends.len(), QUEUED);
    assert!(ends.iter().all(|event| event.code() == EventMask::JOB_ERROR), "{ends:#?}");
    gate.open();
    // The running job runs to its end, or is terminated if the executor can do so.
    lab.events().wait_for("holder", 1);
    lab.wait_until_idle();
    assert_eq!(lab.events().received().outcomes, QUEUED + 1);
}

/// Holds for every executor: it may terminate the run, but must notify it.
fn without_wait_the_run_is_told_to_end(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.gate("never opened");
    lab.add(lab.job("a", "until_cancelled").args(gate.arguments()));
    gate.wait_for(1);
    lab.scheduler().shutdown(Shutdown::Now).expect("it runs");
    let outcome = &lab.events().wait_for("a", 1)[0];
    match outcome {
        Event::JobExecuted { retval, .. } => assert_eq!(**retval, "cancelled"),
        Event::JobError { .. } => {}
        other => panic!("it was not told to end: {other:?}"),
    }
    lab.wait_until_idle();
}

fn without_wait_running_jobs_are_cancelled(setup: &Setup<'_>) {
    let lab = setup.lab(2);
    let gate = lab.gate("never opened");
    for id in ["a", "b"] {
        lab.add(lab.job(id, "until_cancelled").args(gate.arguments()));
    }
    gate.wait_for(2);
    lab.scheduler().shutdown(Shutdown::Now).expect("it runs");
    for id in ["a", "b"] {
        let outcome = &lab.events().wait_for(id, 1)[0];
        let Event::JobExecuted { retval, .. } = outcome else {
            panic!("it was not given the time to end: {outcome:?}");
        };
        assert_eq!(**retval, "cancelled");
    }
    lab.wait_until_idle();
}

fn a_removed_executor_runs_everything(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.scheduler().add_executor("second", setup.executor(1)).expect("a new alias");
    insert_foreign_data(&lab, "second");
    queue(&lab, "second");
    lab.scheduler().remove_executor("second", OnRemove::ShutDown).expect("it is there");
    assert_all_executed(&lab);
}

fn a_dropped_executor_loses_nothing(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.scheduler().add_executor("second", setup.executor(1)).expect("a new alias");
    let gate = lab.gate("held");
    lab.add(lab.job("holder", "hold").args(gate.arguments()).executor("second"));
    gate.wait_for(1);
    queue(&lab, "second");
    // The scheduler had the only reference to it.
    lab.scheduler().remove_executor("second", OnRemove::Keep).expect("it is there");
    gate.open();
    lab.events().wait_for_all(QUEUED + 1);
    lab.wait_until_idle();
    assert_eq!(lab.events().received().outcomes, QUEUED + 1);
}

fn an_executor_works_again_after_a_shutdown(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let both = [Shutdown::Wait, Shutdown::Now];
    for (number, shutdown) in both.into_iter().chain(both).enumerate() {
        let id = format!("{number}");
        lab.add(lab.job(&id, "echo").args([Value::Null]));
        let outcome = &lab.events().wait_for(&id, 1)[0];
        assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
        lab.scheduler().shutdown(shutdown).expect("it runs");
        lab.scheduler().start().expect("it can be started again");
    }
}

fn a_dropped_job_can_run_after_a_restart(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let gate = lab.hold("holder");
    let job = || lab.job("a", "echo").args([Value::Null]);
    lab.add(job());
    lab.wait_until_submitted("a");
    lab.scheduler().shutdown(Shutdown::Now).expect("it runs");
    let outcome = &lab.events().wait_for("a", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_ERROR, "{outcome:?}");
    gate.open();
    lab.wait_until_idle();
    lab.scheduler().start().expect("it can be started again");
    // The shutdown removed the jobs in memory; a new one with the same id uses the same slots.
    lab.add(job());
    let outcome = &lab.events().wait_for("a", 2)[1];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
}

fn a_worker_that_hangs_in_its_exit_is_not_waited_for(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    lab.add(lab.job("a", "hang_in_exit"));
    let outcome = &lab.events().wait_for("a", 1)[0];
    assert_eq!(outcome.code(), EventMask::JOB_EXECUTED, "{outcome:?}");
    let scheduler = lab.scheduler().handle();
    let shutdown = std::thread::spawn(move || scheduler.shutdown(Shutdown::Wait));
    eventually("the shutdown returns", || shutdown.is_finished());
    shutdown.join().expect("it does not panic").expect("the scheduler ran");
}
