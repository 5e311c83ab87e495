//! The conformance suite of schedulers. It checks the behavior that is common to all event loops.
//!
//! A scheduler crate needs a test target without libtest's harness:
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//! It contains a [`SchedulerHarness`], which makes schedulers on running event loops and declares
//! what they can do, and calls [`run`]:
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
//! A scheduler that must be started on the thread of its loop is wrapped in an [`InThread`], or in
//! a custom [`Subject`].
//!
//! Every case has a name (`background::shutdown::from_a_job`). Cases that the scheduler does not
//! support are reported as ignored, with the reason.

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

pub use crate::events::{Events, Received};
pub use crate::patience::eventually;
