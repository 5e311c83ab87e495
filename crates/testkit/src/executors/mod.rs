//! The conformance suite of executors. It checks the contract of
//! [`Executor`](apscheduler_core::executor::Executor).
//!
//! An executor crate needs a test target without libtest's harness:
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//! It contains an [`ExecutorHarness`], which makes executors and declares what they can do, and
//! calls [`run`]:
//! ```
//! use std::process::ExitCode;
//! use std::sync::Arc;
//! use apscheduler_executor_debug::DebugExecutor;
//! use apscheduler_testkit::executors::{self, ExecutorHarness};
//!
//! fn main() -> ExitCode {
//! # if true { return ExitCode::SUCCESS }
//!     executors::run(vec![ExecutorHarness::new("debug", |_workers| Arc::new(DebugExecutor::new()))])
//! }
//! ```
//! Every case has a name (`debug::sync::outcomes::errors_have_causes`), and runs with plain and
//! with async functions, if the executor supports them. Cases that the executor does not support
//! are reported as ignored, with the reason.
//!
//! # Executors with worker processes
//! The jobs of the suite name registered functions, and communicate with their case through return
//! values and files in a given folder. They can therefore run in a worker process in which
//! [`register`] has registered the functions and [`insert_states`] has inserted the state that one
//! of them requests. The worker's entry hook must be the first call in `main`, and does not return
//! in a worker. For the process pool:
//! ```ignore
//! fn main() -> ExitCode {
//!     worker::init_with(Registry::with_core_plugins, |registry, states| {
//!         executors::insert_states(states);
//!         executors::register(registry)
//!     });
//!     let pool = |workers| Arc::new(ProcessPoolExecutor::new(workers)) as _;
//!     executors::run(vec![ExecutorHarness::new("processpool", pool).queues().survives_worker_death()])
//! }
//! ```

mod case;
mod cases;
mod functions;
mod gate;
mod harness;
mod lab;
mod runner;
mod tick;
mod times;

pub use case::{Case, Need, Setup};
pub use cases::all as cases;
pub use functions::{insert_states, register};
pub use gate::Gate;
pub use harness::{ExecutorHarness, Flavor};
pub use lab::Lab;
pub use runner::run;
pub use times::Times;

pub use crate::events::{Events, Received};
pub use crate::patience::eventually;
