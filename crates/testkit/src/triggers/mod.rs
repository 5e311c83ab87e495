//! The conformance suite of triggers. It checks the contract of
//! [`Trigger`](apscheduler_core::trigger::Trigger).
//!
//! A trigger crate needs a test target without libtest's harness:
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//! It contains a [`TriggerHarness`] with some configurations of its trigger, and calls [`run`]:
//! ```
//! use std::process::ExitCode;
//! use apscheduler_core::trigger::TriggerConfig;
//! use apscheduler_testkit::triggers::{self, TriggerHarness};
//!
//! fn main() -> ExitCode {
//! # if true { return ExitCode::SUCCESS }
//!     let registry = apscheduler_testkit::registry();
//!     // registry.register(acme_apscheduler::PLUGIN.clone()).expect("the name is free");
//!     let backoff = TriggerConfig::new("backoff").option("unit", 10);
//!     triggers::run(vec![TriggerHarness::new("backoff", registry).sample("tens", backoff)])
//! }
//! ```
//! Each case runs on each sample, with a name such as
//! `backoff::tens::grid::instants_between_fires_shift_nothing`. The suite builds the samples through
//! the registry at [`NOW`](Setup::NOW), and checks their first [`STEPS`](Setup::STEPS) fires. Add a
//! sample for each option that affects the schedule: start and end, jitter, a zone with offset
//! changes.

mod case;
mod cases;
mod harness;
mod runner;

pub use case::{Case, Setup};
pub use cases::all as cases;
pub use harness::TriggerHarness;
pub use runner::run;
