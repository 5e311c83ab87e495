//! The conformance suite of executors: what [`Executor`](apscheduler_core::executor::Executor) promises, checked.
//!
//! An executor crate has a test target without libtest's harness:
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//! and in it an [`ExecutorHarness`], which makes executors and says what they can do, and [`run`]:
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
//! Every case has a name (`debug::sync::outcomes::errors_have_causes`), and runs with plain functions and with async ones,
//! as far as the executor takes them. What an executor cannot do is shown as ignored, with the reason.
//!
//! # Executors that leave the process
//! The jobs of the suite name registered functions, and talk to their case by return values and by files in a folder
//! whose path they are given. So they run in a worker process too, where [`register`] has registered the functions and
//! [`insert_states`] has handed out the state that one of them asks for. The hook by which a worker begins its work is the
//! first thing in `main`, and does not return in a worker. For the process pool:
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

pub use crate::events::{Events, Heard};
pub use crate::patience::eventually;
