//! Runs the suite as a test program.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Trial};

use super::cases::{all, processes};
use super::{Case, StoreHarness};

/// Runs every case against every store, and accepts the arguments of a Rust test program (`--list`,
/// filters, `--exact`, `--test-threads`).
///
/// It must be the first call in `main`: cases with several processes start this program again.
pub fn run(harnesses: Vec<Arc<dyn StoreHarness>>) -> ExitCode {
    if let Some(order) = processes::order() {
        return processes::work(&harnesses, &order);
    }
    let arguments = Arguments::from_args();
    let trials = harnesses
        .into_iter()
        .flat_map(|harness| all().map(move |case| trial(Arc::clone(&harness), *case)))
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(harness: Arc<dyn StoreHarness>, case: Case) -> Trial {
    let name = format!("{}::{}", harness.name(), case.name);
    Trial::ignorable_test(name, move || {
        Ok(match case.run(&*harness) {
            None => Completion::Completed,
            Some(unmet) => Completion::ignored_with(unmet),
        })
    })
}
