//! Runs the suite as a test program.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use super::cases::all;
use super::functions::silence_panics;
use super::{Case, ExecutorHarness, Flavor, Setup};
use crate::suite;

/// Runs every case on every executor, with plain and with async functions, and accepts the
/// arguments of a Rust test program (`--list`, filters, `--exact`, `--test-threads`).
pub fn run(harnesses: Vec<ExecutorHarness>) -> ExitCode {
    let arguments = Arguments::from_args();
    silence_panics();
    let mut trials = Vec::new();
    for harness in harnesses.into_iter().map(Arc::new) {
        for flavor in Flavor::ALL {
            trials.extend(all().map(|case| trial(Arc::clone(&harness), flavor, *case)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(harness: Arc<ExecutorHarness>, flavor: Flavor, case: Case) -> Trial {
    let name = format!("{}::{}::{}", harness.name(), flavor.name(), case.name);
    suite::trial(name, move || case.run(&Setup::new(&harness, flavor)))
}
