//! Runs the suite as a test program.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use super::SchedulerHarness;
use super::cases::all;
use crate::suite;

/// Runs every case on every scheduler, and accepts the arguments of a Rust test program (`--list`,
/// filters, `--exact`, `--test-threads`).
pub fn run(harnesses: Vec<SchedulerHarness>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let at_once = harnesses.iter().filter_map(|harness| harness.at_once).min();
    arguments.test_threads = at_once.or(arguments.test_threads);
    let mut trials = Vec::new();
    for harness in harnesses.into_iter().map(Arc::new) {
        trials.extend(all().map(|case| {
            let harness = Arc::clone(&harness);
            let name = format!("{}::{}", harness.name(), case.name);
            suite::trial(name, move || case.run(&harness))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
