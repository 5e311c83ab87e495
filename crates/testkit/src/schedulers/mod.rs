//! The conformance suite of schedulers: what a scheduler does on any event loop, checked.
//!
//! A scheduler crate has a test target without libtest's harness:
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//! and in it a [`SchedulerHarness`], which makes schedulers on event loops that run, and says what they can do, and
//! [`run`]:
//! ```
//! use std::process::ExitCode;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_engine::schedulers::BackgroundScheduler;
//! use apscheduler_testkit::schedulers::{self, SchedulerHarness};
//!
//! fn main() -> ExitCode {
//! # if true { return ExitCode::SUCCESS }
//!     schedulers::run(vec![SchedulerHarness::new("background", |registry, clock| {
//!         Box::new(BackgroundScheduler::<TestPlugins>::builder().registry(registry).clock(clock).build().expect("there is no configuration to refuse"))
//!     })])
//! }
//! ```
//! A scheduler that is started in the thread of its loop comes as an [`InThread`], or as a [`Subject`] of its own.
//!
//! Every case has a name (`background::shutdown::from_a_job`). What a scheduler cannot do is shown as ignored, with the
//! reason.

mod case;
mod cases;
mod harness;
mod in_thread;
mod lab;
mod runner;

pub use case::{Case, Need};
pub use cases::all as cases;
pub use harness::{SchedulerHarness, Subject};
pub use in_thread::{Call, Calls, InThread};
pub use lab::Lab;
pub use runner::run;

pub use crate::events::{Events, Heard};
pub use crate::patience::eventually;
