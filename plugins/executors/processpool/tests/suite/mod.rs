//! The tests, their jobs, and the programs that they start.

mod cancelling;
mod chaos;
mod deaths;
mod dismissals;
mod jobs;
mod limits;
mod outcomes;
mod processes;
mod programs;
mod shutdown;
mod stand;
#[cfg(target_os = "linux")]
mod trees;

use std::process::ExitCode;

use apscheduler_executor_processpool::worker;
use libtest_mimic::{Arguments, Trial};

pub(crate) fn main() -> ExitCode {
    let program = programs::asked_for();
    if programs::hides_the_hook(program.as_deref()) {
        return programs::run_without_hook();
    }
    worker::init_with(apscheduler_testkit::linked_registry, jobs::set_up);
    if let Some(program) = program {
        return programs::run(&program);
    }
    let tests = [
        outcomes::TESTS,
        deaths::TESTS,
        dismissals::TESTS,
        limits::TESTS,
        shutdown::TESTS,
        cancelling::TESTS,
        programs::TESTS,
        chaos::TESTS,
        #[cfg(target_os = "linux")]
        trees::TESTS,
    ];
    let trials = tests.concat().into_iter().map(|(name, test)| {
        Trial::test(name.trim_start_matches("processpool::suite::"), move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
