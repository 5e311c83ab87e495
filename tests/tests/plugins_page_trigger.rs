//! The conformance suite of triggers, for the trigger of `docs/PLUGINS.md`.

use std::process::ExitCode;

use apscheduler_core::trigger::TriggerConfig;
use apscheduler_testkit::triggers::{self, TriggerHarness};

#[allow(
    clippy::pedantic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "the page is not a crate"
)]
mod page {
    include!(concat!(env!("OUT_DIR"), "/trigger.rs"));
}

fn main() -> ExitCode {
    let registry = apscheduler_testkit::registry();
    registry.register(page::PLUGIN.clone()).expect("the name is free");
    let config = || TriggerConfig::new("backoff");
    let from = "2027-03-27T12:00:00";
    let harness = TriggerHarness::new("page", registry)
        .sample("from now", config())
        .sample("tens", config().option("unit", 10))
        .sample(
            "in a zone",
            config().option("start_date", from).option("timezone", "Europe/Berlin"),
        );
    triggers::run(vec![harness])
}
