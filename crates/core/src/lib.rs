#![doc = include_str!("../README.md")]

pub mod config;
mod error;
pub mod event;
pub mod executor;
mod extensions;
pub mod function;
pub mod job;
pub mod ledger;
pub mod options;
pub mod printable;
pub mod registry;
pub mod run;
mod shutdown;
pub mod store;
pub mod suggestion;
mod thread_scope;
pub mod time;
pub mod trigger;

pub use error::{Error, ErrorKind, Result};
pub use extensions::Extensions;
#[doc(hidden)]
pub use inventory;
pub use shutdown::{OnRemove, Shutdown};

/// Items for the code that `#[job]` generates. Not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use serde_json::Value;

    pub use crate::function::from_macros::*;
    pub use crate::function::{Function, FunctionEntry, Parameters, job_return};
    pub use crate::job::DeclaredJob;
}
