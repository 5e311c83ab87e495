//! What job stores share.

mod batch;
mod contention;
mod decided;
mod doubt;
mod pool;
mod replacement;
mod schema;
mod session_slot;
mod token;

pub use batch::Batch;
pub use contention::Contention;
pub use decided::DecidedBatch;
pub use doubt::ClaimsInDoubt;
pub use pool::{ConnectionPool, Connector, Lease, PoolOptions, RetryClass};
pub use replacement::Replacement;
pub use schema::{foreign_table, newer_schema};
pub use session_slot::SessionSlot;
pub use token::{ClaimToken, ClaimTokens, TransactionsInDoubt};
