//! The errors for plugins that this build does not have.
#![allow(dead_code, reason = "used by a test, without `main`")]
#![allow(clippy::print_stdout, reason = "an example")]

use apscheduler::prelude::*;

/// Returns the errors for a missing store and a missing executor.
pub(crate) fn errors() -> Vec<String> {
    let configs =
        [Config::new().jobstore("jobs", "sqllite"), Config::new().executor("default", "threadpol")];
    let refuse = |config| {
        BackgroundScheduler::builder().config(config).build().err().map(|error| error.chain())
    };
    configs.into_iter().filter_map(refuse).collect()
}

fn main() {
    for error in errors() {
        println!("{error}");
    }
}
