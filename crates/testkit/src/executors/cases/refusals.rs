//! Jobs that can't be run are refused when they are added.

use apscheduler_core::ErrorKind;
use apscheduler_core::job::JobBuilder;

use crate::executors::Setup;
use crate::executors::case::cases;
use crate::executors::{Flavor, functions};

cases! {
    "refusals":
    a_function_of_the_wrong_flavor_is_refused,
    a_closure_is_run_or_refused,
    wrong_arguments_are_refused,
}

fn a_function_of_the_wrong_flavor_is_refused(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let can = setup.capabilities();
    for (flavor, takes) in [(Flavor::Sync, can.sync_jobs), (Flavor::Async, can.async_jobs)] {
        let name = functions::full_name(flavor, "context");
        let added = lab.scheduler().add_job(JobBuilder::new(name).id(flavor.name()));
        if takes {
            added.expect("a function that the executor takes");
            lab.events().wait_for(flavor.name(), 1);
        } else {
            assert_eq!(added.expect_err("a mismatch").kind(), ErrorKind::Unsupported);
        }
    }
}

fn a_closure_is_run_or_refused(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    let job = match setup.flavor() {
        Flavor::Sync => JobBuilder::new(|| 1),
        Flavor::Async => JobBuilder::new(|| async { 1 }),
    };
    let added = lab.scheduler().add_job(job.id("closure"));
    if setup.capabilities().in_process {
        added.expect("a closure can be run in this process");
        lab.events().wait_for("closure", 1);
    } else {
        assert_eq!(
            added.expect_err("a closure can't leave the process").kind(),
            ErrorKind::Unsupported
        );
    }
}

fn wrong_arguments_are_refused(setup: &Setup<'_>) {
    let lab = setup.lab(1);
    for job in [lab.job("few", "echo"), lab.job("wrong", "nap").args(["soon".into()])] {
        let error = lab.scheduler().add_job(job).expect_err("the arguments do not fit");
        assert_eq!(error.kind(), ErrorKind::InvalidArguments, "{error}");
    }
}
