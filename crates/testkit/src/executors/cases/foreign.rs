//! Foreign code never runs under a lock of the executor: values in a job may call it when they are
//! dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apscheduler_core::Shutdown;
use apscheduler_core::job::JobBuilder;

use crate::CallsWhenDropped;
use crate::executors::case::cases;
use crate::executors::{Flavor, Lab, Setup, eventually};
use crate::patience::in_time;

cases! {
    "foreign":
    values_of_a_job_that_has_run_may_call_the_executor [InProcess],
    values_of_a_job_that_never_runs_may_call_the_executor [InProcess, Queue],
}

/// Returns a plain job that calls the executor and the scheduler when it is dropped.
fn job(lab: &Lab, id: &str, dropped: &Arc<AtomicUsize>) -> JobBuilder {
    let (executor, scheduler) = (Arc::downgrade(lab.executor()), lab.scheduler().handle());
    let dropped = Arc::clone(dropped);
    let guard = CallsWhenDropped::new(move || {
        if let Some(executor) = executor.upgrade() {
            let _ = (executor.load(), executor.room());
        }
        let _ = (scheduler.get_jobs(), scheduler.instances());
        dropped.fetch_add(1, Ordering::SeqCst);
    });
    let job = JobBuilder::new(move || {
        let _held = &guard;
    });
    job.id(id).misfire_grace_time(None)
}

fn runs_plain_jobs(setup: &Setup<'_>) -> bool {
    setup.flavor() == Flavor::Sync
}

fn values_of_a_job_that_has_run_may_call_the_executor(setup: &Setup<'_>) {
    if !runs_plain_jobs(setup) {
        return;
    }
    let (lab, dropped) = (setup.lab(2), Arc::default());
    lab.add_all((0..10).map(|number| job(&lab, &number.to_string(), &dropped)));
    eventually("what the jobs hold is dropped", || dropped.load(Ordering::SeqCst) == 10);
    lab.wait_until_idle();
}

fn values_of_a_job_that_never_runs_may_call_the_executor(setup: &Setup<'_>) {
    if !runs_plain_jobs(setup) {
        return;
    }
    let (lab, dropped) = (setup.lab(1), Arc::default());
    let gate = lab.hold("holder");
    for id in ["a", "b", "c"] {
        lab.add(job(&lab, id, &dropped));
        lab.wait_until_submitted(id);
    }
    let executor = Arc::clone(lab.executor());
    in_time("a shutdown that drops what waits", move || executor.shutdown(Shutdown::Now));
    gate.open();
    eventually("what the jobs hold is dropped", || dropped.load(Ordering::SeqCst) == 3);
}
