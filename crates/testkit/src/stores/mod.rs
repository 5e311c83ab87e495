//! The conformance suite of job stores. It checks the contract of
//! [`JobStore`](apscheduler_core::store::JobStore).
//!
//! A store crate needs a test target without libtest's harness:
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//! It contains a [`StoreHarness`], which makes and opens places that keep jobs, and calls [`run`]:
//! ```
//! use std::process::ExitCode;
//! use std::sync::Arc;
//! use apscheduler_core::store::JobStore;
//! use apscheduler_store_memory::MemoryJobStore;
//! use apscheduler_testkit::stores::{self, StoreHarness};
//!
//! struct Memory;
//!
//! impl StoreHarness for Memory {
//!     fn name(&self) -> &str {
//!         "memory"
//!     }
//!
//!     fn create(&self) -> String {
//!         String::new()
//!     }
//!
//!     fn open(&self, _address: &str) -> Arc<dyn JobStore> {
//!         Arc::new(MemoryJobStore::new())
//!     }
//! }
//!
//! fn main() -> ExitCode {
//! # if true { return ExitCode::SUCCESS }
//!     stores::run(vec![Arc::new(Memory)])
//! }
//! ```
//! Every case has a name (`memory::claiming::a_claim_raises_the_revision`) and uses its own place,
//! so filters and parallel runs work. Cases that the store's capabilities exclude are reported as
//! ignored, with the reason.

mod case;
mod cases;
mod earlier;
mod harness;
mod proxy;
pub mod records;
mod runner;
mod server;
pub mod two_releases;

pub use case::{Case, Need};
pub use cases::all as cases;
pub use earlier::check_ledger_of_earlier_release;
pub use harness::{
    Corrupt, Empty, Occupy, Opened, OverlappingClaims, Place, ReadOnlyUser, SetRunTime, SetVersion,
    StoreHarness,
};
pub use proxy::Proxy;
pub use runner::run;
pub use server::{new_name, server_url};
