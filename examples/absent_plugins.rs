//! What a scheduler says when a config asks for a plugin that this build does not have.
#![allow(dead_code, reason = "a test runs what is here, without `main`")]
#![allow(clippy::print_stdout, reason = "an example")]

use apscheduler::prelude::*;

/// The error for a store and for an executor that are not there.
pub(crate) fn errors() -> Vec<String> {
    let configs = [
        Config::new().jobstore("zoo", "zookeeper"),
        Config::new().executor("default", "threadpol"),
    ];
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
