//! Runs the suite as a test program.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::trigger::TriggerConfig;
use libtest_mimic::{Arguments, Trial};

use super::cases::all;
use super::{Case, Setup, TriggerHarness};
use crate::suite;

/// Runs every case on every sample, and accepts the arguments of a Rust test program (`--list`,
/// filters, `--exact`, `--test-threads`).
pub fn run(harnesses: Vec<TriggerHarness>) -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for harness in harnesses.into_iter().map(Arc::new) {
        for (sample, config) in &harness.samples {
            trials.extend(all().map(|case| trial(&harness, sample, config, *case)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(harness: &Arc<TriggerHarness>, sample: &str, config: &TriggerConfig, case: Case) -> Trial {
    let name = format!("{}::{sample}::{}", harness.name(), case.name);
    let (harness, config) = (Arc::clone(harness), config.clone());
    suite::trial(name, move || {
        case.run(&Setup::new(&harness, &config));
        None
    })
}
