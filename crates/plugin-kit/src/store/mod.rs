//! Building blocks for job stores.

mod cause;
mod contention;
mod decided_batch;
mod doubt;
#[cfg(feature = "driver-runtime")]
mod driver_runtime;
mod look_again;
mod marks;
mod open_steps;
mod pool;
mod pool_options;
mod records;
mod replacement;
mod runs;
mod schema;
mod session_slot;
mod split;
mod sql_server;
pub mod text;
mod token;
mod wait;
mod watch_thread;

pub use cause::CauseText;
pub use contention::Contention;
pub use decided_batch::DecidedBatch;
pub use doubt::ClaimsInDoubt;
#[cfg(feature = "driver-runtime")]
pub use driver_runtime::DriverRuntime;
pub use look_again::LookAgain;
pub use marks::{KEPT_MARKS, WriteMarks, kept_marks, random_revision};
pub use open_steps::OpenSteps;
pub use pool::{ConnectionPool, Connector, Lease, RetryClass};
pub use pool_options::PoolOptions;
pub use records::{earliest_after, refuse_duplicate_ids};
pub use replacement::Replacement;
pub use runs::find_runs;
pub use schema::{foreign_table, newer_schema};
pub use session_slot::{SessionSlot, shut_down};
pub use split::RequestLimits;
pub use sql_server::{
    LongestName, SqlServerConfig, SqlServerOptions, SqlServerRules, SqlServerUrl,
};
pub use token::{ClaimToken, ClaimTokens, TransactionsInDoubt};
pub use wait::wait_until;
pub use watch_thread::watch_in_thread;
