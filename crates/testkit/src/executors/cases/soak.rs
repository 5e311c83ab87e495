//! Many runs: each has an outcome, and no resources are left over.

use apscheduler_core::Shutdown;
use apscheduler_core::event::EventMask;
use serde_json::Value;

use crate::executors::Setup;
use crate::executors::case::cases;

cases! {
    "soak":
    ten_thousand_runs_are_accounted_for,
    a_job_that_runs_repeatedly_keeps_its_slot,
}

fn ten_thousand_runs_are_accounted_for(setup: &Setup<'_>) {
    let lab = setup.lab(4);
    let count = setup.harness().scaled(5000);
    lab.add_all((0..count).map(|number| lab.job(&format!("{number}"), "echo").args([Value::Null])));
    // The same number of runs of one job, which catches up in batches.
    let job = lab.job("often", "echo").args([Value::Null]).coalesce(false);
    lab.add(job.trigger(lab.every_second(count)));
    lab.oversleep(i64::try_from(count).unwrap_or(i64::MAX) + 1);
    lab.events().wait_for_all(2 * count);
    lab.wait_until_idle();
    lab.scheduler().shutdown(Shutdown::Wait).expect("it runs");
    let received = lab.events().received();
    assert_eq!(received.outcomes, 2 * count);
    let executed = received.events.iter().filter(|event| event.code() == EventMask::JOB_EXECUTED);
    assert_eq!(executed.count(), 2 * count);
    assert_eq!(received.outcomes_of("often").len(), count);
}

fn a_job_that_runs_repeatedly_keeps_its_slot(setup: &Setup<'_>) {
    let lab = setup.lab(4);
    let count = setup.harness().scaled(200);
    let ids = ["a", "b", "c"];
    for id in ids {
        let job = lab.job(id, "echo").args([Value::Null]);
        lab.add(job.trigger(lab.every_second(count)));
    }
    for run in 1..=count {
        lab.advance(1);
        lab.events().wait_for_all(run * ids.len());
        lab.wait_until_idle();
    }
    for id in ids {
        assert_eq!(lab.events().count(id, EventMask::JOB_MAX_INSTANCES), 0);
        assert_eq!(lab.events().count(id, EventMask::JOB_EXECUTED), count);
    }
}
